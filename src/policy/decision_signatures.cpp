// The rules about those who sign a request beside its own key: enrolment agents, registration authorities,
// and the earlier certificate at a renewal.

#include <algorithm>

#include "policy/decider.hpp"
#include "policy/purposes.hpp"

namespace vouch::policy {
namespace {

std::string name_of(const AuthorizedSignature& signer) {
  auto name = x509::to_rfc4514(signer.subject);
  return fmt::format("'{}' ({})", name ? *name : "unreadable name", x509::serial_to_text(signer.serial));
}

bool same_signer(const AuthorizedSignature& a, const AuthorizedSignature& b) {
  return a.serial == b.serial && a.public_key_info == b.public_key_info;
}

}  // namespace

// MS-WCCE 3.2.2.6.2.1.4.5.1. Somebody who signs twice is one; signers that the template does not need are
// counted as they are and may be more.
bool Decider::check_signatures() {
  if (t_ == nullptr || t_->signatures.count == 0) return true;
  if (is_approved_renewal()) return true;
  const SignatureRule& rule = t_->signatures;
  std::vector<const AuthorizedSignature*> good;
  std::string faults;
  for (const AuthorizedSignature& signer : q_.signatures) {
    const bool again =
        std::ranges::any_of(good, [&](const auto* other) { return same_signer(*other, signer); });
    if (signer.valid && !again)
      good.push_back(&signer);
    else
      faults += fmt::format("; {}: {}", name_of(signer), again ? "signed twice" : signer.fault);
  }
  constexpr std::string_view kMend = "have the request signed by somebody whose certificate allows it";
  if (good.size() < rule.count)
    return deny({"signatures.count", "the request lacks signatures of those who vouch for it",
                 fmt::format("{} authorized signature{}", rule.count, rule.count == 1 ? "" : "s"),
                 fmt::format("{}{}", good.size(), faults), std::string(kMend)});
  pass("signatures.count");
  for (const AuthorizedSignature* signer : good) {
    const bool has_all = std::ranges::all_of(rule.application_policies, [&](const x509::Oid& policy) {
      return contains(signer->application_policies, policy);
    });
    if (!has_all)
      return deny({"signatures.purpose", fmt::format("{} may not vouch for requests", name_of(*signer)),
                   list_of(rule.application_policies), list_of(signer->application_policies),
                   std::string(kMend)});
    if (!rule.issuance_policies.empty() &&
        std::ranges::find_first_of(signer->issuance_policies, rule.issuance_policies) ==
            signer->issuance_policies.end())
      return deny({"signatures.policy",
                   fmt::format("the certificate of {} was issued under other rules", name_of(*signer)),
                   "one of " + list_of(rule.issuance_policies), list_of(signer->issuance_policies),
                   std::string(kMend)});
  }
  pass("signatures.purpose");
  pass("signatures.policy");
  vouched_for_ = !rule.application_policies.empty();
  return true;
}

// CT_FLAG_PREVIOUS_APPROVAL_VALIDATE_REENROLLMENT: a valid certificate of this template, or of one that it
// replaces, issued here, stands for the approval and the signatures that it once took. Whether the names are
// still the same is asked when they are known.
bool Decider::is_approved_renewal() const {
  if (t_ == nullptr || !t_->enrollment.renew_without_approval || !q_.renews) return false;
  const AuthorizedSignature& earlier = *q_.renews;
  return earlier.valid && earlier.issued_by_this &&
         (earlier.template_name == t_->name ||
          std::ranges::find(t_->supersedes, earlier.template_name) != t_->supersedes.end());
}

// Names that nobody has seen before need somebody who looks: otherwise a renewal would be a way around.
void Decider::check_renewal(Bytes subject_alt_name) {
  if (!is_approved_renewal()) return;
  const AuthorizedSignature& earlier = *q_.renews;
  const bool same =
      equal(earlier.subject, decision_.plan.subject) && equal(earlier.subject_alt_name, subject_alt_name);
  if (same || !names_from_request_) {
    approved_before_ = true;
    pass("renewal.approval");
  } else {
    change("renewal.approval", "approval as for a new request", "other names than the earlier certificate's");
  }
}

}  // namespace vouch::policy
