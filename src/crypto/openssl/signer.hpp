#pragma once
// Signing with a software key.

#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

// Fails with `unsupported` when key and algorithm do not go together or nothing is signed with the algorithm.
Result<std::unique_ptr<Signer>> make_signer(SharedLibrary library, SharedKey key, KeyType type,
                                            SignatureAlgorithm algorithm, Buffer public_key_info);

}  // namespace vouch::crypto::openssl
