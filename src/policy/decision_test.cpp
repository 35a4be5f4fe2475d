#include "policy/decision.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <random>
#include <regex>
#include <set>

#include "base/pem.hpp"
#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

using namespace testing_support;
using namespace x509::oid;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using x509::SignatureAlgorithm;

const TraceStep* step(const Decision& decision, std::string_view rule) {
  for (const TraceStep& s : decision.trace)
    if (s.rule == rule) return &s;
  return nullptr;
}
Verdict verdict(const Decision& decision, std::string_view rule) {
  const TraceStep* s = step(decision, rule);
  EXPECT_NE(s, nullptr) << rule << " was not asked:\n" << explain_trace(decision.trace);
  return s == nullptr ? Verdict::denied : s->verdict;
}
std::vector<std::string> san_of(const Plan& plan) {
  std::vector<std::string> texts;
  if (const x509::Extension* extension = find(plan, kSubjectAltName)) {
    const auto names = x509::parse_general_names(extension->value).value();
    for (const x509::GeneralName& name : names) texts.push_back(name.to_text());
  }
  return texts;
}
std::vector<x509::Oid> purposes_of(const Plan& plan) {
  const x509::Extension* extension = find(plan, kExtendedKeyUsage);
  return extension == nullptr ? std::vector<x509::Oid>()
                              : x509::parse_extended_key_usage(extension->value).value();
}
std::uint16_t usage_of(const Plan& plan) {
  return x509::parse_key_usage(find(plan, kKeyUsage)->value).value();
}
bool is_ca(const Plan& plan) {
  return x509::parse_basic_constraints(find(plan, kBasicConstraints)->value)->ca;
}

TEST(DecisionTest, IssuesWhatTheTemplateSays) {
  Asked asked;
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_EQ(d.reason, "");
  EXPECT_EQ(d.plan.subject, x509::encode_name(asked.subject));
  EXPECT_EQ(d.plan.public_key_info, asked.key);
  EXPECT_EQ(format_time(d.plan.not_before), "2026-11-23T10:00:00Z") << "no backdating";
  EXPECT_EQ(format_time(d.plan.not_after), "2027-11-23T10:00:00Z");
  EXPECT_THAT(san_of(d.plan), testing::ElementsAre("DNS:www.example.com"));
  EXPECT_FALSE(find(d.plan, kSubjectAltName)->critical);
  EXPECT_THAT(purposes_of(d.plan), testing::ElementsAre(kServerAuth));
  EXPECT_EQ(usage_of(d.plan), x509::digital_signature) << "an EC key enciphers nothing";
  EXPECT_FALSE(is_ca(d.plan));
  EXPECT_TRUE(find(d.plan, kBasicConstraints)->critical);
  EXPECT_TRUE(find(d.plan, kKeyUsage)->critical);
  EXPECT_EQ(find(d.plan, kSubjectKeyIdentifier)->value,
            x509::encode_subject_key_identifier(Buffer(20, 0x5a)));
  const auto information =
      x509::parse_template_information(find(d.plan, kMsCertificateTemplate)->value).value();
  EXPECT_EQ(information.id, asked.certificate_template.oid);
  EXPECT_EQ(information.major, 100u);
  const auto policies = x509::parse_certificate_policies(find(d.plan, kMsApplicationPolicies)->value).value();
  ASSERT_EQ(policies.size(), 1u);
  EXPECT_EQ(policies[0].policy, kServerAuth);
  EXPECT_EQ(find(d.plan, kOcspNoCheck), nullptr);
  for (const TraceStep& s : d.trace) EXPECT_EQ(s.verdict, Verdict::passed) << s.rule;
}

TEST(DecisionTest, RsaKeysEncipher) {
  Asked asked;
  asked.key = rsa_key(2048);
  EXPECT_EQ(usage_of(asked.decide().plan), x509::digital_signature | x509::key_encipherment);
}

// `fixed` is cached per template version by the caller, so nothing of a request may get into it.
TEST(DecisionTest, FixedExtensionsAreTheSameForAllRequestsOfATemplate) {
  Asked one, two;
  two.key = rsa_key(3072);
  two.subject = {};
  two.extensions = {san({"DNS:a.example", "IP:192.0.2.1"}), usage(x509::digital_signature),
                    purposes({kClientAuth})};
  const Decision a = one.decide(), b = two.decide();
  ASSERT_EQ(b.action, Action::issue) << b.message;
  EXPECT_EQ(a.plan.fixed, b.plan.fixed);
}

TEST(DecisionTest, IsDeterministic) {
  Asked asked;
  asked.extensions.push_back(basic_constraints(true));
  const Decision a = asked.decide(), b = asked.decide();
  EXPECT_EQ(a.trace, b.trace);
  EXPECT_EQ(a.plan.variable, b.plan.variable);
  EXPECT_EQ(a.plan.fixed, b.plan.fixed);
  EXPECT_EQ(a.plan.not_after, b.plan.not_after);
}

// --- One row for each reason to refuse.

struct Denied {
  const char* name;
  void (*change)(Asked&);
  const char* reason;
  const char* message;
};
void PrintTo(const Denied& row, std::ostream* out) { *out << row.name; }
class DeniedTest : public testing::TestWithParam<Denied> {};

TEST_P(DeniedTest, NamesRuleExpectedReceivedAndMend) {
  Asked asked;
  GetParam().change(asked);
  const Decision d = asked.decide();
  EXPECT_EQ(d.action, Action::deny);
  EXPECT_EQ(d.reason, GetParam().reason) << d.message;
  EXPECT_THAT(d.message, HasSubstr(GetParam().message));
  EXPECT_THAT(d.mend, Not(IsEmpty()));
  ASSERT_FALSE(d.trace.empty());
  EXPECT_EQ(d.trace.back().verdict, Verdict::denied);
  EXPECT_EQ(d.trace.back().rule, d.reason);
  EXPECT_THAT(d.trace.back().expected, Not(IsEmpty()));
  EXPECT_EQ(d.trace.back().mend, d.mend);
  EXPECT_TRUE(d.plan.fixed.empty() && d.plan.variable.empty() && d.plan.subject.empty())
      << "a refusal plans nothing";
}

