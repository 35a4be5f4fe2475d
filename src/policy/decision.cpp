#include "policy/decision.hpp"

#include "policy/decider.hpp"
#include "policy/purposes.hpp"

namespace vouch::policy {

Decision decide(const Question& question) { return Decider(question).run(); }

Decision Decider::run() {
  if (!check_request() || !check_intact_signatures() || !check_template_known() || !check_key() || !check_purposes() || !check_names() ||
      !check_validity())
    return std::move(decision_);
  check_attributes();
  plan_extensions();
  if (!check_agents()) return std::move(decision_);
  decision_.plan.public_key_info = to_buffer(q_.request->public_key_info);
  decision_.action = Action::issue;
  check_queue();
  return std::move(decision_);
}

bool Decider::deny(Refusal refusal) {
  decision_.action = Action::deny;
  decision_.reason = refusal.rule;
  decision_.message =
      refusal.received.empty()
          ? fmt::format("{}: expected {}", refusal.what, refusal.expected)
          : fmt::format("{}: expected {}, received {}", refusal.what, refusal.expected, refusal.received);
  decision_.mend = refusal.mend;
  decision_.plan = Plan();
  decision_.trace.push_back({std::string(refusal.rule), Verdict::denied, std::move(refusal.expected),
                             std::move(refusal.received), std::move(refusal.mend)});
  return false;
}

void Decider::pend(std::string_view rule, std::string_view why) {
  constexpr std::string_view kMend = "a certificate manager looks at it and says: vouch request approve ID";
  if (q_.approved) {
    pass(rule);
    return;
  }
  if (decision_.action != Action::pend) {
    decision_.action = Action::pend;
    decision_.reason = rule;
    decision_.message = fmt::format("the request waits for a certificate manager: {}", why);
    decision_.mend = kMend;
  }
  decision_.trace.push_back({std::string(rule), Verdict::pended, "approval by a certificate manager",
                             std::string(why), std::string(kMend)});
}

bool Decider::check_request() {
  // RFC 2986 4.1: version 0 is v1, the only one there is.
  if (q_.request->version != 0)
    return deny({"request.version", "the request has an unknown version", "PKCS #10 version 1 (encoded as 0)",
                 fmt::format("{}", q_.request->version), "make the request with a current program"});
  pass("request.version");
  if (!q_.proof_of_possession)
    return deny({"request.proof", "the request does not prove that its sender has the private key",
                 "a signature by the key in the request",
                 std::string(q_.proof_of_possession.error().message()),
                 "make the request again, signed with its own key"});
  pass("request.proof");
  const auto algorithm = x509::parse_signature_algorithm(q_.request->signature_algorithm);
  if (!algorithm || x509::is_weak(*algorithm))
    return deny({"request.algorithm", "the request is signed with an algorithm that is not accepted",
                 "SHA-256 or better with RSA or ECDSA, or Ed25519",
                 algorithm ? std::string(x509::to_string(*algorithm))
                           : x509::describe(q_.request->signature_algorithm.algorithm),
                 "make the request again, e.g. with: openssl req -new -sha256"});
  pass("request.algorithm");
  return true;
}

bool Decider::check_template_known() {
  if (t_ == nullptr && !q_.template_name.empty())
    return deny(
        {"template.known", "the template is not known", "the name of a template",
         "'" + q_.template_name + "'",
         q_.unknown_template.empty() ? "vouch template list shows the templates" : q_.unknown_template});
  if (t_ == nullptr && q_.authority.enterprise)
    return deny({"template.needed", "an enterprise CA issues by templates only", "a template name", "none",
                 "name one: vouch request submit FILE --template NAME"});
  if (t_ != nullptr && !q_.template_published)
    return deny({"template.published", "this CA does not issue the template",
                 fmt::format("a template that CA '{}' publishes", q_.authority.name), "'" + t_->name + "'",
                 fmt::format("an administrator publishes it: vouch template publish {}", t_->name)});
  pass(t_ == nullptr ? "template.none" : "template.published");
  return check_template_named_in_request();
}

// Windows clients name the template inside the request too (311.20.2, or 311.21.7 by its OID). Two different
// ones are a mistake or a trick (CERTSRV_E_TEMPLATE_CONFLICT).
bool Decider::check_template_named_in_request() {
  const auto* name_extension = q_.request->find(x509::oid::kMsTemplateName);
  const auto* information = q_.request->find(x509::oid::kMsCertificateTemplate);
  if (name_extension == nullptr && information == nullptr) return true;
  constexpr std::string_view kMend = "name the same template in the request and beside it";
  const std::string wanted = t_ == nullptr ? "none" : "'" + t_->name + "'";
  if (name_extension != nullptr) {
    const auto name = x509::parse_template_name(name_extension->value);
    if (t_ == nullptr)
      change("template.in_request", "no template", name ? "'" + *name + "'" : "an unreadable template name");
    else if (!name || *name != t_->name)
      return deny({"template.conflict", "the request names another template inside", wanted,
                   name ? "'" + *name + "'" : "an unreadable name", std::string(kMend)});
  }
  if (information != nullptr) {
    const auto value = x509::parse_template_information(information->value);
    if (t_ == nullptr)
      change("template.in_request", "no template",
             value ? value->id.dotted() : "unreadable template information");
    else if (!value || (!t_->oid.empty() && value->id != t_->oid))
      return deny({"template.conflict", "the request names another template inside",
                   fmt::format("{} ({})", wanted, t_->oid.dotted()),
                   value ? value->id.dotted() : "unreadable", std::string(kMend)});
  }
  return true;
}

namespace {

// RFC 8017 3.1: the exponent is odd and at least 3; an even one or 1 belongs to no RSA key. The modulus is a
// product of odd primes.
bool is_sane_exponent(Bytes exponent) {
  if (exponent.empty() || (exponent.back() & 1) == 0) return false;
  return exponent.size() > 1 || exponent[0] >= 3;
}

std::string list_of(const std::vector<crypto::KeyType>& types) {
  std::string out;
  for (const crypto::KeyType type : types)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", x509::to_string(type));
  return out;
}

constexpr std::size_t kMostRsaBits = 16384;      // above, one signature check takes seconds
constexpr std::size_t kMostExponentOctets = 32;  // FIPS 186-5 5.1: below 2^256

}  // namespace

bool Decider::check_key() {
  const auto key = x509::parse_public_key_info(q_.request->public_key_info);
  if (!key)
    return deny({"key.form", "the public key cannot be used", "an RSA, P-256, P-384, P-521 or Ed25519 key",
                 std::string(key.error().message()),
                 "make a new key, e.g. with: openssl ecparam -genkey -name prime256v1"});
  key_ = *key;
  if (t_ != nullptr && std::ranges::find(t_->key.types, key_.type) == t_->key.types.end())
    return deny({"key.type", "the template does not take this type of key", list_of(t_->key.types),
                 std::string(x509::to_string(key_.type)),
                 "make a key of an accepted type and a new request"});
  pass("key.type");
  if (key_.type != crypto::KeyType::rsa) {
    if (key_.type != crypto::KeyType::ed25519 && (key_.point.empty() || key_.point[0] != 0x04))
      return deny({"key.point", "the elliptic curve point is compressed",
                   "an uncompressed point (RFC 5480 2.2)", "a compressed point",
                   "make the request again with an uncompressed public key"});
    return true;
  }
  const std::size_t smallest = t_ == nullptr ? 2048 : t_->key.minimum_rsa_bits;
  if (key_.bits < smallest || key_.bits > kMostRsaBits)
    return deny(
        {"key.size", key_.bits < smallest ? "the key is too small" : "the key is too large",
         fmt::format("RSA with {} to {} bits", smallest, kMostRsaBits),
         fmt::format("RSA with {} bits", key_.bits),
         fmt::format("make a new key, e.g. with: openssl genrsa {}", std::max<std::size_t>(smallest, 3072))});
  pass("key.size");
  const bool odd_modulus = !key_.modulus.empty() && (key_.modulus.back() & 1) != 0;
  if (!is_sane_exponent(key_.exponent) || key_.exponent.size() > kMostExponentOctets || !odd_modulus)
    return deny({"key.exponent", "the RSA key is malformed",
                 "an odd modulus and an odd exponent of at least 3",
                 odd_modulus ? fmt::format("exponent 0x{}", to_hex(key_.exponent.first(std::min<std::size_t>(
                                                                key_.exponent.size(), kMostExponentOctets))))
                             : "an even modulus",
                 "make a new key; 65537 is the usual exponent"});
  pass("key.exponent");
  return true;
}

bool Decider::check_validity() {
  const AuthorityContext& ca = q_.authority;
  if (q_.now < ca.not_before || q_.now >= ca.not_after)
    return deny({"validity.ca", "the CA's own certificate is not valid now",
                 fmt::format("a time from {} to {}", format_time(ca.not_before), format_time(ca.not_after)),
                 format_time(q_.now), "the CA needs a new certificate before it can issue again"});
  decision_.plan.not_before = q_.now;
  const Time wanted = add(q_.now, t_ == nullptr ? ca.default_validity : t_->validity);
  decision_.plan.not_after = wanted;
  if (wanted <= ca.not_after) {
    pass("validity.ca");
    return true;
  }
  if (t_ != nullptr && t_->beyond_ca == Validity::refuse)
    return deny({"validity.beyond_ca", "the certificate would outlive its CA",
                 fmt::format("an end no later than {}", format_time(ca.not_after)), format_time(wanted),
                 "renew the CA, or shorten the template's validity"});
  decision_.plan.not_after = ca.not_after;
  change("validity.beyond_ca", fmt::format("{}, the end of the CA", format_time(ca.not_after)),
         format_time(wanted));
  return true;
}

// ESC6: names beside the request, which nobody signed, are never read. That they were sent is worth knowing.
void Decider::check_attributes() {
  for (const auto& [key, value] : q_.attributes) {
    const bool is_san =
        key.size() == 3 && (key[0] | 0x20) == 's' && (key[1] | 0x20) == 'a' && (key[2] | 0x20) == 'n';
    if (is_san) {
      change("attribute.san", "the names in the request itself", "names in a 'san' attribute");
      return;
    }
  }
  pass("attribute.san");
}

void Decider::check_queue() {
  if (t_ != nullptr && t_->approval)
    pend("template.approval", fmt::format("template '{}' wants approval", t_->name));
  const bool logs_on = first_of(purposes_, kLogonPurposes) != nullptr;
  if (identity_from_request_)
    pend("names.identity", "a logon name comes from the request");
  else if (t_ != nullptr && !t_->approval && logs_on && names_from_request_)
    pend("names.logon", "names for a certificate that logs somebody on come from the request");
  if (!q_.authority.enterprise && !q_.authority.automatic_issuance)
    pend("authority.queue", "this stand-alone CA issues nothing without approval");
}

}  // namespace vouch::policy
