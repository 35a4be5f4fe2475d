#pragma once
// Private keys of the authority: where a key reference leads. A reference is "file:NAME" in the home's key
// folder, or the PKCS #11 URI of a key on a token (docs/mechanisms/keys.md).

#include "ca/home/environment.hpp"

namespace vouch::ca {

Result<std::unique_ptr<crypto::PrivateKey>> load_key(const Environment& environment,
                                                     std::string_view reference);

// What a process needs that has keys and nothing else of the authority.
struct KeyAccess {
  fs::path folder{};                           // of key files
  std::string pkcs11_module{};                 // for URIs that name none
  const crypto::Provider* provider = nullptr;  // outlives it
  std::function<Result<std::string>(std::string_view key)> passphrase{};
  std::shared_ptr<const crypto::Tokens> tokens{};
  crypto::PinSource pin{};
};
KeyAccess key_access(const Environment& environment);
Result<std::unique_ptr<crypto::PrivateKey>> load_key(const KeyAccess& access, std::string_view reference);

// The signer of one key generation. A file is read at once; a token is looked for when something is signed,
// so that what needs no key works without the token. Either way the key must be the one of `public_key_info`.
struct SignerOptions {
  std::string ca;            // name of the CA, for messages
  bool interactive = false;  // each signature waits for an administrator
};
Result<std::shared_ptr<const crypto::Signer>> open_signer(const Environment& environment,
                                                          std::string_view reference, Bytes public_key_info,
                                                          crypto::SignatureAlgorithm algorithm,
                                                          const SignerOptions& options);

// Writes the key to a new file of mode 0600 and returns its reference. The name carries the key identifier,
// so that two keys never meet.
Result<std::string> save_key(const Environment& environment, std::string_view ca_name,
                             const crypto::PrivateKey& key, std::string_view passphrase);
// Takes back a key file whose CA could not be recorded. Leaves tokens alone.
void remove_key(const Environment& environment, std::string_view reference);
// Overwrites a key file before it goes.
Status wipe_key_file(const Environment& environment, std::string_view reference);
bool is_key_file(std::string_view reference);
Result<fs::path> key_file_path(const Environment& environment, std::string_view reference);

}  // namespace vouch::ca