const std::vector<Denied>& denied_rows() {
  static const std::vector<Denied> rows{
        Denied{"Version",
               [](Asked& a) {
                 a.der = to_buffer(a.request().whole);
                 a.der[a.der.size() > 130 ? 8 : 6] = 1;
               },
               "request.version", "PKCS #10 version 1 (encoded as 0), received 1"},
        Denied{"Proof",
               [](Asked& a) {
                 a.question.proof_of_possession = make_error(Errc::denied, "the signature does not fit");
               },
               "request.proof", "received the signature does not fit"},
        Denied{"WeakDigest", [](Asked& a) { a.algorithm = SignatureAlgorithm::rsa_pkcs1_sha1; },
               "request.algorithm", "received sha1WithRSAEncryption"},
        Denied{"UnknownTemplate",
               [](Asked& a) {
                 a.question.certificate_template = nullptr;
                 a.question.template_name = "Webserver2";
               },
               "template.known", "received 'Webserver2'"},
        Denied{"NoTemplateInEnterprise",
               [](Asked& a) {
                 a.without_template();
                 a.question.authority.enterprise = true;
               },
               "template.needed", "by templates only"},
        Denied{"Unpublished", [](Asked& a) { a.question.template_published = false; }, "template.published",
               "expected a template that CA 'Test CA' publishes, received 'WebServer'"},
        Denied{"ConflictByName",
               [](Asked& a) {
                 a.extensions.push_back(
                     x509::make_extension(kMsTemplateName, false, x509::encode_template_name("User")));
               },
               "template.conflict", "expected 'WebServer', received 'User'"},
        Denied{"ConflictByOid",
               [](Asked& a) {
                 a.extensions.push_back(
                     x509::make_extension(kMsCertificateTemplate, false,
                                          x509::encode_template_information({x509::Oid{1, 2, 3}, 100, 0})));
               },
               "template.conflict", "received 1.2.3"},
        Denied{"KeyForm",
               [](Asked& a) {
                 a.key = {0x30, 0x0a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6f, 0x03, 0x01, 0x00};
               },
               "key.form", "the public key cannot be used"},
        Denied{"KeyType", [](Asked& a) { a.certificate_template.key.types = {crypto::KeyType::rsa}; },
               "key.type", "expected RSA, received P-256"},
        Denied{"KeySmall", [](Asked& a) { a.key = rsa_key(1024); }, "key.size",
               "expected RSA with 2048 to 16384 bits, received RSA with 1024 bits"},
        Denied{"KeySmallForTemplate",
               [](Asked& a) {
                 a.key = rsa_key(2048);
                 a.certificate_template.key.minimum_rsa_bits = 3072;
               },
               "key.size", "RSA with 3072 to"},
        Denied{"KeySmallWithoutTemplate",
               [](Asked& a) {
                 a.without_template();
                 a.key = rsa_key(2040);
               },
               "key.size", "received RSA with 2040 bits"},
        Denied{"KeyHuge", [](Asked& a) { a.key = rsa_key(32768); }, "key.size", "the key is too large"},
        Denied{"ExponentEven", [](Asked& a) { a.key = rsa_key(2048, Buffer{0x01, 0x00, 0x00}); },
               "key.exponent", "received exponent 0x010000"},
        Denied{"ExponentOne", [](Asked& a) { a.key = rsa_key(2048, Buffer{0x01}); }, "key.exponent",
               "exponent 0x01"},
        Denied{"ExponentHuge", [](Asked& a) { a.key = rsa_key(2048, Buffer(200, 0x7f)); }, "key.exponent",
               "RSA key is malformed"},
        Denied{"ModulusEven",
               [](Asked& a) {
                 Buffer modulus(256, 0xc4);
                 a.key = x509::encode_rsa_public_key_info(modulus, Buffer{1, 0, 1});
               },
               "key.exponent", "received an even modulus"},
        Denied{"PointCompressed",
               [](Asked& a) {
                 Buffer point(33, 0x11);
                 point[0] = 0x02;
                 a.key = x509::encode_ec_public_key_info(x509::KeyType::p256, point);
               },
               "key.point", "a compressed point"},
        Denied{"SubjectType",
               [](Asked& a) { a.subject.rdns.push_back({x509::make_attribute(kUid, "root")}); },
               "subject.type", "received UID"},
        Denied{"SubjectTypeWithoutTemplate",
               [](Asked& a) {
                 a.without_template();
                 a.extensions.push_back(purposes({kServerAuth}));
                 a.subject.rdns.push_back({x509::make_attribute(x509::Oid{1, 2, 3, 4}, "x")});
               },
               "subject.type", "received 1.2.3.4"},
        Denied{"SubjectTooLong",
               [](Asked& a) { a.subject = x509::make_name({{kCommonName, std::string(65, 'a')}}); },
               "subject.value", "CN (2.5.4.3) is longer than its type allows: expected at most 64"},
        Denied{"SubjectEmptyValue", [](Asked& a) { a.subject = x509::make_name({{kCommonName, ""}}); },
               "subject.value", "is empty"},
        Denied{"SubjectControl", [](Asked& a) { a.subject = x509::make_name({{kCommonName, "a\nb"}}); },
               "subject.value", "has a control character"},
        Denied{"SubjectCountry", [](Asked& a) { a.subject = x509::make_name({{kCountry, "Germany"}}); },
               "subject.value", "is not two capital letters"},
        Denied{"SubjectOctets", [](Asked& a) { a.subject.rdns[0][0].value = {0xff, 0xfe}; }, "subject.value",
               "do not belong to its string type"},
        Denied{"SubjectForm",
               [](Asked& a) {
                 x509::RelativeName many(17, x509::make_attribute(kCommonName, "a"));
                 a.subject.rdns = {many};
               },
               "subject.form", "the subject cannot be read"},
        Denied{"SubjectRequired", [](Asked& a) { a.certificate_template.subject.required = {kOrganization}; },
               "subject.required", "expected O (2.5.4.10), received CN=www.example.com"},
        Denied{"SubjectEmpty",
               [](Asked& a) {
                 a.subject = {};
                 a.certificate_template.subject.may_be_empty = false;
               },
               "subject.empty", "the subject is empty"},
        Denied{"Nobody",
               [](Asked& a) {
                 a.subject = {};
                 a.extensions.clear();
               },
               "subject.empty", "would name nobody"},
        Denied{"SubjectFixed",
               [](Asked& a) {
                 a.use("Computer");
                 a.question.requester = "alice";
               },
               "subject.fixed", "nothing is known for {dns} of requester 'alice'"},
        Denied{"SubjectFixedTooLong",
               [](Asked& a) {
                 a.use("User");
                 a.question.requester = std::string(65, 'x');
               },
               "subject.fixed", "longer than its type allows"},
        Denied{"SanForm", [](Asked& a) { a.extensions[0].value = {0x30, 0x03, 0x87, 0x01, 0x01}; },
               "san.form", "iPAddress of 1 octets"},
        Denied{"SanType", [](Asked& a) { a.extensions = {san({"DNS:a.example", "email:a@b.example"})}; },
               "san.type", "expected DNS names, IP addresses, received email:a@b.example"},
        Denied{"SanSyntaxDns", [](Asked& a) { a.extensions = {san({"DNS:a_b.example"})}; }, "san.syntax",
               "has an underscore"},
        Denied{"SanSyntaxWildcard", [](Asked& a) { a.extensions = {san({"DNS:*.com"})}; }, "san.syntax",
               "top-level domain"},
        Denied{"SanSyntaxAddressAsDns", [](Asked& a) { a.extensions = {san({"DNS:192.0.2.1"})}; },
               "san.syntax", "like an IP address"},
        Denied{"SanSyntaxEmail",
               [](Asked& a) {
                 a.use("ClientAuth");
                 a.extensions = {san({"email:nobody"})};
               },
               "san.syntax", "has no @"},
        Denied{"SanSyntaxUri",
               [](Asked& a) {
                 a.use("ClientAuth");
                 a.extensions = {san({"URI:nothing"})};
               },
               "san.syntax", "has no scheme"},
        Denied{"SanRequired", [](Asked& a) { a.certificate_template.san.required = {SanType::ip}; },
               "san.required", "expected IP addresses"},
        Denied{"SanFixed",
               [](Asked& a) {
                 a.certificate_template.san.source = NameSource::fixed;
                 a.certificate_template.san.fixed = {"DNS:{dns}"};
               },
               "san.fixed", "nothing is known for {dns}"},
        Denied{"Esc1Upn", [](Asked& a) { a.extensions = {san({"UPN:administrator@corp.example"})}; },
               "san.identity", "received UPN:administrator@corp.example"},
        Denied{"Esc1UpnApprovedTemplate",
               [](Asked& a) {
                 a.use("ClientAuth");
                 a.question.approved = true;
                 a.extensions = {san({"UPN:administrator@corp.example"})};
               },
               "san.identity", "logon names are never taken from a request"},
        Denied{"Esc1UpnInEnterpriseWithOverride",
               [](Asked& a) {
                 a.question.authority.enterprise = true;
                 a.question.authority.override_logon_purposes = true;
                 a.certificate_template.san.allowed.push_back(SanType::upn);
                 a.extensions = {san({"UPN:administrator@corp.example"})};
               },
               "san.identity", "logon names"},
        Denied{"Esc1Pkinit",
               [](Asked& a) {
                 a.extensions = {x509::make_extension(kSubjectAltName, false,
                                                      x509::encode_general_names({x509::GeneralName::pkinit(
                                                          "CORP.EXAMPLE", {"administrator"})}))};
               },
               "san.identity", "logon names"},
        Denied{"Esc1UpnWithoutTemplate",
               [](Asked& a) {
                 a.without_template();
                 a.extensions = {purposes({kClientAuth}), san({"UPN:administrator@corp.example"})};
               },
               "san.identity", "logon names"},
        Denied{"SidUri",
               [](Asked& a) {
                 a.use("ClientAuth");
                 a.extensions = {san({"URI:Tag:Microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500"})};
               },
               "san.sid", "a security identifier is never taken from a request"},
        Denied{"CaAsked",
               [](Asked& a) {
                 a.without_template();
                 a.extensions = {basic_constraints(true), purposes({kServerAuth})};
               },
               "ca.asked", "expected a request without CA:TRUE, received CA:TRUE"},
        Denied{"NoPurpose", [](Asked& a) { a.without_template(); }, "purpose.missing", "good for all"},
        Denied{"Esc2AnyPurpose",
               [](Asked& a) {
                 a.without_template();
                 a.extensions.push_back(purposes({kServerAuth, kAnyExtendedKeyUsage}));
               },
               "purpose.any", "anyExtendedKeyUsage"},
        Denied{"Esc3Agent",
               [](Asked& a) {
                 a.without_template();
                 a.extensions.push_back(purposes({kMsCertificateRequestAgent}));
               },
               "purpose.privileged", "certificateRequestAgent"},
        Denied{"OcspSigner",
               [](Asked& a) {
                 a.without_template();
                 a.extensions.push_back(purposes({kOcspSigning}));
               },
               "purpose.privileged", "OCSPSigning"},
        Denied{"SmartCardStandAlone",
               [](Asked& a) {
                 a.without_template();
                 a.extensions.push_back(purposes({kMsSmartCardLogon}));
               },
               "purpose.domain", "received smartcardLogon"},
        Denied{"SmartCardTemplateStandAlone", [](Asked& a) { a.use("SmartcardLogon"); }, "purpose.domain",
               "smartcardLogon"},
        Denied{"KdcStandAlone", [](Asked& a) { a.use("DomainController"); }, "purpose.domain",
               "stand-alone CA"},
        Denied{"KeyCertSign",
               [](Asked& a) {
                 a.without_template();
                 a.extensions = {purposes({kServerAuth}), usage(x509::key_cert_sign)};
               },
               "key_usage.ca", "received keyCertSign"},
        Denied{"CrlSign",
               [](Asked& a) {
                 a.without_template();
                 a.extensions = {purposes({kServerAuth}), usage(x509::crl_sign | x509::digital_signature)};
               },
               "key_usage.ca", "cRLSign"},
        Denied{"UsageForm",
               [](Asked& a) {
                 a.without_template();
                 a.extensions = {purposes({kServerAuth}),
                                 x509::make_extension(kKeyUsage, true, {0x05, 0x00})};
               },
               "key_usage.form", "cannot be read"},
        Denied{"UsageOfKey",
               [](Asked& a) {
                 a.without_template();
                 a.extensions = {purposes({kServerAuth}), usage(x509::key_encipherment)};
               },
               "key_usage.key", "key of type P-256, received keyEncipherment"},
        Denied{"UsageOfKeyAndTemplate",
               [](Asked& a) {
                 a.use("CepEncryption");
                 a.certificate_template.key.types.push_back(crypto::KeyType::p256);
                 a.extensions.clear();
               },
               "key_usage.key", "what the template is for"},
        Denied{"PathLength",
               [](Asked& a) {
                 a.use("SubCA");
                 a.extensions.clear();
                 a.question.authority.path_length = 0;
               },
               "ca.path_length", "no CA below it"},
        Denied{"CaNotYetValid", [](Asked& a) { a.question.now = parse_time("2025-12-31").value(); },
               "validity.ca", "received 2025-12-31"},
        Denied{"CaExpired", [](Asked& a) { a.question.now = a.question.authority.not_after; }, "validity.ca",
               "expected a time from 2026-01-01T00:00:00Z to 2036-01-01T00:00:00Z"},
        Denied{"BeyondCa",
               [](Asked& a) {
                 a.certificate_template.beyond_ca = Validity::refuse;
                 a.certificate_template.validity = Span{240, {}};
               },
               "validity.beyond_ca", "expected an end no later than 2036-01-01T00:00:00Z, received 2046"},
        Denied{"NewerTemplateVersion",
               [](Asked& a) {
                 a.extensions.push_back(x509::make_extension(
                     kMsCertificateTemplate, false,
                     x509::encode_template_information({a.certificate_template.oid, 100, 1})));
               },
               "template.version", "expected version 100.0 or older, received 100.1"},
        Denied{"NewerTemplateMajorVersion",
               [](Asked& a) {
                 a.extensions.push_back(x509::make_extension(
                     kMsCertificateTemplate, false,
                     x509::encode_template_information({a.certificate_template.oid, 101, {}})));
               },
               "template.version", "received 101.0"},
        Denied{"Superseded", [](Asked& a) { a.question.superseded_by = "WebServer2"; }, "template.superseded",
               "expected 'WebServer2', which CA 'Test CA' publishes, received 'WebServer'"},
        Denied{"SignatureCount", [](Asked& a) { a.certificate_template.signatures.count = 1; },
               "signatures.count", "expected 1 authorized signature, received 0"},
        Denied{"SignaturePurpose",
               [](Asked& a) {
                 a.certificate_template.signatures = {1, {kMsCertificateRequestAgent}, {}};
                 a.question.signatures = {signer("CN=Agent", {kClientAuth})};
               },
               "signatures.purpose",
               "expected certificateRequestAgent (1.3.6.1.4.1.311.20.2.1), received clientAuth"},
        Denied{"SignaturePolicy",
               [](Asked& a) {
                 a.certificate_template.signatures = {1, {}, {x509::Oid{1, 2, 3, 4}}};
                 a.question.signatures = {signer("CN=Agent", {kClientAuth}, {x509::Oid{1, 2, 3, 5}})};
               },
               "signatures.policy", "expected one of 1.2.3.4, received 1.2.3.5"},
        Denied{"ExponentSmall", [](Asked& a) { a.key = rsa_key(2048, Buffer{0x03}); }, "key.small_exponent",
               "expected at least 65537, received exponent 0x03"},
        Denied{"ExponentSmallWithoutTemplate",
               [](Asked& a) {
                 a.without_template();
                 a.key = rsa_key(2048, Buffer{0xff, 0xff});
               },
               "key.small_exponent", "received exponent 0xffff"},
        Denied{"PointAtInfinity",
               [](Asked& a) { a.key = x509::encode_ec_public_key_info(x509::KeyType::p256, Buffer{0x00}); },
               "key.form", "is not a point of P-256"},
        Denied{"PointBesideItsCurve",
               [](Asked& a) {
                 a.question.proof_of_possession = make_error(Errc::malformed, "importing a key of type EC");
                 a.question.key.weakness = {crypto::KeyFlaw::off_curve, "a point that is not on it"};
               },
               "key.curve", "expected a point on the curve, received a point that is not on it"},
        Denied{"PointOfSmallOrder",
               [](Asked& a) {
                 a.question.key.weakness = {crypto::KeyFlaw::small_order, "a point of small order"};
               },
               "key.curve", "expected a point of large order"},
        Denied{"SmallFactor",
               [](Asked& a) {
                 a.question.key.weakness = {crypto::KeyFlaw::small_factor, "a modulus divisible by 3"};
               },
               "key.small_factor", "received a modulus divisible by 3"},
        Denied{"ClosePrimes",
               [](Asked& a) {
                 a.question.key.weakness = {crypto::KeyFlaw::close_primes,
                                            "a modulus that Fermat's method factors in 1 round"};
               },
               "key.close_primes", "expected two primes that lie far apart"},
        Denied{"Roca",
               [](Asked& a) { a.question.key.weakness = {crypto::KeyFlaw::roca, "a modulus with that pattern"}; },
               "key.roca", "CVE-2017-15361"},
        Denied{"Blocklist", [](Asked& a) { a.question.key.blocklist = "/lists/blacklist.RSA-2048"; },
               "key.blocklist", "received a key of the list /lists/blacklist.RSA-2048"},
        Denied{"AuthorityKey", [](Asked& a) { a.question.key.authority = "Test CA"; }, "key.authority",
               "received the key of CA 'Test CA'"},
        Denied{"CompromisedKey", [](Asked& a) { a.question.key.compromised = {7, {}, {}}; }, "key.compromised",
               "received the key of request 7, which was"},
        Denied{"KeyOfAnother",
               [](Asked& a) {
                 a.question.key.certified = {
                     8, x509::encode_name(x509::make_name({{kCommonName, "mail.example.com"}})), {}};
               },
               "key.reuse", "received the key of request 8 (CN=mail.example.com)"},
        Denied{"KeyOfOtherNamesWithoutSubject",
               [](Asked& a) {
                 a.subject = {};
                 a.question.key.certified = {8, {0x30, 0x00}, {0x30, 0x00}};
               },
               "key.reuse", "(other alternative names)"},
        Denied{"Archival", [](Asked& a) { a.certificate_template.client.archive_key = true; }, "key.archival",
               "never sees a private key"},
        Denied{"Attestation", [](Asked& a) { a.certificate_template.client.attestation_required = true; },
               "key.attestation", "a CA that verifies attestations"},
        Denied{"NoDirectory",
               [](Asked& a) { a.certificate_template.subject.source = NameSource::directory; },
               "names.directory", "needs a directory"},
        Denied{"NotInTheDirectory",
               [](Asked& a) {
                 a.certificate_template.san.source = NameSource::directory;
                 a.certificate_template.san.directory = {DirectoryName::dns};
                 a.question.authority.enterprise = true;
               },
               "names.directory", "requester 'alice', who is not found there"},
        Denied{"AccountWithoutName",
               [](Asked& a) {
                 a.certificate_template.subject.source = NameSource::directory;
                 a.certificate_template.subject.directory = DirectorySubject::dns;
                 a.question.directory = DirectoryIdentity();
               },
               "names.account", "expected dNSHostName, received an account 'alice' without it"},
        Denied{"NoIssuancePolicyOfTheTemplate",
               [](Asked& a) {
                 a.certificate_template.issuance.policies = {{x509::Oid{1, 2, 3, 4}, {}, {}}};
                 a.certificate_template.issuance.from_request = true;
                 a.extensions.push_back(x509::make_extension(
                     kCertificatePolicies, false, x509::encode_certificate_policies({{x509::Oid{1, 2, 9}, {}}})));
               },
               "issuance.policies", "expected one of 1.2.3.4, received 1.2.9"}};
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Decision, DeniedTest, testing::ValuesIn(denied_rows()),
                         [](const auto& row) { return row.param.name; });

