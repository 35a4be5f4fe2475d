#pragma once
// Finds paths from a target to trust anchors over whatever certificates are at hand, the likeliest first,
// going back where a path fails, within a budget.

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "validate/budget.hpp"
#include "validate/finding.hpp"
#include "validate/profile.hpp"
#include "validate/signatures.hpp"
#include "validate/trust_store.hpp"

namespace vouch::validate {

class PathBuilder {
 public:
  // Everything but `budget` is only read; all must outlive the builder. `sent`: what the peer sent along.
  struct Inputs {
    const crypto::Provider& provider;
    const TrustStore& trust;
    std::span<const CertificatePtr> sent;
    const Profile& profile;
    Time now{};
    SignatureCache* cache = nullptr;
    Budget& budget;
    const TrustAnchor* only = nullptr;  // the one anchor that may end the path
  };
  explicit PathBuilder(const Inputs& inputs) : inputs_(inputs) {}

  // Called with each path to an anchor whose names chain and whose signatures fit. True ends the search.
  using Judge = std::function<bool(std::span<const CertificatePtr> path, const TrustAnchor& anchor)>;
  // False when no path was accepted.
  bool search(const CertificatePtr& target, const Judge& judge);

  // The longest path that ended before an anchor, and why.
  std::span<const CertificatePtr> dead_end() const { return dead_end_; }
  const std::vector<Finding>& dead_end_findings() const { return dead_end_findings_; }

 private:
  struct Candidate {
    CertificatePtr certificate;
    const TrustAnchor* anchor = nullptr;
    int rank = 0;
  };
  std::vector<Candidate> candidates_for(const Certificate& certificate) const;
  int rank(const Certificate& certificate, const Candidate& candidate) const;
  bool is_loop(const Certificate& candidate) const;
  bool extend(const Judge& judge);
  bool follow(const Candidate& candidate, const Judge& judge);
  // The edge from the last certificate of the path.
  bool issued_by(const CertificatePtr& issuer);
  bool undecided_signatures_fit() const;
  void note_dead_end(std::vector<Finding> findings);

  Inputs inputs_;
  std::vector<CertificatePtr> path_;
  // Edges tried in this search; wrong ones among them.
  std::map<std::pair<const Certificate*, const Certificate*>, SignatureVerdict> edges_;
  std::vector<CertificatePtr> dead_end_;
  std::vector<Finding> dead_end_findings_;
};

}  // namespace vouch::validate
