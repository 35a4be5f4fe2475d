#include "lint/lint.hpp"

#include <gmock/gmock.h>

#include <set>

#include "lint/text_rules.hpp"

namespace vouch::lint {
namespace {

namespace oid = x509::oid;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// What a certificate is made of; a test changes one part and expects one rule to speak.
struct Parts {
  Buffer serial = Buffer(18, 0x11);
  Time not_before = parse_time("2026-01-01").value(), not_after = parse_time("2027-01-01").value();
  std::string issuer = "CN=Issuer", subject = "CN=www.example.com";
  Buffer key = x509::encode_ec_public_key_info(x509::KeyType::p256, [] {
    Buffer point(65, 1);
    point[0] = 4;
    return point;
  }());
  Buffer algorithm = to_buffer(x509::encode(x509::SignatureAlgorithm::ecdsa_sha256));
  std::optional<x509::BasicConstraints> constraints = x509::BasicConstraints{false, {}};
  bool constraints_critical = true;
  std::optional<std::uint16_t> usage = x509::digital_signature;
  std::vector<x509::Oid> purposes{oid::kServerAuth};
  std::vector<std::string> san{"DNS:www.example.com"};
  bool usage_critical = true;
  bool san_critical = false, aki = true, aki_critical = false, ski = true;
  bool unique_identifier = false;
  Buffer subject_der, raw_extension;  // instead of the subject, and beside the other extensions
  std::vector<std::string> cdp{"http://pki.example.com/ca.crl"};
  std::vector<x509::Extension> more;
};

Buffer name_der(std::string_view text) { return x509::encode_name(x509::name_from_rfc4514(text).value()); }

std::vector<x509::Extension> extensions_of(const Parts& parts) {
  std::vector<x509::Extension> out = parts.more;
  if (parts.constraints)
    out.push_back(x509::make_extension(oid::kBasicConstraints, parts.constraints_critical,
                                       x509::encode_basic_constraints(*parts.constraints)));
  if (parts.usage)
    out.push_back(
        x509::make_extension(oid::kKeyUsage, parts.usage_critical, x509::encode_key_usage(*parts.usage)));
  if (!parts.purposes.empty())
    out.push_back(
        x509::make_extension(oid::kExtendedKeyUsage, false, x509::encode_extended_key_usage(parts.purposes)));
  std::vector<x509::GeneralName> names;
  for (const std::string& text : parts.san) names.push_back(x509::GeneralName::from_text(text).value());
  if (!names.empty())
    out.push_back(
        x509::make_extension(oid::kSubjectAltName, parts.san_critical, x509::encode_general_names(names)));
  if (parts.aki)
    out.push_back(x509::make_extension(oid::kAuthorityKeyIdentifier, parts.aki_critical,
                                       x509::encode_authority_key_identifier({Buffer(20, 1), {}, {}})));
  if (parts.ski)
    out.push_back(x509::make_extension(oid::kSubjectKeyIdentifier, false,
                                       x509::encode_subject_key_identifier(Buffer(20, 2))));
  if (!parts.cdp.empty())
    out.push_back(x509::make_extension(oid::kCrlDistributionPoints, false,
                                       x509::encode_distribution_point_uris(parts.cdp)));
  return out;
}

// Written with the plain writer, so that a mistake in the authority's own template encoder does not hide
// here.
Buffer tbs_of(const Parts& parts, unsigned version = 3) {
  asn1::Writer out;
  out.sequence([&] {
    if (version > 1) out.constructed(asn1::context_constructed(0), [&] { out.integer(version - 1); });
    out.primitive(asn1::Tag::integer, parts.serial);
    out.raw(parts.algorithm);
    out.raw(name_der(parts.issuer));
    out.sequence([&] {
      out.time(parts.not_before);
      out.time(parts.not_after);
    });
    out.raw(parts.subject_der.empty() ? name_der(parts.subject) : parts.subject_der);
    out.raw(parts.key);
    if (parts.unique_identifier) out.primitive(asn1::Tag{0x81}, Buffer{0x00, 0x01});
    if (version == 3)
      out.constructed(asn1::context_constructed(3), [&] {
        out.sequence([&] {
          for (const x509::Extension& extension : extensions_of(parts))
            x509::encode_extension(out, extension);
          out.raw(parts.raw_extension);
        });
      });
  });
  return std::move(out).take();
}

// "id: message" for each finding.
std::vector<std::string> texts_of(const std::vector<Finding>& findings) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) texts.push_back(finding.id + ": " + finding.message);
  return texts;
}
std::vector<std::string> findings_of(const Buffer& tbs) {
  const auto view = x509::parse_tbs_certificate(tbs);
  EXPECT_TRUE(view) << view.error().report();
  return texts_of(lint_certificate(*view));
}

