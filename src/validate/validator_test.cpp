#include "validate/validator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "validate/purpose.hpp"
#include "validate/test_pki.hpp"

namespace vouch::validate {
namespace {

using test::TestPki, test::kNow, test::trust;
namespace oid = x509::oid;
using x509::GeneralName;

GeneralName text(const std::string& text) { return GeneralName::from_text(text).value(); }

class ValidatorTest : public testing::Test {
 protected:
  ValidatorTest() { profile_.revocation = RevocationRule::none; }
  Decision run(const std::shared_ptr<TrustStore>& store, const CertificatePtr& target,
               const std::vector<CertificatePtr>& sent = {}, Time now = kNow) {
    return Validator(pki_.provider(), store, cache_)
        .validate(target, sent, {now, profile_, expected_, nullptr});
  }
  static std::string id_of(const Decision& decision) {
    return decisive(decision) ? std::string(kind_of(decisive(decision)->id).id) : "";
  }
  TestPki pki_;
  Profile profile_;
  Expected expected_;
  std::shared_ptr<SignatureCache> cache_;
};

TEST_F(ValidatorTest, FollowsTheChainFromTheTrustStoreOrThePeer) {
  const auto root = pki_.ca("Root"), sub = pki_.ca("Sub", "Root"), leaf = pki_.leaf("leaf", "Sub");
  for (const Decision& decision : {run(trust({root}, {sub}), leaf),
                                   run(trust({root}), leaf, {sub, leaf, root}), run(trust({sub}), leaf)}) {
    EXPECT_TRUE(decision.accepted) << to_text(decision);
    EXPECT_EQ(decision.trust, "test");
    EXPECT_TRUE(decision.findings.empty());
  }
  EXPECT_EQ(run(trust({root}, {sub}), leaf).path, (std::vector{leaf, sub, root}));
}

TEST_F(ValidatorTest, SaysWhereTheChainEnds) {
  const auto root = pki_.ca("Root"), sub = pki_.ca("Sub", "Root"), leaf = pki_.leaf("leaf", "Sub");
  const Decision without = run(trust({root}), leaf);
  EXPECT_EQ(id_of(without), "path.issuer_not_found");
  EXPECT_EQ(decisive(without)->certificate, 0);
  const Decision untrusted = run(trust({pki_.ca("Else")}), leaf, {sub, root});
  EXPECT_EQ(id_of(untrusted), "path.root_not_trusted");
  EXPECT_EQ(decisive(untrusted)->certificate, 2);
  EXPECT_TRUE(untrusted.path.empty());
  EXPECT_EQ(kind_of(decisive(untrusted)->id).code, 500176u);
  const auto forged = pki_.make({.subject = "leaf", .issuer = "Sub", .signed_by = "thief", .ca = false});
  EXPECT_EQ(id_of(run(trust({root}, {sub}), forged)), "signature.wrong");
  EXPECT_EQ(id_of(run(trust({root}), root)), "path.target_is_anchor");
  profile_.accept_anchor_as_target = true;
  EXPECT_TRUE(run(trust({root}), root).accepted);
}

TEST_F(ValidatorTest, TakesTheKeyThatTheCertificateNames) {
  // A renewed CA: two keys of one name.
  const auto old_ca = pki_.make({.subject = "CA", .key = "old"}),
             new_ca = pki_.make({.subject = "CA", .key = "new"});
  const auto leaf = pki_.make({.subject = "leaf", .issuer = "CA", .signed_by = "old", .ca = false});
  const Decision decision = run(trust({new_ca, old_ca}), leaf);
  EXPECT_TRUE(decision.accepted);
  EXPECT_EQ(decision.steps, 1u) << "the other key is not even tried";
  profile_.link_by_key_identifier = true;
  EXPECT_TRUE(run(trust({new_ca, old_ca}), leaf).accepted);
  EXPECT_EQ(id_of(run(trust({new_ca}), leaf)), "path.key_identifier_mismatch");
  const auto silent = pki_.make(
      {.subject = "leaf", .issuer = "CA", .signed_by = "old", .ca = false, .key_identifiers = false});
  EXPECT_EQ(id_of(run(trust({old_ca}), silent)), "path.key_identifier_missing");
  profile_.link_by_key_identifier = false;
  EXPECT_TRUE(run(trust({new_ca, old_ca}), silent).accepted) << "the signature decides";
}

TEST_F(ValidatorTest, GoesBackWhereAPathFails) {
  const auto root = pki_.ca("Root");
  const auto good = pki_.make({.subject = "Sub", .issuer = "Root"});
  // Younger, so it is tried first, and expired by a hair at the time of asking.
  const auto expired = pki_.make({.subject = "Sub",
                                  .issuer = "Root",
                                  .from = parse_time("2026-02-01").value(),
                                  .until = kNow + std::chrono::hours(1)});
  const auto leaf = pki_.leaf("leaf", "Sub");
  const Decision decision = run(trust({root}, {expired, good}), leaf);
  EXPECT_TRUE(decision.accepted);
  const auto constrained = pki_.make({.subject = "Sub",
                                      .issuer = "Root",
                                      .path_length = 0,
                                      .purposes = {oid::kCodeSigning},
                                      .from = parse_time("2026-02-01").value()});
  profile_.purpose = Purpose::tls_client;
  const Decision around = run(trust({root}, {constrained, good}), leaf);
  EXPECT_TRUE(around.accepted) << to_text(around);
  EXPECT_EQ(around.paths, 2u);
  ASSERT_EQ(around.attempts.size(), 1u) << "the record keeps what was refused";
  EXPECT_EQ(around.attempts[0].findings[0].id, FindingId::purpose_of_ca);
}

// What hostile peers send: every CA cross-signed by every other, k levels of m certificates, and no anchor.
TEST_F(ValidatorTest, ExponentialCrossSigningEndsWithinTheBudget) {
  std::vector<CertificatePtr> crowd;
  constexpr int kLevels = 12, kEach = 6;
  for (int level = 0; level < kLevels; ++level)
    for (int one = 0; one < kEach; ++one)
      for (int above = 0; above < kEach; ++above)
        crowd.push_back(pki_.make({.subject = fmt::format("L{}", level),
                                   .key = fmt::format("k{}.{}", level, one),
                                   .issuer = fmt::format("L{}", level + 1),
                                   .signed_by = fmt::format("k{}.{}", level + 1, above),
                                   .key_identifiers = false}));
  const auto leaf = pki_.make(
      {.subject = "leaf", .issuer = "L0", .signed_by = "k0.0", .ca = false, .key_identifiers = false});
  const auto root = pki_.ca("Root");
  const Decision decision = run(trust({root}), leaf, crowd);
  EXPECT_FALSE(decision.accepted);
  EXPECT_LE(decision.steps, profile_.limits.steps);
  EXPECT_LE(decision.signatures, profile_.limits.signatures);
  EXPECT_EQ(decision.findings.back().id, FindingId::budget_spent) << to_text(decision);

  // With anchors at the top that no path may use, whole paths are what is counted.
  profile_.limits.signatures = 100000;
  profile_.limits.certificates = 32;
  profile_.algorithms.curve_bits = 384;
  std::vector<CertificatePtr> anchors;
  for (int one = 0; one < kEach; ++one)
    anchors.push_back(pki_.make({.subject = fmt::format("L{}", kLevels),
                                 .key = fmt::format("k{}.{}", kLevels, one),
                                 .key_identifiers = false}));
  const Decision judged = run(trust(anchors), leaf, crowd);
  EXPECT_FALSE(judged.accepted);
  EXPECT_EQ(judged.paths, profile_.limits.paths);
  EXPECT_EQ(judged.findings.back().id, FindingId::budget_spent);
  EXPECT_LE(judged.attempts.size(), 8u);
}

TEST_F(ValidatorTest, LoopsAndLongChainsEnd) {
  const auto leaf = pki_.leaf("leaf", "A");
  const Decision loop = run(trust({pki_.ca("Root")}), leaf, {pki_.ca("A", "B"), pki_.ca("B", "A")});
  EXPECT_FALSE(loop.accepted);
  EXPECT_LE(loop.steps, 10u);
  std::vector<CertificatePtr> chain;
  for (int i = 0; i < 30; ++i) chain.push_back(pki_.ca(fmt::format("C{}", i), fmt::format("C{}", i + 1)));
  EXPECT_EQ(id_of(run(trust({pki_.ca("C30")}), pki_.leaf("leaf", "C0"), chain)), "path.too_long");
  profile_.limits.certificates = 32;
  EXPECT_TRUE(run(trust({pki_.ca("C30")}), pki_.leaf("leaf", "C0"), chain).accepted);
}

TEST_F(ValidatorTest, TimeHoldsToTheSecond) {
  const auto root = pki_.make({.subject = "Root", .until = parse_time("2026-10-01").value()});
  const auto leaf = pki_.leaf("leaf", "Root");
  EXPECT_TRUE(run(trust({root}), leaf, {}, parse_time("2026-01-01").value()).accepted);
  const Decision early =
      run(trust({root}), leaf, {}, parse_time("2026-01-01").value() - std::chrono::seconds(1));
  EXPECT_FALSE(early.accepted);
  const Decision late =
      run(trust({root}), leaf, {}, parse_time("2026-10-01").value() + std::chrono::seconds(1));
  EXPECT_EQ(id_of(late), "validity.issuer_expired");
  profile_.check_anchor_validity = false;
  EXPECT_TRUE(run(trust({root}), leaf, {}, parse_time("2026-12-31").value()).accepted);
  const Decision expired = run(trust({root}), leaf, {}, parse_time("2027-01-02").value());
  EXPECT_EQ(message_of(*decisive(expired)),
            "Certificate 'CN=leaf' issued by 'CN=Root' is not valid. Current time: '2027-01-02T00:00:00Z'. "
            "Certificate "
            "NotBefore: '2026-01-01T00:00:00Z'. Certificate NotAfter: '2027-01-01T00:00:00Z'.");
}

TEST_F(ValidatorTest, AnAnchorIsTrustedWithinItsLimitsOnly) {
  TrustAnchor anchor;
  anchor.certificate = pki_.ca("Root");
  const auto sub = pki_.ca("Sub", "Root");
  const auto leaf = pki_.make({.subject = "leaf",
                               .issuer = "Sub",
                               .ca = false,
                               .purposes = {oid::kClientAuth},
                               .names = {text("DNS:a.example.com")}});
  const auto with = [&](auto&& limit) {
    TrustAnchor limited = anchor;
    limit(limited);
    return run(std::make_shared<TrustStore>(std::vector{limited}, std::vector{sub}), leaf);
  };
  profile_.purpose = Purpose::tls_client;
  EXPECT_TRUE(with([](TrustAnchor&) {}).accepted);
  EXPECT_EQ(id_of(with([](TrustAnchor& a) { a.purposes = {oid::kServerAuth}; })), "anchor.purpose");
  EXPECT_TRUE(with([](TrustAnchor& a) { a.purposes = {oid::kClientAuth}; }).accepted);
  EXPECT_EQ(id_of(with([](TrustAnchor& a) { a.path_length = 0; })), "ca.path_length");
  EXPECT_EQ(id_of(with([](TrustAnchor& a) { a.distrusted_after = parse_time("2025-12-31").value(); })),
            "anchor.distrusted");
  EXPECT_EQ(id_of(with([](TrustAnchor& a) {
              a.name_constraints = x509::NameConstraints{{{text("DNS:example.org"), 0, {}}}, {}};
            })),
            "name.not_permitted");
}

TEST_F(ValidatorTest, ExtensionsOfTheAnchorCountOnlyWhereTheStoreSaysSo) {
  TrustAnchor anchor;
  anchor.certificate = pki_.make({.subject = "Root", .path_length = 0});
  const auto sub = pki_.ca("Sub", "Root"), leaf = pki_.leaf("leaf", "Sub");
  EXPECT_TRUE(run(std::make_shared<TrustStore>(std::vector{anchor}, std::vector{sub}), leaf).accepted);
  anchor.apply_extensions = true;
  EXPECT_EQ(id_of(run(std::make_shared<TrustStore>(std::vector{anchor}, std::vector{sub}), leaf)),
            "ca.path_length");
}

TEST_F(ValidatorTest, AlgorithmsAndKeysMustBeGoodEnough) {
  const auto root = pki_.ca("Root"), leaf = pki_.leaf("leaf", "Root");
  profile_.algorithms.refused = {x509::SignatureAlgorithm::ecdsa_sha256};
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "algorithm.refused");
  profile_.algorithms.refused.clear();
  profile_.algorithms.curve_bits = 384;
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "key.weak");
}