// Every rule that the sources refuse by has a row above, with its message.
TEST(DeniedRowsTest, AreAllThereAre) {
  std::set<std::string> refused, tested;
  for (const char* file : {"decision.cpp", "decision_directory.cpp", "decision_keys.cpp",
                           "decision_names.cpp", "decision_purposes.cpp", "decision_signatures.cpp"}) {
    std::ifstream in(std::string("src/policy/") + file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_FALSE(text.empty()) << file;
    // deny({"rule", …}) and the rows of a table that ends in deny: {crypto::KeyFlaw::x, "rule", …}
    static const std::regex name("(?:deny\\(\\s*\\{|KeyFlaw::[a-z_]+, )\"([a-z_]+\\.[a-z_]+)\"");
    for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it)
      refused.insert((*it)[1]);
  }
  for (const Denied& row : denied_rows()) tested.insert(row.reason);
  EXPECT_GT(refused.size(), 50u);
  EXPECT_EQ(tested, refused);
}

TEST(DecisionTest, ADisplayNameGetsTheNameSuggested) {
  Asked asked;
  asked.question.certificate_template = nullptr;
  asked.question.template_name = "Web Server";
  asked.question.unknown_template = "use the template's name: WebServer";
  const Decision d = asked.decide();
  EXPECT_EQ(d.reason, "template.known");
  EXPECT_EQ(d.mend, "use the template's name: WebServer");
}