std::set<std::string>& rules_seen() {
  static std::set<std::string> seen;
  return seen;
}
void expect_rule(const std::string& id, const std::string& message, const std::vector<std::string>& found) {
  EXPECT_THAT(found, Contains(testing::AllOf(testing::StartsWith(id + ": "), HasSubstr(message))));
  rules_seen().insert(id);
}
template <class Change>
void expect_certificate_rule(const std::string& id, const std::string& message, Change&& change,
                             unsigned version = 3) {
  Parts parts;
  change(parts);
  SCOPED_TRACE(id);
  expect_rule(id, message, findings_of(tbs_of(parts, version)));
}

void make_ca(Parts& p) {
  p.constraints = x509::BasicConstraints{true, {}};
  p.usage = x509::key_cert_sign | x509::crl_sign;
  p.purposes.clear();
  p.san.clear();
}

TEST(LintCertificateTest, AGoodServerCertificateAndAGoodCaHaveNoFindings) {
  EXPECT_THAT(findings_of(tbs_of(Parts())), IsEmpty());
  Parts ca;
  make_ca(ca);
  EXPECT_THAT(findings_of(tbs_of(ca)), IsEmpty());
}

void break_every_certificate_rule() {
  const auto rule = [](const std::string& id, const std::string& message, auto change) {
    expect_certificate_rule(id, message, change);
  };
  rule("serial.positive", "zero or negative", [](Parts& p) { p.serial = {0x00}; });
  rule("serial.positive", "zero or negative", [](Parts& p) { p.serial[0] = 0x91; });
  rule("serial.length", "more than 20 octets", [](Parts& p) { p.serial = Buffer(21, 1); });
  rule("serial.entropy", "shorter than 8", [](Parts& p) { p.serial = Buffer(7, 1); });
  expect_certificate_rule("version", "the version is not 3", [](Parts&) {}, 1);
  rule("signature.strong", "unknown or broken", [](Parts& p) {
    asn1::Writer w;
    w.sequence([&] {
      w.oid(oid::kSha1WithRsa);
      w.null();
    });
    p.algorithm = std::move(w).take();
  });
  rule("validity.order", "never valid", [](Parts& p) { p.not_after = p.not_before; });
  rule("issuer.name", "issuer's name is empty", [](Parts& p) { p.issuer = ""; });
  rule("subject.ca_name", "a CA without a subject name", [](Parts& p) {
    make_ca(p);
    p.subject = "";
  });
  rule("subject.empty", "no critical subjectAltName names it", [](Parts& p) { p.subject = ""; });
  rule("subject.attributes", "", [](Parts& p) { p.subject = "CN=x,C=DEU"; });
  rule("subject.attributes", "", [](Parts& p) { p.subject = "CN=" + std::string(65, 'x'); });
  rule("extension.malformed", "policyMappings",
       [](Parts& p) { p.more = {x509::make_extension(oid::kPolicyMappings, false, Buffer{0x05})}; });
  rule("extension.critical", "critical", [](Parts& p) { p.aki_critical = true; });
  rule("extension.critical", "critical", [](Parts& p) {
    make_ca(p);
    p.more = {x509::make_extension(oid::kInhibitAnyPolicy, false, x509::encode_inhibit_any_policy(0))};
  });
  rule("ca.basic_constraints", "not critical", [](Parts& p) {
    make_ca(p);
    p.constraints_critical = false;
  });
  rule("ca.key_usage", "without keyCertSign", [](Parts& p) {
    make_ca(p);
    p.usage = x509::crl_sign;
  });
  rule("ca.key_identifier", "without subjectKeyIdentifier", [](Parts& p) {
    make_ca(p);
    p.ski = false;
  });
  rule("ee.key_cert_sign", "not for a CA",
       [](Parts& p) { p.usage = x509::digital_signature | x509::key_cert_sign; });
  rule("ee.purposes", "any purpose", [](Parts& p) { p.purposes.clear(); });
  rule("ee.any_purpose", "anyExtendedKeyUsage", [](Parts& p) { p.purposes = {oid::kAnyExtendedKeyUsage}; });
  rule("authority_key_identifier", "is missing", [](Parts& p) { p.aki = false; });
  rule("key.known", "cannot be read", [](Parts& p) {
    asn1::Writer w;
    w.sequence([&] {
      w.sequence([&] { w.oid(oid::kDsa); });
      w.bit_string(Buffer{1});
    });
    p.key = std::move(w).take();
  });
  rule("key.rsa_size", "fewer than 2048",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(128, 0xff), Buffer{1, 0, 1}); });
  rule("key.rsa_exponent", "even or one",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xff), Buffer{1, 0, 0}); });
  rule("key.rsa_exponent", "even or one",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xff), Buffer{1}); });
  rule("key.ec_point", "not uncompressed", [](Parts& p) {
    Buffer point(33, 1);
    point[0] = 2;
    p.key = x509::encode_ec_public_key_info(x509::KeyType::p256, point);
  });
  rule("key.usage", "cannot", [](Parts& p) { p.usage = x509::digital_signature | x509::key_encipherment; });
  rule("san.syntax", "www..example.com", [](Parts& p) { p.san = {"DNS:www..example.com"}; });
  rule("url.syntax", "https", [](Parts& p) { p.cdp = {"https://pki.example.com/ca.crl"}; });
  rule("logon.identity", "logs nobody on", [](Parts& p) { p.purposes = {oid::kMsSmartCardLogon}; });
  rule("server.san", "no longer read the common name", [](Parts& p) { p.san.clear(); });
  rule("server.common_name", "not among the alternative names",
       [](Parts& p) { p.san = {"DNS:other.example.com"}; });
  rule("ocsp.no_check", "id-pkix-ocsp-nocheck", [](Parts& p) { p.purposes = {oid::kOcspSigning}; });
  rule("key.usage", "RSA key cannot agree on keys", [](Parts& p) {
    p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xff), Buffer{1, 0, 1});
    p.usage = x509::digital_signature | x509::key_agreement;
  });
  rule("unique_identifiers", "conforming CAs do not write", [](Parts& p) { p.unique_identifier = true; });
  rule("subject.string_types", "CN (2.5.4.3) is of an old string type", [](Parts& p) {
    x509::Name name = x509::name_from_rfc4514("CN=www.example.com").value();
    name.rdns[0][0].string_type = asn1::Tag::teletex_string;
    p.subject_der = x509::encode_name(name);
  });
  rule("extension.default", "critical FALSE is written out", [](Parts& p) {
    asn1::Writer w;
    w.sequence([&] {
      w.oid(oid::kTlsFeature);
      w.boolean(false);
      w.octet_string(x509::encode_tls_feature({5}));
    });
    p.raw_extension = std::move(w).take();
  });
  rule("extension.default", "cA FALSE is written out", [](Parts& p) {
    p.constraints.reset();
    p.more = {x509::make_extension(oid::kBasicConstraints, true, Buffer{0x30, 0x03, 0x01, 0x01, 0x00})};
  });
  rule("extension.default", "zero bits are written out", [](Parts& p) {
    p.usage.reset();
    p.more = {x509::make_extension(oid::kKeyUsage, true, Buffer{0x03, 0x02, 0x00, 0x80})};
  });
  rule("extension.unknown_critical", "no client knows the critical extension 1.2.3.4",
       [](Parts& p) { p.more = {x509::make_extension(x509::Oid{1, 2, 3, 4}, true, Buffer{5, 0})}; });
  rule("application_policies.agree", "are not the purposes", [](Parts& p) {
    p.more = {x509::make_extension(oid::kMsApplicationPolicies, false,
                                   x509::encode_certificate_policies({{oid::kClientAuth, {}}}))};
  });
  rule("policies.repeated", "the policy 1.2.3 stands twice", [](Parts& p) {
    p.more = {x509::make_extension(
        oid::kCertificatePolicies, false,
        x509::encode_certificate_policies({{x509::Oid{1, 2, 3}, {}}, {x509::Oid{1, 2, 3}, {}}}))};
  });
  rule("ca.name_constraints", "empty nameConstraints", [](Parts& p) {
    make_ca(p);
    p.more = {x509::make_extension(oid::kNameConstraints, true, Buffer{0x30, 0x00})};
  });
  rule("ca.key_usage_critical", "keyUsage of a CA is not critical", [](Parts& p) {
    make_ca(p);
    p.usage_critical = false;
  });
  rule("ee.crl_sign", "cRLSign on a certificate",
       [](Parts& p) { p.usage = x509::digital_signature | x509::crl_sign; });
  rule("ee.ca_extension", "on a certificate that is not for a CA", [](Parts& p) {
    p.more = {x509::make_extension(oid::kPolicyConstraints, true, x509::encode_policy_constraints({0, {}}))};
  });
  rule("key_usage.empty", "without any usage", [](Parts& p) {
    p.usage.reset();
    p.more = {x509::make_extension(oid::kKeyUsage, true, Buffer{0x03, 0x01, 0x00})};
  });
  rule("key_usage.agreement", "without keyAgreement",
       [](Parts& p) { p.usage = x509::digital_signature | x509::encipher_only; });
  rule("key_usage.useless", "nothing in common", [](Parts& p) { p.usage = x509::content_commitment; });
  rule("key_usage.purposes", "codeSigning (1.3.6.1.5.5.7.3.3) is not possible", [](Parts& p) {
    p.usage = x509::key_agreement;
    p.purposes = {oid::kServerAuth, oid::kCodeSigning};
  });
  rule("authority_key_identifier.key", "without keyIdentifier", [](Parts& p) {
    p.aki = false;
    p.more = {x509::make_extension(oid::kAuthorityKeyIdentifier, false, Buffer{0x30, 0x00})};
  });
  rule("subject_key_identifier", "is missing", [](Parts& p) { p.ski = false; });
  rule("key.rsa_modulus", "is even",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xfe), Buffer{1, 0, 1}); });
  rule("san.critical", "critical beside a subject", [](Parts& p) { p.san_critical = true; });
  rule("san.repeated", "DNS:www.example.com stands twice",
       [](Parts& p) { p.san = {"DNS:www.example.com", "IP:192.0.2.1", "DNS:www.example.com"}; });
  rule("kdc.identity", "no client takes it for one", [](Parts& p) {
    p.purposes = {oid::kPkinitKdc};
    p.san = {"email:a@b.example"};
  });
  rule("logon.revocation", "Windows refuses it", [](Parts& p) {
    p.purposes = {oid::kMsSmartCardLogon};
    p.san = {"UPN:alice@corp.example"};
    p.cdp.clear();
  });
  rule("ocsp.alone", "OCSPSigning beside other purposes",
       [](Parts& p) { p.purposes = {oid::kOcspSigning, oid::kServerAuth}; });
  rule("ocsp.no_check_alone", "without OCSPSigning",
       [](Parts& p) { p.more = {x509::make_extension(oid::kOcspNoCheck, false, Buffer{5, 0})}; });
  rule("extension.malformed", "1.3.6.1.5.5.7.48.1.5", [](Parts& p) {
    p.purposes = {oid::kOcspSigning};
    p.more = {x509::make_extension(oid::kOcspNoCheck, false, Buffer{4, 0})};
  });
}

