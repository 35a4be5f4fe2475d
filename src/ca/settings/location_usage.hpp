#pragma once
// Which URLs the certificates of a CA carry, and how many of them: changing a location changes only what is
// issued from then on, so that an old URL has to go on answering until nobody carries it.

#include "ca/settings/settings.hpp"
#include "store/database.hpp"

namespace vouch::ca {

struct UrlUse {
  std::string kind;        // "cdp", "ocsp", "aia"
  std::string url;         // as it stands in certificates
  bool current = false;    // certificates issued from now on carry it
  std::uint64_t live = 0;  // unexpired certificates that carry it
  bool operator==(const UrlUse&) const = default;
};
struct LocationUsage {
  std::vector<UrlUse> uses;      // the current ones first, in the order in which clients try them
  std::uint64_t unrecorded = 0;  // unexpired certificates from before it was recorded
};
Result<LocationUsage> location_usage(const store::Snapshot& snapshot, const store::AuthorityRecord& record,
                                     const AuthoritySettings& settings, Time now);

// The variables of one certificate of a CA.
LocationVariables location_variables(const store::AuthorityRecord& record, const AuthoritySettings& settings,
                                     const store::KeyGeneration& generation, bool delta = false);

}  // namespace vouch::ca
