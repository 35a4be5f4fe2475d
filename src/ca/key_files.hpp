#pragma once
// Private keys of the authority: where a key reference leads. A reference is "file:NAME" in the home's key
// folder; tokens get references of their own kind.

#include "ca/environment.hpp"

namespace vouch::ca {

Result<std::unique_ptr<crypto::PrivateKey>> load_key(const Environment& environment,
                                                     std::string_view reference);

// Writes the key to a new file of mode 0600 and returns its reference. The name carries the key identifier,
// so that two keys never meet.
Result<std::string> save_key(const Environment& environment, std::string_view ca_name,
                             const crypto::PrivateKey& key, std::string_view passphrase);
// Takes back a key file whose CA could not be recorded.
void remove_key(const Environment& environment, std::string_view reference);

}  // namespace vouch::ca
