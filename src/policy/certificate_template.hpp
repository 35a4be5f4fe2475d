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
  request,    // the enrollee supplies it
  fixed,      // the template's own text, with the variables {cn}, {dns}, {upn}, {email}, {requester}
  none,       // empty
  directory,  // built from the account's entry, as the name flags of MS-CRTD 2.28 say
};
// What the directory knows of an account that can become its subject, and its alternative names.
enum class DirectorySubject { common_name, dns, path };
enum class DirectoryName { dns, upn, email, spn, guid, domain_dns };
// The kinds of subjectAltName entries a template may let through or demand.
enum class SanType { dns, ip, email, uri, upn, pkinit, directory_name, other };

struct KeyRule {
  // Accepted key types with their smallest size: rsa ≥ minimum_rsa_bits; EC curves and Ed25519 by name.
  std::vector<crypto::KeyType> types;
  std::size_t minimum_rsa_bits = 2048;
  std::uint32_t minimum_exponent = 65537;  // 3 is the smallest that works (RFC 8017 3.1)
  bool operator==(const KeyRule&) const = default;
};

struct SubjectRule {
  NameSource source = NameSource::request;
  std::string fixed;                // RFC 4514 when source is fixed
  std::vector<x509::Oid> allowed;   // attribute types taken from the request; others are refused
  std::vector<x509::Oid> required;  // must be there
  bool may_be_empty = false;        // then a SAN must be there, and is critical (RFC 5280 4.1.2.6)
  DirectorySubject directory = DirectorySubject::common_name;  // when source is directory
  bool directory_email = false;                                // its e-mail address beside it
  bool operator==(const SubjectRule&) const = default;
};

struct SanRule {
  NameSource source = NameSource::request;
  std::vector<SanType> allowed;  // types taken from the request; others are refused
  std::vector<SanType> required;
  std::vector<std::string> fixed;        // "DNS:…", with the variables of SubjectRule
  bool dns_from_common_name = false;     // no SAN in the request: a CN that is a DNS name becomes one
  std::vector<DirectoryName> directory;  // when source is directory: each must be known of the account
  bool critical = false;                 // critical also beside a subject
  bool operator==(const SanRule&) const = default;
};

// One issuance policy: "1.2.3.4 cps=https://pki.example.com/cps notice=Text to the end".
struct IssuancePolicy {
  x509::Oid oid;
  std::string cps, notice;
  bool operator==(const IssuancePolicy&) const = default;
};
struct IssuanceRule {
  std::vector<IssuancePolicy> policies;  // certificatePolicies of what is issued
  bool critical = false;
  bool from_request = false;  // only those that the request asks for as well
  bool operator==(const IssuanceRule&) const = default;
};

// Signatures of others that a request needs: enrolment agents, registration authorities (msPKI-RA-*).
struct SignatureRule {
  std::uint32_t count = 0;
  std::vector<x509::Oid> application_policies;  // each signer has all of these
  std::vector<x509::Oid> issuance_policies;     // and one of these, when there are any
  bool operator==(const SignatureRule&) const = default;
};

// What the enrolment flags (MS-CRTD 2.26) say beside what has a member of its own. Most are for clients and
// for the directory; the authority acts on renew_without_approval and smime_capabilities.
struct EnrollmentRule {
  bool autoenroll = false;               // 0x20
  bool publish = false;                  // 0x8: to the account's entry
  bool publish_recovery_agent = false;   // 0x4
  bool check_existing = false;           // 0x10
  bool renew_without_approval = false;   // 0x40: the earlier certificate stands for approval and signatures
  bool user_interaction = false;         // 0x100
  bool remove_invalid = false;           // 0x400
  bool on_behalf_of = false;             // 0x800
  bool reuse_key_on_full_token = false;  // 0x2000
  bool key_based_renewal = false;        // 0x10000
  bool skip_autorenewal = false;         // 0x40000
  bool smime_capabilities = false;       // 0x1
  bool names_from_previous = false;      // name flag 0x8: the client repeats its earlier certificate's names
  bool operator==(const EnrollmentRule&) const = default;
};

// How a client makes and keeps the key (MS-CRTD 2.27). Hints, but for archive_key and attestation_required:
// they ask the authority for proofs that it cannot check, so it refuses such requests.
enum class KeySpecHint { exchange, signature };
struct ClientRule {
  bool exportable = false;                                           // 0x10
  bool strong_protection = false;                                    // 0x20
  bool alternate_signature_algorithm = false;                        // 0x40
  bool same_key_renewal = false;                                     // 0x80
  bool legacy_provider = false;                                      // 0x100
  bool archive_key = false;                                          // 0x1
  bool trust_endorsement_on_use = false;                             // 0x200
  bool validate_endorsement_certificate = false;                     // 0x400
  bool validate_endorsement_key = false;                             // 0x800
  bool attestation_preferred = false;                                // 0x1000
  bool attestation_required = false;                                 // 0x2000
  bool attestation_without_policy = false;                           // 0x4000
  bool hello_logon_key = false;                                      // 0x200000
  std::uint32_t minimum_ca_version = 0, minimum_client_version = 0;  // 0 to 15
  KeySpecHint key_spec = KeySpecHint::exchange;
  std::vector<std::string> providers;  // pKIDefaultCSPs, best first
  bool operator==(const ClientRule&) const = default;
};

// Bits of a directory's template that have no meaning here, kept so that it is written back as it came.
struct DirectoryBits {
  bool shipped = false;   // general flag 0x10000
  bool modified = false;  // general flag 0x20000
  std::uint32_t other_flags = 0, other_name_flags = 0, other_enrollment_flags = 0, other_key_flags = 0;
  bool operator==(const DirectoryBits&) const = default;
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

  bool cross_ca = false;           // ca only: a cross certificate (general flag 0x800)
  bool basic_constraints = true;   // written into end-entity certificates too (enrollment flag 0x8000)
  bool revocation_info = true;     // false leaves CDP and AIA out (enrollment flag 0x4000)
  bool security_extension = true;  // the account's SID; always there for purposes that log on (flag 0x80000)
  std::vector<std::string> supersedes;  // names of templates that this one replaces where it is published
  IssuanceRule issuance;
  SignatureRule signatures;
  EnrollmentRule enrollment;
  ClientRule client;
  DirectoryBits directory;

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