// --- What waits for a manager.

struct Pended {
  const char* name;
  void (*change)(Asked&);
  const char* reason;
};
void PrintTo(const Pended& row, std::ostream* out) { *out << row.name; }
class PendedTest : public testing::TestWithParam<Pended> {};

TEST_P(PendedTest, WaitsAndIsIssuedOnceApproved) {
  Asked asked;
  GetParam().change(asked);
  const Decision waiting = asked.decide();
  EXPECT_EQ(waiting.action, Action::pend) << waiting.message;
  EXPECT_EQ(waiting.reason, GetParam().reason);
  const bool makes_a_ca = asked.certificate_template.ca;
  EXPECT_THAT(waiting.message,
              HasSubstr(makes_a_ca ? "waits for an administrator" : "waits for a certificate manager"));
  EXPECT_THAT(waiting.mend, HasSubstr("vouch request approve"));
  asked.question.approved = true;
  const Decision approved = asked.decide();
  EXPECT_EQ(approved.action, Action::issue) << approved.message;
  EXPECT_EQ(approved.plan.variable, waiting.plan.variable) << "what was approved is what is issued";
  EXPECT_EQ(approved.plan.fixed, waiting.plan.fixed);
  EXPECT_EQ(approved.plan.subject, waiting.plan.subject);
}

