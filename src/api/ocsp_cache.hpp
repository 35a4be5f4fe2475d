#pragma once
// OCSP answers that were given, ready to be sent again. The key is the request itself, however it came: GET
// in any spelling, or POST. Bounded in octets; the oldest goes first. Any number of threads.

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "net/http.hpp"
#include "revocation/ocsp_responder.hpp"

namespace vouch::api {

struct KeptAnswer {
  revocation::OcspAnswer answer;  // without its octets, which `response` has
  net::Response response;
  net::Prepared whole, unchanged;  // 200 and 304
  std::string etag;
  Time fresh_until{};                  // then a new one is made, if one can be had
  std::atomic<std::uint64_t> epoch{};  // of the source, when it was last compared with it
};
using Kept = std::shared_ptr<KeptAnswer>;

class OcspCache {
 public:
  explicit OcspCache(std::size_t octets) : limit_(octets / kShards) {}
  Kept find(std::string_view request) const;
  void put(std::string_view request, Kept answer);
  std::size_t octets() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Shard {
    mutable std::mutex guards_all;
    std::unordered_map<std::string, Kept, Hash, std::equal_to<>> answers;
    std::deque<std::string> order;  // oldest first; each key once
    std::size_t octets = 0;
  };
  Shard& shard(std::string_view request) { return shards_[Hash()(request) % kShards]; }
  const Shard& shard(std::string_view request) const { return shards_[Hash()(request) % kShards]; }
  static std::size_t size_of(std::string_view request, const KeptAnswer& answer);

  const std::size_t limit_;
  std::array<Shard, kShards> shards_;
};

}  // namespace vouch::api
