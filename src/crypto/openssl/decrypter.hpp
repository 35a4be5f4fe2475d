#pragma once
// Key transport undone with a software RSA key.

#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

Result<std::unique_ptr<Decrypter>> make_decrypter(SharedLibrary library, SharedKey key,
                                                  Buffer public_key_info);

// The padding of RFC 8017 7.2.2 taken off in constant time: `key` gets the last octets of `padded`, or
// those of `substitute` (as long as `key`) when the padding is wrong. `padded` is as long as the modulus and
// at least 11 octets longer than `key`.
void unpad_or_substitute(Bytes padded, Bytes substitute, std::span<std::uint8_t> key);

}  // namespace vouch::crypto::openssl