INSTANTIATE_TEST_SUITE_P(
    Decision, PendedTest,
    testing::Values(
        Pended{"StandAloneQueue", [](Asked& a) { a.question.authority.automatic_issuance = false; },
               "authority.queue"},
        Pended{"TemplateApproval", [](Asked& a) { a.certificate_template.approval = true; },
               "template.approval"},
        Pended{"TemplateApprovalInEnterprise",
               [](Asked& a) {
                 a.question.authority.enterprise = true;
                 a.certificate_template.approval = true;
               },
               "template.approval"},
        Pended{"ClientAuth", [](Asked& a) { a.use("ClientAuth"); }, "template.approval"},
        Pended{"Esc1WithoutApprovalInTheTemplate",
               [](Asked& a) {
                 a.use("ClientAuth");
                 a.certificate_template.approval = false;
               },
               "names.logon"},
        Pended{"Esc1WithoutApprovalInEnterprise",
               [](Asked& a) {
                 a.use("ClientAuth");
                 a.certificate_template.approval = false;
                 a.question.authority.enterprise = true;
               },
               "names.logon"},
        Pended{"SubCa",
               [](Asked& a) {
                 a.use("SubCA");
                 a.extensions = {basic_constraints(true)};
               },
               "template.approval"},
        Pended{"ProtectedName", [](Asked& a) { a.question.authority.protected_names = {"www.example.com"}; },
               "names.protected"},
        Pended{"ProtectedNameAsCommonName",
               [](Asked& a) {
                 a.extensions = {san({"DNS:other.example.com"})};
                 a.question.authority.protected_names = {"WWW.example.com."};
               },
               "names.protected"},
        Pended{"WildcardOverAProtectedName",
               [](Asked& a) {
                 a.subject = x509::make_name({{kCommonName, "*.example.com"}});
                 a.extensions = {san({"DNS:*.example.com"})};
                 a.question.authority.protected_names = {"ca.example.com"};
               },
               "names.protected"},
        Pended{"NameBelowAProtectedZone",
               [](Asked& a) { a.question.authority.protected_names = {"*.example.com"}; }, "names.protected"},
        Pended{"UpnByOverride",
               [](Asked& a) {
                 a.without_template();
                 a.question.authority.override_logon_purposes = true;
                 a.extensions = {purposes({kMsSmartCardLogon}), san({"UPN:alice@corp.example"})};
               },
               "names.identity"}),
    [](const auto& row) { return row.param.name; });