TEST_F(ValidatorTest, RefusesCriticalExtensionsThatItDoesNotKnowAndThoseItCannotRead) {
  const auto root = pki_.ca("Root");
  const auto leaf = [&](x509::Extension extension) {
    return pki_.make(
        {.subject = "leaf", .issuer = "Root", .ca = false, .extensions = {std::move(extension)}});
  };
  EXPECT_EQ(id_of(run(trust({root}), leaf(x509::make_extension({1, 2, 3}, true, {5, 0})))),
            "extension.unknown");
  EXPECT_TRUE(run(trust({root}), leaf(x509::make_extension({1, 2, 3}, false, {5, 0}))).accepted);
  EXPECT_EQ(id_of(run(trust({root}), leaf(x509::make_extension(oid::kNameConstraints, false, {5, 0})))),
            "extension.malformed");
}

TEST_F(ValidatorTest, PurposesHoldForTheTargetAndItsIssuers) {
  const auto root = pki_.ca("Root");
  const auto sub = pki_.make({.subject = "Sub", .issuer = "Root", .purposes = {oid::kServerAuth}});
  const auto leaf = [&](std::vector<x509::Oid> purposes, std::uint16_t usage = x509::digital_signature) {
    return pki_.make(
        {.subject = "leaf", .issuer = "Sub", .ca = false, .usage = usage, .purposes = std::move(purposes)});
  };
  const auto store = trust({root}, {sub});
  profile_.purpose = Purpose::tls_server;
  EXPECT_TRUE(run(store, leaf({oid::kServerAuth})).accepted);
  EXPECT_TRUE(run(store, leaf({})).accepted) << "without the extension every purpose is allowed";
  EXPECT_TRUE(run(store, leaf({oid::kAnyExtendedKeyUsage})).accepted);
  EXPECT_EQ(id_of(run(store, leaf({oid::kCodeSigning}))), "purpose.missing");
  EXPECT_EQ(id_of(run(store, leaf({oid::kServerAuth}, x509::crl_sign))), "purpose.key_usage");
  profile_.purpose = Purpose::tls_client;
  EXPECT_EQ(id_of(run(store, leaf({oid::kClientAuth}))), "purpose.ca");
  profile_.chain_purposes = false;
  EXPECT_TRUE(run(store, leaf({oid::kClientAuth})).accepted);
  profile_.purpose = Purpose::ocsp_signing;
  EXPECT_EQ(id_of(run(store, leaf({}))), "purpose.missing") << "it must be named (RFC 6960 4.2.2.2)";
  EXPECT_EQ(id_of(run(store, leaf({oid::kAnyExtendedKeyUsage}))), "purpose.missing");
  EXPECT_TRUE(run(store, leaf({oid::kOcspSigning})).accepted);
}

