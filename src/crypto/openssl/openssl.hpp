#pragma once
// Software keys and primitives on OpenSSL 3. Beside `net`, the only folder that includes OpenSSL.

#include <memory>

#include "crypto/provider.hpp"

namespace vouch::crypto::openssl {

// Fetches its algorithms once and keeps them; make one per process and pass it on.
std::shared_ptr<const Provider> make_provider();

}  // namespace vouch::crypto::openssl
