#include "policy/certificate_template.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

namespace vouch::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kMinimal = R"(name = "Mine"
key_usage = ["digitalSignature"]
extended_key_usage = ["serverAuth"]

[subject]
source = "request"
allowed = ["CN"]

[san]
source = "request"
allowed = ["dns"]

[key]
types = ["P-256"]
)";

// kMinimal with one line put in at the top.
std::string with_line(std::string_view line) { return std::string(line) + "\n" + std::string(kMinimal); }

TEST(TemplateTest, ReadsMembersAndKeepsDefaults) {
  const auto t = parse_template(kMinimal, "mine.toml").value();
  EXPECT_EQ(t.name, "Mine");
  EXPECT_EQ(t.display_name, "Mine");
  EXPECT_EQ(t.key_usage, x509::digital_signature);
  EXPECT_EQ(t.extended_key_usage, std::vector<x509::Oid>{x509::oid::kServerAuth});
  EXPECT_EQ(t.subject.allowed, std::vector<x509::Oid>{x509::oid::kCommonName});
  EXPECT_EQ(t.key.types, std::vector<crypto::KeyType>{crypto::KeyType::p256});
  EXPECT_EQ(t.key.minimum_rsa_bits, 2048u);
  EXPECT_EQ(format_span(t.validity), "1y");
  EXPECT_FALSE(t.approval);
}

TEST(TemplateTest, WritesWhatItReads) {
  const auto t = parse_template(kMinimal, "mine.toml").value();
  const std::string text = format_template(t);
  const auto again = parse_template(text, "again").value();
  EXPECT_EQ(again, t);
  EXPECT_EQ(format_template(again), text);
}

TEST(TemplateTest, ReadsIssuancePolicies) {
  const auto t =
      parse_template(std::string(kMinimal) +
                         "[issuance]\npolicies = [\"1.2.3\", \"1.2.4 cps=https://a.example/cps\", "
                         "\"1.2.5 cps=https://a.example/cps notice=For servers only, cps=no uri\"]\n",
                     "mine.toml");
  ASSERT_TRUE(t) << t.error().report();
  const std::vector<IssuancePolicy> expected{
      {x509::Oid{1, 2, 3}, "", ""},
      {x509::Oid{1, 2, 4}, "https://a.example/cps", ""},
      {x509::Oid{1, 2, 5}, "https://a.example/cps", "For servers only, cps=no uri"}};
  EXPECT_EQ(t->issuance.policies, expected);
  EXPECT_EQ(parse_template(format_template(*t), "again").value(), *t);
}

struct BadTemplate {
  const char* name;
  std::string text;
  const char* message;
};
void PrintTo(const BadTemplate& row, std::ostream* out) { *out << row.name; }
class BadTemplateTest : public testing::TestWithParam<BadTemplate> {};