TEST_F(ValidatorTest, ApplicationPoliciesNarrowTheExtendedKeyUsage) {
  const auto root = pki_.ca("Root");
  const auto leaf = pki_.make(
      {.subject = "leaf",
       .issuer = "Root",
       .ca = false,
       .purposes = {oid::kClientAuth, oid::kServerAuth},
       .extensions = {x509::make_extension(oid::kMsApplicationPolicies, false,
                                           x509::encode_certificate_policies({{oid::kServerAuth, {}}}))}});
  profile_.purpose = Purpose::tls_server;
  EXPECT_TRUE(run(trust({root}), leaf).accepted);
  profile_.purpose = Purpose::tls_client;
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "purpose.missing");
}

TEST_F(ValidatorTest, AServerMustBeTheOneThatWasAskedFor) {
  const auto root = pki_.ca("Root");
  const auto leaf = pki_.make({.subject = "cn.example.com",
                               .issuer = "Root",
                               .ca = false,
                               .names = {text("DNS:www.example.com"), text("DNS:*.apps.example.com"),
                                         text("IP:192.0.2.7"), text("IP:2001:db8::7")}});
  profile_.purpose = Purpose::tls_server;
  for (const char* host : {"www.example.com", "WWW.Example.Com.", "a.apps.example.com", "192.0.2.7",
                           "2001:db8::7", "[2001:DB8::7]"}) {
    expected_.host = host;
    EXPECT_TRUE(run(trust({root}), leaf).accepted) << host;
  }
  for (const char* host : {"example.com", "cn.example.com", "a.b.apps.example.com", "apps.example.com",
                           "192.0.2.8", "*.apps.example.com.evil"}) {
    expected_.host = host;
    EXPECT_EQ(id_of(run(trust({root}), leaf)), "name.host_mismatch") << host;
  }
}

