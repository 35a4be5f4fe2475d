#pragma once
// EncryptedPrivateKeyInfo (RFC 5958 3) with PBES2 (RFC 8018 6.2).

#include "crypto/openssl/handles.hpp"

namespace vouch::crypto::openssl {

// Gives the PrivateKeyInfo. Fails with `denied` for a wrong or an empty passphrase, `unsupported` for other
// schemes, `limit_exceeded` for costs that no honest file has, `malformed` otherwise.
Result<Secret> decrypt_private_key(Bytes encrypted, std::string_view passphrase);
// PBKDF2 with HMAC-SHA256 and AES-256-CBC.
Result<Buffer> encrypt_private_key(Bytes private_key_info, std::string_view passphrase);

}  // namespace vouch::crypto::openssl
