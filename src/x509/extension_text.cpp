#include "x509/extension_text.hpp"

#include <algorithm>

namespace vouch::x509 {
namespace {

using Texts = std::vector<std::string>;

// Octets of the UTF-8 character at the front of `text`; 0 when there is none that is well-formed.
std::size_t character_size(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(text.size(), 4); ++size)
    if (is_valid_utf8(text.substr(0, size))) return size;
  return 0;
}

// Controls C0, DEL and C1, line and paragraph separators, and the marks that turn the direction of
// writing (they make "exe.gpj" look like "jpg.exe").
bool is_harmless(std::string_view character) {
  if (character.size() == 1) return character[0] >= 0x20 && character[0] != 0x7f;
  if (character.size() == 2 && character[0] == '\xc2')
    return static_cast<unsigned char>(character[1]) >= 0xa0;
  constexpr std::string_view kHarmful[] = {"\u200e", "\u200f", "\u2028", "\u2029", "\u202a",
                                           "\u202b", "\u202c", "\u202d", "\u202e", "\u2066",
                                           "\u2067", "\u2068", "\u2069", "\u061c", "\ufeff"};
  return std::ranges::find(kHarmful, character) == std::end(kHarmful);
}

// A URI speaks for itself; other names say what they are.
std::string location_text(const GeneralName& name) {
  return name.type == GeneralNameType::uri ? std::string(as_text(name.value)) : name.to_text();
}

void add_names(Texts& out, std::string_view label, const std::vector<GeneralName>& names) {
  for (const GeneralName& name : names) out.push_back(std::string(label) + location_text(name));
}

Result<Texts> subject_key_identifier(Bytes value) {
  return Texts{to_hex(TRY(parse_subject_key_identifier(value)))};
}

Result<Texts> authority_key_identifier(Bytes value) {
  const auto identifier = TRY(parse_authority_key_identifier(value));
  Texts out;
  if (identifier.key_identifier) out.push_back(to_hex(*identifier.key_identifier));
  add_names(out, "issuer ", identifier.issuer);
  if (!identifier.serial.empty()) out.push_back("serial " + to_hex(identifier.serial));
  return out;
}

Result<Texts> key_usage(Bytes value) {
  Texts out;
  for (const std::string_view name : key_usage_names(TRY(parse_key_usage(value)))) out.emplace_back(name);
  return out;
}

Result<Texts> basic_constraints(Bytes value) {
  const auto constraints = TRY(parse_basic_constraints(value));
  Texts out{constraints.ca ? "CA" : "not a CA"};
  if (constraints.path_length) out.push_back(fmt::format("path length {}", *constraints.path_length));
  return out;
}

Result<Texts> general_names(Bytes value) {
  Texts out;
  for (const GeneralName& name : TRY(parse_general_names(value))) out.push_back(name.to_text());
  return out;
}

Result<Texts> extended_key_usage(Bytes value) {
  Texts out;
  for (const Oid& purpose : TRY(parse_extended_key_usage(value))) out.push_back(describe(purpose));
  return out;
}

// UserNotice ::= SEQUENCE { noticeRef NoticeReference OPTIONAL, explicitText DisplayText OPTIONAL }
std::string notice_text(Bytes qualifier) {
  asn1::Reader outer(qualifier);
  auto notice = outer.expect_sequence();
  while (notice && !notice->at_end()) {
    const auto part = notice->next();
    if (!part) break;
    if (part->tag == asn1::Tag::sequence) continue;  // noticeRef: numbers into a document that nobody has
    if (auto text = string_to_utf8(part->tag, part->value)) return "notice: " + *text;
  }
  return "notice: #" + to_hex(qualifier);
}

std::string qualifier_text(const PolicyQualifier& qualifier) {
  if (qualifier.id == oid::kQtUnotice) return notice_text(qualifier.value);
  asn1::Reader reader(qualifier.value);
  if (qualifier.id == oid::kQtCps)
    if (const auto uri = reader.expect(asn1::Tag::ia5_string)) return "CPS: " + std::string(as_text(*uri));
  return fmt::format("{}: #{}", describe(qualifier.id), to_hex(qualifier.value));
}

Result<Texts> certificate_policies(Bytes value) {
  Texts out;
  for (const PolicyInformation& policy : TRY(parse_certificate_policies(value))) {
    std::string text = describe(policy.policy);
    for (const PolicyQualifier& qualifier : policy.qualifiers) text += "; " + qualifier_text(qualifier);
    out.push_back(std::move(text));
  }
  return out;
}

Result<Texts> policy_mappings(Bytes value) {
  Texts out;
  for (const PolicyMapping& mapping : TRY(parse_policy_mappings(value)))
    out.push_back(describe(mapping.issuer_domain) + " is " + describe(mapping.subject_domain));
  return out;
}

Result<Texts> policy_constraints(Bytes value) {
  const auto constraints = TRY(parse_policy_constraints(value));
  Texts out;
  if (constraints.require_explicit_policy)
    out.push_back(
        fmt::format("explicit policy required after {} certificates", *constraints.require_explicit_policy));
  if (constraints.inhibit_policy_mapping)
    out.push_back(
        fmt::format("no policy mapping after {} certificates", *constraints.inhibit_policy_mapping));
  return out;
}

Result<Texts> inhibit_any_policy(Bytes value) {
  return Texts{fmt::format("after {} certificates", TRY(parse_inhibit_any_policy(value)))};
}

void add_subtrees(Texts& out, std::string_view label, const std::vector<GeneralSubtree>& subtrees) {
  for (const GeneralSubtree& subtree : subtrees) {
    std::string text = std::string(label) + subtree.base.to_text();
    if (subtree.minimum != 0) text += fmt::format(" (minimum {})", subtree.minimum);
    if (subtree.maximum) text += fmt::format(" (maximum {})", *subtree.maximum);
    out.push_back(std::move(text));
  }
}

Result<Texts> name_constraints(Bytes value) {
  const auto constraints = TRY(parse_name_constraints(value));
  Texts out;
  add_subtrees(out, "permitted ", constraints.permitted);
  add_subtrees(out, "excluded ", constraints.excluded);
  return out;
}

// ReasonFlags (RFC 5280 4.2.1.13), bit 1 to bit 8; bit 0 is unused.
std::string reasons_text(ReasonFlags reasons) {
  constexpr std::string_view kNames[] = {
      "unused",      "keyCompromise",        "cACompromise",    "affiliationChanged",
      "superseded",  "cessationOfOperation", "certificateHold", "privilegeWithdrawn",
      "aACompromise"};
  std::string out;
  for (std::size_t bit = 0; bit < std::size(kNames); ++bit)
    if (reasons >> bit & 1) out += (out.empty() ? "" : ", ") + std::string(kNames[bit]);
  return out;
}

void add_point_name(Texts& out, const std::optional<DistributionPointName>& name) {
  if (!name) return;
  add_names(out, "", name->full_name);
  if (name->relative_to_issuer)
    out.push_back("relative to issuer: " + to_rfc4514(Name{{*name->relative_to_issuer}}));
}

Result<Texts> distribution_points(Bytes value) {
  Texts out;
  for (const DistributionPoint& point : TRY(parse_distribution_points(value))) {
    add_point_name(out, point.name);
    if (point.reasons) out.push_back("only for " + reasons_text(*point.reasons));
    add_names(out, "CRL issuer ", point.crl_issuer);
  }
  return out;
}

Result<Texts> issuing_distribution_point(Bytes value) {
  const auto point = TRY(parse_issuing_distribution_point(value));
  Texts out;
  add_point_name(out, point.name);
  if (point.only_user_certs) out.emplace_back("only end-entity certificates");
  if (point.only_ca_certs) out.emplace_back("only CA certificates");
  if (point.only_attribute_certs) out.emplace_back("only attribute certificates");
  if (point.only_some_reasons) out.push_back("only for " + reasons_text(*point.only_some_reasons));
  if (point.indirect_crl) out.emplace_back("indirect: lists certificates of other issuers");
  return out;
}

Result<Texts> info_access(Bytes value) {
  Texts out;
  for (const AccessDescription& access : TRY(parse_info_access(value))) {
    const std::string method = access.method == oid::kAdOcsp        ? "OCSP"
                               : access.method == oid::kAdCaIssuers ? "CA issuers"
                                                                    : describe(access.method);
    out.push_back(method + ": " + location_text(access.location));
  }
  return out;
}

Result<Texts> private_key_usage_period(Bytes value) {
  const auto period = TRY(parse_private_key_usage_period(value));
  Texts out;
  if (period.not_before) out.push_back("from " + format_time(*period.not_before));
  if (period.not_after) out.push_back("until " + format_time(*period.not_after));
  return out;
}

Result<Texts> directory_attributes(Bytes value) {
  Texts out;
  for (const DirectoryAttribute& attribute : TRY(parse_subject_directory_attributes(value)))
    out.push_back(fmt::format("{}: #{}", describe(attribute.type), to_hex(attribute.values)));
  return out;
}

Result<Texts> tls_feature(Bytes value) {
  Texts out;
  for (const std::uint16_t feature : TRY(parse_tls_feature(value)))
    out.push_back(feature == 5 ? "status_request (OCSP must-staple)" : fmt::format("{}", feature));
  return out;
}

// Unsigned big-endian octets as a decimal number, however long.
std::string decimal(Bytes octets) {
  std::string digits = "0";  // least significant first
  for (const std::uint8_t octet : octets) {
    unsigned carry = octet;
    for (char& digit : digits) {
      carry += static_cast<unsigned>(digit - '0') * 256;
      digit = static_cast<char>('0' + carry % 10);
      carry /= 10;
    }
    for (; carry != 0; carry /= 10) digits.push_back(static_cast<char>('0' + carry % 10));
  }
  std::ranges::reverse(digits);
  return digits;
}

Result<Texts> crl_number(Bytes value) { return Texts{decimal(TRY(parse_crl_number(value)))}; }

Result<Texts> reason_code(Bytes value) {
  return Texts{std::string(to_string(TRY(parse_reason_code(value))))};
}

Result<Texts> invalidity_date(Bytes value) { return Texts{format_time(TRY(parse_invalidity_date(value)))}; }

Result<Texts> next_publish(Bytes value) { return Texts{format_time(TRY(parse_next_publish(value)))}; }

Result<Texts> ca_version(Bytes value) {
  const CaVersion version = TRY(parse_ca_version(value));
  return Texts{fmt::format("V{}.{}", version.certificate_index, version.key_index)};
}

Result<Texts> previous_cert_hash(Bytes value) { return Texts{to_hex(TRY(parse_previous_cert_hash(value)))}; }

Result<Texts> template_name(Bytes value) { return Texts{TRY(parse_template_name(value))}; }

Result<Texts> template_information(Bytes value) {
  const auto information = TRY(parse_template_information(value));
  Texts out{describe(information.id)};
  if (information.major)
    out.push_back(fmt::format("version {}.{}", *information.major, information.minor.value_or(0)));
  return out;
}

Result<Texts> sid(Bytes value) { return Texts{TRY(parse_sid(value))}; }

Result<Texts> ocsp_no_check(Bytes) { return Texts{"no revocation checking of this responder"}; }

struct Printer {
  Oid id;
  std::string_view label;
  Result<Texts> (*values)(Bytes);
};

constexpr Printer kPrinters[] = {
    {oid::kSubjectKeyIdentifier, "Subject key identifier", subject_key_identifier},
    {oid::kAuthorityKeyIdentifier, "Authority key identifier", authority_key_identifier},
    {oid::kBasicConstraints, "Basic constraints", basic_constraints},
    {oid::kKeyUsage, "Key usage", key_usage},
    {oid::kExtendedKeyUsage, "Extended key usage", extended_key_usage},
    {oid::kSubjectAltName, "Subject alternative names", general_names},
    {oid::kIssuerAltName, "Issuer alternative names", general_names},
    {oid::kCertificateIssuer, "Certificate issuer", general_names},
    {oid::kCertificatePolicies, "Certificate policies", certificate_policies},
    {oid::kMsApplicationPolicies, "Application policies", certificate_policies},
    {oid::kPolicyMappings, "Policy mappings", policy_mappings},
    {oid::kPolicyConstraints, "Policy constraints", policy_constraints},
    {oid::kInhibitAnyPolicy, "Inhibit anyPolicy", inhibit_any_policy},
    {oid::kNameConstraints, "Name constraints", name_constraints},
    {oid::kCrlDistributionPoints, "CRL distribution points", distribution_points},
    {oid::kFreshestCrl, "Freshest CRL", distribution_points},
    {oid::kMsPublishedCrlLocations, "Published CRL locations", distribution_points},
    {oid::kIssuingDistributionPoint, "Issuing distribution point", issuing_distribution_point},
    {oid::kAuthorityInfoAccess, "Authority information access", info_access},
    {oid::kSubjectInfoAccess, "Subject information access", info_access},
    {oid::kPrivateKeyUsagePeriod, "Private key usage period", private_key_usage_period},
    {oid::kSubjectDirectoryAttributes, "Subject directory attributes", directory_attributes},
    {oid::kTlsFeature, "TLS feature", tls_feature},
    {oid::kCrlNumber, "CRL number", crl_number},
    {oid::kDeltaCrlIndicator, "Delta CRL, base number", crl_number},
    {oid::kReasonCode, "Reason", reason_code},
    {oid::kInvalidityDate, "Invalid since", invalidity_date},
    {oid::kExpiredCertsOnCrl, "Keeps expired certificates since", invalidity_date},
    {oid::kOcspNoCheck, "OCSP no check", ocsp_no_check},
    {oid::kMsNextPublish, "Next CRL publish", next_publish},
    {oid::kMsCaVersion, "CA version", ca_version},
    {oid::kMsPreviousCertHash, "Previous CA certificate hash", previous_cert_hash},
    {oid::kMsTemplateName, "Template name", template_name},
    {oid::kMsCertificateTemplate, "Template", template_information},
    {oid::kMsNtdsCaSecurity, "Security identifier", sid},
};

const Printer* printer_of(const Oid& id) {
  const auto row = std::ranges::find(kPrinters, id, &Printer::id);
  return row == std::end(kPrinters) ? nullptr : row;
}

}  // namespace

std::string printable_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    // Nearly all text is this.
    const auto plain = std::ranges::find_if_not(text, [](char c) { return c >= 0x20 && c < 0x7f; });
    const auto run = static_cast<std::size_t>(plain - text.begin());
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) break;
    const std::size_t size = character_size(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(size, 1));
    if (size != 0 && is_harmless(character))
      out += character;
    else
      for (const char octet : character) out += fmt::format("\\{:02X}", static_cast<unsigned char>(octet));
    text.remove_prefix(character.size());
  }
  return out;
}

std::string extension_label(const Oid& id) {
  if (const Printer* row = printer_of(id)) return std::string(row->label);
  return describe(id);
}

Result<Texts> extension_values(const ExtensionView& extension) {
  const Printer* row = printer_of(extension.id);
  if (row == nullptr) return Texts{"#" + to_hex(extension.value)};
  Texts values = TRY(row->values(extension.value));
  for (std::string& value : values) value = printable_text(value);
  return values;
}

}  // namespace vouch::x509
