#include "validate/trust_store.hpp"

namespace vouch::validate {

TrustStore::TrustStore(std::vector<TrustAnchor> anchors, std::vector<CertificatePtr> intermediates)
    : anchors_(std::move(anchors)) {
  for (const TrustAnchor& one : anchors_)
    if (anchor(*one.certificate) == nullptr)
      by_name_[one.certificate->subject_key()].push_back({one.certificate, &one});
  for (CertificatePtr& one : intermediates)
    if (anchor(*one) == nullptr) by_name_[one->subject_key()].push_back({std::move(one), nullptr});
}

std::span<const TrustStore::Candidate> TrustStore::named(const std::string& subject_key) const {
  const auto found = by_name_.find(subject_key);
  return found == by_name_.end() ? std::span<const Candidate>() : found->second;
}

const TrustAnchor* TrustStore::anchor(const Certificate& certificate) const {
  for (const Candidate& candidate : named(certificate.subject_key()))
    if (candidate.anchor != nullptr && equal(candidate.certificate->fingerprint(), certificate.fingerprint()))
      return candidate.anchor;
  return nullptr;
}

}  // namespace vouch::validate
