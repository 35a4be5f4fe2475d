#include <gmock/gmock.h>

#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

using namespace testing_support;
using namespace x509::oid;
using testing::ElementsAre;
using testing::HasSubstr;

DirectoryIdentity alice() {
  DirectoryIdentity account;
  account.distinguished_name = "CN=Alice Example,OU=Staff,DC=corp,DC=example";
  account.common_name = "Alice Example";
  account.user_principal_name = "alice@corp.example";
  account.email = "alice@corp.example";
  account.sid = "S-1-5-21-1-2-3-1104";
  return account;
}

DirectoryIdentity controller() {
  DirectoryIdentity account;
  account.distinguished_name = "CN=DC1,OU=Domain Controllers,DC=corp,DC=example";
  account.common_name = "DC1";
  account.dns_name = "dc1.corp.example";
  account.domain_dns = "corp.example";
  account.service_principal_names = {"HOST/dc1.corp.example", "HOST/DC1",
                                     "ldap/dc1.corp.example/corp.example", "HTTP/www.corp.example:8080"};
  for (std::uint8_t i = 0; i < 16; ++i) account.object_guid.push_back(i);
  account.sid = "S-1-5-21-1-2-3-1000";
  return account;
}

// An enterprise CA that knows the account; the template builds all names from it.
struct AskedByAccount : Asked {
  explicit AskedByAccount(DirectoryIdentity account) {
    question.authority.enterprise = true;
    question.directory = std::move(account);
    certificate_template.subject.source = NameSource::directory;
    certificate_template.san.source = NameSource::directory;
    certificate_template.san.directory = {DirectoryName::dns};
    // What the request says is somebody else's name.
    subject = x509::make_name({{kCommonName, "administrator"}});
    extensions = {san({"DNS:other.corp.example"})};
  }
  std::string subject_of(const Decision& d) { return x509::to_rfc4514(d.plan.subject).value_or("?"); }
  std::vector<std::string> names_of(const Decision& d) {
    std::vector<std::string> texts;
    if (const x509::Extension* extension = find(d.plan, kSubjectAltName)) {
      const auto names = x509::parse_general_names(extension->value).value();
      for (const x509::GeneralName& name : names) texts.push_back(name.to_text());
    }
    return texts;
  }
};

TEST(DirectoryNamesTest, TheSubjectIsTheAccounts) {
  AskedByAccount asked(alice());
  asked.certificate_template.san.directory = {DirectoryName::upn};
  asked.certificate_template.subject.directory = DirectorySubject::common_name;
  EXPECT_EQ(asked.subject_of(asked.decide()), "CN=Alice Example");
  asked.certificate_template.subject.directory = DirectorySubject::path;
  EXPECT_EQ(asked.subject_of(asked.decide()), "CN=Alice Example,OU=Staff,DC=corp,DC=example");
  asked.certificate_template.subject.directory_email = true;
  EXPECT_THAT(asked.subject_of(asked.decide()), HasSubstr("alice@corp.example"));
}

TEST(DirectoryNamesTest, EachAlternativeNameIsTheAccounts) {
  AskedByAccount asked(controller());
  asked.certificate_template.subject.directory = DirectorySubject::dns;
  EXPECT_EQ(asked.subject_of(asked.decide()), "CN=dc1.corp.example");
  EXPECT_THAT(asked.names_of(asked.decide()), ElementsAre("DNS:dc1.corp.example"));
  asked.certificate_template.san.directory = {DirectoryName::domain_dns};
  EXPECT_THAT(asked.names_of(asked.decide()), ElementsAre("DNS:corp.example"));
  // Hosts of the service principals, each once, and no service's or host's short name that no client asks
  // for.
  asked.certificate_template.san.directory = {DirectoryName::spn};
  EXPECT_THAT(asked.names_of(asked.decide()),
              ElementsAre("DNS:dc1.corp.example", "DNS:DC1", "DNS:www.corp.example"));
  // MS-WCCE 3.2.2.6.2.1.4.5.9: otherName 1.3.6.1.4.1.311.25.1 with the GUID as an OCTET STRING.
  asked.certificate_template.san.directory = {DirectoryName::guid};
  EXPECT_THAT(asked.names_of(asked.decide()),
              ElementsAre("otherName:1.3.6.1.4.1.311.25.1:#0410000102030405060708090a0b0c0d0e0f"));
}

TEST(DirectoryNamesTest, UsersHaveUpnAndMail) {
  AskedByAccount asked(alice());
  asked.certificate_template.san.directory = {DirectoryName::upn, DirectoryName::email};
  EXPECT_THAT(asked.names_of(asked.decide()),
              ElementsAre("UPN:alice@corp.example", "email:alice@corp.example"));
}

TEST(DirectoryNamesTest, WhatTheAccountLacksIsNamed) {
  struct Row {
    DirectoryName name;
    const char* attribute;
  };
  for (const Row& row : {Row{DirectoryName::dns, "dNSHostName"}, Row{DirectoryName::upn, "userPrincipalName"},
                         Row{DirectoryName::email, "mail"}, Row{DirectoryName::spn, "servicePrincipalName"},
                         Row{DirectoryName::guid, "objectGUID"}, Row{DirectoryName::domain_dns, "domain"}}) {
    DirectoryIdentity bare;
    bare.common_name = "Bare";
    AskedByAccount asked(bare);
    asked.certificate_template.san.directory = {row.name};
    const Decision d = asked.decide();
    EXPECT_EQ(d.reason, "names.account");
    EXPECT_THAT(d.message, HasSubstr(row.attribute));
  }
}

// --- The security identifier

