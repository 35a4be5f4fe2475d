#include <gtest/gtest.h>

#include <deque>

#include "ca/setup/renewal.hpp"
#include "revocation/ocsp_database.hpp"
#include "revocation/ocsp_responder.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using testing::SizeIs;
using x509::OcspCertStatus, x509::OcspResponseStatus;

class OcspTest : public RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    environment.emplace(bench.environment());
    source.emplace(*environment, [this] { return authorities; });
    adopt();
    const auto maintained = source->maintain();
    ASSERT_TRUE(maintained) << maintained.error().report();
  }
  // The authority as the source sees it.
  void adopt() { authorities = {std::shared_ptr<ca::LocalAuthority>(bench.open(kTestCa))}; }

  x509::OcspRequestFields::Item item(const ca::CaKey& key, const Buffer& serial,
                                     x509::DigestAlgorithm digest = x509::DigestAlgorithm::sha1) {
    const auto info = x509::parse_public_key_info(key.generation.public_key_info).value();
    hashes.push_back(bench.provider().digest(digest, key.subject));
    hashes.push_back(bench.provider().digest(digest, info.key_bits));
    serials.push_back(serial);
    return {hashes[hashes.size() - 2], hashes.back(), serials.back()};
  }
  Buffer request(const Buffer& serial, x509::DigestAlgorithm digest = x509::DigestAlgorithm::sha1) {
    return x509::encode_ocsp_request({digest, {item(authority->current(), serial, digest)}, {}});
  }
  struct Said {
    OcspAnswer answer;
    x509::OcspResponseView view;
  };
  Said ask(const Buffer& request, OcspSettings settings = {}) {
    const OcspResponder responder(*source, bench.provider(), bench.clock(), settings);
    Said said{responder.respond(request), {}};
    kept.push_back(said.answer.der);
    said.view = x509::parse_ocsp_response(kept.back()).value();
    return said;
  }
  OcspCertStatus status_of(const Buffer& serial) {
    const Said said = ask(request(serial));
    EXPECT_EQ(said.view.status, OcspResponseStatus::successful);
    return said.view.responses.at(0).status;
  }
  // Whether the answer is signed by a responder that this very key of the CA has certified for it.
  void expect_delegated(const x509::OcspResponseView& view, const ca::CaKey& key) {
    ASSERT_THAT(view.certificates, SizeIs(1));
    const auto certificate = x509::parse_certificate(view.certificates[0]).value();
    const auto verified = [&](Bytes public_key_info, const x509::AlgorithmIdentifier& algorithm, Bytes tbs,
                              Bytes signature) {
      return bench.provider().verify(public_key_info, x509::parse_signature_algorithm(algorithm).value(), tbs,
                                     signature);
    };
    EXPECT_TRUE(verified(certificate.public_key_info, view.signature_algorithm, view.tbs, view.signature));
    EXPECT_TRUE(verified(key.generation.public_key_info, certificate.signature_algorithm, certificate.tbs,
                         certificate.signature));
    EXPECT_TRUE(equal(certificate.issuer, key.subject));
    EXPECT_NE(certificate.find(x509::oid::kOcspNoCheck), nullptr);
    const auto purposes =
        x509::parse_extended_key_usage(certificate.find(x509::oid::kExtendedKeyUsage)->value).value();
    EXPECT_THAT(purposes, testing::ElementsAre(x509::oid::kOcspSigning));
    EXPECT_TRUE(equal(view.responder_key_hash,
                      crypto::key_identifier(bench.provider(), certificate.public_key_info).value()));
  }

  std::optional<ca::Environment> environment;
  std::vector<std::shared_ptr<ca::LocalAuthority>> authorities;
  std::optional<DatabaseOcspSource> source;
  std::deque<Buffer> hashes, serials, kept;
};

TEST_F(OcspTest, SaysGoodForAGoodCertificate) {
  const Said said = ask(request(issue()));
  ASSERT_EQ(said.view.status, OcspResponseStatus::successful);
  ASSERT_THAT(said.view.responses, SizeIs(1));
  EXPECT_EQ(said.view.responses[0].status, OcspCertStatus::good);
  EXPECT_EQ(said.view.responses[0].this_update, bench.clock().now());
  EXPECT_EQ(said.view.responses[0].next_update, bench.clock().now() + std::chrono::hours(8));
  EXPECT_TRUE(said.answer.cacheable);
  expect_delegated(said.view, authority->current());
}

