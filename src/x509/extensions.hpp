#pragma once
// Every extension of RFC 5280 and the Microsoft ones: one struct, one parse_ and one encode_ each.
// parse_X reads the extnValue contents (the DER inside the OCTET STRING); encode_X gives the same.
// parse_ and encode_ are inverses for DER input. All parsers are bounded (256 elements in a list, 4,096 where
// names are listed, 1 MiB in all) and fail with `malformed` or `limit_exceeded`, naming the extension.
//
// What is read although DER or RFC 5280 forbids it, because real certificates have it, and therefore does
// not encode to the same octets:
//   - an encoded FALSE where FALSE is the default: `critical`, cA, the flags of issuingDistributionPoint;
//   - flags (key usage, reasons) with trailing zero bits, as the Trustwave Global ECC roots have them;
//   - `minimum` 0 of a name constraint, encoded although 0 is the default;
//   - a template name as PrintableString or UTF8String (encode_template_name writes BMPString).
// Nothing else: a set flag without meaning, and GeneralizedTime before 2050 where Time is a CHOICE, are
// `malformed`.
// Meaning is not checked here: a path length without cA, a key usage without a bit, and the empty
// constraints that RFC 5280 tells CAs not to issue are read; the linter and the validator judge them.

#include <optional>
#include <string>
#include <vector>

#include "x509/algorithm.hpp"
#include "x509/general_name.hpp"