// A name that is not looked at would let anybody in.
TEST_F(ValidatorTest, WhoeverIsExpectedMustBeNamedWhateverThePurpose) {
  const auto root = pki_.ca("Root");
  const auto leaf = pki_.make({.subject = "alice",
                               .issuer = "Root",
                               .ca = false,
                               .purposes = {oid::kClientAuth},
                               .names = {GeneralName::upn("alice@corp.example")}});
  profile_.purpose = Purpose::tls_client;
  EXPECT_TRUE(run(trust({root}), leaf).accepted);
  expected_.upn = "ALICE@corp.example";
  EXPECT_TRUE(run(trust({root}), leaf).accepted);
  expected_.upn = "root@corp.example";
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "name.upn_mismatch");
  expected_ = {.host = "www.corp.example"};
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "name.host_mismatch");
  expected_ = {.email = "alice@corp.example"};
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "name.email_mismatch");
}

TEST(HostMatchesTest, WildcardsAreOneWholeLabel) {
  EXPECT_TRUE(host_matches("*.example.com", "a.example.com"));
  EXPECT_FALSE(host_matches("*.com", "example.com"));
  EXPECT_FALSE(host_matches("*", "com"));
  EXPECT_FALSE(host_matches("a*.example.com", "ab.example.com"));
  EXPECT_FALSE(host_matches("a.*.com", "a.example.com"));
  EXPECT_FALSE(host_matches("*.example.com", ".example.com"));
  EXPECT_FALSE(host_matches("", ""));
}

