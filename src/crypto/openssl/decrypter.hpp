#pragma once
// Key transport undone with a software RSA key.

#include "crypto/implicit_rejection.hpp"
#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

Result<std::unique_ptr<Decrypter>> make_decrypter(SharedLibrary library, SharedKey key,
                                                  Buffer public_key_info);

}  // namespace vouch::crypto::openssl
