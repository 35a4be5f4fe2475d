#pragma once
// CertificateTemplate: what a certificate of one kind looks like and who may have it under which conditions.
// It is written and read as TOML (docs/reference/template.md); the database keeps every version. Names of
// fields follow MS-CRTD where it has one.

#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/value.hpp"
#include "crypto/provider.hpp"
#include "x509/extensions.hpp"

namespace vouch::policy {

enum class Purpose { signature, encryption, signature_and_encryption };
enum class NameSource {
  request,  // the enrollee supplies it
  fixed,    // the template's own text, with the variables {cn}, {dns}, {upn}, {email}, {requester}
  none,     // empty
};
// The kinds of subjectAltName entries a template may let through or demand.
enum class SanType { dns, ip, email, uri, upn, pkinit, directory_name, other };

struct KeyRule {
  // Accepted key types with their smallest size: rsa ≥ minimum_rsa_bits; EC curves and Ed25519 by name.
  std::vector<crypto::KeyType> types;
  std::size_t minimum_rsa_bits = 2048;
  bool operator==(const KeyRule&) const = default;
};

struct SubjectRule {
  NameSource source = NameSource::request;
  std::string fixed;                // RFC 4514 when source is fixed
  std::vector<x509::Oid> allowed;   // attribute types taken from the request; others are refused
  std::vector<x509::Oid> required;  // must be there
  bool may_be_empty = false;        // then a SAN must be there, and is critical (RFC 5280 4.1.2.6)
  bool operator==(const SubjectRule&) const = default;
};

struct SanRule {
  NameSource source = NameSource::request;
  std::vector<SanType> allowed;  // types taken from the request; others are refused
  std::vector<SanType> required;
  std::vector<std::string> fixed;     // "DNS:…", with the variables of SubjectRule
  bool dns_from_common_name = false;  // no SAN in the request: a CN that is a DNS name becomes one
  bool operator==(const SanRule&) const = default;
};

enum class Validity { truncate, refuse };  // when a certificate would outlive its CA

struct CertificateTemplate {
  std::string name;          // "WebServer": what requests name
  std::string display_name;  // "Web Server": for people, never accepted in its place
  std::string description;
  x509::Oid oid;  // 311.21.7; made once per template, kept when it is edited
  std::uint32_t schema_version = 4, major = 100, minor = 0;
  Purpose purpose = Purpose::signature_and_encryption;
  bool ca = false;                           // a subordinate CA's certificate
  std::optional<std::uint32_t> path_length;  // ca only
  bool machine = false;                      // for computers rather than people (MS-CRTD 0x40)

  SubjectRule subject;
  SanRule san;
  KeyRule key;
  std::uint16_t key_usage = 0;  // x509::KeyUsage bits
  bool key_usage_critical = true;
  std::vector<x509::Oid> extended_key_usage;
  bool extended_key_usage_critical = false;
  bool application_policies = true;  // also write 311.21.10 with the same purposes, as AD CS does
  bool ocsp_no_check = false;
  bool template_extension = true;  // write 311.21.7 (311.20.2 for schema version 1)

  Span validity{12, {}};
  Span renewal_period{0, std::chrono::hours(24 * 42)};
  Validity beyond_ca = Validity::truncate;
  bool approval = false;   // a certificate manager approves each request (CT_FLAG_PEND_ALL)
  bool key_reuse = false;  // the same key may come again from another identity: load tests only

  bool operator==(const CertificateTemplate&) const = default;
};

// `file` is for messages. Unknown members are errors that name the line and the nearest known name.
// The template compiler's own rules are checked as well: see check_template.
Result<CertificateTemplate> parse_template(std::string_view toml, std::string_view file);
std::string format_template(const CertificateTemplate& value);
Value describe_template(const CertificateTemplate& value);  // --json

// One change as `template set NAME key=value` makes it: "validity=90d", "subject.source=request",
// "key.types=[\"rsa\", \"P-256\"]"; checked as a whole afterwards.
Result<CertificateTemplate> with_setting(const CertificateTemplate& value, std::string_view key,
                                         std::string_view toml_value);
// The same without the check, for several changes that only make sense together: check_template follows.
Result<CertificateTemplate> with_unchecked_setting(const CertificateTemplate& value, std::string_view key,
                                                   std::string_view toml_value);

// What no template may say, whoever writes it (architecture.md decision 7): no purposes or any purpose on
// an end-entity certificate (ESC2); names for logon taken from a request without approval (ESC1: a
// client-authentication, smart-card-logon, PKINIT or request-agent purpose together with subject.source or
// san.source "request" needs approval = true, or only SAN types that log nobody on and a stand-alone
// authority that keeps the queue); keyCertSign without ca; RSA below 2048 bits. Fails with `denied`.
Status check_template(const CertificateTemplate& value);

// SubCA, WebServer, ClientAuth, ServerAndClientAuth, ScepDevice, CepEncryption,
// ExchangeEnrollmentAgentOffline, OcspResponseSigning, DomainController, SmartcardLogon, User, Computer.
std::vector<CertificateTemplate> shipped_templates();

}  // namespace vouch::policy