TEST_P(BadTemplateTest, IsRefusedWithLineAndAdvice) {
  const auto result = parse_template(GetParam().text, "t.toml");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().report(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Template, BadTemplateTest,
    testing::Values(
        BadTemplate{"NoToml", "name = ", "t.toml:1"},
        BadTemplate{
            "UnknownMember", with_line("\nvaldity = \"1y\""),
            "unknown member 'valdity' [malformed]\n  while reading t.toml:2\nhint: did you mean 'validity'?"},
        BadTemplate{"UnknownInTable", std::string(kMinimal) + "typs = []\n", "did you mean 'key.types'?"},
        BadTemplate{"UnknownTable", std::string(kMinimal) + "[subjekt]\nsource = \"none\"\n",
                    "did you mean 'subject'?"},
        BadTemplate{"UnknownWithoutNeighbour", with_line("quite_another = 1"),
                    "known here: name, display_name"},
        BadTemplate{"TableAsValue", "name = \"a\"\nsan = 1\n", "t.toml:2: san"},
        BadTemplate{"TextForNumber", with_line("major = \"1\""), "t.toml:1: major"},
        BadTemplate{"NumberTooLarge", with_line("major = 99999999999"), "0 to 2147483647"},
        BadTemplate{"Negative", with_line("minor = -1"), "0 to 2147483647"},
        BadTemplate{"NumberForText", with_line("description = 1"), "expected text, found a whole number"},
        BadTemplate{"TextForBool", with_line("approval = \"yes\""), "expected true or false, found text"},
        BadTemplate{"UnknownWord", with_line("purpose = \"signing\""),
                    "'signing' is not one of signature, encryption"},
        BadTemplate{"BadSpan", with_line("validity = \"1 year\""), "'1 year' is not a span of time"},
        BadTemplate{"ZeroSpan", with_line("validity = \"0d\""), "'0d' is not a span of time"},
        BadTemplate{"BadOid", with_line("oid = \"1.2.x\""), "'1.2.x' is neither"},
        BadTemplate{"DoubleInList", "name = \"a\"\n[key]\ntypes = [\"rsa\", \"RSA\"]\n",
                    "names something twice"},
        BadTemplate{"PolicyNumber", std::string(kMinimal) + "[issuance]\npolicies = [\"x\"]\n",
                    "issuance.policies"},
        BadTemplate{"PolicyCps", std::string(kMinimal) + "[issuance]\npolicies = [\"1.2.3 cps=nowhere\"]\n",
                    "the cps of policy '1.2.3' has no scheme"},
        BadTemplate{"PolicyNotice",
                    std::string(kMinimal) +
                        "[issuance]\npolicies = [\"1.2.3 notice=" + std::string(201, 'x') + "\"]\n",
                    "the notice of policy '1.2.3' is no text of 1 to 200 characters"},
        BadTemplate{"PolicyAsNumber", std::string(kMinimal) + "[issuance]\npolicies = [1]\n",
                    "expected an issuance policy such as"},
        BadTemplate{"UnknownUsage", "key_usage = [\"signing\"]\n", "t.toml:1: key_usage"},
        BadTemplate{"NoName", "key_usage = [\"digitalSignature\"]\n", "a template needs a name"}),
    [](const auto& row) { return row.param.name; });

// --- What no template may say.

struct Unsafe {
  const char* name;
  void (*change)(CertificateTemplate&);
  const char* message;
};
void PrintTo(const Unsafe& row, std::ostream* out) { *out << row.name; }
class UnsafeTest : public testing::TestWithParam<Unsafe> {};

CertificateTemplate shipped(std::string_view name) {
  for (CertificateTemplate& t : shipped_templates())
    if (t.name == name) return std::move(t);
  return {};
}

TEST_P(UnsafeTest, IsDeniedWithAdvice) {
  CertificateTemplate unsafe = shipped("WebServer");
  ASSERT_TRUE(check_template(unsafe));
  GetParam().change(unsafe);
  const Status status = check_template(unsafe);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().summary(), HasSubstr(GetParam().message));
  // Whatever is refused is refused as text too: nobody gets it in by a file.
  EXPECT_FALSE(parse_template(format_template(unsafe), "unsafe"));
}

using namespace x509::oid;
using T = CertificateTemplate;