TEST_F(ValidatorTest, SmartCardLogonNamesItsUser) {
  const auto root = pki_.ca("Root");
  const auto card = [&](std::vector<GeneralName> names, const std::string& sid) {
    TestPki::Spec spec{.subject = "Alice",
                       .issuer = "Root",
                       .ca = false,
                       .purposes = {oid::kMsSmartCardLogon},
                       .names = std::move(names)};
    if (!sid.empty())
      spec.extensions = {x509::make_extension(oid::kMsNtdsCaSecurity, false, x509::encode_sid(sid))};
    return pki_.make(spec);
  };
  const auto store = trust({root});
  const GeneralName upn = GeneralName::upn("alice@corp.example");
  const std::string sid = "S-1-5-21-1-2-3-1104";
  profile_.purpose = Purpose::smart_card_logon;
  EXPECT_TRUE(run(store, card({upn}, "")).accepted);
  EXPECT_EQ(id_of(run(store, card({}, ""))), "name.upn_missing");
  EXPECT_TRUE(run(store, card({}, sid)).accepted);
  expected_ = {.upn = "Alice@Corp.Example", .sid = sid};
  EXPECT_TRUE(run(store, card({upn}, sid)).accepted);
  EXPECT_TRUE(run(store, card({upn}, "")).accepted) << "an old card, where strong mapping is not demanded";
  EXPECT_EQ(id_of(run(store, card({upn}, "S-1-5-21-1-2-3-500"))), "name.sid_mismatch");
  EXPECT_EQ(id_of(run(store, card({GeneralName::upn("bob@corp.example")}, sid))), "name.upn_mismatch");
  profile_.strong_mapping = true;
  EXPECT_EQ(id_of(run(store, card({upn}, ""))), "name.sid_missing");
  EXPECT_TRUE(run(store, card({upn}, sid)).accepted);
  const auto client = pki_.make(
      {.subject = "Alice", .issuer = "Root", .ca = false, .purposes = {oid::kClientAuth}, .names = {upn}});
  EXPECT_THAT(run(store, client).findings,
              testing::Contains(testing::Field(&Finding::id, FindingId::purpose_missing)));
}

