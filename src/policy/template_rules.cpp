// What no template may say, whoever writes it: the known template attacks (ESC1, ESC2, ESC3, ESC15 of the
// field's list) are refused where the template is made, not where it is used.

#include <algorithm>

#include "policy/certificate_template.hpp"
#include "policy/fixed_names.hpp"
#include "policy/purposes.hpp"

namespace vouch::policy {
namespace {

using namespace x509::oid;
using x509::describe;

template <class... Args>
Error refuse(std::string_view hint, fmt::format_string<Args...> format, Args&&... args) {
  return make_error(Errc::denied, format, std::forward<Args>(args)...).with_hint(std::string(hint));
}

Status check_identity(const CertificateTemplate& t) {
  const bool good = !t.name.empty() && t.name.size() <= 64 && std::ranges::all_of(t.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (!good)
    return refuse("name = \"WebServer\"; display_name is the place for a name with spaces",
                  "a template needs a name of 1 to 64 letters, digits, '-', '_' and '.'; this one is '{}'",
                  t.name);
  if (t.schema_version < 1 || t.schema_version > 4)
    return refuse("schema_version = 4", "schema_version {} does not exist; 1 to 4 do", t.schema_version);
  for (const std::string& other : t.supersedes)
    if (other.empty() || other == t.name)
      return refuse("name the templates that this one replaces",
                    "supersedes names the template itself or nothing");
  if (t.key_usage == 0) return refuse("key_usage = [\"digitalSignature\"]", "key_usage is empty");
  return ok();
}

Status check_validity(const CertificateTemplate& t) {
  const Time start{};
  if (add(start, t.validity) <= start) return refuse("validity = \"1y\"", "validity is not positive");
  if (add(start, t.renewal_period) >= add(start, t.validity))
    return refuse("change both: renewal_period is the last part of validity, such as a sixth of it",
                  "renewal_period ({}) is not shorter than validity ({})", format_span(t.renewal_period),
                  format_span(t.validity));
  return ok();
}

// ESC2: a certificate without purposes, or with any purpose, may be used for all of them.
Status check_purposes(const CertificateTemplate& t) {
  if (t.ca) return ok();
  if (t.extended_key_usage.empty())
    return refuse("list the purposes that are needed, e.g. extended_key_usage = [\"serverAuth\"]",
                  "extended_key_usage is empty: such a certificate is good for every purpose");
  if (contains(t.extended_key_usage, kAnyExtendedKeyUsage))
    return refuse("list the purposes that are needed", "extended_key_usage has anyExtendedKeyUsage");
  const bool signs_ocsp = contains(t.extended_key_usage, kOcspSigning);
  if (t.ocsp_no_check && !signs_ocsp)
    return refuse("ocsp_no_check = false",
                  "ocsp_no_check belongs to OCSPSigning only: nobody checks its revocation");
  if (signs_ocsp && t.extended_key_usage.size() > 1)
    return refuse("make a template of its own for the other purposes",
                  "OCSPSigning stands beside other purposes: a responder's key speaks for the whole CA");
  return ok();
}

Status check_ca(const CertificateTemplate& t) {
  if (!t.ca) {
    if (t.key_usage & (x509::key_cert_sign | x509::crl_sign))
      return refuse("remove it, or set ca = true",
                    "keyCertSign and cRLSign are for CAs only (RFC 5280 4.2.1.3)");
    if (t.path_length) return refuse("remove path_length, or set ca = true", "path_length is for CAs only");
    if (t.cross_ca) return refuse("remove cross_ca, or set ca = true", "cross_ca is for CAs only");
    return ok();
  }
  if (!(t.key_usage & x509::key_cert_sign))
    return refuse("key_usage = [\"keyCertSign\", \"cRLSign\", \"digitalSignature\"]",
                  "a CA needs keyCertSign");
  if (!t.approval) return refuse("approval = true", "a CA certificate must not be issued without approval");
  if (t.subject.may_be_empty)
    return refuse("subject.may_be_empty = false", "a CA needs a subject (RFC 5280 4.1.2.6)");
  return ok();
}

Status check_key(const CertificateTemplate& t) {
  if (t.key.types.empty()) return refuse("key.types = [\"rsa\", \"P-256\"]", "key.types is empty");
  if (t.key.minimum_rsa_bits < 2048 || t.key.minimum_rsa_bits > 16384)
    return refuse("key.minimum_rsa_bits = 2048", "key.minimum_rsa_bits is {}; 2048 to 16384 are sensible",
                  t.key.minimum_rsa_bits);
  if (t.key.minimum_exponent < 3)
    return refuse("key.minimum_exponent = 65537", "key.minimum_exponent is {}; no RSA key has one below 3",
                  t.key.minimum_exponent);
  if (t.client.minimum_ca_version > 15 || t.client.minimum_client_version > 15)
    return refuse("client.minimum_ca_version = 0",
                  "the minimum versions are numbers from 0 to 15 (MS-CRTD 2.27)");
  if (t.directory.other_flags & 0x1000)
    return refuse(
        "clear the bit 0x1000 of directory.other_flags",
        "the template says that its certificates are not kept in the database: this CA keeps every one, "
        "or it could not revoke it");
  const std::uint16_t enciphering = x509::key_encipherment | x509::data_encipherment | x509::key_agreement;
  const std::uint16_t signing = x509::digital_signature | x509::content_commitment;
  if (t.purpose == Purpose::signature && (t.key_usage & enciphering))
    return refuse("purpose = \"signature_and_encryption\", or fewer key usages",
                  "purpose is signature, but key_usage encrypts");
  if (t.purpose == Purpose::encryption && (t.key_usage & signing))
    return refuse("purpose = \"signature_and_encryption\", or fewer key usages",
                  "purpose is encryption, but key_usage signs");
  if (t.purpose == Purpose::encryption && !(t.key_usage & enciphering))
    return refuse("key_usage = [\"keyEncipherment\"]",
                  "purpose is encryption, but key_usage does not encrypt");
  if ((t.key_usage & (x509::encipher_only | x509::decipher_only)) && !(t.key_usage & x509::key_agreement))
    return refuse("add keyAgreement",
                  "encipherOnly and decipherOnly mean nothing without keyAgreement (RFC 5280 4.2.1.3)");
  return ok();
}

Status check_names(const CertificateTemplate& t) {
  const SubjectRule& subject = t.subject;
  const SanRule& san = t.san;
  if (subject.source == NameSource::fixed)
    TRY(check_fixed_subject(subject.fixed).context("reading subject.fixed"));
  if (subject.source == NameSource::none && san.source == NameSource::none)
    return refuse("san.source = \"request\"",
                  "subject.source and san.source are both none: a certificate of nobody");
  if (san.source == NameSource::directory && san.directory.empty())
    return refuse("san.directory = [\"dns\"]", "san.source is directory, but san.directory is empty");
  if (subject.source == NameSource::request)
    for (const x509::Oid& type : subject.required)
      if (!contains(subject.allowed, type))
        return refuse("add it to subject.allowed", "subject.required has {}, which is not allowed",
                      describe(type));
  if (san.source == NameSource::request)
    for (const SanType type : san.required)
      if (std::ranges::count(san.allowed, type) == 0)
        return refuse("add it to san.allowed", "san.required has a type that is not in san.allowed");
  if (san.source == NameSource::fixed) {
    if (san.fixed.empty())
      return refuse("san.fixed = [\"DNS:{dns}\"]", "san.source is fixed, but san.fixed is empty");
    for (const std::string& text : san.fixed)
      TRY(check_fixed_san(text).context("reading san.fixed '{}'", text));
  }
  return ok();
}

bool names_from_request(const CertificateTemplate& t) {
  if (t.subject.source == NameSource::request || t.san.source == NameSource::request) return true;
  if (t.subject.source == NameSource::fixed && uses_request(t.subject.fixed)) return true;
  return t.san.source == NameSource::fixed && std::ranges::any_of(t.san.fixed, uses_request);
}

Status check_policies(const CertificateTemplate& t) {
  std::vector<x509::Oid> seen;
  for (const IssuancePolicy& policy : t.issuance.policies) {
    if (contains(seen, policy.oid))
      return refuse("name each policy once (RFC 5280 4.2.1.4)", "issuance.policies has {} twice",
                    describe(policy.oid));
    seen.push_back(policy.oid);
    if (policy.oid == kAnyPolicy && !t.ca)
      return refuse("name the policies that are meant", "issuance.policies has anyPolicy, which is for CAs");
  }
  if (t.issuance.from_request && t.issuance.policies.empty())
    return refuse("issuance.policies = [\"1.2.3.4\"]",
                  "issuance.from_request chooses among issuance.policies, which is empty");
  if (t.signatures.count == 0 &&
      !(t.signatures.application_policies.empty() && t.signatures.issuance_policies.empty()))
    return refuse("signatures.count = 1", "signatures names policies of signers, but signatures.count is 0");
  if (t.signatures.count > 16)
    return refuse("signatures.count = 1", "signatures.count is {}; at most 16 make sense",
                  t.signatures.count);
  return ok();
}

// A certificate manager, or somebody whose certificate says that he may, vouches for each request.
bool is_vouched_for(const CertificateTemplate& t) {
  return t.approval || (t.signatures.count > 0 && !t.signatures.application_policies.empty());
}

// ESC1: whoever may name himself anybody and gets a certificate to log on with is anybody. ESC3: a request
// agent enrols for anybody. Client authentication alone may go without approval as far as its alternative
// names log nobody on; the decision then keeps such requests in the queue all the same.
Status check_logon(const CertificateTemplate& t) {
  if (is_vouched_for(t) || t.ca) return ok();
  constexpr std::string_view kApprove =
      "set approval = true, so that a certificate manager sees each name; or demand signatures of enrolment "
      "agents: signatures.count and signatures.application_policies";
  if (contains(t.extended_key_usage, kMsCertificateRequestAgent))
    return refuse(kApprove, "a certificate request agent enrols for others: this needs approval (ESC3)");
  const auto logs_on = [](SanType type) {
    return type == SanType::upn || type == SanType::pkinit || type == SanType::directory_name ||
           type == SanType::other;
  };
  if (t.san.source == NameSource::request && std::ranges::any_of(t.san.allowed, logs_on))
    return refuse(kApprove, "san.allowed lets names through that somebody can log on with (ESC1)");
  const x509::Oid* purpose = first_of(t.extended_key_usage, kLogonPurposes);
  if (purpose != nullptr && *purpose != kClientAuth && names_from_request(t))
    return refuse(kApprove, "names come from the request, and {} logs on as whom they name (ESC1)",
                  describe(*purpose));
  return ok();
}

}  // namespace

Status check_template(const CertificateTemplate& t) {
  TRY(check_identity(t));
  TRY(check_validity(t));
  TRY(check_purposes(t));
  TRY(check_ca(t));
  TRY(check_key(t));
  TRY(check_names(t));
  TRY(check_policies(t));
  return check_logon(t);
}

}  // namespace vouch::policy
