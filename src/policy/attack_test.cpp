// The known attacks on certificate templates, ESC1 to ESC17 of the field's list, each tried. What needs a
// directory, a network or a running authority is tried elsewhere: docs/threat-model.md says where.
#include <gmock/gmock.h>

#include "policy/decision_test_support.hpp"
#include "policy/directory_attributes.hpp"

namespace vouch::policy {
namespace {

using namespace testing_support;
using namespace x509::oid;
using testing::HasSubstr;

// What an attacker would like to hold: a certificate that logs him on as somebody else.
bool logs_on(const Decision& d) {
  if (d.action != Action::issue) return false;
  const x509::Extension* purposes = find(d.plan, kExtendedKeyUsage);
  if (purposes == nullptr) return true;  // good for everything
  const auto granted = x509::parse_extended_key_usage(purposes->value).value();
  for (const x509::Oid& purpose : granted)
    for (const x509::Oid& bad : {kClientAuth, kMsSmartCardLogon, kPkinitClientAuth, kPkinitKdc,
                                 kMsCertificateRequestAgent, kAnyExtendedKeyUsage})
      if (purpose == bad) return true;
  return false;
}

// ESC1: the enrollee names himself, the purpose logs on, nobody looks. Tried with every shipped template, in
// every kind of authority, with the names of an administrator in every place where a request can have them.
TEST(Esc1, NobodyNamesHimselfIntoALogon) {
  for (const CertificateTemplate& shipped : shipped_templates())
    for (const bool enterprise : {false, true})
      for (const bool without_approval : {false, true}) {
        if (shipped.ca) continue;
        Asked asked;
        asked.certificate_template = shipped;
        if (without_approval) asked.certificate_template.approval = false;  // as somebody might edit it
        asked.question.authority.enterprise = enterprise;
        asked.question.requester = "mallory@corp.example";
        asked.subject = x509::make_name({{kCommonName, "administrator"}});
        asked.extensions = {san({"DNS:dc1.corp.example"})};
        const Decision d = asked.decide();
        if (!logs_on(d)) continue;
        const std::string subject = x509::to_rfc4514(d.plan.subject).value();
        EXPECT_EQ(subject.find("administrator"), std::string::npos) << shipped.name;
        std::vector<x509::GeneralName> names;
        if (const x509::Extension* extension = find(d.plan, kSubjectAltName))
          names = x509::parse_general_names(extension->value).value();
        for (const x509::GeneralName& name : names)
          EXPECT_EQ(name.to_text().find("dc1"), std::string::npos) << shipped.name;
      }
}

TEST(Esc1, ATemplateThatAllowsItIsRefused) {
  CertificateTemplate t = shipped("WebServer");
  t.extended_key_usage = {kMsSmartCardLogon};
  EXPECT_THAT(check_template(t).error().message(), HasSubstr("(ESC1)"));
  t.extended_key_usage = {kClientAuth};
  t.san.allowed.push_back(SanType::upn);
  EXPECT_THAT(check_template(t).error().message(), HasSubstr("(ESC1)"));
}

// ESC1 by a renewal: an earlier certificate of one's own does not carry other names through.
TEST(Esc1, ARenewalDoesNotChangeTheName) {
  Asked asked;
  asked.use("ClientAuth");
  asked.certificate_template.enrollment.renew_without_approval = true;
  AuthorizedSignature earlier = signer("CN=mallory", {kClientAuth});
  earlier.template_name = "ClientAuth";
  asked.question.renews = earlier;
  asked.subject = x509::make_name({{kCommonName, "administrator"}});
  asked.extensions.clear();
  EXPECT_EQ(asked.decide().action, Action::pend);
}

TEST(Esc2, NoTemplateIsForAnyPurposeOrForNone) {
  for (const CertificateTemplate& base : shipped_templates()) {
    if (base.ca) continue;
    for (const bool any : {false, true}) {
      CertificateTemplate t = base;
      t.extended_key_usage.clear();
      if (any) t.extended_key_usage = {kAnyExtendedKeyUsage};
      EXPECT_FALSE(check_template(t)) << t.name;
    }
  }
  Asked asked;
  asked.without_template();
  EXPECT_EQ(asked.decide().reason, "purpose.missing");
  asked.extensions.push_back(purposes({kAnyExtendedKeyUsage}));
  asked.der.clear();
  EXPECT_EQ(asked.decide().reason, "purpose.any");
}

TEST(Esc3, AnAgentsCertificateNeedsSomebodyWhoSaysYes) {
  CertificateTemplate agent = shipped("ExchangeEnrollmentAgentOffline");
  agent.approval = false;
  EXPECT_THAT(check_template(agent).error().message(), HasSubstr("(ESC3)"));
  Asked asked;
  asked.without_template();
  asked.extensions.push_back(purposes({kMsCertificateRequestAgent}));
  EXPECT_EQ(asked.decide().reason, "purpose.privileged");
}

// A signature counts only with the purpose that the template names: a user's own certificate makes no agent.
TEST(Esc3, AUsersCertificateSignsNobodyElsesRequest) {
  Asked asked;
  asked.use("ClientAuth");
  asked.certificate_template.approval = false;
  asked.certificate_template.signatures = {1, {kMsCertificateRequestAgent}, {}};
  asked.question.signatures = {signer("CN=mallory", {kClientAuth, kEmailProtection})};
  EXPECT_EQ(asked.decide().reason, "signatures.purpose");
  asked.question.signatures = {signer("CN=mallory", {kAnyExtendedKeyUsage})};
  EXPECT_EQ(asked.decide().reason, "signatures.purpose");
}

TEST(Esc6, ASanAttributeBesideTheRequestIsNotRead) {
  for (const char* key : {"san", "SAN", "sAn"}) {
    Asked asked;
    asked.question.attributes = {{key, "upn=administrator@corp.example&dns=dc1.corp.example"}};
    const Decision d = asked.decide();
    ASSERT_EQ(d.action, Action::issue);
    const auto names = x509::parse_general_names(find(d.plan, kSubjectAltName)->value).value();
    ASSERT_EQ(names.size(), 1u);
    EXPECT_EQ(names[0].to_text(), "DNS:www.example.com");
  }
}

TEST(Esc9, TheSecurityIdentifierIsNotLeftOutWhereItMatters) {
  Asked asked;
  asked.question.authority.enterprise = true;
  DirectoryIdentity victim;
  victim.common_name = "mallory";
  victim.user_principal_name = "administrator@corp.example";  // swapped for a moment
  victim.sid = "S-1-5-21-1-2-3-1105";
  asked.question.directory = victim;
  asked.certificate_template.subject.source = NameSource::directory;
  asked.certificate_template.san.source = NameSource::directory;
  asked.certificate_template.san.directory = {DirectoryName::upn};
  asked.certificate_template.extended_key_usage = {kClientAuth};
  asked.certificate_template.security_extension = false;
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  ASSERT_NE(find(d.plan, kMsNtdsCaSecurity), nullptr);
  EXPECT_EQ(x509::parse_sid(find(d.plan, kMsNtdsCaSecurity)->value).value(), "S-1-5-21-1-2-3-1105");
}

// ESC13: an issuance policy that a directory links to a group makes its holder a member. Policies are the
// template's, and a request cannot bring one.
TEST(Esc13, IssuancePoliciesAreNotTakenFromTheRequest) {
  const x509::Oid linked{1, 3, 6, 1, 4, 1, 311, 21, 8, 99};
  for (const bool choose : {false, true}) {
    Asked asked;
    asked.certificate_template.issuance.policies = {{x509::Oid{1, 2, 3}, {}, {}}};
    asked.certificate_template.issuance.from_request = choose;
    asked.extensions.push_back(x509::make_extension(
        kCertificatePolicies, false,
        x509::encode_certificate_policies({{x509::Oid{1, 2, 3}, {}}, {linked, {}}, {kAnyPolicy, {}}})));
    const Decision d = asked.decide();
    ASSERT_EQ(d.action, Action::issue) << d.message;
    const auto policies = x509::parse_certificate_policies(find(d.plan, kCertificatePolicies)->value).value();
    ASSERT_EQ(policies.size(), 1u);
    EXPECT_EQ(policies[0].policy, (x509::Oid{1, 2, 3}));
  }
  CertificateTemplate any = shipped("WebServer");
  any.issuance.policies = {{kAnyPolicy, {}, {}}};
  EXPECT_THAT(check_template(any).error().message(), HasSubstr("anyPolicy"));
}

// ESC15 (CVE-2024-49019): application policies of the request override the purposes of a template of
// version 1.
TEST(Esc15, ApplicationPoliciesFollowFromThePurposesInEverySchemaVersion) {
  for (const std::uint32_t version : {1u, 2u, 3u, 4u}) {
    Asked asked;
    asked.certificate_template.schema_version = version;
    asked.extensions.push_back(x509::make_extension(
        kMsApplicationPolicies, false,
        x509::encode_certificate_policies({{kClientAuth, {}}, {kMsCertificateRequestAgent, {}}})));
    const Decision d = asked.decide();
    ASSERT_EQ(d.action, Action::issue);
    EXPECT_FALSE(logs_on(d));
    const x509::Extension* policies = find(d.plan, kMsApplicationPolicies);
    ASSERT_NE(policies, nullptr);
    const auto list = x509::parse_certificate_policies(policies->value).value();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].policy, kServerAuth);
  }
}

