#pragma once
// Which digest a signature algorithm works with.

#include <optional>

#include "x509/algorithm.hpp"

namespace vouch::crypto {

// Ed25519: SHA-512 (RFC 8419 3).
std::optional<x509::DigestAlgorithm> digest_of(x509::SignatureAlgorithm algorithm);

}  // namespace vouch::crypto
