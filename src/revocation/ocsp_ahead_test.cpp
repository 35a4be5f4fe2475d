#include "revocation/ocsp_ahead.hpp"

#include "revocation/ocsp_database.hpp"
#include "revocation/ocsp_responder.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using std::chrono::hours;
using testing::HasSubstr;
using x509::OcspCertStatus, x509::OcspResponseStatus;

// A key that counts its uses and can be out of reach.
struct Uses {
  int count = 0;
  bool gone = false;
};
class CountingSigner final : public crypto::Signer {
 public:
  CountingSigner(std::shared_ptr<const crypto::Signer> signer, Uses& uses)
      : signer_(std::move(signer)), uses_(uses) {}
  crypto::SignatureAlgorithm algorithm() const override { return signer_->algorithm(); }
  Bytes public_key_info() const override { return signer_->public_key_info(); }
  Result<Buffer> sign(Bytes tbs) const override {
    if (uses_.gone) return make_error(Errc::unavailable, "the token is gone");
    ++uses_.count;
    return signer_->sign(tbs);
  }

 private:
  std::shared_ptr<const crypto::Signer> signer_;
  Uses& uses_;
};

// The database's answers, by such a key.
class CountedSource final : public OcspSource {
 public:
  CountedSource(const OcspSource& source, Uses& uses) : source_(source), uses_(uses) {}
  std::shared_ptr<const OcspIssuers> issuers() const override {
    auto issuers = std::make_shared<OcspIssuers>(*source_.issuers());
    for (OcspIssuer& issuer : *issuers)
      issuer.signer = std::make_shared<CountingSigner>(issuer.signer, uses_);
    return issuers;
  }
  Result<CertificateStatus> status(const OcspIssuer& issuer, Bytes serial) const override {
    return source_.status(issuer, serial);
  }
  Result<Validity> validity(const OcspIssuer& issuer, Time now) const override {
    return source_.validity(issuer, now);
  }
  Result<std::uint64_t> epoch() const override { return source_.epoch(); }
  std::optional<std::uint64_t> known_epoch() const override { return source_.known_epoch(); }

 private:
  const OcspSource& source_;
  Uses& uses_;
};

class OcspAheadTest : public RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    environment.emplace(bench.environment());
    database.emplace(*environment, [this] {
      return std::vector<std::shared_ptr<ca::LocalAuthority>>{std::shared_ptr(bench.open(kTestCa))};
    });
    ASSERT_TRUE(database->maintain());
    source.emplace(*database, uses);
    pre_signer.emplace(*environment, *source, ahead, DatabaseOcspSource::kValidity);
  }
  void sign_ahead() {
    const auto worked = pre_signer->work(std::chrono::minutes(1));
    ASSERT_TRUE(worked) << worked.error().report();
  }
  OcspAnswer ask(const Buffer& serial, x509::DigestAlgorithm digest = x509::DigestAlgorithm::sha1,
                 std::optional<Buffer> nonce = {}) {
    const ca::CaKey& key = authority->current();
    const auto info = x509::parse_public_key_info(key.generation.public_key_info).value();
    const Buffer name = bench.provider().digest(digest, key.subject);
    const Buffer bits = bench.provider().digest(digest, info.key_bits);
    const OcspResponder responder(*source, bench.provider(), bench.clock(), {.ahead = &ahead});
    OcspAnswer answer =
        responder.respond(x509::encode_ocsp_request({digest, {{name, bits, serial}}, std::move(nonce)}));
    if (answer.status == OcspResponseStatus::successful) expect_signed(answer.der);
    return answer;
  }
  void expect_signed(const Buffer& der) {
    const auto view = x509::parse_ocsp_response(der).value();
    const auto responder = x509::parse_certificate(view.certificates.at(0)).value();
    EXPECT_TRUE(bench.provider().verify(responder.public_key_info,
                                        x509::parse_signature_algorithm(view.signature_algorithm).value(),
                                        view.tbs, view.signature));
  }
  static OcspCertStatus status_in(const OcspAnswer& answer) {
    return x509::parse_ocsp_response(answer.der).value().responses.at(0).status;
  }

  Uses uses;
  SignedAhead ahead{1 << 20};
  std::optional<ca::Environment> environment;
  std::optional<DatabaseOcspSource> database;
  std::optional<CountedSource> source;
  std::optional<PreSigner> pre_signer;
};

