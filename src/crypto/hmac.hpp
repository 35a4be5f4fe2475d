#pragma once
// HMAC with SHA-256 (RFC 2104), over any provider's digest.

#include "crypto/provider.hpp"

namespace vouch::crypto {

Buffer hmac_sha256(const Provider& provider, Bytes key, Bytes data);

}  // namespace vouch::crypto
