#pragma once
// What arithmetic on a public key alone shows against it.

#include "crypto/openssl/keys.hpp"

namespace vouch::crypto::openssl {

std::optional<KeyWeakness> find_weakness(KeyImporter& importer, const x509::PublicKeyInfo& key);

}  // namespace vouch::crypto::openssl