// ESC16: a list of extensions that the CA leaves out, with the security identifier on it. There is none: no
// member of a template and no setting of the authority turns it off for certificates that log on (ESC9 tries
// the one switch).
TEST(Esc16, NoSettingLeavesTheSecurityIdentifierOut) {
  const std::string settings = format_template(shipped("User"));
  for (const char* word : {"disable_extension", "disabled_extensions", "311.25.2"})
    EXPECT_EQ(settings.find(word), std::string::npos);
  CertificateTemplate t = shipped("User");
  EXPECT_FALSE(with_setting(t, "disabled_extensions", "[\"1.3.6.1.4.1.311.25.2\"]"));
}

// ESC17: a server certificate for a host that is not the requester's.
TEST(Esc17, ProtectedHostsAreNotIssuedFromARequestUnapproved) {
  struct Row {
    std::vector<std::string> names;
    const char* asked;
  };
  for (const Row& row :
       {Row{{"ca.corp.example"}, "DNS:ca.corp.example"}, Row{{"ca.corp.example"}, "DNS:CA.corp.EXAMPLE"},
        Row{{"ca.corp.example"}, "DNS:*.corp.example"}, Row{{"*.dc.corp.example"}, "DNS:a.b.dc.corp.example"},
        Row{{"*.dc.corp.example"}, "DNS:*.dc.corp.example"}}) {
    Asked asked;
    asked.subject = {};
    asked.extensions = {san({row.asked})};
    asked.question.authority.protected_names = row.names;
    EXPECT_EQ(asked.decide().reason, "names.protected") << row.asked;
  }
  Asked other;
  other.question.authority.protected_names = {"ca.corp.example", "*.dc.corp.example"};
  EXPECT_EQ(other.decide().action, Action::issue);
  // A name that the authority itself knows is no claim of the requester.
  Asked own;
  own.question.authority.enterprise = true;
  own.question.requester = "host/dc1.corp.example@CORP.EXAMPLE";
  own.use("Computer");
  own.extensions.clear();
  own.question.authority.protected_names = {"dc1.corp.example"};
  EXPECT_EQ(own.decide().action, Action::issue);
}

}  // namespace
}  // namespace vouch::policy
