#pragma once
// Private keys held in software: made, loaded, written.

#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

Result<std::unique_ptr<PrivateKey>> generate_private_key(SharedLibrary library, const KeySpec& spec);
Result<std::unique_ptr<PrivateKey>> load_private_key(SharedLibrary library, Bytes pem_or_der,
                                                     std::string_view passphrase);

}  // namespace vouch::crypto::openssl