// --- The known attacks, from the request's side.

TEST(AttackTest, Esc6TheSanAttributeIsNeverRead) {
  Asked asked;
  for (const char* key : {"san", "SAN", "San"}) {
    asked.question.attributes = {{key, "upn=administrator@corp.example&dns=dc1.corp.example"}};
    const Decision d = asked.decide();
    ASSERT_EQ(d.action, Action::issue);
    EXPECT_EQ(verdict(d, "attribute.san"), Verdict::changed) << "an alert, not silence";
    EXPECT_THAT(san_of(d.plan), testing::ElementsAre("DNS:www.example.com"));
  }
  asked.question.attributes = {{"CertificateTemplate", "WebServer"}};
  EXPECT_EQ(verdict(asked.decide(), "attribute.san"), Verdict::passed);
}

TEST(AttackTest, ASidInTheRequestIsDropped) {
  Asked asked;
  asked.extensions.push_back(
      x509::make_extension(kMsNtdsCaSecurity, false, x509::encode_sid("S-1-5-21-1-2-3-500")));
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue);
  EXPECT_EQ(verdict(d, "request.sid"), Verdict::changed);
  EXPECT_EQ(find(d.plan, kMsNtdsCaSecurity), nullptr);
}

TEST(AttackTest, Esc15ApplicationPoliciesComeFromTheTemplate) {
  for (const bool with_template : {true, false}) {
    Asked asked;
    if (!with_template) asked.without_template();
    asked.extensions.push_back(purposes({kServerAuth}));
    asked.extensions.push_back(x509::make_extension(
        kMsApplicationPolicies, false,
        x509::encode_certificate_policies({{kClientAuth, {}}, {kMsSmartCardLogon, {}}})));
    const Decision d = asked.decide();
    ASSERT_EQ(d.action, Action::issue) << d.message;
    EXPECT_EQ(verdict(d, "request.policies"), Verdict::changed);
    const x509::Extension* policies = find(d.plan, kMsApplicationPolicies);
    if (!with_template) {
      EXPECT_EQ(policies, nullptr);
    } else {
      EXPECT_EQ(x509::parse_certificate_policies(policies->value)->front().policy, kServerAuth);
      EXPECT_EQ(x509::parse_certificate_policies(policies->value)->size(), 1u);
    }
  }
}

TEST(AttackTest, CaTrueInTheRequestMakesNoCa) {
  Asked asked;
  asked.extensions.push_back(basic_constraints(true));
  asked.extensions.push_back(usage(x509::key_cert_sign | x509::crl_sign));
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue);
  EXPECT_EQ(verdict(d, "ca.asked"), Verdict::changed);
  EXPECT_EQ(verdict(d, "key_usage.source"), Verdict::changed);
  EXPECT_FALSE(is_ca(d.plan));
  EXPECT_EQ(usage_of(d.plan), x509::digital_signature);
}

TEST(AttackTest, Esc2PurposesComeFromTheTemplate) {
  Asked asked;
  asked.extensions.push_back(purposes({kAnyExtendedKeyUsage, kMsSmartCardLogon}));
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue);
  EXPECT_EQ(verdict(d, "purpose.source"), Verdict::changed);
  EXPECT_THAT(purposes_of(d.plan), testing::ElementsAre(kServerAuth));
}

