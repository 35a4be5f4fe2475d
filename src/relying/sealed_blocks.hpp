#pragma once
// Octets of a mapped file that are checked block by block, each before it is first used: a large file is open
// at once, and what a damaged disk or a stranger put there is never believed. Internal to this room.

#include <array>
#include <atomic>
#include <memory>

#include "crypto/provider.hpp"

namespace vouch::relying {

// Tags are those of AES-256-GCM over the block as associated data, without a plaintext (GMAC, NIST SP
// 800-38D): faster than memory gives the octets. A nonce is eight random octets of the file and the number of
// the block.
using SealNonce = std::array<std::uint8_t, 8>;

class SealedBlocks {
 public:
  static constexpr std::size_t kBlock = 32768;
  static std::size_t blocks_in(std::size_t octets) { return (octets + kBlock - 1) / kBlock; }
  static std::size_t tags_size(std::size_t octets) { return blocks_in(octets) * crypto::Sealer::kTagSize; }
  // One block of its own, and all blocks of some octets, numbered from 0 on.
  static Result<Buffer> seal_one(const crypto::Sealer& sealer, const SealNonce& nonce, std::uint32_t number,
                                 Bytes block);
  static Result<Buffer> seal(const crypto::Sealer& sealer, const SealNonce& nonce, Bytes octets);
  static bool holds_one(const crypto::Sealer& sealer, const SealNonce& nonce, std::uint32_t number,
                        Bytes block, Bytes tag);

  // `octets` and `tags` (of tags_size) must outlive the object.
  SealedBlocks(std::shared_ptr<const crypto::Sealer> sealer, const SealNonce& nonce, Bytes octets,
               Bytes tags);

  // Whether all blocks that these octets lie in are what was sealed. Several threads may ask.
  bool holds(std::size_t offset, std::size_t size) const {
    for (std::size_t block = offset / kBlock; block * kBlock < offset + size; ++block)
      if (states_[block].load(std::memory_order_acquire) != State::good && !check(block)) return false;
    return true;
  }
  std::size_t blocks() const { return blocks_in(octets_.size()); }
  bool check(std::size_t block) const;

 private:
  enum class State : std::uint8_t { unknown, good, bad };

  std::shared_ptr<const crypto::Sealer> sealer_;
  SealNonce nonce_;
  Bytes octets_, tags_;
  std::unique_ptr<std::atomic<State>[]> states_;
};

}  // namespace vouch::relying