TEST_F(ValidatorTest, AKdcBelongsToItsRealm) {
  const auto root = pki_.ca("Root");
  const auto kdc = [&](GeneralName name) {
    return pki_.make({.subject = "dc",
                      .issuer = "Root",
                      .ca = false,
                      .purposes = {oid::kPkinitKdc},
                      .names = {std::move(name)}});
  };
  profile_.purpose = Purpose::kdc;
  expected_.realm = "CORP.EXAMPLE";
  EXPECT_TRUE(
      run(trust({root}), kdc(GeneralName::pkinit("CORP.EXAMPLE", {"krbtgt", "CORP.EXAMPLE"}))).accepted);
  EXPECT_TRUE(run(trust({root}), kdc(text("DNS:corp.example"))).accepted)
      << "as Windows domain controllers have it";
  EXPECT_EQ(id_of(run(trust({root}), kdc(GeneralName::pkinit("EVIL.EXAMPLE", {"krbtgt", "EVIL.EXAMPLE"})))),
            "name.kdc_mismatch");
}

TEST_F(ValidatorTest, MailIsThatOfTheSender) {
  const auto root = pki_.ca("Root");
  const auto leaf =
      pki_.make({.subject = "x", .issuer = "Root", .ca = false, .names = {text("email:Alice@example.com")}});
  profile_.purpose = Purpose::email_protection;
  expected_.email = "Alice@EXAMPLE.com";
  EXPECT_TRUE(run(trust({root}), leaf).accepted);
  expected_.email = "alice@example.com";
  EXPECT_EQ(id_of(run(trust({root}), leaf)), "name.email_mismatch");
}

