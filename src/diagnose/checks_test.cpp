#include "diagnose/ca_location_check.hpp"
#include "diagnose/crl_location_check.hpp"
#include "diagnose/ocsp_check.hpp"
#include "diagnose/own_crl_check.hpp"
#include "diagnose/test_web.hpp"

#include "cms/signed_data.hpp"

namespace vouch::diagnose {
namespace {

using std::chrono::days;
using testing::HasSubstr;

constexpr Time kThen{days(20'000)};

TEST(Forecast, GrowthSoFarGoesOn) {
  // A MB in a hundred days: 19 more take 1,900.
  EXPECT_EQ(forecast(kThen, 0, kThen + days(100), 1 << 20, kInteractiveLimit), kThen + days(2'000));
  EXPECT_EQ(forecast(kThen, 0, kThen + days(100), 1 << 20, kGovernmentLimit), kThen + days(4'500));
}

TEST(Forecast, NoGrowthNoDay) {
  EXPECT_EQ(forecast(kThen, 500, kThen + days(10), 500, kInteractiveLimit), std::nullopt);
  EXPECT_EQ(forecast(kThen, 500, kThen + days(10), 400, kInteractiveLimit), std::nullopt) << "it shrinks";
  EXPECT_EQ(forecast(kThen, 500, kThen + days(6), 600, kInteractiveLimit), std::nullopt)
      << "a week is needed";
  EXPECT_EQ(forecast(kThen, 0, kThen + days(365), 500, kInteractiveLimit), std::nullopt)
      << "not within a hundred years";
}

TEST(Forecast, TheLimitIsReachedAtItsLastOctet) {
  EXPECT_EQ(forecast(kThen, 0, kThen + days(10), kInteractiveLimit, kInteractiveLimit), kThen + days(10));
  EXPECT_EQ(forecast(kThen, 0, kThen + days(10), kInteractiveLimit / 2, kInteractiveLimit), kThen + days(20));
}

class OwnCrls : public revocation::RevocationTest {
 protected:
  // A CRL of that size, as the database would know it.
  void record(std::uint64_t number, std::uint64_t size, Time time) {
    store::CrlRecord crl;
    crl.authority = authority->record().id;
    crl.number = number;
    crl.this_update = time;
    crl.next_publish = time + days(7);
    crl.next_update = time + days(8);
    ASSERT_TRUE(bench.database().commit([&](store::Transaction& t) -> Status {
      TRY(t.insert_crl(crl));
      crl.size = size;
      crl.entries = size / 50;
      crl.sha256 = Buffer(32, 1);
      return t.update_crl(crl);
    }));
  }
  CrlStatus look() {
    const auto snapshot = bench.database().snapshot().value();
    Node node;
    node.name = revocation::kTestCa;
    node.record = authority->record();
    node.settings = authority->settings();
    return check_own_crls(*snapshot, node, bench.clock().now()).value().front();
  }
};

TEST_F(OwnCrls, ForecastFromTheHistoryOfTheKey) {
  const Time now = bench.clock().now();
  record(10, 1 << 20, now - days(500));  // longer ago than is looked back
  record(11, 4 << 20, now - days(100));
  record(12, 6 << 20, now);
  const CrlStatus crl = look();
  EXPECT_EQ(crl.number, 12U);
  EXPECT_NEAR(crl.growth, (2 << 20) / 100.0, 1);
  ASSERT_EQ(crl.limits.size(), 2U);
  EXPECT_EQ(crl.limits[0].octets, 20U << 20);
  EXPECT_EQ(crl.limits[0].reached, now + days(700));
  EXPECT_EQ(crl.limits[1].octets, 45U << 20);
  EXPECT_EQ(crl.limits[1].reached, now + days(1'950));
  EXPECT_EQ(crl.judgement, Judgement{});
}

TEST_F(OwnCrls, AboveTheInteractiveLimitItIsTooLarge) {
  record(10, kInteractiveLimit, bench.clock().now());
  EXPECT_EQ(look().judgement, Judgement{}) << "the last octet fits";
  record(11, kInteractiveLimit + 1, bench.clock().now());
  EXPECT_EQ(look().judgement.verdict, Verdict::too_large);
  EXPECT_THAT(look().judgement.cause, HasSubstr("20971521 octets are more than the 20 MB"));
}

// What a responder could say wrongly, with answers that are really signed.
class OcspChecks : public WebTest {
 protected:
  void SetUp() override {
    WebTest::SetUp();
    issue();
    place.kind = LocationKind::ocsp;
    place.issuers = {{authority->current().generation.certificate, 0, 0}};
    place.question = last_certificate;
    place.revoked = false;
  }
  Buffer answer(const OcspQuestion& question) {
    return revocation::OcspResponder(source, bench.provider(), bench.clock()).respond(question.request).der;
  }
  Judgement judge(const OcspQuestion& question, Bytes body) {
    return judge_ocsp(bench.provider(), place, question, body, bench.clock().now()).judgement;
  }
  OcspQuestion ask() { return make_question(bench.provider(), place).value(); }
  Place place;
};

TEST_F(OcspChecks, AGoodAnswer) {
  const OcspQuestion question = ask();
  const Buffer body = answer(question);
  EXPECT_EQ(judge(question, body), Judgement{});
  EXPECT_EQ(judge_ocsp(bench.provider(), place, question, body, bench.clock().now()).expires,
            bench.clock().now() + std::chrono::hours(8));
}

TEST_F(OcspChecks, TheAnswerToSomebodyElse) {
  const OcspQuestion one = ask(), two = ask();
  EXPECT_THAT(judge(one, answer(two)).cause, HasSubstr("another nonce"));
}

TEST_F(OcspChecks, AnotherStatusThanTheDatabaseHas) {
  const OcspQuestion question = ask();
  const Buffer before = answer(question);
  place.revoked = true;
  EXPECT_EQ(judge(question, before).verdict, Verdict::not_matching);
  EXPECT_THAT(judge(question, before).cause, HasSubstr("is good, and it is revoked"));
}

TEST_F(OcspChecks, ADamagedAnswer) {
  const OcspQuestion question = ask();
  Buffer body = answer(question);
  const auto view = x509::parse_ocsp_response(body).value();
  const auto at = static_cast<std::size_t>(view.signature.data() - body.data()) + view.signature.size() - 1;
  body[at] ^= 1;
  EXPECT_THAT(judge(question, body).cause, HasSubstr("its signature does not verify"));
}

TEST_F(OcspChecks, AResponderOfAnotherCa) {
  const auto other = bench.make_root("Other Root");
  const OcspQuestion question = ask();
  const Buffer body = answer(question);
  place.issuers[0].der = other->current().generation.certificate;
  EXPECT_EQ(judge(question, body).verdict, Verdict::not_matching);
  EXPECT_THAT(judge(question, body).cause, HasSubstr("no certificate from this key of the CA"));
}

TEST_F(OcspChecks, AnotherCertificateThanAskedAbout) {
  const OcspQuestion question = ask();
  OcspQuestion other = question;
  issue();
  place.question = last_certificate;
  other.serial = ask().serial;
  EXPECT_THAT(judge(other, answer(question)).cause, HasSubstr("about another certificate"));
}

TEST_F(OcspChecks, AnOldAnswerAndAnOldResponder) {
  const OcspQuestion question = ask();
  const Buffer body = answer(question);
  bench.clock().advance(std::chrono::hours(9));
  EXPECT_EQ(judge(question, body).verdict, Verdict::expired);
  EXPECT_THAT(judge(question, body).cause, HasSubstr("its answer was good until"));
  bench.clock().advance(days(60));
  EXPECT_THAT(judge(question, body).cause, HasSubstr("the responder's certificate is valid from"));
  bench.clock().advance(-days(70));
  EXPECT_NE(judge(question, body).verdict, Verdict::ok) << "and from the future";
}

TEST_F(OcspChecks, EveryCutIsFoundAndNoneEndsInOk) {
  const OcspQuestion question = ask();
  const Buffer body = answer(question);
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_EQ(judge(question, Bytes(body).first(size)).verdict, Verdict::not_matching) << size;
}

TEST_F(WebTest, EveryCutOfACrlIsFound) {
  Place place{.kind = LocationKind::cdp, .url = "http://x/"};
  place.issuers = {{authority->current().generation.certificate, 0, 0}};
  const Buffer crl = read_file(base_file()).value();
  const Time now = bench.clock().now();
  EXPECT_EQ(judge_crl(bench.provider(), place, crl, now).judgement, Judgement{});
  for (std::size_t size = 0; size < crl.size(); ++size)
    EXPECT_EQ(judge_crl(bench.provider(), place, Bytes(crl).first(size), now).judgement.verdict,
              Verdict::not_matching)
        << size;
  EXPECT_THAT(judge_crl(bench.provider(), place, crl, now - days(1)).judgement.cause,
              HasSubstr("which has not come yet"));
}

TEST_F(WebTest, TwoCrlsOfOneNumberAndOneFromTheFuture) {
  Place place{.kind = LocationKind::cdp, .url = "http://x/"};
  place.issuers = {{authority->current().generation.certificate, 0, 0}};
  place.issuers[0].newest = bench.database().snapshot().value()->newest_crls(1, 0, false, 1).value().front();
  const Buffer crl = read_file(base_file()).value();
  const auto cause = [&] {
    return judge_crl(bench.provider(), place, crl, bench.clock().now()).judgement.cause;
  };
  EXPECT_EQ(cause(), "");
  place.issuers[0].newest->sha256[0] ^= 1;
  EXPECT_THAT(cause(), HasSubstr("two different CRLs"));
  place.issuers[0].newest->number -= 1;
  EXPECT_THAT(cause(), HasSubstr("has published none after"));
}

TEST_F(WebTest, AChainMayLieWhereTheCertificateShould) {
  const Buffer certificate = authority->current().generation.certificate;
  Place place{.kind = LocationKind::aia, .url = "http://x/"};
  place.issuers = {{certificate, 0, 0}};
  const Buffer chain = cms::encode_certificates_only({certificate});
  EXPECT_EQ(judge_ca_certificate(place, chain, bench.clock().now()).judgement, Judgement{});
}

}  // namespace
}  // namespace vouch::diagnose
