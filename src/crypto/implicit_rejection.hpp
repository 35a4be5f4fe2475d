#pragma once
// PKCS #1 v1.5 key transport without an oracle (Bleichenbacher): wrong padding is answered with a substitute.

#include "base/bytes.hpp"

namespace vouch::crypto {

// The padding of RFC 8017 7.2.2 taken off in constant time: `key` gets the last octets of `padded`, or
// those of `substitute` (as long as `key`) when the padding is wrong. `padded` is as long as the modulus and
// at least 11 octets longer than `key`.
void unpad_or_substitute(Bytes padded, Bytes substitute, std::span<std::uint8_t> key);

}  // namespace vouch::crypto
