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
  bool san_critical = false, aki = true, aki_critical = false, ski = true;
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
    out.push_back(x509::make_extension(oid::kKeyUsage, true, x509::encode_key_usage(*parts.usage)));
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
    out.raw(name_der(parts.subject));
    out.raw(parts.key);
    if (version == 3)
      out.constructed(asn1::context_constructed(3), [&] {
        out.sequence([&] {
          for (const x509::Extension& extension : extensions_of(parts))
            x509::encode_extension(out, extension);
        });
      });
  });
  return std::move(out).take();
}

std::vector<std::string> findings_of(const Buffer& tbs) {
  const auto view = x509::parse_tbs_certificate(tbs);
  EXPECT_TRUE(view) << view.error().report();
  std::vector<std::string> ids;
  for (const Finding& finding : lint_certificate(*view)) ids.push_back(finding.id);
  return ids;
}

std::set<std::string>& rules_seen() {
  static std::set<std::string> seen;
  return seen;
}
void expect_rule(const std::string& id, const std::vector<std::string>& found) {
  EXPECT_THAT(found, Contains(id));
  rules_seen().insert(id);
}
template <class Change>
void expect_certificate_rule(const std::string& id, Change&& change, unsigned version = 3) {
  Parts parts;
  change(parts);
  SCOPED_TRACE(id);
  expect_rule(id, findings_of(tbs_of(parts, version)));
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
  const auto rule = [](const std::string& id, auto change) { expect_certificate_rule(id, change); };
  rule("serial.positive", [](Parts& p) { p.serial = {0x00}; });
  rule("serial.positive", [](Parts& p) { p.serial[0] = 0x91; });
  rule("serial.length", [](Parts& p) { p.serial = Buffer(21, 1); });
  rule("serial.entropy", [](Parts& p) { p.serial = Buffer(7, 1); });
  expect_certificate_rule("version", [](Parts&) {}, 1);
  rule("signature.strong", [](Parts& p) {
    asn1::Writer w;
    w.sequence([&] {
      w.oid(oid::kSha1WithRsa);
      w.null();
    });
    p.algorithm = std::move(w).take();
  });
  rule("validity.order", [](Parts& p) { p.not_after = p.not_before; });
  rule("issuer.name", [](Parts& p) { p.issuer = ""; });
  rule("subject.ca_name", [](Parts& p) {
    make_ca(p);
    p.subject = "";
  });
  rule("subject.empty", [](Parts& p) { p.subject = ""; });
  rule("subject.attributes", [](Parts& p) { p.subject = "CN=x,C=DEU"; });
  rule("subject.attributes", [](Parts& p) { p.subject = "CN=" + std::string(65, 'x'); });
  rule("extension.malformed",
       [](Parts& p) { p.more = {x509::make_extension(oid::kPolicyMappings, false, Buffer{0x05})}; });
  rule("extension.critical", [](Parts& p) { p.aki_critical = true; });
  rule("extension.critical", [](Parts& p) {
    make_ca(p);
    p.more = {x509::make_extension(oid::kInhibitAnyPolicy, false, x509::encode_inhibit_any_policy(0))};
  });
  rule("ca.basic_constraints", [](Parts& p) {
    make_ca(p);
    p.constraints_critical = false;
  });
  rule("ca.key_usage", [](Parts& p) {
    make_ca(p);
    p.usage = x509::crl_sign;
  });
  rule("ca.key_identifier", [](Parts& p) {
    make_ca(p);
    p.ski = false;
  });
  rule("ee.key_cert_sign", [](Parts& p) { p.usage = x509::digital_signature | x509::key_cert_sign; });
  rule("ee.purposes", [](Parts& p) { p.purposes.clear(); });
  rule("ee.any_purpose", [](Parts& p) { p.purposes = {oid::kAnyExtendedKeyUsage}; });
  rule("authority_key_identifier", [](Parts& p) { p.aki = false; });
  rule("key.known", [](Parts& p) {
    asn1::Writer w;
    w.sequence([&] {
      w.sequence([&] { w.oid(oid::kDsa); });
      w.bit_string(Buffer{1});
    });
    p.key = std::move(w).take();
  });
  rule("key.rsa_size",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(128, 0xff), Buffer{1, 0, 1}); });
  rule("key.rsa_exponent",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xff), Buffer{1, 0, 0}); });
  rule("key.rsa_exponent",
       [](Parts& p) { p.key = x509::encode_rsa_public_key_info(Buffer(256, 0xff), Buffer{1}); });
  rule("key.ec_point", [](Parts& p) {
    Buffer point(33, 1);
    point[0] = 2;
    p.key = x509::encode_ec_public_key_info(x509::KeyType::p256, point);
  });
  rule("key.usage", [](Parts& p) { p.usage = x509::digital_signature | x509::key_encipherment; });
  rule("san.syntax", [](Parts& p) { p.san = {"DNS:www..example.com"}; });
  rule("url.syntax", [](Parts& p) { p.cdp = {"https://pki.example.com/ca.crl"}; });
  rule("logon.identity", [](Parts& p) { p.purposes = {oid::kMsSmartCardLogon}; });
  rule("server.san", [](Parts& p) { p.san.clear(); });
  rule("server.common_name", [](Parts& p) { p.san = {"DNS:other.example.com"}; });
  rule("ocsp.no_check", [](Parts& p) { p.purposes = {oid::kOcspSigning}; });
}

