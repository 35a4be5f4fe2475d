#pragma once
// Keys out of passphrases, and authenticated encryption with them.

#include "crypto/openssl/handles.hpp"
#include "crypto/provider.hpp"

namespace vouch::crypto::openssl {

Result<Buffer> derive_key(std::string_view passphrase, Bytes salt, const PassphraseCost& cost,
                          std::size_t size);
Result<std::unique_ptr<Sealer>> make_sealer(Bytes key);

}  // namespace vouch::crypto::openssl