INSTANTIATE_TEST_SUITE_P(
    Template, UnsafeTest,
    testing::Values(
        Unsafe{"NoName", [](T& c) { c.name = ""; }, "a template needs a name"},
        Unsafe{"DisplayNameAsName", [](T& c) { c.name = "Web Server"; }, "a template needs a name"},
        Unsafe{"LongName", [](T& c) { c.name = std::string(65, 'a'); }, "a template needs a name"},
        Unsafe{"PathAsName", [](T& c) { c.name = "../x"; }, "a template needs a name"},
        Unsafe{"SchemaVersion", [](T& c) { c.schema_version = 5; }, "schema_version 5"},
        Unsafe{"NoUsage", [](T& c) { c.key_usage = 0; }, "key_usage is empty"},
        Unsafe{"Renewal", [](T& c) { c.renewal_period = c.validity; }, "renewal_period (1y) is not shorter"},
        Unsafe{"Esc2NoPurpose", [](T& c) { c.extended_key_usage.clear(); }, "good for every purpose"},
        Unsafe{"Esc2AnyPurpose", [](T& c) { c.extended_key_usage.push_back(kAnyExtendedKeyUsage); },
               "anyExtendedKeyUsage"},
        Unsafe{"Esc2AnyPurposeWithApproval",
               [](T& c) {
                 c.extended_key_usage = {kAnyExtendedKeyUsage};
                 c.approval = true;
               },
               "anyExtendedKeyUsage"},
        Unsafe{"NoCheckWithoutOcsp", [](T& c) { c.ocsp_no_check = true; },
               "ocsp_no_check belongs to OCSPSigning"},
        Unsafe{"OcspBesideOthers", [](T& c) { c.extended_key_usage.push_back(kOcspSigning); },
               "OCSPSigning stands beside"},
        Unsafe{"KeyCertSign", [](T& c) { c.key_usage |= x509::key_cert_sign; }, "for CAs only"},
        Unsafe{"CrlSign", [](T& c) { c.key_usage |= x509::crl_sign; }, "for CAs only"},
        Unsafe{"PathLength", [](T& c) { c.path_length = 0; }, "path_length is for CAs only"},
        Unsafe{"CaWithoutApproval",
               [](T& c) {
                 c = shipped("SubCA");
                 c.approval = false;
               },
               "must not be issued without approval"},
        Unsafe{"CaWithoutKeyCertSign",
               [](T& c) {
                 c = shipped("SubCA");
                 c.key_usage = x509::digital_signature;
               },
               "a CA needs keyCertSign"},
        Unsafe{"CaWithoutSubject",
               [](T& c) {
                 c = shipped("SubCA");
                 c.subject.may_be_empty = true;
               },
               "a CA needs a subject"},
        Unsafe{"NoKeys", [](T& c) { c.key.types.clear(); }, "key.types is empty"},
        Unsafe{"SmallRsa", [](T& c) { c.key.minimum_rsa_bits = 1024; }, "key.minimum_rsa_bits is 1024"},
        Unsafe{"HugeRsa", [](T& c) { c.key.minimum_rsa_bits = 65536; }, "key.minimum_rsa_bits is 65536"},
        Unsafe{"SignatureThatEncrypts", [](T& c) { c.purpose = Purpose::signature; }, "key_usage encrypts"},
        Unsafe{"EncryptionThatSigns", [](T& c) { c.purpose = Purpose::encryption; }, "key_usage signs"},
        Unsafe{"EncipherOnlyAlone", [](T& c) { c.key_usage |= x509::encipher_only; }, "without keyAgreement"},
        Unsafe{"FixedSubjectSyntax",
               [](T& c) {
                 c.subject.source = NameSource::fixed;
                 c.subject.fixed = "no name";
               },
               "subject.fixed"},
        Unsafe{"FixedSubjectVariable",
               [](T& c) {
                 c.subject.source = NameSource::fixed;
                 c.subject.fixed = "CN={who}";
               },
               "no variable {who}"},
        Unsafe{"FixedSubjectEmpty", [](T& c) { c.subject.source = NameSource::fixed; }, "subject.fixed"},
        Unsafe{"FixedSanVariable",
               [](T& c) {
                 c.san.source = NameSource::fixed;
                 c.san.fixed = {"DNS:{host}"};
               },
               "no variable {host}"},
        Unsafe{"FixedSanSyntax",
               [](T& c) {
                 c.san.source = NameSource::fixed;
                 c.san.fixed = {"{dns}"};
               },
               "san.fixed"},
        Unsafe{"FixedSanEmpty", [](T& c) { c.san.source = NameSource::fixed; }, "san.fixed is empty"},
        Unsafe{"NoNamesAtAll",
               [](T& c) {
                 c.subject.source = NameSource::none;
                 c.san.source = NameSource::none;
               },
               "a certificate of nobody"},
        Unsafe{"RequiredNotAllowed", [](T& c) { c.subject.required = {kUid}; }, "subject.required has UID"},
        Unsafe{"SanRequiredNotAllowed", [](T& c) { c.san.required = {SanType::uri}; }, "san.required"},
        Unsafe{"Esc1SmartCard", [](T& c) { c.extended_key_usage.push_back(kMsSmartCardLogon); }, "(ESC1)"},
        Unsafe{"Esc1Pkinit", [](T& c) { c.extended_key_usage = {kPkinitClientAuth}; }, "(ESC1)"},
        Unsafe{"Esc1Kdc", [](T& c) { c.extended_key_usage = {kPkinitKdc}; }, "(ESC1)"},
        Unsafe{"Esc1UpnFromRequest", [](T& c) { c.san.allowed.push_back(SanType::upn); },
               "log on with (ESC1)"},
        Unsafe{"Esc1PkinitName", [](T& c) { c.san.allowed.push_back(SanType::pkinit); },
               "log on with (ESC1)"},
        Unsafe{"Esc1OtherName", [](T& c) { c.san.allowed.push_back(SanType::other); }, "log on with (ESC1)"},
        Unsafe{"Esc1CommonNameAsUpn",
               [](T& c) {
                 c.extended_key_usage = {kMsSmartCardLogon};
                 c.subject.source = NameSource::fixed;
                 c.subject.fixed = "CN={requester}";
                 c.san.source = NameSource::fixed;
                 c.san.fixed = {"UPN:{cn}@example.com"};
               },
               "(ESC1)"},
        Unsafe{"CrossCaWithoutCa", [](T& c) { c.cross_ca = true; }, "cross_ca is for CAs only"},
        Unsafe{"SupersedesItself", [](T& c) { c.supersedes = {c.name}; },
               "supersedes names the template itself"},
        Unsafe{"SupersedesNothing", [](T& c) { c.supersedes = {""}; },
               "supersedes names the template itself"},
        Unsafe{"SmallExponent", [](T& c) { c.key.minimum_exponent = 1; }, "key.minimum_exponent is 1"},
        Unsafe{"VersionOfCas", [](T& c) { c.client.minimum_ca_version = 16; }, "numbers from 0 to 15"},
        Unsafe{"VersionOfClients", [](T& c) { c.client.minimum_client_version = 16; },
               "numbers from 0 to 15"},
        Unsafe{"NotKeptInTheDatabase", [](T& c) { c.directory.other_flags = 0x1000; },
               "are not kept in the database"},
        Unsafe{"NoNameOfTheDirectory", [](T& c) { c.san.source = NameSource::directory; },
               "san.directory is empty"},
        Unsafe{"PolicyTwice",
               [](T& c) {
                 c.issuance.policies = {{x509::Oid{1, 2, 3}, "http://a.example/", {}},
                                        {x509::Oid{1, 2, 3}, {}, {}}};
               },
               "has 1.2.3 twice"},
        Unsafe{"Esc13AnyPolicy", [](T& c) { c.issuance.policies = {{kAnyPolicy, {}, {}}}; }, "anyPolicy"},
        Unsafe{"ChoiceAmongNothing", [](T& c) { c.issuance.from_request = true; }, "which is empty"},
        Unsafe{"SignersWithoutCount", [](T& c) { c.signatures.application_policies = {kClientAuth}; },
               "signatures.count is 0"},
        Unsafe{"ManySigners", [](T& c) { c.signatures.count = 17; }, "signatures.count is 17"},
        Unsafe{"Esc1SignersWithoutPurpose",
               [](T& c) {
                 c.extended_key_usage = {kMsSmartCardLogon};
                 c.signatures.count = 1;
               },
               "(ESC1)"},
        Unsafe{"Esc3RequestAgent",
               [](T& c) {
                 c.extended_key_usage = {kMsCertificateRequestAgent};
                 c.subject.source = NameSource::fixed;
                 c.subject.fixed = "CN={requester}";
                 c.san.source = NameSource::none;
               },
               "(ESC3)"}),
    [](const auto& row) { return row.param.name; });

