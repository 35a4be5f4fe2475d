#include "policy/decision.hpp"

#include "policy/decider.hpp"
#include "policy/purposes.hpp"
#include "policy/requested_validity.hpp"

namespace vouch::policy {

Decision decide(const Question& question) { return Decider(question).run(); }

Decision Decider::run() {
  if (!check_request() || !check_intact_signatures() || !check_template_known() || !check_signatures() ||
      !check_key() || !check_purposes() || !check_policies() || !check_directory() || !check_names() ||
      !check_validity())
    return std::move(decision_);
  check_attributes();
  plan_extensions();
  const Buffer subject_alt_name = san_.empty() ? Buffer() : x509::encode_general_names(san_);
  if (!check_key_reuse(subject_alt_name)) return std::move(decision_);
  check_renewal(subject_alt_name);
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
  const std::string_view who = t_ != nullptr && t_->ca ? "an administrator" : "a certificate manager";
  const std::string mend = fmt::format("{} looks at it and says: vouch request approve ID", who);
  if (q_.approved) {
    pass(rule);
    return;
  }
  if (decision_.action != Action::pend) {
    decision_.action = Action::pend;
    decision_.reason = rule;
    decision_.message = fmt::format("the request waits for {}: {}", who, why);
    decision_.mend = mend;
  }
  decision_.trace.push_back(
      {std::string(rule), Verdict::pended, fmt::format("approval by {}", who), std::string(why), mend});
}

bool Decider::check_request() {
  // RFC 2986 4.1: version 0 is v1, the only one there is.
  if (q_.request->version != 0)
    return deny({"request.version", "the request has an unknown version", "PKCS #10 version 1 (encoded as 0)",
                 fmt::format("{}", q_.request->version), "make the request with a current program"});
  pass("request.version");
  // A point beside its curve verifies nothing; the key is the reason, not the signature.
  const bool is_no_key = q_.key.weakness && (q_.key.weakness->flaw == crypto::KeyFlaw::off_curve ||
                                             q_.key.weakness->flaw == crypto::KeyFlaw::small_order);
  if (!q_.proof_of_possession && is_no_key) return check_key_quality();
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
  if (t_ != nullptr && !q_.superseded_by.empty() && !is_renewal_of_template())
    return deny({"template.superseded", "the template is replaced by another",
                 fmt::format("'{}', which CA '{}' publishes", q_.superseded_by, q_.authority.name),
                 "'" + t_->name + "'", fmt::format("ask for template {}", q_.superseded_by)});
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
    else
      return check_template_version(value->major.value_or(0), value->minor.value_or(0));
  }
  return true;
}

// CERTSRV_E_BAD_TEMPLATE_VERSION: the requester has read a template that this CA does not know yet. An older
// version is served by the present one.
bool Decider::check_template_version(std::uint32_t major, std::uint32_t minor) {
  if (std::pair(major, minor) <= std::pair(t_->major, t_->minor)) return true;
  return deny({"template.version", "the request is for a newer version of the template",
               fmt::format("version {}.{} or older", t_->major, t_->minor),
               fmt::format("{}.{}", major, minor),
               "wait until this CA has read the new version, or ask by the one it has"});
}

// The holder of a certificate of this template goes on with it.
bool Decider::is_renewal_of_template() const {
  return q_.renews && q_.renews->valid && q_.renews->issued_by_this && q_.renews->template_name == t_->name;
}

bool Decider::check_validity() {
  const AuthorityContext& ca = q_.authority;
  if (q_.now < ca.not_before || q_.now >= ca.not_after)
    return deny({"validity.ca", "the CA's own certificate is not valid now",
                 fmt::format("a time from {} to {}", format_time(ca.not_before), format_time(ca.not_after)),
                 format_time(q_.now), "the CA needs a new certificate before it can issue again"});
  decision_.plan.not_before = q_.now;
  Time wanted = add(q_.now, t_ == nullptr ? ca.default_validity : t_->validity);
  if (!take_requested_end(wanted)) return false;
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

// EDITF_ATTRIBUTEENDDATE: less than the template gives, where the CA lets requesters say so; never more.
bool Decider::take_requested_end(Time& end) {
  constexpr std::string_view kRule = "validity.requested";
  const auto asked = requested_validity(*q_.request, q_.attributes, q_.now);
  if (!asked) return true;
  if (!q_.authority.requested_validity) {
    change(kRule, fmt::format("{}; this CA takes no requested validity", format_time(end)), asked->text);
    return true;
  }
  if (!asked->end || *asked->end <= q_.now)
    return deny({kRule, "the validity that the request asks for is none", "an end that is not over yet",
                 asked->text, "correct it, e.g. to: ValidityPeriod=Days, ValidityPeriodUnits=90"});
  if (*asked->end > end) {
    change(kRule, fmt::format("{}, the most that there is", format_time(end)), asked->text);
    return true;
  }
  constexpr std::chrono::days kShort{5};
  if (*asked->end < q_.now + kShort)
    change(kRule,
           fmt::format("{}, in less than {} days: a device that is off for a weekend loses it",
                       format_time(*asked->end), kShort.count()),
           format_time(end));
  else
    pass(kRule);
  end = *asked->end;
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

// What waits for a certificate manager. Approved before: a renewal for which its template says so.
void Decider::check_queue() {
  if (t_ != nullptr && t_->approval && !approved_before_)
    pend("template.approval", fmt::format("template '{}' wants approval", t_->name));
  const bool logs_on = first_of(purposes_, kLogonPurposes) != nullptr;
  if (identity_from_request_)
    pend("names.identity", "a logon name comes from the request");
  else if (t_ != nullptr && !t_->approval && logs_on && names_from_request_ && !vouched_for_ &&
           !approved_before_)
    pend("names.logon", "names for a certificate that logs somebody on come from the request");
  if (const std::string name = protected_name(); !name.empty() && !approved_before_)
    pend("names.protected", fmt::format("'{}' is a protected name", name));
  if (!q_.authority.enterprise && !q_.authority.automatic_issuance)
    pend("authority.queue", "this stand-alone CA issues nothing without approval");
}

}  // namespace vouch::policy
