#pragma once
// Tokens by PKCS #11 (OASIS, v2.40 and the EdDSA of 3.0). The only folder that includes pkcs11.h; the module,
// the driver of the token's maker, is loaded when a URI first names it.

#include <memory>

#include "crypto/tokens.hpp"

namespace vouch::crypto::pkcs11 {

// Digests and random identifiers come from `provider`. Make one per process: it keeps modules and sessions.
std::shared_ptr<const Tokens> make_tokens(std::shared_ptr<const Provider> provider);

}  // namespace vouch::crypto::pkcs11
