// The rules about key usage, purposes and the other extensions, and what the certificate gets of them.

#include <algorithm>

#include "policy/decider.hpp"
#include "policy/purposes.hpp"

namespace vouch::policy {
namespace {

using namespace x509::oid;

std::string list_of(std::uint16_t usage) {
  std::string out;
  for (const std::string_view name : x509::key_usage_names(usage))
    out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
  return out.empty() ? "none" : out;
}

// RFC 8017, RFC 5480 3, RFC 8410 5: what a key of this type can do.
std::uint16_t possible_usage(crypto::KeyType type) {
  const std::uint16_t all = 0x1ff;
  const std::uint16_t encipher = x509::key_encipherment | x509::data_encipherment;
  const std::uint16_t agree = x509::key_agreement | x509::encipher_only | x509::decipher_only;
  switch (type) {
    case crypto::KeyType::rsa:
      return static_cast<std::uint16_t>(all & ~agree);
    case crypto::KeyType::ed25519:
      return static_cast<std::uint16_t>(all & ~encipher & ~agree);
    default:
      return static_cast<std::uint16_t>(all & ~encipher);
  }
}

constexpr std::uint16_t kCaUsage = x509::key_cert_sign | x509::crl_sign;

// Application policies (311.21.10) have the form of certificatePolicies, one per purpose.
Buffer encode_application_policies(const std::vector<x509::Oid>& purposes) {
  asn1::Writer out;
  out.sequence([&] {
    for (const x509::Oid& purpose : purposes) out.sequence([&] { out.oid(purpose); });
  });
  return std::move(out).take();
}

// SMIMECapabilities ::= SEQUENCE OF SEQUENCE { OID, parameters ANY OPTIONAL }, bounded.
bool is_capability_list(Bytes value) {
  if (value.size() > 2048) return false;
  asn1::Reader outer(value);
  auto list = outer.expect_sequence();
  if (!list || !outer.at_end() || list->at_end()) return false;
  while (!list->at_end()) {
    auto capability = list->expect_sequence();
    if (!capability || !capability->expect_oid()) return false;
    if (!capability->at_end() && (!capability->next() || !capability->at_end())) return false;
  }
  return true;
}

bool same_purposes(const std::vector<x509::Oid>& a, const std::vector<x509::Oid>& b) {
  return a.size() == b.size() && std::ranges::is_permutation(a, b);
}

}  // namespace

std::string list_of(const std::vector<x509::Oid>& purposes) {
  std::string out;
  for (const x509::Oid& purpose : purposes)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", x509::describe(purpose));
  return out.empty() ? "none" : out;
}

bool Decider::check_purposes() {
  if (!check_basic_constraints() || !take_purposes() || !check_domain_purposes() || !take_key_usage())
    return false;
  note_ignored_extensions();
  return true;
}

// "CA:TRUE" makes a certification authority; only a template for CAs does.
bool Decider::check_basic_constraints() {
  const x509::ExtensionView* extension = q_.request->find(kBasicConstraints);
  bool asks_ca = false;
  if (extension != nullptr) {
    const auto value = x509::parse_basic_constraints(extension->value);
    asks_ca = !value || value->ca;
  }
  if (t_ != nullptr && t_->ca) return plan_ca();
  if (asks_ca && t_ == nullptr)
    return deny({"ca.asked", "the request asks for a CA certificate", "a request without CA:TRUE", "CA:TRUE",
                 "sign a subordinate CA with: vouch ca sign, or use the template SubCA"});
  if (asks_ca)
    change("ca.asked", "CA:FALSE", "CA:TRUE in the request");
  else
    pass("ca.asked");
  return true;
}

bool Decider::plan_ca() {
  const auto allowed = q_.authority.path_length;
  if (allowed && *allowed == 0)
    return deny({"ca.path_length", "this CA may have no CA below it",
                 "a path length of at least 1 in the CA's certificate", "0",
                 "let a CA higher up sign the request"});
  constraints_ = {true, t_->path_length};
  if (allowed && (!constraints_.path_length || *constraints_.path_length >= *allowed)) {
    constraints_.path_length = *allowed - 1;
    if (t_->path_length && *t_->path_length != *constraints_.path_length)
      change("ca.path_length", fmt::format("{}", *constraints_.path_length),
             fmt::format("{}", *t_->path_length));
  }
  pass("ca.asked");
  return true;
}

bool Decider::take_purposes() {
  const x509::ExtensionView* extension = q_.request->find(kExtendedKeyUsage);
  std::vector<x509::Oid> asked;
  bool readable = true;
  if (extension != nullptr) {
    auto value = x509::parse_extended_key_usage(extension->value);
    readable = value.has_value();
    if (readable) asked = *std::move(value);
  }
  if (t_ != nullptr) {
    purposes_ = t_->extended_key_usage;
    if (extension != nullptr && (!readable || !same_purposes(asked, purposes_)))
      change("purpose.source", list_of(purposes_), readable ? list_of(asked) : "unreadable purposes");
    else
      pass("purpose.source");
    return true;
  }
  constexpr std::string_view kMend =
      "name a template (vouch request submit FILE --template NAME), or ask for purposes, e.g. with: openssl "
      "req "
      "-addext extendedKeyUsage=clientAuth";
  if (asked.empty())
    return deny({"purpose.missing",
                 "the request names no purpose, and a certificate without one is good for all",
                 "extended key usages", readable ? "none" : "unreadable ones", std::string(kMend)});
  if (contains(asked, kAnyExtendedKeyUsage))
    return deny({"purpose.any", "any purpose is more than anybody needs", "the purposes that are needed",
                 x509::describe(kAnyExtendedKeyUsage), std::string(kMend)});
  if (const x509::Oid* purpose = first_of(asked, kPrivilegedPurposes))
    return deny({"purpose.privileged", "a purpose that acts for others needs a template", "a template for it",
                 x509::describe(*purpose), "name the template that gives this purpose"});
  purposes_ = std::move(asked);
  pass("purpose.request");
  return true;
}

bool Decider::check_domain_purposes() {
  const x509::Oid* purpose = first_of(purposes_, kDomainPurposes);
  if (purpose == nullptr || q_.authority.enterprise) return true;
  if (!q_.authority.override_logon_purposes)
    return deny({"purpose.domain", "a stand-alone CA gives no certificates to log on to a domain with",
                 "purposes other than smart-card logon and Kerberos", x509::describe(*purpose),
                 "use an enterprise CA; or an administrator sets override_logon_purposes, which is logged"});
  change("purpose.domain", fmt::format("{}, by the authority's override", x509::describe(*purpose)),
         "a refusal by default");
  return true;
}

bool Decider::take_key_usage() {
  const x509::ExtensionView* extension = q_.request->find(kKeyUsage);
  std::optional<std::uint16_t> asked;
  if (extension != nullptr) {
    const auto value = x509::parse_key_usage(extension->value);
    if (!value && t_ == nullptr)
      return deny({"key_usage.form", "the key usage cannot be read", "a key usage",
                   std::string(value.error().message()), "correct keyUsage in the request"});
    asked = value ? *value : std::uint16_t{0};
  }
  const std::uint16_t possible = possible_usage(key_.type);
  if (t_ != nullptr) {
    key_usage_ = static_cast<std::uint16_t>(t_->key_usage & possible);
    if (!(key_usage_ & ~(x509::encipher_only | x509::decipher_only)))
      return deny({"key_usage.key", "the key cannot do what the template is for", list_of(t_->key_usage),
                   fmt::format("a key of type {}", x509::to_string(key_.type)),
                   "make a key of another type, e.g. RSA"});
    if (asked && *asked != key_usage_)
      change("key_usage.source", list_of(key_usage_), list_of(*asked));
    else
      pass("key_usage.source");
    return true;
  }
  if (asked && (*asked & kCaUsage))
    return deny({"key_usage.ca", "key usages of a CA are never taken from a request",
                 "none of keyCertSign, cRLSign", list_of(*asked),
                 "leave them out; sign a subordinate CA with: vouch ca sign"});
  const std::uint16_t usual = key_.type == crypto::KeyType::rsa
                                  ? std::uint16_t{x509::digital_signature | x509::key_encipherment}
                                  : std::uint16_t{x509::digital_signature};
  key_usage_ = static_cast<std::uint16_t>((asked && *asked != 0 ? *asked : usual) & possible);
  if (key_usage_ == 0)
    return deny({"key_usage.key", "the key cannot do what is asked for",
                 fmt::format("key usages of a key of type {}", x509::to_string(key_.type)), list_of(*asked),
                 "correct keyUsage in the request"});
  if (asked && *asked != key_usage_)
    change("key_usage.request", list_of(key_usage_), list_of(*asked));
  else
    pass("key_usage.request");
  return true;
}

// Says what in the request had no effect. Some are the tools of known attacks and have steps of their own.
void Decider::note_ignored_extensions() {
  std::string ignored;
  for (const x509::ExtensionView& extension : q_.request->extensions) {
    const x509::Oid& id = extension.id;
    if (id == kSubjectAltName || id == kBasicConstraints || id == kKeyUsage || id == kExtendedKeyUsage ||
        id == kSubjectKeyIdentifier || id == kMsTemplateName || id == kMsCertificateTemplate)
      continue;
    if (t_ != nullptr && t_->enrollment.smime_capabilities && id == kSmimeCapabilities) continue;
    if (t_ != nullptr && t_->issuance.from_request && id == kCertificatePolicies) continue;
    if (t_ != nullptr && t_->ca && (id == kMsCaVersion || id == kMsPreviousCertHash)) continue;
    if (id == kMsNtdsCaSecurity) {
      change("request.sid", "no SID from the request", "a SID in the request");
    } else if (id == kMsApplicationPolicies) {  // ESC15
      change("request.policies", "application policies from the purposes",
             "application policies in the request");
    } else {
      ignored += fmt::format("{}{}", ignored.empty() ? "" : ", ", x509::describe(id));
    }
  }
  if (!ignored.empty()) change("request.extensions", "none of these", std::move(ignored));
}

void Decider::plan_extensions() {
  Plan& plan = decision_.plan;
  const bool subject_is_empty = plan.subject.size() <= 2;
  if (!san_.empty())
    plan.variable.push_back({kSubjectAltName, subject_is_empty || (t_ != nullptr && t_->san.critical),
                             x509::encode_general_names(san_)});
  if (!q_.subject_key_identifier.empty())
    plan.variable.push_back(
        {kSubjectKeyIdentifier, false, x509::encode_subject_key_identifier(q_.subject_key_identifier)});
  // Which CA certificate this is, as the CA that asks counts them (MS-WCCE 2.2.2.7.7).
  if (t_ != nullptr && t_->ca)
    for (const x509::Oid& id : {kMsCaVersion, kMsPreviousCertHash})
      if (const x509::ExtensionView* extension = q_.request->find(id))
        if (id == kMsCaVersion ? x509::parse_ca_version(extension->value).has_value()
                               : x509::parse_previous_cert_hash(extension->value).has_value())
          plan.variable.push_back({id, false, to_buffer(extension->value)});

  plan_security_identifier();
  plan_policies();
  plan_smime_capabilities();

  plan.revocation_info = t_ == nullptr || t_->revocation_info;
  plan.fixed.reserve(6);
  if (t_ == nullptr || t_->ca || t_->basic_constraints)
    plan.fixed.push_back({kBasicConstraints, true, x509::encode_basic_constraints(constraints_)});
  // Where the template takes types of keys that cannot all do the same, key usage differs per request.
  const bool usage_is_fixed = t_ == nullptr || std::ranges::all_of(t_->key.types, [&](crypto::KeyType type) {
                                return (t_->key_usage & possible_usage(type)) == t_->key_usage;
                              });
  const bool usage_is_critical = t_ == nullptr || t_->key_usage_critical || t_->ca;
  (usage_is_fixed ? plan.fixed : plan.variable)
      .push_back({kKeyUsage, usage_is_critical, x509::encode_key_usage(key_usage_)});
  if (!purposes_.empty())
    plan.fixed.push_back({kExtendedKeyUsage, t_ != nullptr && t_->extended_key_usage_critical,
                          x509::encode_extended_key_usage(purposes_)});
  if (t_ == nullptr) return;
  if (t_->template_extension && t_->schema_version == 1)
    plan.fixed.push_back({kMsTemplateName, false, x509::encode_template_name(t_->name)});
  else if (t_->template_extension && !t_->oid.empty())
    plan.fixed.push_back(
        {kMsCertificateTemplate, false, x509::encode_template_information({t_->oid, t_->major, t_->minor})});
  if (t_->application_policies && !purposes_.empty())
    plan.fixed.push_back({kMsApplicationPolicies, false, encode_application_policies(purposes_)});
  if (t_->ocsp_no_check) plan.fixed.push_back({kOcspNoCheck, false, {0x05, 0x00}});
}

// Issuance policies (MS-WCCE 3.2.2.6.2.1.4.5.8): the template's, or those of them that the request asks for.
bool Decider::check_policies() {
  if (t_ == nullptr || t_->issuance.policies.empty()) return true;
  std::vector<x509::PolicyInformation> asked;
  if (const x509::ExtensionView* extension = q_.request->find(kCertificatePolicies))
    if (auto value = x509::parse_certificate_policies(extension->value)) asked = *std::move(value);
  for (const IssuancePolicy& policy : t_->issuance.policies) {
    if (t_->issuance.from_request &&
        std::ranges::find(asked, policy.oid, &x509::PolicyInformation::policy) == asked.end())
      continue;
    x509::PolicyInformation& information = policies_.emplace_back();
    information.policy = policy.oid;
    if (!policy.cps.empty()) information.qualifiers.push_back(x509::cps_uri(policy.cps));
    if (!policy.notice.empty())
      if (auto notice = x509::user_notice(policy.notice))
        information.qualifiers.push_back(*std::move(notice));
  }
  if (policies_.empty()) {
    std::vector<x509::Oid> known, wanted;
    for (const IssuancePolicy& policy : t_->issuance.policies) known.push_back(policy.oid);
    for (const x509::PolicyInformation& policy : asked) wanted.push_back(policy.policy);
    return deny({"issuance.policies", "the request names no issuance policy of the template",
                 "one of " + list_of(known), list_of(wanted), "add certificatePolicies to the request"});
  }
  pass("issuance.policies");
  return true;
}

// Fixed as long as a request has no say in them.
void Decider::plan_policies() {
  if (policies_.empty()) return;
  Plan& plan = decision_.plan;
  (t_->issuance.from_request ? plan.variable : plan.fixed)
      .push_back({kCertificatePolicies, t_->issuance.critical, x509::encode_certificate_policies(policies_)});
}

// RFC 4262: what the requester's mail program can decipher. A list of algorithms gives nobody any rights.
void Decider::plan_smime_capabilities() {
  if (t_ == nullptr || !t_->enrollment.smime_capabilities) return;
  const x509::ExtensionView* extension = q_.request->find(kSmimeCapabilities);
  if (extension == nullptr) return;
  if (is_capability_list(extension->value)) {
    decision_.plan.variable.push_back({kSmimeCapabilities, false, to_buffer(extension->value)});
    pass("request.smime");
  } else {
    change("request.smime", "no S/MIME capabilities", "S/MIME capabilities that cannot be read");
  }
}

}  // namespace vouch::policy