// RFC 5280 4.1.2.5: UTCTime until 2049. "260101000000Z" as a GeneralizedTime is two octets longer.
void break_the_type_of_a_time() {
  Buffer tbs = tbs_of(Parts());
  const Buffer utc = from_hex("170d3236303130313030303030305a").value();
  const Buffer generalized = from_hex("180f32303236303130313030303030305a").value();
  const auto found = std::ranges::search(tbs, utc);
  ASSERT_FALSE(found.empty());
  const auto at = static_cast<std::size_t>(found.begin() - tbs.begin());
  ASSERT_EQ(tbs[1], 0x82) << "the whole has a length of two octets";
  const std::size_t length = (std::size_t{tbs[2]} << 8 | tbs[3]) + 2;
  tbs[2] = static_cast<std::uint8_t>(length >> 8);
  tbs[3] = static_cast<std::uint8_t>(length);
  tbs[at - 1] = static_cast<std::uint8_t>(tbs[at - 1] + 2);  // of the validity
  tbs.erase(found.begin(), found.end());
  tbs.insert(tbs.begin() + static_cast<std::ptrdiff_t>(at), generalized.begin(), generalized.end());
  expect_rule("validity.encoding", "2026-01-01T00:00:00Z is of the wrong type of time", findings_of(tbs));
}