TEST_F(OcspAheadTest, WhatWasSignedAheadIsAnsweredWithoutTheKey) {
  const Buffer serial = issue();
  sign_ahead();
  EXPECT_EQ(uses.count, 2) << "the certificate, and the responder's own";
  uses.gone = true;
  bench.clock().advance(hours(1));
  const OcspAnswer answer = ask(serial);
  EXPECT_EQ(answer.status, OcspResponseStatus::successful);
  EXPECT_TRUE(answer.signed_ahead);
  EXPECT_TRUE(answer.cacheable);
  EXPECT_EQ(status_in(answer), OcspCertStatus::good);
  EXPECT_EQ(answer.validity.this_update, bench.clock().now() - hours(1));
  // The other forms need the key.
  EXPECT_EQ(ask(serial, x509::DigestAlgorithm::sha256).status, OcspResponseStatus::try_later);
  EXPECT_EQ(ask(serial, x509::DigestAlgorithm::sha1, Buffer(16, 1)).status, OcspResponseStatus::try_later);
  EXPECT_EQ(ask(Buffer(16, 9)).status, OcspResponseStatus::try_later) << "never issued";
  // When the key is gone for long, as long as it is valid.
  bench.clock().advance(hours(6));
  EXPECT_TRUE(ask(serial).signed_ahead);
  bench.clock().advance(hours(1));
  EXPECT_EQ(ask(serial).status, OcspResponseStatus::try_later);
}

TEST_F(OcspAheadTest, ARevocationIsInTheVeryNextAnswer) {
  const Buffer serial = issue();
  sign_ahead();
  EXPECT_EQ(status_in(ask(serial)), OcspCertStatus::good);
  revoke(serial);
  const OcspAnswer revoked = ask(serial);
  EXPECT_EQ(status_in(revoked), OcspCertStatus::revoked);
  EXPECT_FALSE(revoked.signed_ahead);
  bench.clock().advance(hours(1));
  sign_ahead();
  EXPECT_TRUE(ask(serial).signed_ahead);
  EXPECT_EQ(status_in(ask(serial)), OcspCertStatus::revoked);
}

TEST_F(OcspAheadTest, AnswersAreMadeAnewInHalfOfTheirTime) {
  const Buffer serial = issue();
  sign_ahead();
  const int first = uses.count;
  sign_ahead();
  bench.clock().advance(hours(3));
  sign_ahead();
  EXPECT_EQ(uses.count, first) << "nothing is due";
  bench.clock().advance(hours(1));
  sign_ahead();
  EXPECT_EQ(uses.count, 2 * first);
  EXPECT_EQ(ask(serial).validity.this_update, bench.clock().now());
  // Nobody renews what is expired, and it goes.
  bench.clock().advance(hours(24 * 365 * 3));
  (void)pre_signer->work(std::chrono::minutes(1));
  EXPECT_EQ(ahead.size(), 0U);
  EXPECT_EQ(ahead.octets(), 0U);
}

TEST_F(OcspAheadTest, ANewResponderSignsAnew) {
  const Buffer serial = issue();
  sign_ahead();
  const Buffer before = source->issuers()->front().certificate;
  bench.clock().advance(std::chrono::days(10));
  ASSERT_TRUE(database->maintain());
  ASSERT_NE(source->issuers()->front().certificate, before);
  EXPECT_FALSE(ask(serial).signed_ahead);
  sign_ahead();
  EXPECT_TRUE(ask(serial).signed_ahead);
}

TEST_F(OcspAheadTest, MemoryIsBoundedAndWorkGoesOnWhereItEnded) {
  const Buffer first = bench.database().snapshot().value()->certificates({}).value().front().serial;
  for (int i = 0; i < 5; ++i) (void)issue();
  SignedAhead little(1000);
  PreSigner signer(*environment, *source, little, DatabaseOcspSource::kValidity);
  const auto full = signer.work(std::chrono::minutes(1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Errc::limit_exceeded);
  EXPECT_THAT(full.error().report(), HasSubstr("ocsp.presign_memory"));
  EXPECT_GT(little.size(), 0U);
  EXPECT_LE(little.octets(), 1000U);
  const std::size_t fit = little.size();
  EXPECT_FALSE(signer.work(std::chrono::minutes(1))) << "it is still so, and costs no signature";
  bench.clock().advance(hours(9));
  EXPECT_FALSE(signer.work(std::chrono::minutes(1)));
  EXPECT_EQ(little.size(), fit) << "what fits is made anew";
  EXPECT_TRUE(
      little.find(source->issuers()->front(), first)->statement.validity.is_fresh(bench.clock().now()));

  ASSERT_TRUE(pre_signer->work(std::chrono::milliseconds(0)));
  EXPECT_EQ(ahead.size(), 0U) << "no time, no work";
  uses.gone = true;
  const auto gone = pre_signer->work(std::chrono::minutes(1));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Errc::unavailable);
  uses.gone = false;
  sign_ahead();
  EXPECT_EQ(ahead.size(), 6U);
}

}  // namespace
}  // namespace vouch::revocation
