#pragma once
// Which lists each key of a CA owes the world: the complete one, and those of the shards that certificates
// name (docs/mechanisms/crl.md).

#include <map>

#include "ca/settings/settings.hpp"
#include "store/database.hpp"

namespace vouch::revocation {

// One list of one key.
struct CrlList {
  std::uint32_t shard = 0;        // 0: the complete list
  std::vector<std::string> urls;  // of a shard: those that certificates name it by, today's first
  bool operator==(const CrlList&) const = default;
};
using CrlLists = std::map<std::uint16_t, std::vector<CrlList>>;

// By key index; the complete list of a key comes first. The key that issues, the last of `generations`, owes
// every shard of the settings; each key owes those that its certificates carry, whatever the settings say by
// now, until their last certificate has ended and has had its last appearance (RFC 5280 3.3).
Result<CrlLists> crl_lists(const store::Snapshot& snapshot, const store::AuthorityRecord& authority,
                           const ca::AuthoritySettings& settings,
                           const std::vector<store::KeyGeneration>& generations, Time now);

// Whether unexpired certificates carry shards: then each location has to keep a place for them
// (ca::check_shard_places), whatever the settings say by now.
Result<bool> shards_are_carried(const store::Snapshot& snapshot, store::AuthorityId authority, Time now);

}  // namespace vouch::revocation