TEST(LintCertificateTest, TheTypeOfTimeChangesWith2050) {
  for (const char* end : {"2049-12-31 23:59:59", "2050-01-01 00:00:00", "9999-12-31 23:59:59"}) {
    Parts parts;
    parts.not_after = parse_time(end).value();
    EXPECT_THAT(findings_of(tbs_of(parts)), IsEmpty()) << end;
  }
}

void break_signature_agreement() {
  const Buffer tbs = tbs_of(Parts());
  const Buffer der =
      x509::encode_certificate(tbs, x509::encode(x509::SignatureAlgorithm::ecdsa_sha384), Buffer(8));
  expect_rule("signature.agree", "inside and outside differ",
              texts_of(lint_certificate(x509::parse_certificate(der).value())));
}

// --- Profiles that are as they should be, for the rules that are about them.

void expect_no_findings(void (*change)(Parts&), const char* what) {
  Parts parts;
  change(parts);
  EXPECT_THAT(findings_of(tbs_of(parts)), IsEmpty()) << what;
}

TEST(LintCertificateTest, GoodProfilesHaveNoFindings) {
  expect_no_findings(
      [](Parts& p) {
        p.purposes = {oid::kMsSmartCardLogon, oid::kClientAuth};
        p.subject = "CN=Alice";
        p.san = {"UPN:alice@corp.example"};
        p.more = {x509::make_extension(
            oid::kMsApplicationPolicies, false,
            x509::encode_certificate_policies({{oid::kClientAuth, {}}, {oid::kMsSmartCardLogon, {}}}))};
      },
      "a smart card");
  expect_no_findings(
      [](Parts& p) {
        p.purposes = {oid::kPkinitKdc, oid::kServerAuth};
        p.subject = "CN=dc1.corp.example";
        p.san = {"DNS:dc1.corp.example"};
      },
      "a KDC");
  expect_no_findings(
      [](Parts& p) {
        p.purposes = {oid::kOcspSigning};
        p.subject = "CN=OCSP";
        p.san.clear();
        p.cdp.clear();
        p.more = {x509::make_extension(oid::kOcspNoCheck, false, Buffer{5, 0})};
      },
      "an OCSP signer");
  expect_no_findings(
      [](Parts& p) {
        p.subject = "";
        p.san_critical = true;
      },
      "a server without a subject");
  expect_no_findings(
      [](Parts& p) {
        p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xff), Buffer{1, 0, 1});
        p.usage = x509::digital_signature | x509::key_encipherment;
      },
      "an RSA server");
  expect_no_findings(
      [](Parts& p) {
        make_ca(p);
        p.constraints = x509::BasicConstraints{true, 0};
        x509::NameConstraints limits;
        limits.permitted.push_back({x509::GeneralName::dns("example.com"), 0, {}});
        p.more = {
            x509::make_extension(oid::kNameConstraints, true, x509::encode_name_constraints(limits)),
            x509::make_extension(oid::kPolicyConstraints, true, x509::encode_policy_constraints({0, {}})),
            x509::make_extension(oid::kCertificatePolicies, false,
                                 x509::encode_certificate_policies({{x509::Oid{1, 2, 3}, {}}}))};
      },
      "a constrained CA");
}

