#include "revocation/crl_shards.hpp"

#include <algorithm>

namespace vouch::revocation {
namespace {

ca::LocationVariables variables_of(const store::AuthorityRecord& authority,
                                   const ca::AuthoritySettings& settings,
                                   const store::KeyGeneration& generation) {
  return {settings.dns_name,
          settings.short_name,
          authority.name,
          generation.certificate_index,
          generation.key_index,
          false,
          settings.configuration_container,
          {},
          ca::kAnyShard};
}

// Whether somebody may still need what the last of these certificates stands on.
Result<bool> is_owed(const store::Snapshot& snapshot, store::AuthorityId authority,
                     const ca::AuthoritySettings& settings, const store::CarriedShard& carried, Time now) {
  if (carried.not_after >= now) return true;
  if (settings.keep_expired_since && carried.not_after >= *settings.keep_expired_since) return true;
  const auto newest = TRY(snapshot.newest_crls({authority, carried.key_index, false, carried.shard}, 1));
  return !newest.empty() && newest.front().this_update <= carried.not_after;
}

void add_url(CrlList& list, const std::string& url) {
  if (std::ranges::find(list.urls, url) == list.urls.end()) list.urls.push_back(url);
}

}  // namespace

Result<CrlLists> crl_lists(const store::Snapshot& snapshot, const store::AuthorityRecord& authority,
                           const ca::AuthoritySettings& settings,
                           const std::vector<store::KeyGeneration>& generations, Time now) {
  CrlLists lists;
  for (const store::KeyGeneration& generation : generations) lists[generation.key_index] = {CrlList{}};
  const auto carried = TRY(snapshot.carried_shards(authority.id));
  if (generations.empty() || (carried.empty() && settings.crl_shards <= 1)) return lists;

  for (const store::KeyGeneration& generation : generations) {
    const bool issues = &generation == &generations.back();
    const auto today =
        TRY(ca::issued_locations(settings.cdp, {}, variables_of(authority, settings, generation))).cdp;
    std::map<std::uint32_t, CrlList> shards;
    const auto add_today = [&](CrlList& list) {
      for (const std::string& url : today) add_url(list, ca::with_shard(url, list.shard));
    };
    if (issues && settings.crl_shards > 1)
      for (std::uint32_t shard = 1; shard <= settings.crl_shards; ++shard)
        add_today(shards[shard] = {shard, {}});
    for (const store::CarriedShard& each : carried) {
      if (each.key_index != generation.key_index ||
          !TRY(is_owed(snapshot, authority.id, settings, each, now)))
        continue;
      CrlList& list = shards[each.shard];
      list.shard = each.shard;
      const ca::IssuedLocations locations = TRY(ca::parse_issued_locations(each.locations));
      for (const std::string& url : locations.cdp) add_url(list, ca::with_shard(url, each.shard));
    }
    for (auto& [shard, list] : shards) {
      // Certificates without a URL, and lost ones: the list has to have a name all the same.
      if (list.urls.empty()) add_today(list);
      lists[generation.key_index].push_back(std::move(list));
    }
  }
  return lists;
}

Result<bool> shards_are_carried(const store::Snapshot& snapshot, store::AuthorityId authority, Time now) {
  const auto carried = TRY(snapshot.carried_shards(authority));
  return std::ranges::any_of(carried, [&](const store::CarriedShard& c) { return c.not_after >= now; });
}

}  // namespace vouch::revocation
