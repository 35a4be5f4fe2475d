#include "relying/serial_table.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

namespace vouch::relying {
namespace {

struct SipState {
  std::uint64_t a, b, c, d;
  void round() {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  }
  void absorb(std::uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  }
  std::uint64_t squeeze() {
    for (int i = 0; i < 3; ++i) round();
    return a ^ b ^ c ^ d;
  }
};

// In the machine's own order: a table does not leave it.
std::uint64_t word_at(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

using Words = std::array<std::uint64_t, 4>;

// SipHash-1-3 with 128 bits, as two words; the size is a word of its own.
void fold(const std::array<std::uint64_t, 2>& key, Bytes serial, Words& words) {
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d ^ 0xee, key[0] ^ 0x6c7967656e657261,
                 key[1] ^ 0x7465646279746573};
  std::size_t at = 0;
  for (; at + 8 <= serial.size(); at += 8) state.absorb(word_at(serial.data() + at));
  std::uint64_t last = 0;
  if (at < serial.size()) std::memcpy(&last, serial.data() + at, serial.size() - at);
  state.absorb(last);
  state.absorb(serial.size());
  state.c ^= 0xee;
  words[0] = state.squeeze();
  state.b ^= 0xdd;
  words[1] = state.squeeze();
}

// Kaser and Lemire, Strongly universal string hashing is fast (2014), theorem 3.1 with K = 128 and L = 64.
inline std::uint64_t multilinear(const SerialKey& key, const Words& words) {
  __extension__ using Wide = unsigned __int128;
  const auto number = [&](std::size_t i) {
    return static_cast<Wide>(key.numbers[i][1]) << 64 | key.numbers[i][0];
  };
  const Wide sum =
      number(0) + number(1) * words[0] + number(2) * words[1] + number(3) * words[2] + number(4) * words[3];
  return static_cast<std::uint64_t>(sum >> 64);
}

// A bijection. Serials that were counted have multilinear hashes at equal distances, which may lie badly in
// the groups; mixed, they do not.
std::uint64_t mixed(std::uint64_t hash) {
  for (int i = 0; i < 2; ++i) hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

}  // namespace

// No two certificates with serials of up to 24 octets give the same words. Whole words are read, twice what
// lies in two of them: to put one together from octets takes longer than all the rest.
SerialHash hash_serial(const SerialSeed& seed, Bytes serial, std::uint32_t issuer) {
  constexpr std::size_t kLongest = 24;  // RFC 5280 4.1.2.2 allows 20 octets
  const std::size_t size = serial.size();
  Words words{0, 0, 0, static_cast<std::uint64_t>(issuer) << 32 | std::min(size, kLongest + 1)};
  if (size > kLongest) {
    fold(seed.fold, serial, words);
  } else if (size >= 8) {
    words[0] = word_at(serial.data());
    if (size > 16) words[1] = word_at(serial.data() + 8);
    words[2] = word_at(serial.data() + size - 8);
  } else {
    for (const std::uint8_t octet : serial) words[0] = words[0] << 8 | octet;
  }
  return {mixed(multilinear(seed.group, words)), multilinear(seed.tag, words)};
}

Result<TableMemory> TableMemory::make(std::size_t groups) {
  constexpr std::size_t kLargePage = std::size_t{2} << 20;
  const std::size_t size = groups * sizeof(Group);
  std::size_t space =
      size < kLargePage ? size : size + kLargePage;  // large pages begin at their own multiples
  void* map = ::mmap(nullptr, space, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED)
    return make_error(Errc::limit_exceeded, "there is no memory for an index of {} octets", size);
  const std::span<std::uint8_t> whole(static_cast<std::uint8_t*>(map), space);
  void* begin = map;
  if (size >= kLargePage && std::align(kLargePage, size, begin, space) != nullptr)
    ::madvise(begin, size, MADV_HUGEPAGE);
  return TableMemory(whole, {static_cast<Group*>(begin), groups});
}

TableMemory::~TableMemory() {
  if (!map_.empty()) ::munmap(map_.data(), map_.size());
}

void SerialTableBuilder::insert(const Waiting& waiting) {
  for (std::size_t at = waiting.group;; at = next_group(at, groups_.size())) {
    Group& group = groups_[at];
    std::size_t place = group.find(waiting.tag);
    if (place == Group::kPlaces) place = group.find_free();
    if (place != Group::kPlaces) {
      group.put(place, waiting.tag, waiting.entry);
      return;
    }
    group.pass();
  }
}

void SerialTableBuilder::finish() {
  for (std::size_t i = added_ - std::min(added_, kQueue); i < added_; ++i) insert(waiting_[i % kQueue]);
  added_ = 0;
}

}  // namespace vouch::relying
