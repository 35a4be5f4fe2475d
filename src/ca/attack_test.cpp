// The attacks on a running authority: docs/threat-model.md lists them all.
#include <gmock/gmock.h>

#include "ca/keys/key_files.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

// ESC7: a manager cannot approve what policy refuses. The request was fine when it came in; an approval asks
// again.
TEST(Esc7, AnApprovalAsksThePolicyAgain) {
  TestBench bench;
  auto authority = bench.make_root();
  ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  const Outcome waiting =
      authority
          ->submit({bench.request("CN=a.example.com", {"DNS:a.example.com"}), "WebServer", "alice", "", {}})
          .value();
  ASSERT_EQ(waiting.disposition, Disposition::pending);
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "key.types", "[\"rsa\"]", "root"));
  const auto refused = authority->approve(waiting.request, "manager");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  EXPECT_THAT(refused.error().message(), HasSubstr("does not take this type of key"));
  EXPECT_EQ(authority->retrieve(waiting.request)->disposition, Disposition::pending);
}

TEST(Esc7, WhatWasDeniedCannotBeApproved) {
  TestBench bench;
  auto authority = bench.make_root();
  ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  const Outcome denied = authority
                             ->submit({bench.request("CN=a.example.com", {"UPN:administrator@corp.example"}),
                                       "WebServer",
                                       "mallory",
                                       "",
                                       {}})
                             .value();
  ASSERT_EQ(denied.disposition, Disposition::denied);
  EXPECT_EQ(denied.reason, "san.identity");
  EXPECT_FALSE(authority->approve(denied.request, "mallory"));
  EXPECT_EQ(authority->retrieve(denied.request)->disposition, Disposition::denied);
}

// ESC17: the authority's own host, and what the configuration lists.
TEST(Esc17Authority, ItsOwnHostIsNotIssuedUnapproved) {
  TestBench bench;
  ASSERT_TRUE(bench.configure("[issuance]\nprotected_names = \"dc1.corp.example, *.tier0.example\"\n"));
  auto options = bench.root_options();
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  const auto authority = bench.open("Test Root");
  ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  const auto ask = [&](const std::string& host) {
    return authority->submit({bench.request("CN=Server", {"DNS:" + host}), "WebServer", "mallory", "", {}})
        .value();
  };
  const std::string own = authority->settings().dns_name;
  ASSERT_FALSE(own.empty());
  if (own.find('.') != std::string::npos) {
    EXPECT_EQ(ask(own).reason, "names.protected");
  }
  EXPECT_EQ(ask("DC1.corp.example").reason, "names.protected");
  EXPECT_EQ(ask("db.tier0.example").reason, "names.protected");
  const Outcome other = ask("www.example.com");
  EXPECT_EQ(other.disposition, Disposition::issued) << other.message;
}

// DPERSIST1: whoever has the key can sign what he likes, but not put it where everything that was issued
// stands.
TEST(Dpersist1, AForgedCertificateIsNotInTheDatabase) {
  TestBench bench;
  const auto authority = bench.make_root();
  const CaKey& key = authority->current();
  const auto stolen = load_key(bench.environment(), key.generation.key_reference).value();
  const auto signer = stolen->signer(key.signer->algorithm()).value();
  const x509::TbsTemplate forged(signer->algorithm(), key.subject, {});
  const auto victim = bench.provider().generate({}).value();
  const Buffer serial(18, 0x42);
  const Buffer name = x509::encode_name(x509::name_from_rfc4514("CN=administrator").value());
  const Buffer tbs =
      forged.fill({serial, kTestNow, kTestNow + std::chrono::hours(1), name, victim->public_key_info(), {}});
  const Buffer signature = signer->sign(tbs).value();
  EXPECT_TRUE(bench.provider().verify(stolen->public_key_info(), signer->algorithm(), tbs, signature))
      << "it would convince anybody who does not ask the CA";
  const auto snapshot = bench.database().snapshot().value();
  EXPECT_EQ(snapshot->certificate(serial).error().code(), Errc::not_found);
}

// A template that is replaced, from the database to the decision.
TEST(SupersededTemplates, EndWhereTheSuccessorIsPublished) {
  TestBench bench;
  auto options = bench.root_options();
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  const auto authority = bench.open("Test Root");
  const auto id = authority->record().id;
  ASSERT_TRUE(publish_template(bench.environment(), id, "WebServer"));
  policy::CertificateTemplate next = find_template(*bench.database().snapshot().value(), "WebServer")->value;
  next.name = next.display_name = "WebServer2";
  next.oid = {};
  next.supersedes = {"WebServer"};
  ASSERT_TRUE(add_template(bench.environment(), next, false, "root"));
  const auto ask = [&](const char* by) {
    return authority->submit({bench.request("CN=a.example.com", {"DNS:a.example.com"}), by, "alice", "", {}})
        .value();
  };
  EXPECT_EQ(ask("WebServer").disposition, Disposition::issued) << "the successor is not published";
  ASSERT_TRUE(publish_template(bench.environment(), id, "WebServer2"));
  const Outcome old = ask("WebServer");
  EXPECT_EQ(old.reason, "template.superseded");
  EXPECT_THAT(old.mend, HasSubstr("WebServer2"));
  EXPECT_EQ(ask("WebServer2").disposition, Disposition::issued);
  ASSERT_TRUE(withdraw_template(bench.environment(), id, "WebServer2"));
  EXPECT_EQ(ask("WebServer").disposition, Disposition::issued);
  ASSERT_TRUE(publish_template(bench.environment(), id, "WebServer2"));
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer2", "supersedes", "[]", "root"));
  EXPECT_EQ(ask("WebServer").disposition, Disposition::issued) << "it replaces nothing any more";
}

// Without revocation_info, a certificate says nowhere where its CRL is; the issuer's key stays identified.
TEST(TemplateSwitches, RevocationInformationIsLeftOut) {
  TestBench bench;
  auto options = bench.root_options();
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  const auto authority = bench.open("Test Root");
  ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  const auto issued = [&] {
    return authority
        ->submit({bench.request("CN=a.example.com", {"DNS:a.example.com"}), "WebServer", "alice", "", {}})
        ->certificate;
  };
  const Buffer usual = issued();
  EXPECT_NE(x509::parse_certificate(usual)->find(x509::oid::kCrlDistributionPoints), nullptr);
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "revocation_info", "false", "root"));
  const Buffer without = issued();
  const auto view = x509::parse_certificate(without).value();
  EXPECT_EQ(view.find(x509::oid::kCrlDistributionPoints), nullptr);
  EXPECT_EQ(view.find(x509::oid::kAuthorityInfoAccess), nullptr);
  EXPECT_NE(view.find(x509::oid::kAuthorityKeyIdentifier), nullptr);
}

}  // namespace
}  // namespace vouch::ca
