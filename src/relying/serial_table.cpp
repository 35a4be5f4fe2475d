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
std::uint64_t word_at(const std::uint8_t* at, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, size);
  return word;
}

}  // namespace

// No two certificates give the same words: the last one has the serial's size, and one more or less in front
// is a difference of eight.
SerialHash hash_serial(const SerialSeed& seed, Bytes serial, std::uint32_t issuer) {
  SipState state{seed.first ^ 0x736f6d6570736575, seed.second ^ 0x646f72616e646f6d ^ 0xee,
                 seed.first ^ 0x6c7967656e657261, seed.second ^ 0x7465646279746573};
  // Few CRLs have more issuers than one; their number is a word of its own.
  if (issuer != 0) state.absorb(issuer);
  const std::uint8_t* at = serial.data();
  std::size_t left = serial.size();
  for (; left >= 8; at += 8, left -= 8) state.absorb(word_at(at, 8));
  state.absorb((left == 0 ? 0 : word_at(at, left)) | static_cast<std::uint64_t>(serial.size()) << 56);
  state.c ^= 0xee;
  SerialHash hash;
  hash.group = state.squeeze();
  state.b ^= 0xdd;
  hash.tag = state.squeeze();
  return hash;
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