// --- Settings

TEST(SettingTest, TakesTomlAndPlainText) {
  const auto t = shipped("WebServer");
  EXPECT_EQ(format_span(with_setting(t, "validity", "90d")->validity), "90d");
  EXPECT_EQ(format_span(with_setting(t, "validity", "\"90d\"")->validity), "90d");
  EXPECT_EQ(with_setting(t, "key.types", "[\"rsa\", \"P-256\"]")->key.types,
            (std::vector{crypto::KeyType::rsa, crypto::KeyType::p256}));
  EXPECT_EQ(with_setting(t, "approval", "true")->approval, true);
  EXPECT_EQ(with_setting(t, "key.minimum_rsa_bits", "3072")->key.minimum_rsa_bits, 3072u);
  EXPECT_EQ(with_setting(t, "description", "Web, the \"inner\" one")->description, "Web, the \"inner\" one");
  EXPECT_EQ(with_setting(t, "description", "1")->description, "1");
  EXPECT_EQ(with_setting(t, "subject.source", "none")->subject.source, NameSource::none);
  EXPECT_EQ(with_setting(shipped("SubCA"), "path_length", "0")->path_length, 0u);
  EXPECT_EQ(with_setting(with_setting(shipped("SubCA"), "path_length", "0").value(), "path_length", "")
                ->path_length,
            std::nullopt);
}

TEST(SettingTest, RefusesWhatTheWholeTemplateRefuses) {
  const auto t = shipped("ClientAuth");
  EXPECT_THAT(with_setting(t, "extended_key_usage", "[\"smartcardLogon\", \"clientAuth\"]")
                  .value()
                  .extended_key_usage,
              testing::SizeIs(2));
  const auto result = with_setting(shipped("WebServer"), "extended_key_usage", "[]");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::denied);
}

