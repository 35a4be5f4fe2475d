#pragma once
// Symptom: sign-ins fail everywhere at once: the CRL is over, or has grown beyond what relying parties take.
// Probe:   what the database knows of the CRLs that were published last, and how they have grown.
// Verdict: Not published, Expired, Expiring once the successor is late, Too large above the interactive
// limit;
//   and the days on which the limits are reached if it goes on like this.
// Mend:    publish; divide the CRL.

#include "diagnose/hierarchy.hpp"

namespace vouch::diagnose {

// What a relying party downloads while somebody waits, octets (MB is 2^20): 20 MB, and 45 MB in clouds for
// governments. Downloads in the background may be larger.
constexpr std::uint64_t kInteractiveLimit = std::uint64_t{20} << 20;
constexpr std::uint64_t kGovernmentLimit = std::uint64_t{45} << 20;

Result<std::vector<CrlStatus>> check_own_crls(const store::Snapshot& snapshot, const Node& node, Time now);

// When a size that has grown from `before` (of `then`) to `size` (of `now`) reaches `limit`. None: it does
// not grow, or not within a hundred years.
std::optional<Time> forecast(Time then, std::uint64_t before, Time now, std::uint64_t size,
                             std::uint64_t limit);

}  // namespace vouch::diagnose
