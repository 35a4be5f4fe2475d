#include "validate/crl_signers.hpp"

#include <algorithm>

#include "validate/crl.hpp"
#include "validate/path_check.hpp"
#include "validate/purpose.hpp"

namespace vouch::validate {

std::vector<CertificatePtr> CrlSigners::named(const std::string& subject_key) {
  std::vector<CertificatePtr> out;
  const auto add = [&](const CertificatePtr& one) {
    if (one->subject_key() == subject_key && std::ranges::find(out, one) == out.end()) out.push_back(one);
  };
  for (const CertificatePtr& one : path_.subspan(1)) add(one);
  for (const auto& candidate : inputs_.trust.named(subject_key)) add(candidate.certificate);
  for (const CertificatePtr& one : inputs_.sent) add(one);
  return out;
}

Status CrlSigners::holds(const CertificatePtr& signer) {
  // The path's own CAs are judged with the path.
  const auto issuers = path_.subspan(1);
  if (std::ranges::find(issuers, signer) != issuers.end()) return ok();
  if (std::ranges::find(memory_.asking, signer.get()) != memory_.asking.end()) return ok();
  if (is_same_ca(*signer)) return ok();
  const auto [known, is_new] = memory_.faults.try_emplace({signer.get(), &anchor_});
  std::string& fault = known->second;
  if (is_new) fault = fault_of(signer);
  return fault.empty() ? ok() : Status(make_error(Errc::denied, "{}", fault));
}

Status CrlSigners::verify(const Crl& crl, const CertificatePtr& signer) {
  const CrlHead& head = crl.head();
  const Bytes from = signer->fingerprint();
  if (auto algorithm = accepted_algorithm(head.view.signature_algorithm, inputs_.profile.algorithms);
      !algorithm)
    return std::move(algorithm.error());
  if (inputs_.cache != nullptr && inputs_.cache->knows(head.fingerprint, from)) return ok();
  if (!inputs_.budget.signature()) return make_error(Errc::limit_exceeded, "too many signatures to verify");
  const auto above = std::ranges::find(path_, signer);
  const std::span<const CertificatePtr> signer_and_above =
      above != path_.end() ? path_.subspan(static_cast<std::size_t>(above - path_.begin()))
                           : std::span<const CertificatePtr>(&signer, 1);
  if (check_signature(inputs_.provider, signer_and_above, head) != SignatureVerdict::fits)
    return make_error(Errc::denied, "its signature does not fit the key of '{}'", signer->subject_text());
  if (inputs_.cache != nullptr) inputs_.cache->learn(head.fingerprint, from);
  return ok();
}

// Two anchors of one name are one CA with two keys: while it changes from one to the other, either may sign.
bool CrlSigners::is_same_ca(const Certificate& signer) const {
  const auto& view = signer.view();
  const bool valid = !inputs_.profile.check_anchor_validity ||
                     (inputs_.now >= view.not_before && inputs_.now <= view.not_after);
  return valid && signer.subject_key() == anchor_.certificate->subject_key() &&
         inputs_.trust.anchor(signer) != nullptr;
}

// RFC 5280 6.3.3 f: a path of its own to the same anchor, with nothing asked but that it holds. Why there is
// none, in words.
std::string CrlSigners::fault_of(const CertificatePtr& signer) {
  Profile profile = inputs_.profile;
  profile.purpose = Purpose::crl_signing;
  profile.policies = {};
  const PathBuilder::Inputs inputs{inputs_.provider, inputs_.trust, inputs_.sent,   profile,
                                   inputs_.now,      inputs_.cache, inputs_.budget, &anchor_};
  memory_.asking.push_back(signer.get());
  std::string fault;
  PathBuilder builder(inputs);
  const bool found = builder.search(signer, [&](auto path, const TrustAnchor&) {
    fault = fault_of(path, inputs);
    return fault.empty();
  });
  memory_.asking.pop_back();
  if (found) return {};
  if (fault.empty() && !builder.dead_end_findings().empty())
    fault = message_of(builder.dead_end_findings().front());
  return fault.empty() ? "no path to the same trust anchor" : fault;
}

std::string CrlSigners::fault_of(std::span<const CertificatePtr> path, const PathBuilder::Inputs& inputs) {
  auto findings = check_path(path, anchor_, inputs.profile, inputs.now, inputs.budget).findings;
  for (Finding& finding : check_purpose(path, anchor_, inputs.profile, {}))
    findings.push_back(std::move(finding));
  const auto error = std::ranges::find(findings, Severity::error, severity_of);
  if (error != findings.end()) return message_of(*error);
  CrlSigners signers(inputs, source_, memory_, path, anchor_);
  for (std::size_t i = path.size() - 1; i-- > 0;) {
    const RevocationRecord record = source_.check({path, i, inputs.now, signers});
    if (record.status == RevocationStatus::good) continue;
    return fmt::format("'{}' is {}", path[i]->subject_text(),
                       record.status == RevocationStatus::revoked ? "revoked" : "of unknown status");
  }
  return {};
}

}  // namespace vouch::validate
