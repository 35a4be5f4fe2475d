// RFC 5280 6.3.3 beyond what NIST PKITS has (tests/conformance): deltas that must be there, old CRLs that
// hide new ones, keys of CRL issuers.
#include "validate/crl_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "validate/test_pki.hpp"
#include "validate/validator.hpp"

namespace vouch::validate {
namespace {

using test::TestPki, test::kNow;
namespace oid = x509::oid;
using x509::CrlReason;

class CrlCheckTest : public testing::Test {
 protected:
  CrlCheckTest() {
    leaf_ = pki_.make({.subject = "leaf", .issuer = "CA", .ca = false, .serial = 1000});
    profile_.revocation = RevocationRule::target;
  }
  Decision run(std::vector<CrlPtr> crls, CrlRules rules = {}, std::vector<CertificatePtr> others = {}) {
    CrlRevocation revocation(std::move(crls), rules);
    const Validator validator(pki_.provider(), test::trust({ca_}, std::move(others)), nullptr);
    return validator.validate(leaf_, {}, {kNow, profile_, {}, &revocation});
  }
  static const RevocationRecord& record(const Decision& decision) { return decision.revocation.at(0); }
  static std::string id_of(const Decision& decision) {
    return decisive(decision) ? std::string(kind_of(decisive(decision)->id).id) : "";
  }
  x509::Extension delta_of(std::uint64_t base) {
    return x509::make_extension(oid::kDeltaCrlIndicator, true, x509::encode_crl_number(base));
  }
  x509::Extension freshest() {
    return x509::make_extension(oid::kFreshestCrl, false,
                                x509::encode_distribution_point_uris({"http://pki.test/d.crl"}));
  }

