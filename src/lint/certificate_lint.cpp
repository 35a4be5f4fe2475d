// The rules for certificates: facts are read once, then every rule is asked about them.

#include <algorithm>
#include <array>

#include "lint/lint.hpp"
#include "lint/rule_table.hpp"
#include "lint/text_rules.hpp"

namespace vouch::lint {
namespace {

namespace oid = x509::oid;

// What the rules look at, parsed once. An extension that does not parse leaves its field empty; the rule
// extension.malformed says so.
struct Facts {
  const x509::CertificateView& certificate;
  std::optional<x509::SignatureAlgorithm> algorithm;
  Result<x509::PublicKeyInfo> key;
  x509::Name subject;
  bool empty_subject = false, self_issued = false;
  std::optional<x509::BasicConstraints> basic_constraints;
  std::optional<std::uint16_t> key_usage;
  std::vector<x509::Oid> purposes;
  std::vector<x509::GeneralName> san;
  std::vector<std::string> urls;  // of AIA and CDP
  std::string malformed;          // the first extension that does not parse

  bool ca() const { return basic_constraints && basic_constraints->ca; }
  bool has(const x509::Oid& id) const { return certificate.find(id) != nullptr; }
  bool for_purpose(const x509::Oid& purpose) const { return std::ranges::count(purposes, purpose) != 0; }
};

class FactsReader {
 public:
  explicit FactsReader(const x509::CertificateView& certificate)
      : facts_{certificate, {},    x509::parse_public_key_info(certificate.public_key_info),
               {},          false, false,
               {},          {},    {},
               {},          {},    {}} {}

  Facts read() && {
    const x509::CertificateView& certificate = facts_.certificate;
    if (const auto algorithm = x509::parse_signature_algorithm(certificate.tbs_signature))
      facts_.algorithm = *algorithm;
    if (auto name = x509::parse_name(certificate.subject)) facts_.subject = std::move(*name);
    facts_.empty_subject = facts_.subject.empty();
    facts_.self_issued = equal(certificate.issuer, certificate.subject);
    for (const x509::ExtensionView& extension : certificate.extensions) read(extension);
    return std::move(facts_);
  }

 private:
  // Takes a parser's value, or remembers that the extension is malformed.
  template <class T, class Take>
  void with(const x509::ExtensionView& extension, Result<T> parsed, Take&& take) {
    if (parsed)
      take(std::move(*parsed));
    else if (facts_.malformed.empty())
      facts_.malformed = fmt::format("{}: {}", x509::describe(extension.id), parsed.error().summary());
  }
  template <class T>
  void check(const x509::ExtensionView& extension, Result<T> parsed) {
    with(extension, std::move(parsed), [](T&&) {});
  }

  void read(const x509::ExtensionView& e) {
    const auto take_uris = [this](const std::vector<x509::DistributionPoint>& points) {
      for (std::string& uri : uris_of(points)) facts_.urls.push_back(std::move(uri));
    };
    if (e.id == oid::kBasicConstraints)
      with(e, x509::parse_basic_constraints(e.value), [this](auto v) { facts_.basic_constraints = v; });
    else if (e.id == oid::kKeyUsage)
      with(e, x509::parse_key_usage(e.value), [this](auto v) { facts_.key_usage = v; });
    else if (e.id == oid::kExtendedKeyUsage)
      with(e, x509::parse_extended_key_usage(e.value), [this](auto v) { facts_.purposes = std::move(v); });
    else if (e.id == oid::kSubjectAltName)
      with(e, x509::parse_general_names(e.value), [this](auto v) { facts_.san = std::move(v); });
    else if (e.id == oid::kCrlDistributionPoints || e.id == oid::kFreshestCrl)
      with(e, x509::parse_distribution_points(e.value), take_uris);
    else if (e.id == oid::kAuthorityInfoAccess)
      with(e, x509::parse_info_access(e.value), [this](const auto& access) {
        for (const x509::AccessDescription& description : access)
          if (description.location.type == x509::GeneralNameType::uri)
            facts_.urls.emplace_back(as_text(description.location.value));
      });
    else if (e.id == oid::kSubjectKeyIdentifier)
      check(e, x509::parse_subject_key_identifier(e.value));
    else if (e.id == oid::kAuthorityKeyIdentifier)
      check(e, x509::parse_authority_key_identifier(e.value));
    else if (e.id == oid::kCertificatePolicies || e.id == oid::kMsApplicationPolicies)
      check(e, x509::parse_certificate_policies(e.value));
    else if (e.id == oid::kPolicyMappings)
      check(e, x509::parse_policy_mappings(e.value));
    else if (e.id == oid::kPolicyConstraints)
      check(e, x509::parse_policy_constraints(e.value));
    else if (e.id == oid::kInhibitAnyPolicy)
      check(e, x509::parse_inhibit_any_policy(e.value));
    else if (e.id == oid::kNameConstraints)
      check(e, x509::parse_name_constraints(e.value));
    else if (e.id == oid::kIssuerAltName)
      check(e, x509::parse_general_names(e.value));
    else if (e.id == oid::kMsCaVersion)
      check(e, x509::parse_ca_version(e.value));
    else if (e.id == oid::kMsPreviousCertHash)
      check(e, x509::parse_previous_cert_hash(e.value));
    else if (e.id == oid::kMsTemplateName)
      check(e, x509::parse_template_name(e.value));
    else if (e.id == oid::kMsCertificateTemplate)
      check(e, x509::parse_template_information(e.value));
    else if (e.id == oid::kMsNtdsCaSecurity)
      check(e, x509::parse_sid(e.value));
    else if (e.id == oid::kTlsFeature)
      check(e, x509::parse_tls_feature(e.value));
  }

