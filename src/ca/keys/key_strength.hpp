#pragma once
// How strong a CA's own key has to be.

#include <optional>
#include <string>

#include "crypto/provider.hpp"

namespace vouch::ca {

// For a key that a CA is to get: RSA below 2048 bits is refused, from 1024 bits on it may be forced. Gives
// the warning for one that was.
Result<std::optional<std::string>> check_new_key(const crypto::KeySpec& key, bool force_weak);
// For a key that a CA has: below 1024 bits nothing is signed with it, whoever put it there.
Status check_key_strength(Bytes public_key_info);
// What a public key is, as --key says it. PSS when the key's own OID says so or `pss` asks for it.
Result<crypto::KeySpec> key_spec_of(Bytes public_key_info, bool pss);

}  // namespace vouch::ca
