#pragma once
// Where in a CRL a serial number stands: a table of 64-bit slots in groups of eight, one cache line each. A
// slot has half of the serial's hash and the entry's offset; the serial itself stays in the CRL. The hash is
// keyed: who writes a CRL cannot choose serials that collide. Internal to this room.
//
// An entry stands in the first group from its own on that had a free slot. So a search looks at whole groups,
// without a branch for each slot: the processor would guess most of those wrongly, and a wrong guess is only
// noticed once the slot has come from memory.

#include <array>
#include <bit>
#include <cstdint>
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

// 0 is free; else the tag in the upper half and 1 + offset of the entry in the lower.
using Slot = std::uint64_t;
// Offsets end here: a CRL whose entries take more cannot be indexed.
constexpr std::size_t kMaxEntriesSize = 0xfffffffe;

constexpr std::size_t kGroup = 8;

// At most 7 of 10 are taken: nearly all searches end in the group that they begin in.
inline std::size_t slots_for(std::size_t entries) {
  return (entries + entries * 3 / 7 + kGroup) / kGroup * kGroup + kGroup;
}
inline Slot make_slot(std::uint64_t hash, std::uint32_t place) { return hash << 32 | (place + 1U); }
inline std::uint32_t place_in(Slot slot) { return static_cast<std::uint32_t>(slot) - 1; }
// The upper bits choose the group, the lower ones are the tag.
inline std::size_t first_slot(std::uint64_t hash, std::size_t slots) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(static_cast<Wide>(hash) * (slots / kGroup) >> 64) * kGroup;
}
inline std::size_t next_group(std::size_t slot, std::size_t slots) {
  return slot + kGroup == slots ? 0 : slot + kGroup;
}

// One bit for each slot of a group.
using GroupBits = unsigned;
// Where this hash may stand.
inline GroupBits matches_in(const Slot* group, std::uint64_t hash) {
  GroupBits bits = 0;
  for (std::size_t i = 0; i < kGroup; ++i)
    bits |= static_cast<GroupBits>((group[i] >> 32 == (hash & 0xffffffff)) & (group[i] != 0)) << i;
  return bits;
}
inline GroupBits free_in(const Slot* group) {
  GroupBits bits = 0;
  for (std::size_t i = 0; i < kGroup; ++i) bits |= static_cast<GroupBits>(group[i] == 0) << i;
  return bits;
}
inline std::size_t first_of(GroupBits bits) { return static_cast<std::size_t>(std::countr_zero(bits)); }

// Zeroed memory for a table. In large pages, where the kernel has some: a search goes anywhere in the table,
// and with small ones each would miss the processor's list of pages as well as its cache.
class SlotMemory {
 public:
  // `limit_exceeded` when there is no memory.
  static Result<SlotMemory> make(std::size_t slots);
  SlotMemory(SlotMemory&& other) noexcept
      : map_(std::exchange(other.map_, {})), slots_(std::exchange(other.slots_, {})) {}
  SlotMemory& operator=(SlotMemory&&) = delete;
  ~SlotMemory();
  std::span<Slot> slots() const { return slots_; }

 private:
  SlotMemory(std::span<std::uint8_t> map, std::span<Slot> slots) : map_(map), slots_(slots) {}
  std::span<std::uint8_t> map_;
  std::span<Slot> slots_;
};

// Fills a table. Some entries wait in a queue until their slots have come from memory.
class SerialTableBuilder {
 public:
  // Whether the entries at two places are about the same certificate. Asked where the tags are equal.
  using Same = std::function<bool(std::uint32_t, std::uint32_t)>;
  // `slots` is zero and has room for all that is added; both must outlive the builder.
  SerialTableBuilder(std::span<Slot> slots, Same same) : slots_(slots), same_(std::move(same)) {}

  // Of entries about the same certificate the last one stays.
  void add(std::uint64_t hash, std::uint32_t place) {
    Waiting& next = waiting_[added_++ % kQueue];
    if (added_ > kQueue) insert(next);
    next = {hash, place, first_slot(hash, slots_.size())};
    __builtin_prefetch(&slots_[next.slot], 1);
  }
  void finish();

 private:
  static constexpr std::size_t kQueue = 16;
  struct Waiting {
    std::uint64_t hash = 0;
    std::uint32_t place = 0;
    std::size_t slot = 0;
  };
  void insert(const Waiting& entry);

  std::span<Slot> slots_;
  Same same_;
  std::array<Waiting, kQueue> waiting_{};
  std::size_t added_ = 0;
};

}  // namespace vouch::relying