namespace vouch::x509 {

// Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
struct ExtensionView {
  Oid id;
  bool critical = false;
  Bytes value;  // contents of extnValue
};
struct Extension {
  Oid id;
  bool critical = false;
  Buffer value;
  bool operator==(const Extension&) const = default;
};
Extension make_extension(const Oid& id, bool critical, Buffer value);
void encode_extension(asn1::Writer& out, const Extension& extension);
Buffer encode_extension(const Extension& extension);
// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension: from the whole SEQUENCE. At most 256; an OID that
// stands twice is `malformed` (RFC 5280 4.2).
Result<std::vector<ExtensionView>> parse_extensions(Bytes sequence);
const ExtensionView* find(const std::vector<ExtensionView>& extensions, const Oid& id);

// KeyUsage (4.2.1.3). Bit n of the BIT STRING is 1 << n here.
enum KeyUsage : std::uint16_t {
  digital_signature = 1 << 0,
  content_commitment = 1 << 1,  // non-repudiation
  key_encipherment = 1 << 2,
  data_encipherment = 1 << 3,
  key_agreement = 1 << 4,
  key_cert_sign = 1 << 5,
  crl_sign = 1 << 6,
  encipher_only = 1 << 7,
  decipher_only = 1 << 8,
};
Result<std::uint16_t> parse_key_usage(Bytes value);
Buffer encode_key_usage(std::uint16_t usage);
std::vector<std::string_view> key_usage_names(std::uint16_t usage);  // "digitalSignature", …
// Either name of bit 1, in any case. Fails with `not_found`.
Result<std::uint16_t> key_usage_from_name(std::string_view name);

struct BasicConstraints {
  bool ca = false;
  std::optional<std::uint32_t> path_length;
  bool operator==(const BasicConstraints&) const = default;
};
Result<BasicConstraints> parse_basic_constraints(Bytes value);
Buffer encode_basic_constraints(const BasicConstraints& value);

Result<Bytes> parse_subject_key_identifier(Bytes value);
Buffer encode_subject_key_identifier(Bytes identifier);

struct AuthorityKeyIdentifier {
  std::optional<Buffer> key_identifier;
  std::vector<GeneralName> issuer;
  Buffer serial;  // INTEGER contents; empty when absent
  bool operator==(const AuthorityKeyIdentifier&) const = default;
};
Result<AuthorityKeyIdentifier> parse_authority_key_identifier(Bytes value);
Buffer encode_authority_key_identifier(const AuthorityKeyIdentifier& value);

// ExtendedKeyUsage (4.2.1.12) and lists of the same form.
Result<std::vector<Oid>> parse_extended_key_usage(Bytes value);
Buffer encode_extended_key_usage(const std::vector<Oid>& purposes);

// subjectAltName, issuerAltName, certificateIssuer: parse_general_names / encode_general_names.

struct PolicyQualifier {
  Oid id;
  Buffer value;  // the DER of the qualifier; see cps_uri() and user_notice()
  bool operator==(const PolicyQualifier&) const = default;
};
struct PolicyInformation {
  Oid policy;
  std::vector<PolicyQualifier> qualifiers;
  bool operator==(const PolicyInformation&) const = default;
};
PolicyQualifier cps_uri(std::string_view uri);
// UTF8String; text above 200 characters, or that is not UTF-8, is `malformed` (RFC 5280 4.2.1.4).
Result<PolicyQualifier> user_notice(std::string_view explicit_text);
// The URI, or the explicit text of the notice, when the qualifier is one.
std::optional<std::string> cps_uri_of(const PolicyQualifier& qualifier);
std::optional<std::string> notice_text_of(const PolicyQualifier& qualifier);
// CertificatePolicies (4.2.1.4); Microsoft's application policies (311.21.10) have the same form.
Result<std::vector<PolicyInformation>> parse_certificate_policies(Bytes value);
Buffer encode_certificate_policies(const std::vector<PolicyInformation>& policies);

struct PolicyMapping {
  Oid issuer_domain, subject_domain;
  bool operator==(const PolicyMapping&) const = default;
};
Result<std::vector<PolicyMapping>> parse_policy_mappings(Bytes value);
Buffer encode_policy_mappings(const std::vector<PolicyMapping>& mappings);

struct PolicyConstraints {
  std::optional<std::uint32_t> require_explicit_policy, inhibit_policy_mapping;
  bool operator==(const PolicyConstraints&) const = default;
};
Result<PolicyConstraints> parse_policy_constraints(Bytes value);
Buffer encode_policy_constraints(const PolicyConstraints& value);

Result<std::uint32_t> parse_inhibit_any_policy(Bytes value);
Buffer encode_inhibit_any_policy(std::uint32_t skip_certs);

struct GeneralSubtree {
  GeneralName base;
  std::uint32_t minimum = 0;
  std::optional<std::uint32_t> maximum;
  bool operator==(const GeneralSubtree&) const = default;
};
struct NameConstraints {
  std::vector<GeneralSubtree> permitted, excluded;
  bool operator==(const NameConstraints&) const = default;
};
Result<NameConstraints> parse_name_constraints(Bytes value);
Buffer encode_name_constraints(const NameConstraints& value);

// ReasonFlags (4.2.1.13). Bit n of the BIT STRING is 1 << n.
using ReasonFlags = std::uint16_t;

struct DistributionPointName {
  std::vector<GeneralName> full_name;  // or
  std::optional<RelativeName> relative_to_issuer;
  bool operator==(const DistributionPointName&) const = default;
};
struct DistributionPoint {
  std::optional<DistributionPointName> name;
  std::optional<ReasonFlags> reasons;
  std::vector<GeneralName> crl_issuer;
  bool operator==(const DistributionPoint&) const = default;
};
// CRLDistributionPoints (4.2.1.13), FreshestCRL (4.2.1.15, 5.2.6) and published CRL locations (311.21.14).
Result<std::vector<DistributionPoint>> parse_distribution_points(Bytes value);
Buffer encode_distribution_points(const std::vector<DistributionPoint>& points);
// One distribution point whose full name lists the URIs in order, as AD CS writes it.
Buffer encode_distribution_point_uris(const std::vector<std::string>& uris);
std::vector<std::string> uris_of(const std::vector<DistributionPoint>& points);

struct IssuingDistributionPoint {  // 5.2.5
  std::optional<DistributionPointName> name;
  bool only_user_certs = false, only_ca_certs = false, indirect_crl = false, only_attribute_certs = false;
  std::optional<ReasonFlags> only_some_reasons;
  bool operator==(const IssuingDistributionPoint&) const = default;
};
Result<IssuingDistributionPoint> parse_issuing_distribution_point(Bytes value);
Buffer encode_issuing_distribution_point(const IssuingDistributionPoint& value);

struct AccessDescription {
  Oid method;  // kAdOcsp, kAdCaIssuers, …
  GeneralName location;
  bool operator==(const AccessDescription&) const = default;
};
Result<std::vector<AccessDescription>> parse_info_access(Bytes value);  // AIA and SIA
Buffer encode_info_access(const std::vector<AccessDescription>& access);

struct PrivateKeyUsagePeriod {
  std::optional<Time> not_before, not_after;
  bool operator==(const PrivateKeyUsagePeriod&) const = default;
};
Result<PrivateKeyUsagePeriod> parse_private_key_usage_period(Bytes value);
Buffer encode_private_key_usage_period(const PrivateKeyUsagePeriod& value);

struct DirectoryAttribute {  // subjectDirectoryAttributes (4.2.1.8)
  Oid type;
  Buffer values;  // contents of the SET OF
  bool operator==(const DirectoryAttribute&) const = default;
};
Result<std::vector<DirectoryAttribute>> parse_subject_directory_attributes(Bytes value);
Buffer encode_subject_directory_attributes(const std::vector<DirectoryAttribute>& attributes);

// TLS feature (RFC 7633): SEQUENCE OF INTEGER; 5 = OCSP must-staple.
Result<std::vector<std::uint16_t>> parse_tls_feature(Bytes value);
Buffer encode_tls_feature(const std::vector<std::uint16_t>& features);

// cRLNumber and deltaCRLIndicator: an INTEGER that is not negative, of at most 20 octets. The contents octets
// without the sign octet: 0 is the one octet 00.
Result<Bytes> parse_crl_number(Bytes value);
Buffer encode_crl_number(std::uint64_t number);
Buffer encode_crl_number(Bytes number);

// CRLReason (5.3.1).
enum class CrlReason : std::uint8_t {
  unspecified = 0,
  key_compromise = 1,
  ca_compromise = 2,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5,
  certificate_hold = 6,
  remove_from_crl = 8,
  privilege_withdrawn = 9,
  aa_compromise = 10,
};
std::string_view to_string(CrlReason reason);  // "keyCompromise"
// "keyCompromise", "key_compromise", "1", in any case. Fails with `not_found`, listing the names.
Result<CrlReason> crl_reason_from_name(std::string_view name_or_number);
Result<CrlReason> parse_reason_code(Bytes value);
Buffer encode_reason_code(CrlReason reason);

// invalidityDate, expiredCertsOnCRL: a GeneralizedTime. Next CRL publish (311.21.4): a Time.
Result<Time> parse_invalidity_date(Bytes value);
Buffer encode_invalidity_date(Time time);
Result<Time> parse_next_publish(Bytes value);
Buffer encode_next_publish(Time time);

// Microsoft CA version (311.21.1): certificate index in the low, key index in the high 16 bits.
struct CaVersion {
  std::uint16_t certificate_index = 0, key_index = 0;
  bool operator==(const CaVersion&) const = default;
};
Result<CaVersion> parse_ca_version(Bytes value);
Buffer encode_ca_version(CaVersion version);
// Previous CA certificate hash (311.21.2): OCTET STRING, SHA-1 of the certificate.
Result<Bytes> parse_previous_cert_hash(Bytes value);
Buffer encode_previous_cert_hash(Bytes hash);
// Template name (311.20.2): a BMPString as Windows writes it; PrintableString and UTF8String are read.
Result<std::string> parse_template_name(Bytes value);
Buffer encode_template_name(std::string_view name);
// Template information (311.21.7).
struct TemplateInformation {
  Oid id;
  std::optional<std::uint32_t> major, minor;  // a minor version stands only after a major one
  bool operator==(const TemplateInformation&) const = default;
};
Result<TemplateInformation> parse_template_information(Bytes value);
Buffer encode_template_information(const TemplateInformation& value);
// Security identifier (311.25.2): GeneralNames with an otherName 311.25.2.1 whose OCTET STRING is the SID's
// text.
Result<std::string> parse_sid(Bytes value);
Buffer encode_sid(std::string_view sid);

}  // namespace vouch::x509
