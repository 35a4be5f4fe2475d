#pragma once
// Keys of the authority on PKCS #11 tokens, as references in the database name them.

#include "ca/home/environment.hpp"

namespace vouch::ca {

struct KeyAccess;

// The URI behind a reference, with the configured module where it names none.
Result<crypto::TokenUri> read_token_uri(const Environment& environment, std::string_view reference);
Result<crypto::TokenUri> read_token_uri(const KeyAccess& access, std::string_view reference);
// What reaches tokens, and where their PINs come from.
Result<const crypto::Tokens*> tokens_of(const Environment& environment);
crypto::PinSource pin_source_of(const Environment& environment);

Result<std::unique_ptr<crypto::PrivateKey>> find_token_key(const KeyAccess& access,
                                                           std::string_view reference);

// Signs with the key of a reference, which it looks for at first use, and again as long as it was not there.
// Its failures say which CA cannot sign and leave everything else as it is: nobody is given another key
// instead.
class LateSigner : public crypto::Signer {
 public:
  // Looks for the key now. conflict: what is there is another key.
  virtual Status look() const = 0;
};
std::shared_ptr<const LateSigner> make_late_signer(const Environment& environment, std::string reference,
                                                   Buffer public_key_info,
                                                   crypto::SignatureAlgorithm algorithm);

// The key of a new key generation: made here, brought along, made on a token or found there. Until keep() has
// been followed by settle(), whatever was made goes again with this object.
struct NewKeyOptions {
  std::string ca_name;
  crypto::KeySpec spec;
  std::optional<crypto::DigestAlgorithm> digest;
  std::unique_ptr<crypto::PrivateKey> existing{};  // software key brought along
  std::string token_uri{};                         // empty: a key file
};
class NewKey {
 public:
  // With a token, the PIN, the mechanism and a trial signature are tested.
  static Result<NewKey> make(const Environment& environment, NewKeyOptions options);
  NewKey(NewKey&&) = default;
  NewKey& operator=(NewKey&&) = delete;
  ~NewKey();

  const crypto::PrivateKey& operator*() const { return *key_; }
  const crypto::PrivateKey* operator->() const { return key_.get(); }
  // Where the key came from, for people: empty for a key file.
  const std::string& origin() const { return origin_; }
  bool is_file() const { return token_reference_.empty(); }

  // Makes the key durable and gives its reference.
  Result<std::string> keep(std::string_view passphrase);
  // Something refers to the key now.
  void settle();

 private:
  explicit NewKey(const Environment& environment)
      : environment_(std::make_unique<Environment>(environment)) {}

  std::unique_ptr<Environment> environment_;  // none after a move: nothing to take back
  std::string ca_name_;
  std::unique_ptr<crypto::PrivateKey> key_;
  std::string token_reference_, origin_;
  std::string made_;  // the reference of what goes again; empty: nothing
};

}  // namespace vouch::ca