// What the parser does not read needs no rule: it never gets as far as a signature.
TEST(LintCertificateTest, TwiceTheSameExtensionIsNotEvenRead) {
  Parts twice;
  twice.more = {x509::make_extension(oid::kSubjectKeyIdentifier, false,
                                     x509::encode_subject_key_identifier(Buffer(20, 3)))};
  const auto repeated = x509::parse_tbs_certificate(tbs_of(twice));
  ASSERT_FALSE(repeated);
  EXPECT_THAT(repeated.error().report(), HasSubstr("twice"));
}

struct CrlParts {
  Time this_update = parse_time("2026-01-01").value();
  std::optional<Time> next_update = parse_time("2026-02-01").value();
  std::string issuer = "CN=Issuer";
  Buffer inner = to_buffer(x509::encode(x509::SignatureAlgorithm::ecdsa_sha256));
  Buffer outer = inner;
  Buffer entries;
  bool list = false;
  std::vector<x509::Extension> extensions{
      x509::make_extension(oid::kAuthorityKeyIdentifier, false,
                           x509::encode_authority_key_identifier({Buffer(20, 1), {}, {}})),
      x509::make_extension(oid::kCrlNumber, false, x509::encode_crl_number(7))};
  bool version_2 = true;
};

std::vector<std::string> findings_of(const CrlParts& parts) {
  asn1::Writer out;
  out.sequence([&] {
    out.sequence([&] {
      if (parts.version_2) out.integer(1);
      out.raw(parts.inner);
      out.raw(name_der(parts.issuer));
      out.time(parts.this_update);
      if (parts.next_update) out.time(*parts.next_update);
      if (parts.list) out.primitive(asn1::Tag::sequence, parts.entries);
      if (parts.version_2 && !parts.extensions.empty())
        out.constructed(asn1::context_constructed(0), [&] {
          out.sequence([&] {
            for (const x509::Extension& extension : parts.extensions) x509::encode_extension(out, extension);
          });
        });
    });
    out.raw(parts.outer);
    out.bit_string(Buffer(8));
  });
  const auto view = x509::parse_crl(out.bytes());
  EXPECT_TRUE(view) << view.error().report();
  return view ? texts_of(lint_crl(*view)) : std::vector<std::string>();
}

