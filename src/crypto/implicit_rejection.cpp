#include "crypto/implicit_rejection.hpp"

namespace vouch::crypto {
namespace {

// Arithmetic instead of branches: masks are all ones for true. The barrier keeps the optimiser from
// turning them back into branches.
using Mask = std::uint32_t;
Mask barrier(Mask mask) {
  asm volatile("" : "+r"(mask));
  return mask;
}
Mask is_zero(std::uint32_t value) { return barrier(0u - ((~value & (value - 1)) >> 31)); }
Mask equals(std::uint8_t a, std::uint8_t b) { return is_zero(std::uint32_t{a} ^ b); }

}  // namespace

void unpad_or_substitute(Bytes padded, Bytes substitute, std::span<std::uint8_t> key) {
  // EM = 00 02 PS 00 M, where PS has no zero (RFC 8017 7.2.1). The length of M is known, so the place of the
  // separator is public and only values are secret.
  const std::size_t separator = padded.size() - key.size() - 1;
  Mask good = equals(padded[0], 0) & equals(padded[1], 2) & equals(padded[separator], 0);
  for (std::size_t i = 2; i < separator; ++i) good &= ~equals(padded[i], 0);
  const auto keep = static_cast<std::uint8_t>(barrier(good));
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>((padded[separator + 1 + i] & keep) | (substitute[i] & ~keep));
}

}  // namespace vouch::crypto
