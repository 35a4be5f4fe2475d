#pragma once
// Verification with a public key, kept or seen once.

#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

Result<std::unique_ptr<Verifier>> make_verifier(SharedLibrary library, Bytes public_key_info);
Status verify_once(Library& library, Bytes public_key_info, SignatureAlgorithm algorithm, Bytes tbs,
                   Bytes signature);
Status verify_dsa(Library& library, const x509::DsaPublicKey& key, Bytes tbs, Bytes signature);

}  // namespace vouch::crypto::openssl
