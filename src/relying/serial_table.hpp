#pragma once
// Where in a CRL a serial number stands: a table of groups of eight, one cache line each. For an entry it has
// half of the serial's hash and the entry's offset; the serial itself stays in the CRL. The hash is keyed:
// who writes a CRL cannot choose serials that collide. Internal to this room.
//
// An entry stands in the first group from its own on that had room. So a search looks at whole groups,
// without a branch for each place: the processor would guess most of those wrongly, and a wrong guess is only
// noticed once the group has come from memory.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace vouch::relying {

struct SerialSeed {
  std::uint64_t first = 0, second = 0;
};
// SipHash-1-3 of the serial (INTEGER contents) and of which issuer's certificate it is.
std::uint64_t hash_serial(const SerialSeed& seed, Bytes serial, std::uint32_t issuer);

struct alignas(64) Group {
  static constexpr std::size_t kPlaces = 8;
  std::array<std::uint32_t, kPlaces> tags{};    // 0: free
  std::array<std::uint32_t, kPlaces> places{};  // offsets of entries
};
static_assert(sizeof(Group) == 64);
// Offsets end here: a CRL whose entries take more cannot be indexed.
constexpr std::size_t kMaxEntriesSize = 0xfffffffe;

// At most 7 of 10 are taken: nearly all searches end in the group that they begin in.
inline std::size_t groups_for(std::size_t entries) {
  return (entries + entries * 3 / 7 + Group::kPlaces) / Group::kPlaces + 1;
}
// The upper bits of the hash choose the group, the lower ones are the tag.
inline std::size_t first_group(std::uint64_t hash, std::size_t groups) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(static_cast<Wide>(hash) * groups >> 64);
}
inline std::size_t next_group(std::size_t group, std::size_t groups) {
  return group + 1 == groups ? 0 : group + 1;
}
inline std::uint32_t tag_of(std::uint64_t hash) {
  const auto tag = static_cast<std::uint32_t>(hash);
  return tag != 0 ? tag : 1;
}

// One bit for each place of the group that has this tag.
using PlaceBits = unsigned;
inline PlaceBits find_tag(const Group& group, std::uint32_t tag) {
  using Four = std::uint32_t __attribute__((vector_size(16)));
  Four low, high;
  std::memcpy(&low, group.tags.data(), sizeof low);
  std::memcpy(&high, group.tags.data() + 4, sizeof high);
  const Four wanted = {tag, tag, tag, tag}, low_bits = {1, 2, 4, 8}, high_bits = {16, 32, 64, 128};
  const Four found = ((Four)(low == wanted) & low_bits) | ((Four)(high == wanted) & high_bits);
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &found, sizeof halves);
  const std::uint64_t both = halves[0] | halves[1];
  return static_cast<PlaceBits>((both | both >> 32) & 0xff);
}
inline std::size_t first_of(PlaceBits bits) { return static_cast<std::size_t>(std::countr_zero(bits)); }

// Zeroed memory for a table. In large pages, where the kernel has some: a search goes anywhere in the table,
// and with small ones each would miss the processor's list of pages as well as its cache.
class TableMemory {
 public:
  // `limit_exceeded` when there is no memory.
  static Result<TableMemory> make(std::size_t groups);
  TableMemory(TableMemory&& other) noexcept
      : map_(std::exchange(other.map_, {})), groups_(std::exchange(other.groups_, {})) {}
  TableMemory& operator=(TableMemory&&) = delete;
  ~TableMemory();
  std::span<Group> groups() const { return groups_; }

 private:
  TableMemory(std::span<std::uint8_t> map, std::span<Group> groups) : map_(map), groups_(groups) {}
  std::span<std::uint8_t> map_;
  std::span<Group> groups_;
};

// Fills a table. Some entries wait in a queue until their groups have come from memory.
class SerialTableBuilder {
 public:
  // Whether the entries at two places are about the same certificate. Asked where the tags are equal.
  using Same = std::function<bool(std::uint32_t, std::uint32_t)>;
  // `groups` is zero and has room for all that is added; both must outlive the builder.
  SerialTableBuilder(std::span<Group> groups, Same same) : groups_(groups), same_(std::move(same)) {}

  // Of entries about the same certificate the last one stays.
  void add(std::uint64_t hash, std::uint32_t place) {
    Waiting& next = waiting_[added_++ % kQueue];
    if (added_ > kQueue) insert(next);
    next = {tag_of(hash), place, first_group(hash, groups_.size())};
    __builtin_prefetch(&groups_[next.group], 1);
  }
  void finish();

 private:
  static constexpr std::size_t kQueue = 16;
  struct Waiting {
    std::uint32_t tag = 0, place = 0;
    std::size_t group = 0;
  };
  void insert(const Waiting& entry);

  std::span<Group> groups_;
  Same same_;
  std::array<Waiting, kQueue> waiting_{};
  std::size_t added_ = 0;
};

}  // namespace vouch::relying
