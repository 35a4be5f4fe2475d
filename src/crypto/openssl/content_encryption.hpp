#pragma once
// Content ciphers, key transport and password-based keys of encrypted messages (RFC 5652 6).

#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

Result<Buffer> run_cipher(ContentCipher cipher, Padding padding, bool encrypting, Bytes key, Bytes iv,
                          Bytes data);
Result<Buffer> transport_key(Library& library, KeyTransport transport, Bytes public_key_info, Bytes key);
Result<Buffer> pbkdf2(const Library& library, DigestAlgorithm digest, std::string_view password, Bytes salt,
                      std::uint32_t rounds, std::size_t octets);

}  // namespace vouch::crypto::openssl
