#include "revocation/ocsp_crl.hpp"

#include "base/pem.hpp"
#include "revocation/ocsp_responder.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using std::chrono::hours;
using testing::HasSubstr;
using x509::CrlReason, x509::OcspCertStatus, x509::OcspResponseStatus;

// A CA, and a responder that sees nothing of it but files. Places "base" and "delta" are whatever `shelf`
// holds.
class OcspCrlTest : public RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    switch_deltas_on();
    write("ca.pem", to_pem("CERTIFICATE", authority->current().generation.certificate));
    certify("responder");
    fs::create_directories(folder.path() / "kept");
    publish();
    put("base", base_file());
  }
  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file_atomic(folder.path() / name, as_bytes(text)));
  }
  void certify(const std::string& name, std::string_view template_name = "OcspResponseSigning") {
    const auto key = bench.provider().generate({}).value();
    const auto issued =
        authority->issue_to_service(bench.request_with(*key, "CN=Away"), std::string(template_name));
    ASSERT_TRUE(issued) << issued.error().report();
    write(name + ".pem", to_pem("CERTIFICATE", issued->certificate));
    write(name + ".key", key->to_pem("").value());
  }
  void put(const std::string& place, const fs::path& file) { shelf[place] = read_file(file).value(); }

  std::unique_ptr<CrlOcspSource> make() {
    CrlSourceSettings settings{.name = "root",
                               .ca_certificate = folder.path() / "ca.pem",
                               .certificate = folder.path() / "responder.pem",
                               .key = folder.path() / "responder.key",
                               .places = {"base", "delta"}};
    settings.whole = whole;
    const auto fetch = [this](const std::string& place, const std::string& mark) -> Result<FetchedCrl> {
      const auto found = shelf.find(place);
      if (found == shelf.end()) return make_error(Errc::not_found, "there is no {}", place);
      const std::string now = to_hex(bench.provider().digest(x509::DigestAlgorithm::sha256, found->second));
      if (mark == now) return FetchedCrl{.unchanged = true};
      ++fetched;
      return FetchedCrl{false, found->second, now};
    };
    auto made = std::make_unique<CrlOcspSource>(bench.provider(), bench.clock(), folder.path() / "kept",
                                                fetch, std::vector{settings});
    const auto opened = made->open();
    EXPECT_TRUE(opened) << opened.error().report();
    return made;
  }
  // What is wrong after another look; empty: nothing.
  std::string refresh() {
    const auto refreshed = source->refresh(0);
    return refreshed ? "" : refreshed.error().report();
  }
  x509::OcspResponseView ask(const Buffer& serial) {
    const ca::CaKey& key = authority->current();
    const auto info = x509::parse_public_key_info(key.generation.public_key_info).value();
    const Buffer name = bench.provider().digest(x509::DigestAlgorithm::sha1, key.subject);
    const Buffer bits = bench.provider().digest(x509::DigestAlgorithm::sha1, info.key_bits);
    const OcspResponder responder(*source, bench.provider(), bench.clock());
    answer = responder.respond(
        x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {{name, bits, serial}}, {}}));
    return x509::parse_ocsp_response(answer.der).value();
  }
  OcspCertStatus status_of(const Buffer& serial) {
    const auto view = ask(serial);
    EXPECT_EQ(view.status, OcspResponseStatus::successful);
    return view.responses.empty() ? OcspCertStatus::unknown : view.responses[0].status;
  }

  ca::TemporaryFolder folder;
  std::map<std::string, Buffer> shelf;
  int fetched = 0;
  bool whole = false;
  std::unique_ptr<CrlOcspSource> source;
  OcspAnswer answer;
};

TEST_F(OcspCrlTest, SaysWhatTheCrlSaysForAsLongAsTheCrlSaysIt) {
  const Buffer good = issue(), bad = issue();
  revoke(bad, CrlReason::key_compromise);
  bench.clock().advance(hours(1));
  publish();
  put("base", base_file());
  publish_delta();
  put("delta", delta_file());
  source = make();
  EXPECT_EQ(refresh(), "");
  const Time published = bench.clock().now();
  bench.clock().advance(hours(2));
  const auto view = ask(bad);
  ASSERT_EQ(view.status, OcspResponseStatus::successful);
  EXPECT_EQ(view.responses[0].status, OcspCertStatus::revoked);
  EXPECT_EQ(view.responses[0].reason, CrlReason::key_compromise);
  EXPECT_EQ(view.responses[0].revoked_at, published - hours(1));
  EXPECT_EQ(status_of(good), OcspCertStatus::good);
  EXPECT_EQ(status_of(Buffer(16, 0x42)), OcspCertStatus::good) << "a CRL does not know what was issued";
  const auto delta = x509::parse_crl(shelf["delta"]).value();
  EXPECT_EQ(answer.validity.this_update, delta.this_update);
  EXPECT_EQ(answer.validity.next_update, *delta.next_update) << "the sooner of the two";
}