// Never more than the first ten CAs, and the record says how many were left out.
TEST_F(ValidatorTest, AsksAboutTheFirstIssuersOnly) {
  struct Counting final : RevocationSource {
    RevocationRecord check(const RevocationQuery& query) override {
      asked.push_back(query.index);
      RevocationRecord record;
      record.certificate = query.index;
      record.status = RevocationStatus::good;
      return record;
    }
    std::vector<std::size_t> asked;
  } source;
  std::vector<CertificatePtr> chain;
  for (int i = 0; i < 11; ++i) chain.push_back(pki_.ca(fmt::format("C{}", i), fmt::format("C{}", i + 1)));
  const auto store = trust({pki_.ca("C11")}, chain);
  profile_.revocation = RevocationRule::chain;
  const auto leaf = pki_.leaf("leaf", "C0");
  const Validator validator(pki_.provider(), store, nullptr);
  const Decision decision = validator.validate(leaf, {}, {kNow, profile_, {}, &source});
  EXPECT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_THAT(source.asked, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(decision.unchecked_issuers, 2u);
  profile_.refuse_unchecked_issuers = true;
  EXPECT_FALSE(validator.validate(leaf, {}, {kNow, profile_, {}, &source}).accepted);
  EXPECT_EQ(id_of(validator.validate(leaf, {}, {kNow, profile_, {}, nullptr})), "revocation.unknown")
      << "fails closed without a source";
}

TEST_F(ValidatorTest, ARevokedTargetIsNotTriedAgainOnAnotherPath) {
  struct Revoked final : RevocationSource {
    RevocationRecord check(const RevocationQuery& query) override {
      ++asked;
      RevocationRecord record;
      record.certificate = query.index;
      record.status = query.index == 0 ? RevocationStatus::revoked : RevocationStatus::good;
      return record;
    }
    int asked = 0;
  } source;
  profile_.revocation = RevocationRule::chain;
  const auto sub1 = pki_.ca("Sub", "Root"), sub2 = pki_.ca("Sub", "Root");
  const Validator validator(pki_.provider(), trust({pki_.ca("Root")}, {sub1, sub2}), nullptr);
  const Decision decision = validator.validate(pki_.leaf("leaf", "Sub"), {}, {kNow, profile_, {}, &source});
  EXPECT_EQ(id_of(decision), "revocation.revoked");
  EXPECT_EQ(decision.paths, 1u);
  EXPECT_EQ(source.asked, 2);
}

TEST_F(ValidatorTest, TheCacheSparesTheSignaturesOfIssuersAndNothingElse) {
  cache_ = std::make_shared<SignatureCache>();
  const auto root = pki_.ca("Root"), sub = pki_.ca("Sub", "Root"), leaf = pki_.leaf("leaf", "Sub");
  const auto store = trust({root}, {sub});
  EXPECT_EQ(run(store, leaf).signatures, 2u);
  EXPECT_EQ(run(store, leaf).signatures, 1u);
  EXPECT_TRUE(run(store, leaf).accepted);
  EXPECT_EQ(id_of(run(store, leaf, {}, parse_time("2027-06-01").value())), "validity.issuer_expired");
  const auto forged = pki_.make({.subject = "Sub", .issuer = "Root", .signed_by = "thief"});
  EXPECT_EQ(id_of(run(trust({root}, {forged}), leaf)), "signature.wrong");
}

TEST(SignatureCacheTest, ForgetsTheOldest) {
  SignatureCache cache(2);
  const Buffer signer(32, 9), a(32, 1), b(32, 2), c(32, 3);
  for (const Buffer& one : {a, b, b, c}) cache.learn(one, signer);
  EXPECT_FALSE(cache.knows(a, signer));
  EXPECT_TRUE(cache.knows(b, signer));
  EXPECT_TRUE(cache.knows(c, signer));
  EXPECT_FALSE(cache.knows(c, a));
}

TEST_F(ValidatorTest, OneValidatorServesSeveralThreads) {
  cache_ = std::make_shared<SignatureCache>(4);
  const auto store = trust({pki_.ca("Root")}, {pki_.ca("Sub", "Root")});
  const auto leaf = pki_.leaf("leaf", "Sub");
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) accepted += run(store, leaf).accepted;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, 200);
}

TEST_F(ValidatorTest, ATargetThatCannotBeReadIsADecisionToo) {
  const Validator validator(pki_.provider(), trust({pki_.ca("Root")}), nullptr);
  const Decision decision = validator.validate(as_bytes("no DER"), {}, {kNow, profile_, {}, nullptr});
  EXPECT_EQ(id_of(decision), "certificate.malformed");
  const Value value = to_value(decision);
  EXPECT_EQ(*value.find("accepted")->boolean(), false);
}

TEST_F(ValidatorTest, TheRecordTellsTheStory) {
  const auto root = pki_.ca("Root"), sub = pki_.ca("Sub", "Root");
  const Decision decision = run(trust({root}), pki_.leaf("leaf", "Sub"), {sub});
  const std::string story = to_text(decision);
  for (const char* part : {"accepted at 2026-06-01T12:00:00Z for any", "chain as sent", "chain as built",
                           "CN=Sub", "trust ends at certificate 2 (from: test)"})
    EXPECT_NE(story.find(part), std::string::npos) << part << "\n" << story;
  const Value value = to_value(decision);
  EXPECT_EQ(value.find("path")->list_items()->size(), 3u);
  EXPECT_EQ(value.find("sent")->list_items()->size(), 2u);
}

}  // namespace
}  // namespace vouch::validate