TEST(AttackTest, OtherExtensionsAreNamedAndLeftOut) {
  Asked asked;
  asked.extensions.push_back(x509::make_extension(kNameConstraints, true, {0x30, 0x00}));
  asked.extensions.push_back(x509::make_extension(kOcspNoCheck, false, {0x05, 0x00}));
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue);
  EXPECT_THAT(step(d, "request.extensions")->received, HasSubstr("nameConstraints"));
  EXPECT_THAT(step(d, "request.extensions")->received, HasSubstr("ocspNoCheck"));
  EXPECT_EQ(find(d.plan, kNameConstraints), nullptr);
  EXPECT_EQ(find(d.plan, kOcspNoCheck), nullptr);
}

// --- Names

TEST(NamesTest, AnEmptySubjectMakesTheAlternativeNamesCritical) {
  Asked asked;
  asked.subject = {};
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_TRUE(find(d.plan, kSubjectAltName)->critical);
}

TEST(NamesTest, ACommonNameThatIsAHostBecomesAnAlternativeName) {
  Asked asked;
  asked.extensions.clear();
  Decision d = asked.decide();
  EXPECT_THAT(san_of(d.plan), testing::ElementsAre("DNS:www.example.com"));
  EXPECT_EQ(verdict(d, "san.from_common_name"), Verdict::changed);

  Asked address;
  address.subject = x509::make_name({{kCommonName, "192.0.2.7"}});
  address.extensions.clear();
  EXPECT_THAT(san_of(address.decide().plan), testing::ElementsAre("IP:192.0.2.7"));

  Asked person;
  person.subject = x509::make_name({{kCommonName, "Our Web Server"}});
  person.extensions.clear();
  d = person.decide();
  EXPECT_EQ(d.action, Action::issue);
  EXPECT_THAT(san_of(d.plan), IsEmpty());
}

TEST(NamesTest, OldStringTypesAreWrittenAnew) {
  Asked asked;
  asked.subject = x509::make_name({{kCommonName, "x"}});
  asked.subject.rdns[0][0] = {kCommonName, asn1::Tag::bmp_string, {0x00, 'B', 0x00, 0xfc}};
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_EQ(verdict(d, "subject.encoding"), Verdict::changed);
  const x509::Name name = x509::parse_name(d.plan.subject).value();
  EXPECT_EQ(name.rdns[0][0].string_type, asn1::Tag::utf8_string);
  EXPECT_EQ(name.rdns[0][0].text().value(), "Bü");
}

TEST(NamesTest, AnUnsortedRdnIsSorted) {
  Asked asked;
  const x509::NameAttribute a = x509::make_attribute(kOrganization, "O"),
                            b = x509::make_attribute(kCommonName, "C");
  asked.subject.rdns = {{a, b}};
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  const x509::Name name = x509::parse_name(d.plan.subject).value();
  EXPECT_EQ(name.rdns[0][0], b);
  EXPECT_EQ(name.rdns[0][1], a);
}

TEST(NamesTest, FixedNamesComeFromTheAccount) {
  Asked asked;
  asked.use("Computer");
  asked.question.authority.enterprise = true;
  asked.question.requester = "WS1$@corp.example";
  asked.subject = x509::make_name({{kCommonName, "dc1.corp.example"}});
  asked.extensions = {san({"DNS:dc1.corp.example"})};
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_EQ(x509::to_rfc4514(d.plan.subject).value(), "CN=ws1.corp.example");
  EXPECT_THAT(san_of(d.plan), testing::ElementsAre("DNS:ws1.corp.example"));
  EXPECT_EQ(verdict(d, "subject.source"), Verdict::changed);
  EXPECT_EQ(verdict(d, "san.source"), Verdict::changed);
}

TEST(NamesTest, AStandAloneCaAddsNoUpn) {
  Asked asked;
  asked.use("User");
  asked.question.requester = "alice@corp.example";
  asked.extensions.clear();
  Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_THAT(san_of(d.plan), IsEmpty());
  EXPECT_EQ(verdict(d, "san.identity"), Verdict::changed);
  asked.question.authority.override_logon_purposes = true;
  EXPECT_THAT(san_of(asked.decide().plan), testing::ElementsAre("UPN:alice@corp.example"));
}

TEST(NamesTest, SmartCardsCarryUpnAndKerberosPrincipal) {
  Asked asked;
  asked.use("SmartcardLogon");
  asked.question.authority.enterprise = true;
  asked.question.requester = "alice@CORP.EXAMPLE";
  asked.extensions.clear();
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  const auto names = x509::parse_general_names(find(d.plan, kSubjectAltName)->value).value();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].as_upn(), "alice@corp.example");
  EXPECT_EQ(names[1], x509::GeneralName::pkinit("CORP.EXAMPLE", {"alice"}));
  // RFC 4556 3.2.2, encoded by hand: realm "CORP.EXAMPLE", name type 1, "alice".
  EXPECT_EQ(to_hex(names[1].value),
            "3024a00e1b0c434f52502e4558414d504c45a1123010a003020101a10930071b05616c696365");
}

TEST(NamesTest, AKdcIsNamedAsKerberosWantsIt) {
  Asked asked;
  asked.use("DomainController");
  asked.question.authority.enterprise = true;
  asked.question.approved = true;
  asked.question.requester = "host/dc1.corp.example@CORP.EXAMPLE";
  asked.extensions.clear();
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  const auto names = x509::parse_general_names(find(d.plan, kSubjectAltName)->value).value();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].to_text(), "DNS:dc1.corp.example");
  EXPECT_EQ(names[1], x509::GeneralName::pkinit("CORP.EXAMPLE", {"krbtgt", "CORP.EXAMPLE"}));
}

TEST(NamesTest, AFixedNameCannotBeBrokenOutOf) {
  Asked asked;
  asked.certificate_template.subject.source = NameSource::fixed;
  asked.certificate_template.subject.fixed = "CN={cn},O=Contoso";
  asked.subject = x509::make_name({{kCommonName, "x,O=Evil+OU=y"}});
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  const x509::Name name = x509::parse_name(d.plan.subject).value();
  ASSERT_EQ(name.rdns.size(), 2u);
  EXPECT_THAT(x509::values_of(name, kCommonName), testing::ElementsAre("x,O=Evil+OU=y"));
  EXPECT_THAT(x509::values_of(name, kOrganization), testing::ElementsAre("Contoso"));
}