void break_signature_agreement() {
  const Buffer tbs = tbs_of(Parts());
  const Buffer der =
      x509::encode_certificate(tbs, x509::encode(x509::SignatureAlgorithm::ecdsa_sha384), Buffer(8));
  std::vector<std::string> ids;
  for (const Finding& finding : lint_certificate(x509::parse_certificate(der).value()))
    ids.push_back(finding.id);
  expect_rule("signature.agree", ids);
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
  std::vector<std::string> ids;
  if (view)
    for (const Finding& finding : lint_crl(*view)) ids.push_back(finding.id);
  return ids;
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

void break_every_crl_rule() {
  const auto rule = [](const std::string& id, auto change) {
    CrlParts parts;
    change(parts);
    SCOPED_TRACE(id);
    expect_rule(id, findings_of(parts));
  };
  const auto entry = [&](Buffer der) {
    rule("crl.entries", [&](CrlParts& p) {
      p.list = true;
      p.entries = std::move(der);
    });
  };
  rule("crl.version", [](CrlParts& p) { p.version_2 = false; });
  rule("crl.signature_agree",
       [](CrlParts& p) { p.outer = to_buffer(x509::encode(x509::SignatureAlgorithm::ed25519)); });
  rule("crl.signature_strong", [](CrlParts& p) {
    asn1::Writer w;
    w.sequence([&] { w.oid(oid::kEcdsaWithSha1); });
    p.inner = p.outer = std::move(w).take();
  });
  rule("crl.issuer", [](CrlParts& p) { p.issuer = ""; });
  rule("crl.next_update", [](CrlParts& p) { p.next_update.reset(); });
  rule("crl.next_update", [](CrlParts& p) { p.next_update = p.this_update; });
  rule("crl.authority_key_identifier", [](CrlParts& p) { p.extensions.erase(p.extensions.begin()); });
  rule("crl.number", [](CrlParts& p) { p.extensions.pop_back(); });
  rule("crl.critical", [](CrlParts& p) { p.extensions[1].critical = true; });
  rule("crl.unknown_critical", [](CrlParts& p) {
    p.extensions.push_back(x509::make_extension(oid::kMsNextPublish, true, Buffer{5, 0}));
  });
  rule("crl.empty_list", [](CrlParts& p) { p.list = true; });
  const auto indicator = [](CrlParts& p, std::uint64_t base) {
    p.extensions.push_back(
        x509::make_extension(oid::kDeltaCrlIndicator, true, x509::encode_crl_number(base)));
  };
  rule("crl.delta", [&](CrlParts& p) { indicator(p, 8); });
  rule("crl.delta", [&](CrlParts& p) { indicator(p, 1 << 20); });
  rule("crl.delta", [&](CrlParts& p) {
    indicator(p, 5);
    p.extensions.push_back(x509::make_extension(
        oid::kFreshestCrl, false, x509::encode_distribution_point_uris({"http://x.example/d"})));
  });
  entry(entry_with(0));
  entry(entry_with(7));
  entry(entry_with(8));
  entry(entry_with({}, parse_time("2026-01-02").value()));
  entry(entry_with({}, parse_time("2025-01-02").value(), Buffer{0x80}));
}

TEST(LintRulesTest, EveryRuleSpeaksWhenItIsBroken) {
  break_every_certificate_rule();
  break_signature_agreement();
  break_every_crl_rule();
  std::set<std::string> all;
  for (const Rule& rule : rules()) {
    EXPECT_TRUE(all.insert(std::string(rule.id)).second) << rule.id << " stands twice";
    EXPECT_FALSE(rule.summary.empty());
    EXPECT_FALSE(rule.source.empty());
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