Buffer entry_with(std::optional<std::uint8_t> reason, Time at = parse_time("2025-12-01").value(),
                  Buffer serial = Buffer(18, 1)) {
  asn1::Writer out;
  out.sequence([&] {
    out.primitive(asn1::Tag::integer, serial);
    out.time(at);
    if (reason)
      out.sequence([&] {
        x509::encode_extension(out,
                               x509::make_extension(oid::kReasonCode, false, Buffer{0x0a, 0x01, *reason}));
      });
  });
  return std::move(out).take();
}

TEST(LintCrlTest, AGoodCrlHasNoFindings) {
  CrlParts parts;
  EXPECT_THAT(findings_of(parts), IsEmpty());
  parts.list = true;
  parts.entries = entry_with(1);
  EXPECT_THAT(findings_of(parts), IsEmpty());
}

TEST(LintCrlTest, AGoodDeltaAndAGoodDistributionPointHaveNoFindings) {
  CrlParts parts;
  parts.extensions.push_back(
      x509::make_extension(oid::kDeltaCrlIndicator, true, x509::encode_crl_number(std::uint64_t{6})));
  x509::IssuingDistributionPoint users;
  users.only_user_certs = true;
  parts.extensions.push_back(x509::make_extension(oid::kIssuingDistributionPoint, true,
                                                  x509::encode_issuing_distribution_point(users)));
  parts.list = true;
  parts.entries = entry_with(8);
  EXPECT_THAT(findings_of(parts), IsEmpty());
}