  TestPki pki_;
  CertificatePtr ca_ = pki_.ca("CA"), leaf_;
  Profile profile_;
};

TEST_F(CrlCheckTest, GoodRevokedAndUnknown) {
  const Decision good = run({pki_.crl({.issuer = "CA", .revoked = {{7, CrlReason::key_compromise}}})});
  EXPECT_TRUE(good.accepted) << to_text(good);
  EXPECT_EQ(record(good).unseen_until, parse_time("2026-06-08").value());
  const Decision revoked = run({pki_.crl({.issuer = "CA", .revoked = {{1000, CrlReason::key_compromise}}})});
  EXPECT_EQ(id_of(revoked), "revocation.revoked");
  EXPECT_EQ(record(revoked).reason, CrlReason::key_compromise);
  EXPECT_EQ(id_of(run({})), "revocation.unknown");
  EXPECT_EQ(id_of(run({pki_.crl({.issuer = "Other"})})), "revocation.unknown");
}

TEST_F(CrlCheckTest, TimeDecidesToTheSecond) {
  TestPki::CrlSpec spec{.issuer = "CA"};
  spec.next_update = kNow;
  EXPECT_EQ(id_of(run({pki_.crl(spec)})), "crl.expired") << "nextUpdate itself is late";
  spec.next_update = kNow + std::chrono::seconds(1);
  EXPECT_TRUE(run({pki_.crl(spec)}).accepted);
  spec.this_update = kNow;
  EXPECT_TRUE(run({pki_.crl(spec)}).accepted);
  spec.this_update = kNow + std::chrono::seconds(1);
  spec.next_update = kNow + std::chrono::hours(1);
  EXPECT_EQ(id_of(run({pki_.crl(spec)})), "crl.not_yet_valid");
}

TEST_F(CrlCheckTest, AnExpiredCrlDoesNotHideAFreshOne) {
  const auto old = pki_.crl({.issuer = "CA",
                             .number = 9,
                             .this_update = parse_time("2026-05-01").value(),
                             .next_update = parse_time("2026-05-08").value()});
  const auto fresh = pki_.crl({.issuer = "CA", .number = 10});
  const Decision decision = run({old, fresh});
  EXPECT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_TRUE(run({fresh, old}).accepted);
}

TEST_F(CrlCheckTest, AnExpiredCrlStillProvesARevocationButNoHold) {
  TestPki::CrlSpec old{.issuer = "CA", .revoked = {{1000, CrlReason::key_compromise}}};
  old.this_update = parse_time("2026-05-01").value();
  old.next_update = parse_time("2026-05-08").value();
  EXPECT_EQ(id_of(run({pki_.crl(old)})), "revocation.revoked");
  EXPECT_TRUE(run({pki_.crl(old), pki_.crl({.issuer = "CA", .number = 2})}).accepted)
      << "a fresh one decides";
  old.revoked = {{1000, CrlReason::certificate_hold}};
  EXPECT_EQ(id_of(run({pki_.crl(old)})), "crl.expired");
  old.revoked = {{1000, CrlReason::key_compromise}};
  old.signed_by = "stranger";
  EXPECT_EQ(id_of(run({pki_.crl(old)})), "crl.expired") << "anybody could have written it";
}

TEST_F(CrlCheckTest, TheKeyMustBeTheIssuersAndAllowedToSignCrls) {
  const Decision wrong = run({pki_.crl({.issuer = "CA", .signed_by = "stranger"})});
  EXPECT_EQ(id_of(wrong), "crl.signature");
  EXPECT_EQ(kind_of(decisive(wrong)->id).code, 2205015u);
  ca_ = pki_.make({.subject = "CA", .usage = x509::key_cert_sign});
  EXPECT_EQ(id_of(run({pki_.crl({.issuer = "CA"})})), "ca.no_crl_signing");
}

TEST_F(CrlCheckTest, ADelegatedSignerNeedsAPathOfItsOwn) {
  const auto crl = pki_.crl({.issuer = "CA", .signed_by = "crl key"});
  const auto own = pki_.crl({.issuer = "CA", .number = 2});
  const auto signer = [&](const std::string& by) {
    return pki_.make({.subject = "CA",
                      .key = "crl key",
                      .issuer = "CA",
                      .signed_by = by,
                      .ca = false,
                      .usage = x509::crl_sign});
  };
  // The signer is covered by the CRL that it signs, as in NIST PKITS 4.14.30.
  EXPECT_TRUE(run({crl}, {}, {signer("")}).accepted);
  EXPECT_EQ(id_of(run({crl}, {}, {signer("stranger")})), "crl.signer") << "its own certificate is forged";
  EXPECT_TRUE(run({own}, {}, {signer("")}).accepted);
}

TEST_F(CrlCheckTest, ARenewedAnchorsOtherKeyMaySignWhenItIsTrustedToo) {
  const auto renewed = pki_.make({.subject = "CA", .key = "renewed"});
  const auto crl = pki_.crl({.issuer = "CA", .signed_by = "renewed"});
  EXPECT_EQ(id_of(run({crl}, {}, {renewed})), "crl.signer") << "known, but not trusted";
  CrlRevocation revocation({crl}, {});
  const Validator validator(pki_.provider(), test::trust({ca_, renewed}), nullptr);
  EXPECT_TRUE(validator.validate(leaf_, {}, {kNow, profile_, {}, &revocation}).accepted);
}

TEST_F(CrlCheckTest, DeltaAndBaseTogetherDecide) {
  const auto base = pki_.crl({.issuer = "CA", .number = 5, .revoked = {{1000, CrlReason::certificate_hold}}});
  const auto clean = pki_.crl({.issuer = "CA", .number = 5});
  const auto removes = pki_.crl({.issuer = "CA",
                                 .number = 6,
                                 .revoked = {{1000, CrlReason::remove_from_crl}},
                                 .extensions = {delta_of(5)}});
  const auto adds = pki_.crl(
      {.issuer = "CA", .number = 6, .revoked = {{1000, CrlReason::superseded}}, .extensions = {delta_of(5)}});
  EXPECT_FALSE(run({base}).accepted);
  EXPECT_TRUE(run({base, removes}).accepted);
  EXPECT_EQ(record(run({clean, adds})).reason, CrlReason::superseded);
  EXPECT_TRUE(run({clean, adds}, {DeltaRule::ignore, true, {}}).accepted);
  EXPECT_EQ(id_of(run({adds})), "revocation.unknown") << "a delta alone says nothing";
  const auto ahead = pki_.crl(
      {.issuer = "CA", .number = 9, .revoked = {{1000, CrlReason::superseded}}, .extensions = {delta_of(8)}});
  EXPECT_TRUE(run({clean, ahead}).accepted) << "it starts after the base ends (RFC 5280 5.2.4)";
}

// What OpenSSL 3.0 accepts (#31297): an expired or future delta, or none although one is announced.
TEST_F(CrlCheckTest, AnAnnouncedDeltaMustBeThereAndValidWhereTheProfileSaysSo) {
  const auto base = pki_.crl({.issuer = "CA", .number = 5, .extensions = {freshest()}});
  const CrlRules strict{DeltaRule::when_announced, true, {}};
  EXPECT_EQ(id_of(run({base}, strict)), "crl.delta_missing");
  TestPki::CrlSpec delta{.issuer = "CA", .number = 6, .extensions = {delta_of(5)}};
  EXPECT_TRUE(run({base, pki_.crl(delta)}, strict).accepted);
  delta.next_update = kNow - std::chrono::seconds(1);
  EXPECT_EQ(id_of(run({base, pki_.crl(delta)}, strict)), "crl.expired");
  delta.this_update = kNow + std::chrono::hours(1);
  delta.next_update = kNow + std::chrono::hours(2);
  EXPECT_EQ(id_of(run({base, pki_.crl(delta)}, strict)), "crl.not_yet_valid");
  EXPECT_TRUE(run({base, pki_.crl(delta)}).accepted) << "RFC 5280 lets the base alone decide";
}

TEST_F(CrlCheckTest, ACrlForOtherCertificatesDoesNotCover) {
  const auto with = [&](x509::IssuingDistributionPoint point) {
    return run(
        {pki_.crl({.issuer = "CA",
                   .extensions = {x509::make_extension(oid::kIssuingDistributionPoint, true,
                                                       x509::encode_issuing_distribution_point(point))}})});
  };
  x509::IssuingDistributionPoint point;
  point.only_user_certs = true;
  EXPECT_TRUE(with(point).accepted);
  point.only_user_certs = false;
  point.only_ca_certs = true;
  const Decision cas = with(point);
  EXPECT_FALSE(cas.accepted);
  ASSERT_FALSE(record(cas).findings.empty());
  EXPECT_EQ(record(cas).findings[0].id, FindingId::crl_scope);
  point.only_ca_certs = false;
  point.only_some_reasons = x509::ReasonFlags(1 << 1);
  EXPECT_EQ(id_of(with(point)), "revocation.reasons_missing");
  point.only_user_certs = point.only_ca_certs = true;
  EXPECT_EQ(id_of(with(point)), "crl.unusable") << "it cannot be for both alone (5.2.5)";
}

TEST_F(CrlCheckTest, UnknownStatusIsAcceptedOnlyWhereTheProfileSaysSo) {
  profile_.accept_unknown_revocation = true;
  const Decision open = run({});
  EXPECT_TRUE(open.accepted);
  EXPECT_EQ(record(open).status, RevocationStatus::unknown) << "the record still says so";
  EXPECT_FALSE(run({pki_.crl({.issuer = "CA", .revoked = {{1000, CrlReason::unspecified}}})}).accepted);
}

}  // namespace
}  // namespace vouch::validate