// --- Without a template, stand-alone

TEST(WithoutTemplateTest, NamesUsageAndPurposesComeFromTheRequest) {
  Asked asked;
  asked.without_template();
  asked.key = rsa_key(2048);
  asked.extensions = {san({"DNS:a.example", "email:a@b.example"}), purposes({kServerAuth, kEmailProtection}),
                      usage(x509::digital_signature)};
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_THAT(purposes_of(d.plan), testing::ElementsAre(kServerAuth, kEmailProtection));
  EXPECT_EQ(usage_of(d.plan), x509::digital_signature);
  EXPECT_EQ(find(d.plan, kMsCertificateTemplate), nullptr);
  EXPECT_EQ(find(d.plan, kMsApplicationPolicies), nullptr);
  EXPECT_EQ(format_time(d.plan.not_after), "2027-11-23T10:00:00Z");
}

// --- Time

TEST(ValidityTest, ACertificateEndsWithItsCa) {
  Asked asked;
  asked.question.now = parse_time("2035-06-01").value();
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue);
  EXPECT_EQ(d.plan.not_after, asked.question.authority.not_after);
  EXPECT_EQ(verdict(d, "validity.beyond_ca"), Verdict::changed);
  EXPECT_EQ(step(d, "validity.beyond_ca")->received, "2036-06-01T00:00:00Z");
}

TEST(ValidityTest, ToTheSecond) {
  Asked asked;
  asked.question.authority.not_after = parse_time("2027-11-23 10:00:00").value();
  EXPECT_EQ(step(asked.decide(), "validity.beyond_ca"), nullptr);
  asked.question.authority.not_after = parse_time("2027-11-23 09:59:59").value();
  EXPECT_EQ(verdict(asked.decide(), "validity.beyond_ca"), Verdict::changed);
}

// --- CAs

TEST(SubordinateTest, IsACaWithAShorterPath) {
  Asked asked;
  asked.use("SubCA");
  asked.question.approved = true;
  asked.subject = x509::make_name({{kCommonName, "Issuing CA"}});
  asked.extensions = {basic_constraints(true), usage(x509::key_cert_sign | x509::crl_sign),
                      x509::make_extension(kMsCaVersion, false, x509::encode_ca_version({2, 1})),
                      x509::make_extension(kMsTemplateName, false, x509::encode_template_name("SubCA"))};
  asked.question.authority.path_length = 2;
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_TRUE(is_ca(d.plan));
  EXPECT_EQ(x509::parse_basic_constraints(find(d.plan, kBasicConstraints)->value)->path_length, 1u);
  EXPECT_EQ(usage_of(d.plan), x509::key_cert_sign | x509::crl_sign | x509::digital_signature);
  EXPECT_THAT(purposes_of(d.plan), IsEmpty());
  EXPECT_EQ(x509::parse_ca_version(find(d.plan, kMsCaVersion)->value).value(), (x509::CaVersion{2, 1}));
}

TEST(SubordinateTest, KeepsItsTemplatesPathWhereItIsShorter) {
  Asked asked;
  asked.use("SubCA");
  asked.question.approved = true;
  asked.extensions.clear();
  asked.certificate_template.path_length = 0;
  EXPECT_EQ(x509::parse_basic_constraints(find(asked.decide().plan, kBasicConstraints)->value)->path_length,
            0u);
  asked.certificate_template.path_length = 5;
  asked.question.authority.path_length = 3;
  const Decision d = asked.decide();
  EXPECT_EQ(x509::parse_basic_constraints(find(d.plan, kBasicConstraints)->value)->path_length, 2u);
  EXPECT_EQ(verdict(d, "ca.path_length"), Verdict::changed);
}

TEST(OcspTest, SignersAreExemptFromRevocation) {
  Asked asked;
  asked.use("OcspResponseSigning");
  asked.question.approved = true;
  asked.extensions.clear();
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_EQ(find(d.plan, kOcspNoCheck)->value, (Buffer{0x05, 0x00}));
  EXPECT_THAT(purposes_of(d.plan), testing::ElementsAre(kOcspSigning));
  EXPECT_EQ(format_time(d.plan.not_after), "2026-12-07T10:00:00Z");
}

// --- Requests of other programs

Buffer request_file(const std::string& name) {
  std::ifstream in("testdata/x509/messages/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse_pem(text).value().at(0).der;
}

TEST(RealRequestTest, OfOtherProgramsAreDecidedWithoutSurprises) {
  for (const char* name :
       {"request-openssl.pem", "request-certtool.pem", "request-microsoft.pem", "request-unsorted.pem"}) {
    Asked asked;
    asked.der = request_file(name);
    const Decision d = asked.decide();
    EXPECT_FALSE(d.trace.empty());
    EXPECT_EQ(d.action == Action::deny, !d.reason.empty()) << name << ": " << d.message;
  }
}

TEST(HostileTest, DamagedRequestsNeverCrashTheDecision) {
  const Buffer original = request_file("request-microsoft.pem");
  std::mt19937 random(7);
  int decided = 0;
  for (int round = 0; round < 20000; ++round) {
    Asked asked;
    if (round % 2) asked.without_template();
    asked.der = original;
    for (unsigned i = 0; i < 1 + random() % 3; ++i)
      asked.der[random() % asked.der.size()] ^= static_cast<std::uint8_t>(1u << (random() % 8));
    if (!x509::parse_request(asked.der)) continue;
    ++decided;
    const Decision d = asked.decide();
    ASSERT_EQ(d.action == Action::deny, d.plan.subject.empty());
    ASSERT_EQ(parse_trace(format_trace(d.trace)).value(), d.trace);
  }
  EXPECT_GT(decided, 5000) << "the damage must leave enough to decide about";
}

}  // namespace
}  // namespace vouch::policy