void break_every_crl_rule() {
  const auto rule = [](const std::string& id, const std::string& message, auto change) {
    CrlParts parts;
    change(parts);
    SCOPED_TRACE(id);
    expect_rule(id, message, findings_of(parts));
  };
  const auto entry = [&](const std::string& message, Buffer der) {
    rule("crl.entries", message, [&](CrlParts& p) {
      p.list = true;
      p.entries = std::move(der);
    });
  };
  rule("crl.version", "the version is not 2", [](CrlParts& p) { p.version_2 = false; });
  rule("crl.signature_agree", "differ",
       [](CrlParts& p) { p.outer = to_buffer(x509::encode(x509::SignatureAlgorithm::ed25519)); });
  rule("crl.signature_strong", "unknown or broken", [](CrlParts& p) {
    asn1::Writer w;
    w.sequence([&] { w.oid(oid::kEcdsaWithSha1); });
    p.inner = p.outer = std::move(w).take();
  });
  rule("crl.issuer", "is empty", [](CrlParts& p) { p.issuer = ""; });
  rule("crl.next_update", "missing or not after thisUpdate", [](CrlParts& p) { p.next_update.reset(); });
  rule("crl.next_update", "missing or not after thisUpdate",
       [](CrlParts& p) { p.next_update = p.this_update; });
  rule("crl.authority_key_identifier", "is missing",
       [](CrlParts& p) { p.extensions.erase(p.extensions.begin()); });
  rule("crl.number", "cRLNumber is missing", [](CrlParts& p) { p.extensions.pop_back(); });
  rule("crl.critical", "is critical", [](CrlParts& p) { p.extensions[1].critical = true; });
  rule("crl.unknown_critical", "no client knows", [](CrlParts& p) {
    p.extensions.push_back(x509::make_extension(oid::kMsNextPublish, true, Buffer{5, 0}));
  });
  rule("crl.empty_list", "revokedCertificates is empty", [](CrlParts& p) { p.list = true; });
  entry("reason unspecified is written out", entry_with(0));
  entry("", entry_with(7));
  entry("removeFromCRL outside a delta CRL", entry_with(8));
  entry("revoked after the CRL was made", entry_with({}, parse_time("2026-01-02").value()));
  entry("negative serial number", entry_with({}, parse_time("2025-01-02").value(), Buffer{0x80}));
  Buffer twice = entry_with(1);
  append(twice, entry_with(1));
  entry("stands twice", twice);
  const auto indicator = [](std::uint64_t base) {
    return x509::make_extension(oid::kDeltaCrlIndicator, true, x509::encode_crl_number(base));
  };
  rule("crl.delta", "no smaller number", [&](CrlParts& p) { p.extensions.push_back(indicator(7)); });
  rule("crl.delta", "no smaller number", [&](CrlParts& p) { p.extensions.push_back(indicator(256)); });
  rule("crl.delta", "freshestCRL in a delta CRL", [&](CrlParts& p) {
    p.extensions.push_back(indicator(6));
    p.extensions.push_back(x509::make_extension(
        oid::kFreshestCrl, false, x509::encode_distribution_point_uris({"http://pki.example.com/d.crl"})));
  });
  const auto point = [](Buffer value) {
    return x509::make_extension(oid::kIssuingDistributionPoint, true, std::move(value));
  };
  rule("crl.distribution_point", "several kinds", [&](CrlParts& p) {
    x509::IssuingDistributionPoint both;
    both.only_ca_certs = both.only_user_certs = true;
    p.extensions.push_back(point(x509::encode_issuing_distribution_point(both)));
  });
  rule("crl.distribution_point", "is empty",
       [&](CrlParts& p) { p.extensions.push_back(point({0x30, 0x00})); });
  rule("crl.distribution_point", "a flag that is FALSE",
       [&](CrlParts& p) { p.extensions.push_back(point({0x30, 0x03, 0x81, 0x01, 0x00})); });
}

TEST(LintRulesTest, EveryRuleSpeaksWhenItIsBroken) {
  break_every_certificate_rule();
  break_signature_agreement();
  break_the_type_of_a_time();
  break_every_crl_rule();
  std::set<std::string> all;
  for (const Rule& rule : rules()) {
    EXPECT_TRUE(all.insert(std::string(rule.id)).second) << rule.id << " stands twice";
    EXPECT_FALSE(rule.summary.empty());
    EXPECT_FALSE(rule.source.empty());
    EXPECT_FALSE(rule.mend.empty()) << rule.id;
  }
  EXPECT_EQ(rules_seen(), all);
}

TEST(TextRulesTest, HostNamesAddressesAndUrls) {
  for (const char* good :
       {"a", "www.example.com", "*.example.com", "xn--bcher-kva.example", "a_b.example", "1.2.example"})
    EXPECT_EQ(check_dns_name(good), std::nullopt) << good;
  for (const char* bad :
       {"", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "*", "a.*.b", "w*.b", "a b", "a/b", "ä.de", "a\nb"})
    EXPECT_NE(check_dns_name(bad), std::nullopt) << bad;
  EXPECT_NE(check_dns_name(std::string(64, 'a')), std::nullopt);
  EXPECT_EQ(check_email("a@b.example"), std::nullopt);
  for (const char* bad : {"", "a", "@b", "a@", "a b@c", "a@b..c"})
    EXPECT_NE(check_email(bad), std::nullopt) << bad;
  for (const char* good : {"http://h/x%20y.crl", "ldap:///CN=x", "ldap://h/CN=x?a?b"})
    EXPECT_EQ(check_url(good), std::nullopt) << good;
  for (const char* bad :
       {"", "http://", "http:///x", "https://h/", "ftp://h/", "file:///x", "http://h/a b", "//h"})
    EXPECT_NE(check_url(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace vouch::lint
