// The rules for certificates: facts are read once, then every rule is asked about them.

#include <algorithm>
#include <array>

#include "base/text.hpp"
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
  std::vector<x509::PolicyInformation> policies;
  std::optional<std::vector<x509::Oid>> application_policies;  // 311.21.10
  std::optional<x509::AuthorityKeyIdentifier> authority_key;
  std::optional<x509::NameConstraints> name_constraints;
  std::string malformed;  // the first extension that does not parse

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
               {},          {},    {},
               {},          {},    {},
               {}} {}

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
  void check(const x509::ExtensionView& extension, Status parsed) {
    if (!parsed && facts_.malformed.empty())
      facts_.malformed = fmt::format("{}: {}", x509::describe(extension.id), parsed.error().summary());
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
      with(e, x509::parse_authority_key_identifier(e.value),
           [this](auto v) { facts_.authority_key = std::move(v); });
    else if (e.id == oid::kCertificatePolicies)
      with(e, x509::parse_certificate_policies(e.value), [this](auto v) { facts_.policies = std::move(v); });
    else if (e.id == oid::kMsApplicationPolicies)
      with(e, x509::parse_certificate_policies(e.value), [this](const auto& policies) {
        facts_.application_policies.emplace();
        for (const x509::PolicyInformation& policy : policies)
          facts_.application_policies->push_back(policy.policy);
      });
    else if (e.id == oid::kOcspNoCheck)
      check(e, asn1::Reader(e.value).expect_null());
    else if (e.id == oid::kPolicyMappings)
      check(e, x509::parse_policy_mappings(e.value));
    else if (e.id == oid::kPolicyConstraints)
      check(e, x509::parse_policy_constraints(e.value));
    else if (e.id == oid::kInhibitAnyPolicy)
      check(e, x509::parse_inhibit_any_policy(e.value));
    else if (e.id == oid::kNameConstraints)
      with(e, x509::parse_name_constraints(e.value),
           [this](auto v) { facts_.name_constraints = std::move(v); });
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
struct CertificateRule {
  Rule rule;
  Verdict (*check)(const Facts&);
};

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
  if (!facts.key || !facts.key_usage) return std::nullopt;
  // RFC 3279 2.3.1, RFC 8410 5: neither RSA keys nor signing keys of Edwards curves agree on anything.
  const bool agrees = facts.key->type != x509::KeyType::rsa && facts.key->type != x509::KeyType::ed25519;
  if (!agrees && (*facts.key_usage & x509::key_agreement))
    return fmt::format("a {} key cannot agree on keys", to_string(facts.key->type));
  if (facts.key->type == x509::KeyType::rsa) return std::nullopt;
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
                 equal_ignoring_case(as_text(entry.value), name);
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

// What a client of ours, of Windows or of OpenSSL processes; any other critical extension makes them refuse.
Verdict unknown_critical(const Facts& facts) {
  static constexpr const x509::Oid* kProcessed[] = {&oid::kBasicConstraints,     &oid::kKeyUsage,
                                                    &oid::kExtendedKeyUsage,     &oid::kSubjectAltName,
                                                    &oid::kIssuerAltName,        &oid::kNameConstraints,
                                                    &oid::kPolicyConstraints,    &oid::kInhibitAnyPolicy,
                                                    &oid::kCertificatePolicies,  &oid::kPolicyMappings,
                                                    &oid::kCrlDistributionPoints};
  for (const x509::ExtensionView& extension : facts.certificate.extensions)
    if (extension.critical &&
        std::ranges::none_of(kProcessed, [&](const x509::Oid* id) { return *id == extension.id; }))
      return fmt::format("no client knows the critical extension {}", x509::describe(extension.id));
  return std::nullopt;
}

// X.690 11.5, 11.2.2: DER leaves out what is the default, and the zero bits at the end of named bits.
Verdict default_values(const Facts& facts) {
  asn1::Reader outer(facts.certificate.extensions_der);
  if (auto list = outer.expect_sequence())
    while (!list->at_end()) {
      auto extension = list->expect_sequence();
      if (!extension) return std::nullopt;
      const auto id = extension->expect_oid();
      if (id && extension->peek() == asn1::Tag::boolean)
        if (const auto critical = extension->expect_boolean(); critical && !*critical)
          return fmt::format("{}: critical FALSE is written out", x509::describe(*id));
    }
  if (facts.basic_constraints)
    if (!equal(facts.certificate.find(oid::kBasicConstraints)->value,
               x509::encode_basic_constraints(*facts.basic_constraints)))
      return "basicConstraints: cA FALSE is written out";
  if (facts.key_usage)
    if (!equal(facts.certificate.find(oid::kKeyUsage)->value, x509::encode_key_usage(*facts.key_usage)))
      return "keyUsage: zero bits are written out";
  return std::nullopt;
}

// RFC 5280 4.1.2.5: UTCTime until 2049, GeneralizedTime from then on.
Verdict time_types(const Facts& facts) {
  asn1::Reader outer(facts.certificate.tbs);
  auto tbs = outer.expect_sequence();
  if (!tbs) return std::nullopt;
  // version [0] if it is there, serialNumber, signature, issuer
  for (int skip = tbs->peek() == asn1::context_constructed(0) ? 4 : 3; skip > 0; --skip)
    if (!tbs->next()) return std::nullopt;
  auto validity = tbs->expect_sequence();
  if (!validity) return std::nullopt;
  const Time first_generalized{std::chrono::sys_days{std::chrono::year{2050} / 1 / 1}};
  for (const Time time : {facts.certificate.not_before, facts.certificate.not_after}) {
    const auto value = validity->next();
    if (!value) return std::nullopt;
    if ((value->tag == asn1::Tag::generalized_time) != (time >= first_generalized))
      return fmt::format("{} is of the wrong type of time", format_time(time));
  }
  return std::nullopt;
}

bool same_sets(const std::vector<x509::Oid>& a, const std::vector<x509::Oid>& b) {
  return a.size() == b.size() && std::ranges::is_permutation(a, b);
}

// RFC 5280 4.1.2.4: PrintableString or UTF8String; IA5String where the attribute's type is one.
Verdict string_types(const Facts& facts) {
  for (const x509::RelativeName& rdn : facts.subject.rdns)
    for (const x509::NameAttribute& attribute : rdn) {
      const bool ia5 = attribute.type == oid::kEmailAddress || attribute.type == oid::kDomainComponent ||
                       attribute.type == oid::kUnstructuredName;
      const bool fine = attribute.string_type == asn1::Tag::utf8_string ||
                        attribute.string_type == asn1::Tag::printable_string ||
                        (ia5 && attribute.string_type == asn1::Tag::ia5_string);
      if (!fine) return fmt::format("{} is of an old string type", x509::describe(attribute.type));
    }
  return std::nullopt;
}

// RFC 5280 4.2.1.12: the key usages of which a purpose needs at least one.
struct PurposeUsage {
  const x509::Oid& purpose;
  std::uint16_t usages;
};
constexpr PurposeUsage kPurposeUsages[] = {
    {oid::kServerAuth, x509::digital_signature | x509::key_encipherment | x509::key_agreement},
    {oid::kClientAuth, x509::digital_signature | x509::key_agreement},
    {oid::kCodeSigning, x509::digital_signature},
    {oid::kEmailProtection,
     x509::digital_signature | x509::content_commitment | x509::key_encipherment | x509::key_agreement},
    {oid::kTimeStamping, x509::digital_signature | x509::content_commitment},
    {oid::kOcspSigning, x509::digital_signature | x509::content_commitment},
    {oid::kMsSmartCardLogon, x509::digital_signature},
    {oid::kPkinitClientAuth, x509::digital_signature},
    {oid::kPkinitKdc, x509::digital_signature}};

bool is_possible(const x509::Oid& purpose, std::uint16_t usage) {
  const auto row =
      std::ranges::find_if(kPurposeUsages, [&](const PurposeUsage& r) { return r.purpose == purpose; });
  return row == std::end(kPurposeUsages) || (row->usages & usage) != 0;
}

Verdict impossible_purpose(const Facts& facts) {
  if (facts.ca() || !facts.key_usage) return std::nullopt;
  for (const x509::Oid& purpose : facts.purposes)
    if (!is_possible(purpose, *facts.key_usage))
      return fmt::format("{} is not possible with the key usage", x509::describe(purpose));
  return std::nullopt;
}

Verdict no_possible_purpose(const Facts& facts) {
  if (facts.ca() || !facts.key_usage || facts.purposes.empty()) return std::nullopt;
  return when(std::ranges::none_of(facts.purposes,
                                   [&](const x509::Oid& p) { return is_possible(p, *facts.key_usage); }),
              "key usage and purposes have nothing in common: good for nothing");
}

Verdict repeated_policy(const Facts& facts) {
  std::vector<x509::Oid> seen;
  for (const x509::PolicyInformation& policy : facts.policies) {
    if (std::ranges::find(seen, policy.policy) != seen.end())
      return fmt::format("the policy {} stands twice", x509::describe(policy.policy));
    seen.push_back(policy.policy);
  }
  return std::nullopt;
}

Verdict repeated_name(const Facts& facts) {
  for (std::size_t i = 0; i + 1 < facts.san.size() && facts.san.size() <= 64; ++i)
    if (std::find(facts.san.begin() + static_cast<std::ptrdiff_t>(i) + 1, facts.san.end(), facts.san[i]) !=
        facts.san.end())
      return fmt::format("{} stands twice", facts.san[i].to_text());
  return std::nullopt;
}

Verdict for_cas_only(const Facts& facts) {
  if (facts.ca()) return std::nullopt;
  for (const x509::Oid* id : {&oid::kNameConstraints, &oid::kPolicyConstraints, &oid::kPolicyMappings,
                              &oid::kInhibitAnyPolicy, &oid::kMsCaVersion})
    if (facts.has(*id)) return fmt::format("{} on a certificate that is not for a CA", x509::describe(*id));
  return std::nullopt;
}

Verdict kdc_identity(const Facts& facts) {
  if (!facts.for_purpose(oid::kPkinitKdc) || facts.ca()) return std::nullopt;
  return when(std::ranges::none_of(facts.san,
                                   [](const x509::GeneralName& name) {
                                     return name.type == x509::GeneralNameType::dns_name ||
                                            name.other_type == oid::kPkinitSan;
                                   }),
              "a KDC without Kerberos principal and host name: no client takes it for one");
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

const CertificateRule kCertificateRules[] = {
    {{"serial.positive", "the serial number is positive", kRfc, Severity::error, kReport},
     [](const Facts& f) {
       const Bytes s = f.certificate.serial;
       return when(s.empty() || (s[0] & 0x80) || (s.size() == 1 && s[0] == 0),
                   "the serial number is zero or negative");
     }},
    {{"serial.length", "the serial number has at most 20 octets", kRfc, Severity::error, kReport},
     [](const Facts& f) {
       return when(f.certificate.serial.size() > 20, "the serial number has more than 20 octets");
     }},
    {{"serial.entropy", "the serial number has room for 64 random bits", "CA/Browser Forum BR 7.1",
      Severity::error, kReport},
     [](const Facts& f) {
       return when(f.certificate.serial.size() < 8, "the serial number is shorter than 8 octets");
     }},
    {{"version", "the certificate is of version 3", "RFC 5280 4.1.2.1", Severity::error, kReport},
     [](const Facts& f) { return when(f.certificate.version != 3, "the version is not 3"); }},
    {{"signature.agree", "the two signature algorithms are the same", "RFC 5280 4.1.1.2", Severity::error,
      kReport},
     [](const Facts& f) {
       return when(!f.certificate.signature_algorithm.whole.empty() &&
                       !equal(f.certificate.signature_algorithm.whole, f.certificate.tbs_signature.whole),
                   "the signature algorithms inside and outside differ");
     }},
    {{"signature.strong", "the signature algorithm is known and not broken", "RFC 6194, RFC 8813",
      Severity::error, "give the CA a key and a hash of today"},
     [](const Facts& f) {
       return when(!f.algorithm || is_weak(*f.algorithm), "the signature algorithm is unknown or broken");
     }},
    {{"validity.order", "notBefore lies before notAfter", "RFC 5280 4.1.2.5", Severity::error,
      "correct the validity of the template"},
     [](const Facts& f) {
       return when(f.certificate.not_before >= f.certificate.not_after, "the certificate is never valid");
     }},
    {{"validity.encoding", "times are UTCTime until 2049 and GeneralizedTime from 2050", "RFC 5280 4.1.2.5",
      Severity::error, kReport},
     time_types},
    {{"issuer.name", "the issuer has a name", "RFC 5280 4.1.2.4", Severity::error, "give the CA a name"},
     [](const Facts& f) { return when(f.certificate.issuer.size() <= 2, "the issuer's name is empty"); }},
    {{"subject.ca_name", "a CA has a name", "RFC 5280 4.1.2.6", Severity::error, "give the CA a name"},
     [](const Facts& f) { return when(f.ca() && f.empty_subject, "a CA without a subject name"); }},
    {{"subject.empty", "an empty subject goes with a critical subjectAltName", "RFC 5280 4.1.2.6",
      Severity::error, "add a subject or subjectAltName to the request"},
     [](const Facts& f) {
       const auto* san = f.certificate.find(oid::kSubjectAltName);
       return when(f.empty_subject && (!san || !san->critical),
                   "the subject is empty and no critical subjectAltName names it");
     }},
    {{"subject.attributes", "attributes of the subject keep their upper bounds and forms", "RFC 5280 A.1",
      Severity::error, "correct the subject"},
     [](const Facts& f) { return check_attributes(f.subject); }},
    {{"extension.malformed", "every known extension is well-formed", "RFC 5280 4.2", Severity::error,
      "correct the request; if the extension is not from there, report it"},
     [](const Facts& f) { return when(!f.malformed.empty(), f.malformed); }},
    {{"extension.critical", "extensions are critical where they must be and nowhere else", "RFC 5280 4.2.1",
      Severity::error, kReport},
     criticality},
    {{"ca.basic_constraints", "a CA's basicConstraints are critical", "RFC 5280 4.2.1.9", Severity::error,
      kReport},
     [](const Facts& f) {
       return when(f.ca() && !f.certificate.find(oid::kBasicConstraints)->critical,
                   "basicConstraints of a CA are not critical");
     }},
    {{"ca.key_usage", "a CA's keyUsage has keyCertSign", "RFC 5280 4.2.1.3", Severity::error,
      "add keyCertSign to key_usage of the template"},
     [](const Facts& f) {
       return when(f.ca() && (!f.key_usage || !(*f.key_usage & x509::key_cert_sign)),
                   "a CA without keyCertSign");
     }},
    {{"ca.key_identifier", "a CA has a subjectKeyIdentifier", "RFC 5280 4.2.1.2", Severity::error, kReport},
     [](const Facts& f) {
       return when(f.ca() && !f.has(oid::kSubjectKeyIdentifier), "a CA without subjectKeyIdentifier");
     }},
    {{"ee.key_cert_sign", "only a CA has keyCertSign or a path length", "RFC 5280 4.2.1.3, 4.2.1.9",
      Severity::error, "remove keyCertSign and path_length from the template"},
     [](const Facts& f) {
       return when(!f.ca() && ((f.key_usage && (*f.key_usage & x509::key_cert_sign)) ||
                               (f.basic_constraints && f.basic_constraints->path_length)),
                   "keyCertSign or a path length on a certificate that is not for a CA");
     }},
    {{"ee.purposes", "an end entity's certificate says what it is for", "MS-CRTD; Certipy ESC2",
      Severity::error, "list the purposes in extended_key_usage of the template"},
     [](const Facts& f) {
       return when(!f.ca() && f.purposes.empty(), "no extendedKeyUsage: it would serve any purpose");
     }},
    {{"ee.any_purpose", "an end entity's certificate is not for any purpose", "Certipy ESC2", Severity::error,
      "list the purposes that are needed instead"},
     [](const Facts& f) {
       return when(!f.ca() && f.for_purpose(oid::kAnyExtendedKeyUsage),
                   "anyExtendedKeyUsage on an end entity's certificate");
     }},
    {{"authority_key_identifier", "the issuer's key is identified", "RFC 5280 4.2.1.1", Severity::error,
      kReport},
     [](const Facts& f) {
       return when(!f.self_issued && !f.has(oid::kAuthorityKeyIdentifier),
                   "authorityKeyIdentifier is missing");
     }},
    {{"key.known", "the public key is of a known type", "RFC 5280 4.1.2.7", Severity::error,
      "make a key of a usual type"},
     [](const Facts& f) { return when(!f.key, "the public key cannot be read"); }},
    {{"key.rsa_size", "an RSA key has at least 2048 bits", "NIST SP 800-131A", Severity::error,
      "make a larger key"},
     [](const Facts& f) {
       return when(f.key && f.key->type == x509::KeyType::rsa && f.key->bits < 2048,
                   "the RSA key has fewer than 2048 bits");
     }},
    {{"key.rsa_exponent", "an RSA exponent is odd and above one", "RFC 8017 3.1", Severity::error,
      "make a new key; 65537 is the usual exponent"},
     rsa_exponent},
    {{"key.ec_point", "EC points are uncompressed", "RFC 5480 2.2", Severity::error,
      "make the request again with an uncompressed public key"},
     ec_point},
    {{"key.usage", "keyUsage fits the key", "RFC 5480 3, RFC 8410 5", Severity::error,
      "correct key_usage of the template, or make a key of another type"},
     key_usage_fits_key},
    {{"unique_identifiers", "there are no unique identifiers", "RFC 5280 4.1.2.8", Severity::error, kReport},
     [](const Facts& f) {
       return when(f.certificate.issuer_unique_id.has_value() || f.certificate.subject_unique_id.has_value(),
                   "a unique identifier, which conforming CAs do not write");
     }},
    {{"subject.string_types", "the subject's texts are PrintableString or UTF8String", "RFC 5280 4.1.2.4",
      Severity::error, "make the request with a current program"},
     string_types},
    {{"extension.default", "what is the default is not written out", "X.690 11.5, 11.2.2", Severity::error,
      kReport},
     default_values},
    {{"extension.unknown_critical", "no critical extension is one that clients do not know", "RFC 5280 4.2",
      Severity::error, "remove it, or let it be not critical"},
     unknown_critical},
    {{"application_policies.agree", "application policies and purposes are the same",
      "MS-WCCE 2.2.2.7.7.3; Certipy ESC15", Severity::error, kReport},
     [](const Facts& f) {
       return when(f.application_policies && !same_sets(*f.application_policies, f.purposes),
                   "the application policies (311.21.10) are not the purposes");
     }},
    {{"policies.repeated", "no issuance policy stands twice", "RFC 5280 4.2.1.4", Severity::error,
      "correct issuance.policies of the template"},
     repeated_policy},
    {{"ca.name_constraints", "name constraints constrain something", "RFC 5280 4.2.1.10", Severity::error,
      "name a permitted or an excluded subtree"},
     [](const Facts& f) {
       return when(f.name_constraints && f.name_constraints->permitted.empty() &&
                       f.name_constraints->excluded.empty(),
                   "empty nameConstraints");
     }},
    {{"ca.key_usage_critical", "a CA's keyUsage is critical", "RFC 5280 4.2.1.3", Severity::warning,
      "mark it critical"},
     [](const Facts& f) {
       return when(f.ca() && f.key_usage && !f.certificate.find(oid::kKeyUsage)->critical,
                   "keyUsage of a CA is not critical");
     }},
    {{"ee.crl_sign", "only a CA has cRLSign", "RFC 5280 4.2.1.3", Severity::error,
      "remove cRLSign from the template's key_usage"},
     [](const Facts& f) {
       return when(!f.ca() && f.key_usage && (*f.key_usage & x509::crl_sign),
                   "cRLSign on a certificate that is not for a CA");
     }},
    {{"ee.ca_extension", "extensions for CAs are on CAs only",
      "RFC 5280 4.2.1.5, 4.2.1.10, 4.2.1.11, 4.2.1.14", Severity::error, kReport},
     for_cas_only},
    {{"key_usage.empty", "keyUsage has at least one bit", "RFC 5280 4.2.1.3", Severity::error,
      "correct key_usage of the template"},
     [](const Facts& f) { return when(f.key_usage && *f.key_usage == 0, "keyUsage without any usage"); }},
    {{"key_usage.agreement", "encipherOnly and decipherOnly stand beside keyAgreement", "RFC 5280 4.2.1.3",
      Severity::error, "correct key_usage of the template"},
     [](const Facts& f) {
       return when(f.key_usage && (*f.key_usage & (x509::encipher_only | x509::decipher_only)) &&
                       !(*f.key_usage & x509::key_agreement),
                   "encipherOnly or decipherOnly without keyAgreement");
     }},
    {{"key_usage.useless", "key usage and purposes leave something to do", "RFC 5280 4.2.1.12",
      Severity::error, "correct key_usage or extended_key_usage of the template"},
     no_possible_purpose},
    {{"key_usage.purposes", "each purpose is possible with the key usage", "RFC 5280 4.2.1.12",
      Severity::warning, "correct key_usage or extended_key_usage of the template"},
     impossible_purpose},
    {{"authority_key_identifier.key", "the issuer's key is identified by its identifier", "RFC 5280 4.2.1.1",
      Severity::error, kReport},
     [](const Facts& f) {
       return when(f.authority_key && !f.authority_key->key_identifier,
                   "authorityKeyIdentifier without keyIdentifier");
     }},
    {{"subject_key_identifier", "the subject's key is identified", "RFC 5280 4.2.1.2", Severity::warning,
      kReport},
     [](const Facts& f) {
       return when(!f.ca() && !f.has(oid::kSubjectKeyIdentifier), "subjectKeyIdentifier is missing");
     }},
    {{"key.rsa_modulus", "an RSA modulus is odd", "RFC 8017 3.1", Severity::error, "make a new key"},
     [](const Facts& f) {
       return when(f.key && f.key->type == x509::KeyType::rsa &&
                       (f.key->modulus.empty() || !(f.key->modulus.back() & 1)),
                   "the RSA modulus is even");
     }},
    {{"san.critical", "subjectAltName is critical only where there is no subject", "RFC 5280 4.2.1.6",
      Severity::warning, "set san.critical=false in the template"},
     [](const Facts& f) {
       const auto* san = f.certificate.find(oid::kSubjectAltName);
       return when(san && san->critical && !f.empty_subject, "subjectAltName is critical beside a subject");
     }},
    {{"san.repeated", "no alternative name stands twice", "RFC 5280 4.2.1.6", Severity::notice,
      "correct the request"},
     repeated_name},
    {{"kdc.identity", "a KDC's certificate says which KDC it is", "RFC 4556 3.2.4", Severity::error,
      "use a template whose san.fixed has PKINIT:krbtgt/{realm}@{realm} or DNS:{dns}"},
     kdc_identity},
    {{"logon.revocation", "a logon certificate says where its CRL is", "MS-PKCA; Windows smart card profile",
      Severity::warning, "set CDP locations, and revocation_info=true in the template"},
     [](const Facts& f) {
       return when(f.for_purpose(oid::kMsSmartCardLogon) && !f.ca() && !f.has(oid::kCrlDistributionPoints),
                   "a smart-card-logon certificate without CRL distribution point: Windows refuses it");
     }},
    {{"ocsp.alone", "an OCSP signer has no other purpose", "RFC 6960 4.2.2.2", Severity::error,
      "make a template of its own for the other purposes"},
     [](const Facts& f) {
       return when(!f.ca() && f.for_purpose(oid::kOcspSigning) && f.purposes.size() > 1,
                   "OCSPSigning beside other purposes");
     }},
    {{"ocsp.no_check_alone", "only OCSP signers are exempt from revocation checking", "RFC 6960 4.2.2.2.1",
      Severity::error, "set ocsp_no_check=false in the template"},
     [](const Facts& f) {
       return when(f.has(oid::kOcspNoCheck) && !f.for_purpose(oid::kOcspSigning),
                   "id-pkix-ocsp-nocheck without OCSPSigning");
     }},
    {{"san.syntax", "names in subjectAltName are well-formed", "RFC 5280 4.2.1.6", Severity::error,
      "correct subjectAltName in the request"},
     san_syntax},
    {{"url.syntax", "AIA and CDP hold http or ldap URLs", "RFC 5280 4.2.1.13, 8", Severity::error,
      "correct the CA's AIA and CDP locations"},
     url_syntax},
    {{"logon.identity", "a logon certificate says whom it logs on", "MS-PKCA 3.1.5.2.1", Severity::error,
      "use a template that adds the UPN, or an enterprise CA"},
     logon_identity},
    {{"server.san", "a server certificate has a subjectAltName", "RFC 9525 6.3", Severity::warning,
      "add subjectAltName to the request"},
     [](const Facts& f) {
       return when(f.for_purpose(oid::kServerAuth) && !f.ca() && f.san.empty(),
                   "serverAuth without subjectAltName: clients no longer read the common name");
     }},
    {{"server.common_name", "a host name in the subject is also in subjectAltName",
      "CA/Browser Forum BR 7.1.4.3", Severity::warning,
      "add the name to subjectAltName, or take it out of the common name"},
     names_in_san},
    {{"ocsp.no_check", "an OCSP signer is exempt from revocation checking", "RFC 6960 4.2.2.2.1",
      Severity::warning, "set ocsp_no_check=true in the template"},
     [](const Facts& f) {
       return when(!f.ca() && f.for_purpose(oid::kOcspSigning) && !f.has(oid::kOcspNoCheck),
                   "OCSPSigning without id-pkix-ocsp-nocheck");
     }},
};

}  // namespace

std::vector<Finding> lint_certificate(const x509::CertificateView& certificate) {
  const Facts facts = FactsReader(certificate).read();
  std::vector<Finding> findings;
  for (const CertificateRule& rule : kCertificateRules)
    if (Verdict wrong = rule.check(facts)) findings.push_back(found(rule.rule, std::move(*wrong)));
  return findings;
}

void add_certificate_rules(std::vector<Rule>& rules) {
  for (const CertificateRule& rule : kCertificateRules) rules.push_back(rule.rule);
}

}  // namespace vouch::lint
