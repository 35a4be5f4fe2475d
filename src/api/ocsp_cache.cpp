#include "api/ocsp_cache.hpp"

namespace vouch::api {

std::size_t OcspCache::size_of(std::string_view request, const KeptAnswer& answer) {
  // The key stands twice; what the containers add is about as much again as a small answer's fields.
  return 2 * request.size() + answer.whole->head.size() + answer.whole->body.size() +
         answer.unchanged->head.size() + sizeof(KeptAnswer) + 512;
}

Kept OcspCache::find(std::string_view request) const {
  const Shard& shard = this->shard(request);
  const std::scoped_lock lock(shard.guards_all);
  const auto found = shard.answers.find(request);
  return found == shard.answers.end() ? nullptr : found->second;
}

void OcspCache::put(std::string_view request, Kept answer) {
  Shard& shard = this->shard(request);
  const std::size_t size = size_of(request, *answer);
  if (size > limit_) return;
  const std::scoped_lock lock(shard.guards_all);
  if (const auto found = shard.answers.find(request); found != shard.answers.end()) {
    shard.octets -= size_of(request, *found->second);
    shard.octets += size;
    found->second = std::move(answer);
    return;
  }
  while (shard.octets + size > limit_ && !shard.order.empty()) {
    const auto oldest = shard.answers.find(shard.order.front());
    shard.octets -= size_of(oldest->first, *oldest->second);
    shard.answers.erase(oldest);
    shard.order.pop_front();
  }
  shard.answers.emplace(request, std::move(answer));
  shard.order.emplace_back(request);
  shard.octets += size;
}

std::size_t OcspCache::octets() const {
  std::size_t all = 0;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.guards_all);
    all += shard.octets;
  }
  return all;
}

}  // namespace vouch::api