TEST(SettingTest, NamesWhatWasProbablyMeant) {
  const auto t = shipped("WebServer");
  EXPECT_THAT(with_setting(t, "valdity", "90d").error().report(), HasSubstr("did you mean 'validity'?"));
  EXPECT_THAT(with_setting(t, "key.type", "[]").error().report(), HasSubstr("did you mean 'key.types'?"));
  EXPECT_THAT(with_setting(t, "keys.types", "[]").error().report(), HasSubstr("unknown member 'keys.types'"));
  EXPECT_THAT(with_setting(t, "subject", "{}").error().report(), HasSubstr("unknown member 'subject'"));
  EXPECT_THAT(with_setting(t, "approval", "yes").error().report(), HasSubstr("setting approval"));
  EXPECT_FALSE(with_setting(t, "approval", "true\nmachine = true"));
  EXPECT_FALSE(with_setting(t, "approval", ""));
}

// --- The shipped ones

TEST(ShippedTest, AreTheTwelveOfTheRequirements) {
  std::vector<std::string> names;
  for (const CertificateTemplate& t : shipped_templates()) names.push_back(t.name);
  EXPECT_THAT(names,
              testing::ElementsAre("SubCA", "WebServer", "ClientAuth", "ServerAndClientAuth", "ScepDevice",
                                   "CepEncryption", "ExchangeEnrollmentAgentOffline", "OcspResponseSigning",
                                   "DomainController", "SmartcardLogon", "User", "Computer"));
}

TEST(ShippedTest, AreSafeAndReadBack) {
  std::set<std::string> display_names;
  for (const CertificateTemplate& t : shipped_templates()) {
    const Status status = check_template(t);
    EXPECT_TRUE(status) << t.name << ": " << (status ? "" : status.error().report());
    const auto again = parse_template(format_template(t), t.name);
    ASSERT_TRUE(again) << again.error().report();
    EXPECT_EQ(*again, t) << t.name;
    EXPECT_TRUE(display_names.insert(t.display_name).second);
    EXPECT_FALSE(t.description.empty()) << t.name;
    EXPECT_GE(t.schema_version, 2u) << t.name << ": ESC15 lives on version 1";
    EXPECT_FALSE(t.key_reuse);
  }
}

TEST(ShippedTest, NothingThatLogsOnTakesItsNamesFromARequestUnapproved) {
  for (const CertificateTemplate& t : shipped_templates()) {
    const bool logs_on = std::ranges::any_of(t.extended_key_usage, [](const x509::Oid& purpose) {
      return purpose == kClientAuth || purpose == kMsSmartCardLogon || purpose == kPkinitClientAuth ||
             purpose == kPkinitKdc || purpose == kMsCertificateRequestAgent;
    });
    const bool from_request = t.subject.source == NameSource::request || t.san.source == NameSource::request;
    EXPECT_TRUE(!logs_on || !from_request || t.approval) << t.name;
  }
}

// --- The reference page: what it shows must be true.

std::string page() {
  std::ifstream in("docs/reference/template.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TemplatePageTest, ItsExamplesAreTemplates) {
  const std::string text = page();
  std::size_t examples = 0;
  for (std::size_t at = text.find("```toml\n"); at != std::string::npos; at = text.find("```toml\n", at)) {
    at += 8;
    const std::size_t end = text.find("```", at);
    ASSERT_NE(end, std::string::npos);
    const auto t = parse_template(text.substr(at, end - at), "docs/reference/template.md");
    EXPECT_TRUE(t) << (t ? "" : t.error().report());
    ++examples;
    at = end;
  }
  EXPECT_GE(examples, 2u);
}

TEST(TemplatePageTest, ItExplainsEveryMemberAndNoOther) {
  const std::string text = page();
  std::set<std::string> members;
  const Value description = describe_template(shipped("SubCA"));
  for (const auto& [name, value] : *description.members()) {
    if (value.members() == nullptr)
      members.insert(name);
    else
      for (const auto& [inner, ignored] : *value.members()) members.insert(name + "." + inner);
  }
  std::set<std::string> explained;
  for (std::size_t at = text.find("\n| `"); at != std::string::npos; at = text.find("\n| `", at + 1))
    explained.insert(text.substr(at + 4, text.find('`', at + 4) - at - 4));
  EXPECT_EQ(explained, members);
}

}  // namespace
}  // namespace vouch::policy
