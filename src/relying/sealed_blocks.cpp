#include "relying/sealed_blocks.hpp"

#include <algorithm>

namespace vouch::relying {
namespace {

std::array<std::uint8_t, crypto::Sealer::kNonceSize> nonce_of(const SealNonce& nonce, std::uint32_t number) {
  std::array<std::uint8_t, crypto::Sealer::kNonceSize> out{};
  auto* at = std::ranges::copy(nonce, out.begin()).out;
  for (const int shift : {24, 16, 8, 0}) *at++ = static_cast<std::uint8_t>(number >> shift);
  return out;
}

Bytes block_of(Bytes octets, std::size_t block) {
  const std::size_t offset = block * SealedBlocks::kBlock;
  return octets.subspan(offset, std::min(SealedBlocks::kBlock, octets.size() - offset));
}

}  // namespace

Result<Buffer> SealedBlocks::seal_one(const crypto::Sealer& sealer, const SealNonce& nonce,
                                      std::uint32_t number, Bytes block) {
  return sealer.seal(nonce_of(nonce, number), block, {});
}

Result<Buffer> SealedBlocks::seal(const crypto::Sealer& sealer, const SealNonce& nonce, Bytes octets) {
  Buffer tags;
  tags.reserve(tags_size(octets.size()));
  for (std::size_t block = 0; block < blocks_in(octets.size()); ++block)
    append(tags, TRY(seal_one(sealer, nonce, static_cast<std::uint32_t>(block), block_of(octets, block))));
  return tags;
}

bool SealedBlocks::holds_one(const crypto::Sealer& sealer, const SealNonce& nonce, std::uint32_t number,
                             Bytes block, Bytes tag) {
  return sealer.open(nonce_of(nonce, number), block, tag).has_value();
}

SealedBlocks::SealedBlocks(std::shared_ptr<const crypto::Sealer> sealer, const SealNonce& nonce, Bytes octets,
                           Bytes tags)
    : sealer_(std::move(sealer)),
      nonce_(nonce),
      octets_(octets),
      tags_(tags),
      states_(std::make_unique<std::atomic<State>[]>(blocks())) {}

bool SealedBlocks::check(std::size_t block) const {
  if (block >= blocks()) return false;
  std::atomic<State>& state = states_[block];
  if (state == State::unknown) {
    const bool good = holds_one(*sealer_, nonce_, static_cast<std::uint32_t>(block), block_of(octets_, block),
                                tags_.subspan(block * crypto::Sealer::kTagSize, crypto::Sealer::kTagSize));
    state.store(good ? State::good : State::bad, std::memory_order_release);
  }
  return state == State::good;
}

}  // namespace vouch::relying
