#include "ca/settings/location_usage.hpp"

#include <algorithm>

namespace vouch::ca {
namespace {

class UsageCount {
 public:
  void add(const IssuedLocations& locations, std::uint64_t live, bool current) {
    for (const std::string& url : locations.cdp) add("cdp", url, live, current);
    for (const std::string& url : locations.ocsp) add("ocsp", url, live, current);
    for (const std::string& url : locations.aia) add("aia", url, live, current);
  }
  std::vector<UrlUse> take() { return std::move(uses_); }

 private:
  void add(std::string_view kind, const std::string& url, std::uint64_t live, bool current) {
    auto use = std::ranges::find_if(uses_, [&](const UrlUse& u) { return u.kind == kind && u.url == url; });
    if (use == uses_.end()) use = uses_.insert(uses_.end(), {std::string(kind), url});
    use->live += live;
    use->current = use->current || current;
  }
  std::vector<UrlUse> uses_;
};

}  // namespace

LocationVariables location_variables(const store::AuthorityRecord& record, const AuthoritySettings& settings,
                                     const store::KeyGeneration& generation, bool delta) {
  return {settings.dns_name,
          settings.short_name,
          record.name,
          generation.certificate_index,
          generation.key_index,
          delta,
          settings.configuration_container};
}

Result<LocationUsage> location_usage(const store::Snapshot& snapshot, const store::AuthorityRecord& record,
                                     const AuthoritySettings& settings, Time now) {
  LocationUsage usage;
  UsageCount count;
  const auto generations = TRY(snapshot.key_generations(record.id));
  if (!generations.empty()) {
    auto variables = location_variables(record, settings, generations.back());
    if (settings.crl_shards > 1) variables.shard = kAnyShard;
    count.add(TRY(issued_locations(settings.cdp, settings.aia, variables)), 0, true);
  }
  for (const store::LocationSet& set : TRY(snapshot.location_sets(record.id, now)))
    if (set.id == 0)
      usage.unrecorded = set.live;
    else if (set.live != 0)
      count.add(TRY(parse_issued_locations(set.text)), set.live, false);
  usage.uses = count.take();
  return usage;
}

}  // namespace vouch::ca