std::string sid_of(const Decision& d) {
  const x509::Extension* extension = find(d.plan, kMsNtdsCaSecurity);
  return extension == nullptr ? "" : x509::parse_sid(extension->value).value();
}

TEST(SecurityIdentifierTest, IsTheAccountsNotTheRequests) {
  AskedByAccount asked(alice());
  asked.certificate_template.san.directory = {DirectoryName::upn};
  asked.extensions.push_back(
      x509::make_extension(kMsNtdsCaSecurity, false, x509::encode_sid("S-1-5-21-1-2-3-500")));
  EXPECT_EQ(sid_of(asked.decide()), "S-1-5-21-1-2-3-1104");
}

TEST(SecurityIdentifierTest, IsLeftOutOnlyWhereNobodyLogsOn) {
  AskedByAccount asked(alice());
  asked.certificate_template.san.directory = {DirectoryName::email};
  asked.certificate_template.security_extension = false;
  asked.certificate_template.extended_key_usage = {kEmailProtection};
  EXPECT_EQ(sid_of(asked.decide()), "");
  // ESC9: the flag on a template to log on with is not heard.
  asked.certificate_template.extended_key_usage = {kEmailProtection, kClientAuth};
  const Decision d = asked.decide();
  EXPECT_EQ(sid_of(d), "S-1-5-21-1-2-3-1104");
  EXPECT_TRUE(std::ranges::any_of(
      d.trace, [](const TraceStep& s) { return s.rule == "identity.sid" && s.verdict == Verdict::changed; }));
}

TEST(SecurityIdentifierTest, DoesNotStandBesideNamesFromTheRequest) {
  Asked asked;
  asked.question.authority.enterprise = true;
  asked.question.directory = alice();
  EXPECT_EQ(sid_of(asked.decide()), "") << "the names are not this account's";
}

// --- What else templates say about extensions

TEST(TemplateExtensionsTest, IssuancePoliciesWithCpsAndNotice) {
  Asked asked;
  asked.certificate_template.issuance.policies = {
      {x509::Oid{1, 2, 3, 4}, "https://pki.example.com/cps", "For servers of Example only"},
      {x509::Oid{1, 2, 3, 5}, {}, {}}};
  const Decision d = asked.decide();
  const auto policies = x509::parse_certificate_policies(find(d.plan, kCertificatePolicies)->value).value();
  ASSERT_EQ(policies.size(), 2u);
  ASSERT_EQ(policies[0].qualifiers.size(), 2u);
  EXPECT_EQ(x509::cps_uri_of(policies[0].qualifiers[0]), "https://pki.example.com/cps");
  EXPECT_EQ(x509::notice_text_of(policies[0].qualifiers[1]), "For servers of Example only");
  EXPECT_TRUE(policies[1].qualifiers.empty());
}

TEST(TemplateExtensionsTest, ARequestChoosesAmongTheTemplatesPolicies) {
  Asked asked;
  asked.certificate_template.issuance.policies = {{x509::Oid{1, 2, 3, 4}, {}, {}},
                                                  {x509::Oid{1, 2, 3, 5}, {}, {}}};
  asked.certificate_template.issuance.from_request = true;
  asked.extensions.push_back(x509::make_extension(
      kCertificatePolicies, false,
      x509::encode_certificate_policies({{x509::Oid{1, 2, 3, 5}, {}}, {x509::Oid{1, 2, 9}, {}}})));
  const auto policies =
      x509::parse_certificate_policies(find(asked.decide().plan, kCertificatePolicies)->value).value();
  ASSERT_EQ(policies.size(), 1u);
  EXPECT_EQ(policies[0].policy, (x509::Oid{1, 2, 3, 5}));
}

TEST(TemplateExtensionsTest, PoliciesOfTheRequestHaveNoEffectByThemselves) {
  Asked asked;
  asked.extensions.push_back(x509::make_extension(
      kCertificatePolicies, false, x509::encode_certificate_policies({{x509::Oid{1, 2, 3, 5}, {}}})));
  EXPECT_EQ(find(asked.decide().plan, kCertificatePolicies), nullptr);
}

TEST(TemplateExtensionsTest, SwitchesLeaveOut) {
  Asked asked;
  EXPECT_TRUE(asked.decide().plan.revocation_info);
  EXPECT_NE(find(asked.decide().plan, kBasicConstraints), nullptr);
  asked.certificate_template.revocation_info = false;
  asked.certificate_template.basic_constraints = false;
  asked.certificate_template.san.critical = true;
  const Decision d = asked.decide();
  EXPECT_FALSE(d.plan.revocation_info);
  EXPECT_EQ(find(d.plan, kBasicConstraints), nullptr);
  EXPECT_TRUE(find(d.plan, kSubjectAltName)->critical);
}

TEST(TemplateExtensionsTest, SmimeCapabilitiesWhereTheTemplateTakesThem) {
  Asked asked;
  // RFC 4262 with AES-256-CBC: SEQUENCE { SEQUENCE { 2.16.840.1.101.3.4.1.42 } }
  const Buffer capabilities = from_hex("300d300b060960864801650304012a").value();
  asked.extensions.push_back(x509::make_extension(kSmimeCapabilities, false, capabilities));
  EXPECT_EQ(find(asked.decide().plan, kSmimeCapabilities), nullptr);
  asked.certificate_template.enrollment.smime_capabilities = true;
  EXPECT_EQ(find(asked.decide().plan, kSmimeCapabilities)->value, capabilities);
  asked.extensions.back().value = {0x30, 0x03, 0x02, 0x01, 0x00};
  asked.der.clear();
  EXPECT_EQ(find(asked.decide().plan, kSmimeCapabilities), nullptr) << "no list of algorithms";
}

}  // namespace
}  // namespace vouch::policy
