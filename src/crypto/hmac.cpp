#include "crypto/hmac.hpp"

#include <algorithm>

namespace vouch::crypto {

// RFC 2104 2: H(K xor opad, H(K xor ipad, text)); a key longer than a block is hashed first.
Buffer hmac_sha256(const Provider& provider, Bytes key, Bytes data) {
  constexpr std::size_t kBlock = 64;
  Buffer block = key.size() > kBlock ? provider.digest(DigestAlgorithm::sha256, key) : to_buffer(key);
  block.resize(kBlock);
  const auto hash = [&](std::uint8_t pad, Bytes text) {
    Buffer input(kBlock);
    std::ranges::transform(block, input.begin(), [&](std::uint8_t octet) { return octet ^ pad; });
    append(input, text);
    Buffer digest = provider.digest(DigestAlgorithm::sha256, input);
    wipe(input);
    return digest;
  };
  Buffer mac = hash(0x5c, hash(0x36, data));
  wipe(block);
  return mac;
}

}  // namespace vouch::crypto