TEST_F(OcspCrlTest, ADeltaRevokesAndReleases) {
  const Buffer held = issue(), late = issue();
  hold(held);
  bench.clock().advance(hours(1));
  publish();
  put("base", base_file());
  shelf["delta"] = shelf["base"];
  source = make();
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(status_of(held), OcspCertStatus::revoked);
  EXPECT_EQ(status_of(late), OcspCertStatus::good);
  const std::uint64_t before = source->epoch().value();
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(source->epoch().value(), before) << "nothing new";
  EXPECT_EQ(source->known_epoch(), before);

  release(held);
  revoke(late);
  bench.clock().advance(hours(1));
  publish_delta();
  put("delta", delta_file());
  EXPECT_EQ(refresh(), "");
  EXPECT_GT(source->epoch().value(), before);
  EXPECT_EQ(status_of(held), OcspCertStatus::good);
  EXPECT_EQ(status_of(late), OcspCertStatus::revoked);

  // An expired delta is a state, what it revoked stays so, and the base says how long.
  bench.clock().advance(hours(48));
  EXPECT_THAT(refresh(), HasSubstr("the delta CRL has expired"));
  EXPECT_EQ(status_of(late), OcspCertStatus::revoked);
  EXPECT_EQ(answer.validity.next_update, source->issuers()->front().until)
      << "the base is valid for longer than the responder's certificate";
}

TEST_F(OcspCrlTest, ADeltaThatIsAheadOfItsBaseWaits) {
  const Buffer first = issue(), second = issue();
  revoke(first);
  bench.clock().advance(hours(1));
  publish_delta();
  put("delta", delta_file());
  source = make();
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(status_of(first), OcspCertStatus::revoked);
  // Published between two fetches: the next base does not need the first revocation's delta any more.
  bench.clock().advance(hours(1));
  publish();
  revoke(second);
  bench.clock().advance(hours(1));
  publish_delta();
  put("delta", delta_file());
  EXPECT_THAT(refresh(), HasSubstr("the delta CRL needs base CRL"));
  EXPECT_EQ(status_of(first), OcspCertStatus::revoked) << "what was known is not forgotten";
  put("base", base_file());
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(status_of(first), OcspCertStatus::revoked);
  EXPECT_EQ(status_of(second), OcspCertStatus::revoked);
}

TEST_F(OcspCrlTest, AnExpiredCrlMeansTryLater) {
  const Buffer serial = issue();
  shelf["delta"] = shelf["base"];
  source = make();
  EXPECT_EQ(ask(serial).status, OcspResponseStatus::try_later) << "there is no CRL before the first refresh";
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(status_of(serial), OcspCertStatus::good);
  bench.clock().set(*x509::parse_crl(shelf["base"])->next_update);
  certify("responder");
  EXPECT_THAT(refresh(), HasSubstr("the CRL has expired"));
  EXPECT_EQ(ask(serial).status, OcspResponseStatus::try_later);
  publish();
  put("base", base_file());
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(status_of(serial), OcspCertStatus::good);
}

TEST_F(OcspCrlTest, NumbersOnlyRiseAlsoOverARestart) {
  const Buffer serial = issue();
  shelf["delta"] = shelf["base"];
  const Buffer old = shelf["base"];
  revoke(serial);
  bench.clock().advance(hours(1));
  publish();
  put("base", base_file());
  shelf["delta"] = shelf["base"];
  source = make();
  EXPECT_EQ(refresh(), "");
  EXPECT_EQ(status_of(serial), OcspCertStatus::revoked);
  shelf["base"] = old;
  EXPECT_THAT(refresh(), HasSubstr("is older than"));
  EXPECT_EQ(status_of(serial), OcspCertStatus::revoked);

  shelf.clear();  // nothing can be fetched: what was kept is there at once
  source = make();
  EXPECT_EQ(status_of(serial), OcspCertStatus::revoked);
  EXPECT_THAT(refresh(), HasSubstr("there is no base"));
  shelf["base"] = shelf["delta"] = old;
  EXPECT_THAT(refresh(), HasSubstr("is older than"));
}

TEST_F(OcspCrlTest, WhatIsNotTheCasIsRefused) {
  const Buffer serial = issue();
  shelf["delta"] = shelf["base"];
  shelf["base"].back() ^= 1;
  source = make();
  EXPECT_THAT(refresh(), HasSubstr("signature"));
  EXPECT_EQ(ask(serial).status, OcspResponseStatus::successful) << "the other place has it";

  shelf["base"] = Buffer(10, 1);
  EXPECT_NE(refresh(), "");
  const auto other = bench.make_root("Other Root");
  const auto published = publish_crls(*other, "bob");
  ASSERT_TRUE(published);
  put("base", bench.home().published() / "Other Root.crl");
  EXPECT_THAT(refresh(), HasSubstr("not of this CA"));
}

TEST_F(OcspCrlTest, TheResponderHasToBeTheCas) {
  shelf["delta"] = shelf["base"];
  certify("responder", "WebServer");
  source = make();
  EXPECT_THAT(refresh(), HasSubstr("not for signing OCSP answers"));
  certify("responder");
  certify("another");
  fs::copy_file(folder.path() / "another.key", folder.path() / "responder.key",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(refresh(), HasSubstr("is not its key"));
  certify("responder");
  EXPECT_EQ(refresh(), "");
  const Buffer serial = issue();
  EXPECT_EQ(status_of(serial), OcspCertStatus::good);
  // Two weeks; the last quarter of them is said.
  bench.clock().advance(std::chrono::days(12));
  EXPECT_THAT(refresh(), HasSubstr("its OCSP certificate ends"));
}

TEST_F(OcspCrlTest, AScopeHasToBeWhole) {
  set([](ca::AuthoritySettings& s) {
    for (auto& location : s.cdp) location.flags |= 128;
  });
  bench.clock().advance(hours(1));
  publish();
  put("base", base_file());
  shelf["delta"] = shelf["base"];
  source = make();
  EXPECT_THAT(refresh(), HasSubstr("whole = true"));
  whole = true;
  source = make();
  EXPECT_EQ(refresh(), "");
}

}  // namespace
}  // namespace vouch::revocation