TEST_F(OcspTest, KnowsTheIssuerByAnyDigest) {
  const Buffer serial = issue();
  for (const auto digest :
       {x509::DigestAlgorithm::sha256, x509::DigestAlgorithm::sha384, x509::DigestAlgorithm::sha512}) {
    const Said said = ask(request(serial, digest));
    ASSERT_EQ(said.view.status, OcspResponseStatus::successful);
    EXPECT_EQ(said.view.responses[0].status, OcspCertStatus::good);
  }
}

TEST_F(OcspTest, RevokedHeldAndReleasedAreSeenInTheVeryNextAnswer) {
  const Buffer one = issue(), two = issue();
  EXPECT_EQ(status_of(one), OcspCertStatus::good);
  const std::uint64_t before = source->epoch().value();
  revoke(one, x509::CrlReason::key_compromise);
  EXPECT_FALSE(source->known_epoch()) << "memory alone cannot know what has changed";
  EXPECT_GT(source->epoch().value(), before);
  const Said said = ask(request(one));
  EXPECT_EQ(said.view.responses[0].status, OcspCertStatus::revoked);
  EXPECT_EQ(said.view.responses[0].reason, x509::CrlReason::key_compromise);
  EXPECT_EQ(said.view.responses[0].revoked_at, bench.clock().now());
  EXPECT_TRUE(said.answer.cacheable);

  hold(two);
  EXPECT_EQ(status_of(two), OcspCertStatus::revoked);
  release(two);
  EXPECT_EQ(status_of(two), OcspCertStatus::good);
}

TEST_F(OcspTest, AnIssuanceChangesNoEpoch) {
  (void)issue();
  const std::uint64_t before = source->epoch().value();
  EXPECT_EQ(source->known_epoch(), before);
  (void)issue();
  EXPECT_FALSE(source->known_epoch());
  EXPECT_EQ(source->epoch().value(), before);
  EXPECT_EQ(source->known_epoch(), before);
}

TEST_F(OcspTest, AnUnspecifiedReasonIsLeftOut) {
  const Buffer serial = issue();
  revoke(serial, x509::CrlReason::unspecified);
  EXPECT_FALSE(ask(request(serial)).view.responses[0].reason);
}

TEST_F(OcspTest, NeverIssuedIsUnknownOrExtendedRevoked) {
  const Buffer serial(18, 0x42);
  const Said said = ask(request(serial));
  EXPECT_EQ(said.view.responses[0].status, OcspCertStatus::unknown);
  EXPECT_FALSE(said.answer.cacheable) << "it may be issued in a moment";

  const Said revoked = ask(request(serial), {.never_issued = NeverIssued::revoked});
  EXPECT_EQ(revoked.view.responses[0].status, OcspCertStatus::revoked);
  EXPECT_EQ(revoked.view.responses[0].revoked_at, Time{});
  EXPECT_EQ(revoked.view.responses[0].reason, x509::CrlReason::certificate_hold);
  EXPECT_NE(x509::find(revoked.view.extensions, x509::oid::kOcspExtendedRevoke), nullptr);
  EXPECT_FALSE(revoked.answer.cacheable);
}

TEST_F(OcspTest, AnotherIssuerIsNotAnsweredFor) {
  const ca::CaKey& key = authority->current();
  auto strange = item(key, issue());
  hashes.push_back(Buffer(20, 1));
  strange.issuer_key_hash = hashes.back();
  EXPECT_EQ(ask(x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {strange}, {}})).view.status,
            OcspResponseStatus::unauthorized);
}

TEST_F(OcspTest, SeveralCertificatesOfOneIssuerGetOneAnswer) {
  const Buffer one = issue(), two = issue();
  revoke(two);
  const ca::CaKey& key = authority->current();
  const Said said =
      ask(x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {item(key, one), item(key, two)}, {}}));
  ASSERT_THAT(said.view.responses, SizeIs(2));
  EXPECT_EQ(said.view.responses[0].status, OcspCertStatus::good);
  EXPECT_EQ(said.view.responses[1].status, OcspCertStatus::revoked);
  EXPECT_FALSE(said.answer.cacheable);
}

TEST_F(OcspTest, TheNonceComesBackAndTheAnswerIsForThisClientAlone) {
  x509::OcspRequestFields fields{
      x509::DigestAlgorithm::sha1, {item(authority->current(), issue())}, Buffer(32, 7)};
  const Said said = ask(x509::encode_ocsp_request(fields));
  ASSERT_TRUE(said.view.nonce());
  EXPECT_TRUE(equal(*said.view.nonce(), Buffer(32, 7)));
  EXPECT_FALSE(said.answer.cacheable);
  // RFC 9654 2.1
  for (const std::size_t size : {0U, 129U}) {
    fields.nonce = Buffer(size, 7);
    EXPECT_EQ(ask(x509::encode_ocsp_request(fields)).view.status, OcspResponseStatus::malformed_request);
  }
}

