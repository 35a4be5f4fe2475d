#pragma once
// RFC 5280 6.1 for one path whose names chain and whose signatures fit: validity, constraints, policies, key
// usages, algorithms. A pure function of its arguments.

#include <span>
#include <vector>

#include "validate/budget.hpp"
#include "validate/finding.hpp"
#include "validate/profile.hpp"
#include "validate/trust_store.hpp"

namespace vouch::validate {

struct PathOutcome {
  std::vector<Finding> findings;    // from the anchor downwards; no error: the path holds
  std::vector<x509::Oid> policies;  // user-constrained-policy-set (6.1.6)
};
// `path`: the target first, the anchor's certificate last, at least two.
PathOutcome check_path(std::span<const CertificatePtr> path, const TrustAnchor& anchor,
                       const Profile& profile, Time now, Budget& budget);

}  // namespace vouch::validate
