#pragma once
// Whether a path is good for the use at hand: extended key usages of the target and, by choice, of its CAs;
// key usage; and whom the target names.

#include <span>

#include "validate/certificate.hpp"
#include "validate/finding.hpp"
#include "validate/profile.hpp"
#include "validate/trust_store.hpp"

namespace vouch::validate {

// `path`: the target first, the anchor's certificate last.
std::vector<Finding> check_purpose(std::span<const CertificatePtr> path, const TrustAnchor& anchor,
                                   const Profile& profile, const Expected& expected);

// RFC 9525 6.3: a wildcard is the whole left-most label and stands for exactly one. Case and a trailing dot
// do not count.
bool host_matches(std::string_view pattern, std::string_view host);

}  // namespace vouch::validate