  Facts facts_;
};

// A rule says what is wrong, or nothing.
using Verdict = std::optional<std::string>;
struct CertificateRule {
  Rule rule;
  Verdict (*check)(const Facts&);
};

Verdict when(bool wrong, std::string_view message) { return wrong ? Verdict(message) : std::nullopt; }

Verdict criticality(const Facts& facts) {
  // RFC 5280 4.2.1: what a conforming CA must mark, and must not.
  static constexpr const x509::Oid* kMust[] = {&oid::kNameConstraints, &oid::kPolicyConstraints,
                                               &oid::kInhibitAnyPolicy};
  static constexpr const x509::Oid* kMustNot[] = {
      &oid::kAuthorityKeyIdentifier, &oid::kSubjectKeyIdentifier,
      &oid::kAuthorityInfoAccess,    &oid::kFreshestCrl,
      &oid::kSubjectInfoAccess,      &oid::kSubjectDirectoryAttributes};
  for (const x509::ExtensionView& extension : facts.certificate.extensions) {
    const auto is = [&](const x509::Oid* id) { return *id == extension.id; };
    if (!extension.critical && std::ranges::any_of(kMust, is))
      return fmt::format("{} is not critical", x509::describe(extension.id));
    if (extension.critical && std::ranges::any_of(kMustNot, is))
      return fmt::format("{} is critical", x509::describe(extension.id));
  }
  return std::nullopt;
}

Verdict key_usage_fits_key(const Facts& facts) {
  if (!facts.key || !facts.key_usage || facts.key->type == x509::KeyType::rsa) return std::nullopt;
  // RFC 5480 3, RFC 8410 5: such keys encipher nothing.
  return when((*facts.key_usage & (x509::key_encipherment | x509::data_encipherment)) != 0,
              fmt::format("a {} key cannot encipher keys or data", to_string(facts.key->type)));
}

Verdict rsa_exponent(const Facts& facts) {
  if (!facts.key || facts.key->type != x509::KeyType::rsa) return std::nullopt;
  const Bytes e = facts.key->exponent;
  return when(e.empty() || !(e.back() & 1) || (e.size() == 1 && e[0] < 3), "the RSA exponent is even or one");
}

Verdict ec_point(const Facts& facts) {
  if (!facts.key || facts.key->type == x509::KeyType::rsa || facts.key->type == x509::KeyType::ed25519)
    return std::nullopt;
  return when(facts.key->point.empty() || facts.key->point[0] != 0x04, "the EC point is not uncompressed");
}

Verdict names_in_san(const Facts& facts) {
  if (!facts.for_purpose(oid::kServerAuth)) return std::nullopt;
  for (const std::string& name : x509::values_of(facts.subject, oid::kCommonName)) {
    if (check_dns_name(name).has_value()) continue;  // a common name that is no host name
    if (std::ranges::none_of(facts.san, [&](const x509::GeneralName& entry) {
          return entry.type == x509::GeneralNameType::dns_name &&
                 same_ignoring_case(as_text(entry.value), name);
        }))
      return fmt::format("the common name {} is not among the alternative names", name);
  }
  return std::nullopt;
}

Verdict san_syntax(const Facts& facts) {
  for (const x509::GeneralName& name : facts.san) {
    if (name.type == x509::GeneralNameType::dns_name)
      if (auto wrong = check_dns_name(as_text(name.value)))
        return fmt::format("{}: {}", name.to_text(), *wrong);
    if (name.type == x509::GeneralNameType::ip_address && name.value.size() != 4 && name.value.size() != 16)
      return fmt::format("an IP address of {} octets", name.value.size());
    if (name.type == x509::GeneralNameType::rfc822_name)
      if (auto wrong = check_email(as_text(name.value))) return fmt::format("{}: {}", name.to_text(), *wrong);
  }
  return std::nullopt;
}

Verdict url_syntax(const Facts& facts) {
  for (const std::string& url : facts.urls)
    if (auto wrong = check_url(url)) return fmt::format("{}: {}", url, *wrong);
  return std::nullopt;
}

Verdict logon_identity(const Facts& facts) {
  if (!facts.for_purpose(oid::kMsSmartCardLogon) || facts.ca() || facts.for_purpose(oid::kPkinitKdc))
    return std::nullopt;
  const bool identified =
      facts.has(oid::kMsNtdsCaSecurity) || std::ranges::any_of(facts.san, [](const auto& name) {
        return name.as_upn().has_value() || name.other_type == oid::kPkinitSan;
      });
  return when(!identified,
              "a smart-card-logon certificate without UPN, Kerberos principal or SID logs nobody on");
}

constexpr std::string_view kRfc = "RFC 5280 4.1.2.2";

const CertificateRule kRules[] = {
    {{"serial.positive", "the serial number is positive", kRfc, Severity::error},
     [](const Facts& f) {
       const Bytes s = f.certificate.serial;
       return when(s.empty() || (s[0] & 0x80) || (s.size() == 1 && s[0] == 0),
                   "the serial number is zero or negative");
     }},
    {{"serial.length", "the serial number has at most 20 octets", kRfc, Severity::error},
     [](const Facts& f) {
       return when(f.certificate.serial.size() > 20, "the serial number has more than 20 octets");
     }},
    {{"serial.entropy", "the serial number has room for 64 random bits", "CA/Browser Forum BR 7.1",
      Severity::error},
     [](const Facts& f) {
       return when(f.certificate.serial.size() < 8, "the serial number is shorter than 8 octets");
     }},
    {{"version", "the certificate is of version 3", "RFC 5280 4.1.2.1", Severity::error},
     [](const Facts& f) { return when(f.certificate.version != 3, "the version is not 3"); }},
    {{"signature.agree", "the two signature algorithms are the same", "RFC 5280 4.1.1.2", Severity::error},
     [](const Facts& f) {
       return when(!f.certificate.signature_algorithm.whole.empty() &&
                       !equal(f.certificate.signature_algorithm.whole, f.certificate.tbs_signature.whole),
                   "the signature algorithms inside and outside differ");
     }},
    {{"signature.strong", "the signature algorithm is known and not broken", "RFC 6194, RFC 8813",
      Severity::error},
     [](const Facts& f) {
       return when(!f.algorithm || is_weak(*f.algorithm), "the signature algorithm is unknown or broken");
     }},
    {{"validity.order", "notBefore lies before notAfter", "RFC 5280 4.1.2.5", Severity::error},
     [](const Facts& f) {
       return when(f.certificate.not_before >= f.certificate.not_after, "the certificate is never valid");
     }},
    {{"issuer.name", "the issuer has a name", "RFC 5280 4.1.2.4", Severity::error},
     [](const Facts& f) { return when(f.certificate.issuer.size() <= 2, "the issuer's name is empty"); }},
    {{"subject.ca_name", "a CA has a name", "RFC 5280 4.1.2.6", Severity::error},
     [](const Facts& f) { return when(f.ca() && f.empty_subject, "a CA without a subject name"); }},
    {{"subject.empty", "an empty subject goes with a critical subjectAltName", "RFC 5280 4.1.2.6",
      Severity::error},
     [](const Facts& f) {
       const auto* san = f.certificate.find(oid::kSubjectAltName);
       return when(f.empty_subject && (!san || !san->critical),
                   "the subject is empty and no critical subjectAltName names it");
     }},
    {{"subject.attributes", "attributes of the subject keep their upper bounds and forms", "RFC 5280 A.1",
      Severity::error},
     [](const Facts& f) { return check_attributes(f.subject); }},
    {{"extension.malformed", "every known extension is well-formed", "RFC 5280 4.2", Severity::error},
     [](const Facts& f) { return when(!f.malformed.empty(), f.malformed); }},
    {{"extension.critical", "extensions are critical where they must be and nowhere else", "RFC 5280 4.2.1",
      Severity::error},
     criticality},
    {{"ca.basic_constraints", "a CA's basicConstraints are critical", "RFC 5280 4.2.1.9", Severity::error},
     [](const Facts& f) {
       return when(f.ca() && !f.certificate.find(oid::kBasicConstraints)->critical,
                   "basicConstraints of a CA are not critical");
     }},
    {{"ca.key_usage", "a CA's keyUsage has keyCertSign", "RFC 5280 4.2.1.3", Severity::error},
     [](const Facts& f) {
       return when(f.ca() && (!f.key_usage || !(*f.key_usage & x509::key_cert_sign)),
                   "a CA without keyCertSign");
     }},
    {{"ca.key_identifier", "a CA has a subjectKeyIdentifier", "RFC 5280 4.2.1.2", Severity::error},
     [](const Facts& f) {
       return when(f.ca() && !f.has(oid::kSubjectKeyIdentifier), "a CA without subjectKeyIdentifier");
     }},
    {{"ee.key_cert_sign", "only a CA has keyCertSign or a path length", "RFC 5280 4.2.1.3, 4.2.1.9",
      Severity::error},
     [](const Facts& f) {
       return when(!f.ca() && ((f.key_usage && (*f.key_usage & x509::key_cert_sign)) ||
                               (f.basic_constraints && f.basic_constraints->path_length)),
                   "keyCertSign or a path length on a certificate that is not for a CA");
     }},
    {{"ee.purposes", "an end entity's certificate says what it is for", "MS-CRTD; Certipy ESC2",
      Severity::error},
     [](const Facts& f) {
       return when(!f.ca() && f.purposes.empty(), "no extendedKeyUsage: it would serve any purpose");
     }},
    {{"ee.any_purpose", "an end entity's certificate is not for any purpose", "Certipy ESC2",
      Severity::error},
     [](const Facts& f) {
       return when(!f.ca() && f.for_purpose(oid::kAnyExtendedKeyUsage),
                   "anyExtendedKeyUsage on an end entity's certificate");
     }},
    {{"authority_key_identifier", "the issuer's key is identified", "RFC 5280 4.2.1.1", Severity::error},
     [](const Facts& f) {
       return when(!f.self_issued && !f.has(oid::kAuthorityKeyIdentifier),
                   "authorityKeyIdentifier is missing");
     }},
    {{"key.known", "the public key is of a known type", "RFC 5280 4.1.2.7", Severity::error},
     [](const Facts& f) { return when(!f.key, "the public key cannot be read"); }},
    {{"key.rsa_size", "an RSA key has at least 2048 bits", "NIST SP 800-131A", Severity::error},
     [](const Facts& f) {
       return when(f.key && f.key->type == x509::KeyType::rsa && f.key->bits < 2048,
                   "the RSA key has fewer than 2048 bits");
     }},
    {{"key.rsa_exponent", "an RSA exponent is odd and above one", "RFC 8017 3.1", Severity::error},
     rsa_exponent},
    {{"key.ec_point", "EC points are uncompressed", "RFC 5480 2.2", Severity::error}, ec_point},
    {{"key.usage", "keyUsage fits the key", "RFC 5480 3, RFC 8410 5", Severity::error}, key_usage_fits_key},
    {{"san.syntax", "names in subjectAltName are well-formed", "RFC 5280 4.2.1.6", Severity::error},
     san_syntax},
    {{"url.syntax", "AIA and CDP hold http or ldap URLs", "RFC 5280 4.2.1.13, 8", Severity::error},
     url_syntax},
    {{"logon.identity", "a logon certificate says whom it logs on", "MS-PKCA 3.1.5.2.1", Severity::error},
     logon_identity},
    {{"server.san", "a server certificate has a subjectAltName", "RFC 9525 6.3", Severity::warning},
     [](const Facts& f) {
       return when(f.for_purpose(oid::kServerAuth) && !f.ca() && f.san.empty(),
                   "serverAuth without subjectAltName: clients no longer read the common name");
     }},
    {{"server.common_name", "a host name in the subject is also in subjectAltName",
      "CA/Browser Forum BR 7.1.4.3", Severity::warning},
     names_in_san},
    {{"ocsp.no_check", "an OCSP signer is exempt from revocation checking", "RFC 6960 4.2.2.2.1",
      Severity::warning},
     [](const Facts& f) {
       return when(!f.ca() && f.for_purpose(oid::kOcspSigning) && !f.has(oid::kOcspNoCheck),
                   "OCSPSigning without id-pkix-ocsp-nocheck");
     }},
};

}  // namespace

std::vector<Finding> lint_certificate(const x509::CertificateView& certificate) {
  const Facts facts = FactsReader(certificate).read();
  std::vector<Finding> findings;
  for (const CertificateRule& rule : kRules)
    if (Verdict wrong = rule.check(facts)) findings.push_back(found(rule.rule, std::move(*wrong)));
  return findings;
}

void add_certificate_rules(std::vector<Rule>& rules) {
  for (const CertificateRule& rule : kRules) rules.push_back(rule.rule);
}

}  // namespace vouch::lint