TEST_F(OcspTest, WhatIsNoRequestIsMalformed) {
  EXPECT_EQ(ask({}).view.status, OcspResponseStatus::malformed_request);
  EXPECT_EQ(ask(Buffer(100, 0x30)).view.status, OcspResponseStatus::malformed_request);
  Buffer cut = request(issue());
  cut.pop_back();
  EXPECT_EQ(ask(cut).view.status, OcspResponseStatus::malformed_request);
}

TEST_F(OcspTest, EachKeyOfTheCaHasItsOwnResponder) {
  const Buffer old_serial = issue();
  const ca::CaKey old_key = authority->current();
  ca::RenewOptions options;
  options.new_key = true;
  options.administrator = "bob";
  ASSERT_TRUE(ca::renew(*environment, kTestCa, options));
  adopt();
  ASSERT_TRUE(source->maintain());
  EXPECT_THAT(*source->issuers(), SizeIs(2));
  const Said said =
      ask(x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {item(old_key, old_serial)}, {}}));
  ASSERT_EQ(said.view.status, OcspResponseStatus::successful);
  EXPECT_EQ(said.view.responses[0].status, OcspCertStatus::good);
  expect_delegated(said.view, old_key);

  authority = bench.open(kTestCa);
  const Said young = ask(request(issue()));
  EXPECT_EQ(young.view.responses[0].status, OcspCertStatus::good);
  expect_delegated(young.view, authority->current());

  // The old key never signed it, so for that key it is unknown.
  const Said mixed = ask(
      x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {item(authority->current(), old_serial)}, {}}));
  EXPECT_EQ(mixed.view.responses[0].status, OcspCertStatus::unknown);
  // One answer cannot be signed for two keys.
  const Said both =
      ask(x509::encode_ocsp_request({x509::DigestAlgorithm::sha1,
                                     {item(old_key, old_serial), item(authority->current(), old_serial)},
                                     {}}));
  EXPECT_EQ(both.view.status, OcspResponseStatus::unauthorized);
}

std::string serial_of_responder(const OcspIssuers& issuers) {
  return to_hex(x509::serial_octets(x509::parse_certificate(issuers.at(0).certificate).value().serial));
}

TEST_F(OcspTest, TheResponderIsRememberedAndRenewedInTime) {
  const std::string first = serial_of_responder(*source->issuers());
  DatabaseOcspSource another(*environment, [this] { return authorities; });
  ASSERT_TRUE(another.maintain());
  EXPECT_EQ(serial_of_responder(*another.issuers()), first) << "a start finds the one that there is";

  bench.clock().advance(std::chrono::days(8));
  ASSERT_TRUE(source->maintain());
  EXPECT_EQ(serial_of_responder(*source->issuers()), first);
  bench.clock().advance(std::chrono::days(2));
  ASSERT_TRUE(source->maintain());
  EXPECT_NE(serial_of_responder(*source->issuers()), first);
  std::size_t keys = 0;
  for (const auto& file : fs::directory_iterator(bench.home().keys()))
    keys += file.path().filename().string().find("OCSP") != std::string::npos ? 1U : 0U;
  EXPECT_EQ(keys, 1U) << "the old responder's key is gone";
}

TEST_F(OcspTest, ARevokedResponderIsReplaced) {
  const std::string first = serial_of_responder(*source->issuers());
  revoke(from_hex(first).value(), x509::CrlReason::key_compromise);
  ASSERT_TRUE(source->maintain());
  EXPECT_NE(serial_of_responder(*source->issuers()), first);
}

// The key of the CA is out of reach when its responder's certificate ends.
TEST_F(OcspTest, WithoutAResponderAnswersWait) {
  const Buffer serial = issue();
  bench.clock().advance(std::chrono::days(15));
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(bench.home().keys())) files.push_back(file.path());
  for (const fs::path& file : files)
    if (file.filename().string().starts_with(std::string(kTestCa) + "-"))
      fs::rename(file, bench.home().folder() / "away.key");
  const Status maintained = source->maintain();
  ASSERT_FALSE(maintained);
  EXPECT_THAT(maintained.error().summary(), testing::HasSubstr("CA 'CRL Root' has no OCSP responder"));
  EXPECT_EQ(ask(request(serial)).view.status, OcspResponseStatus::try_later);
}

}  // namespace
}  // namespace vouch::revocation
