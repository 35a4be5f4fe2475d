#pragma once
// What a CRL says about a serial number, in one cache line: a table of groups of five entries. For each it
// has 64 bits of the serial's hash, the date and a mark; the serial itself is not kept, so that a look-up
// waits for memory once. Internal to this room.
//
// The hash has 128 bits, half to choose the group, the other half to be compared there. Each half is a
// multilinear function modulo 2^128, of which the upper 64 bits count: over its random key, the hashes of any
// two serials are independent and evenly distributed (strongly universal). That is enough here, where a
// function for messages would cost several times as much: the key is chosen for each index, after the CRL,
// and neither it nor a hash is ever shown, so nobody can choose a serial by what he has seen of others. A
// search sees three or four entries on the average, so it takes one serial for another with a probability
// below 2^-61; that in a CRL of a million entries any two are taken for each other is less likely than 2^-41.

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace vouch::relying {

// 128-bit numbers in halves, the lower one first: what is added, then a factor for each of four words.
struct SerialKey {
  std::array<std::array<std::uint64_t, 2>, 5> numbers{};
};
struct SerialSeed {
  SerialKey group, tag;
  std::array<std::uint64_t, 2> fold{};  // for serials that are too long for the factors
};
struct SerialHash {
  std::uint64_t group = 0, tag = 0;
};
// Of the serial (INTEGER contents) and of which issuer's certificate it is.
SerialHash hash_serial(const SerialSeed& seed, Bytes serial, std::uint32_t issuer);

// What a table keeps for a serial; what the two mean is the index's business.
struct TableEntry {
  std::uint32_t date = 0;
  std::uint32_t mark = 0;  // below 32
};

// An entry stands in the first group from its own on that had room, and the groups before say that they were
// passed.
class alignas(64) Group {
 public:
  static constexpr std::size_t kPlaces = 5;

  // The place with this tag, or kPlaces. Looks at all without a branch for each: the processor would guess
  // most of those wrongly, and a wrong guess is only noticed once the group has come from memory.
  std::size_t find(std::uint64_t tag) const {
    const auto bit = [&](unsigned i) { return static_cast<unsigned>(tags_[i] == tag) << i; };
    const unsigned found = bit(0) | bit(1) | bit(2) | bit(3) | bit(4) | 1U << kPlaces;
    return static_cast<std::size_t>(std::countr_zero(found));
  }
  std::size_t find_free() const { return find(0); }
  TableEntry at(std::size_t place) const {
    return {dates_[place], marks_ >> (place * kMarkBits) & kMarkMask};
  }
  bool was_passed() const { return (marks_ & kPassed) != 0; }

  void put(std::size_t place, std::uint64_t tag, TableEntry entry) {
    const std::size_t shift = place * kMarkBits;
    tags_[place] = tag;
    dates_[place] = entry.date;
    marks_ = (marks_ & ~(kMarkMask << shift)) | entry.mark << shift;
  }
  void pass() { marks_ |= kPassed; }

 private:
  static constexpr std::uint32_t kMarkBits = 5, kMarkMask = 31, kPassed = std::uint32_t{1} << 31;
  std::array<std::uint64_t, kPlaces> tags_{};  // 0: free
  std::array<std::uint32_t, kPlaces> dates_{};
  std::uint32_t marks_ = 0;
};
static_assert(sizeof(Group) == 64);

// At most three of five are taken: nearly nine of ten searches end in the group that they begin in.
inline std::size_t groups_for(std::size_t entries) { return entries / 3 + 1; }
inline std::size_t first_group(const SerialHash& hash, std::size_t groups) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(static_cast<Wide>(hash.group) * groups >> 64);
}
inline std::size_t next_group(std::size_t group, std::size_t groups) {
  return group + 1 == groups ? 0 : group + 1;
}
inline std::uint64_t tag_of(const SerialHash& hash) { return hash.tag != 0 ? hash.tag : 1; }

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
  // `groups` is zero and has more room than all that is added needs; it must outlive the builder.
  explicit SerialTableBuilder(std::span<Group> groups) : groups_(groups) {}

  // Of entries with the same hash the last one stays.
  void add(const SerialHash& hash, TableEntry entry) {
    Waiting& next = waiting_[added_++ % kQueue];
    if (added_ > kQueue) insert(next);
    next = {tag_of(hash), first_group(hash, groups_.size()), entry};
    __builtin_prefetch(&groups_[next.group], 1);
  }
  void finish();

 private:
  static constexpr std::size_t kQueue = 16;
  struct Waiting {
    std::uint64_t tag = 0;
    std::size_t group = 0;
    TableEntry entry;
  };
  void insert(const Waiting& waiting);

  std::span<Group> groups_;
  std::array<Waiting, kQueue> waiting_{};
  std::size_t added_ = 0;
};

}  // namespace vouch::relying
