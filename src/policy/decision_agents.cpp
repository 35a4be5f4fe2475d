// The rules about signatures beside the request's own that hold for every template: each must fit, and an
// enrolment agent's counts only within the rights that an administrator gave him.

#include <algorithm>

#include "policy/decider.hpp"

namespace vouch::policy {
namespace {

std::string subject_text(const AuthorizedSignature& signer) {
  return x509::to_rfc4514(signer.subject).value_or("unreadable name");
}

bool is_agent(const AuthorizedSignature& signer) {
  return std::ranges::find(signer.application_policies, x509::oid::kMsCertificateRequestAgent) !=
         signer.application_policies.end();
}

}  // namespace

// A message whose signature does not fit was damaged or changed on its way: nothing in it is believed.
bool Decider::check_intact_signatures() {
  if (q_.signatures.empty()) return true;
  for (const AuthorizedSignature& signer : q_.signatures)
    if (signer.broken)
      return deny({"signatures.intact", "a signature around the request does not fit",
                   "signatures over the request as it was sent",
                   signer.subject.empty() ? signer.fault
                                          : fmt::format("'{}': {}", subject_text(signer), signer.fault),
                   "sign the request again and send it unchanged"});
  pass("signatures.intact");
  return true;
}

// After the names are known. ESC3: a right names agent, template and for whom, and there is none by default.
bool Decider::check_agents() {
  bool agents = false;
  for (const AuthorizedSignature& signer : q_.signatures) {
    if (!signer.valid || !is_agent(signer)) continue;
    agents = true;
    const std::string_view template_name = t_ == nullptr ? std::string_view() : t_->name;
    const bool granted = std::ranges::any_of(q_.authority.agent_rights, [&](const AgentRight& right) {
      return covers(right, signer.subject, template_name, subject_, san_);
    });
    if (granted) continue;
    std::string names = x509::to_rfc4514(subject_);
    for (const x509::GeneralName& name : san_)
      names += fmt::format("{}{}", names.empty() ? "" : ", ", name.to_text());
    return deny(
        {"signatures.agent", "the enrolment agent may not enrol for this",
         fmt::format("a right of '{}' that covers template and names", subject_text(signer)),
         fmt::format("template {}, names {}", template_name.empty() ? "none" : template_name,
                     names.empty() ? "none" : names),
         fmt::format("an administrator grants it: vouch enrollment-agent allow \"{}\" --template NAME --for "
                     "PATTERN",
                     subject_text(signer))});
  }
  if (agents) pass("signatures.agent");
  return true;
}

}  // namespace vouch::policy
