#pragma once
// A private key on a token, once found: what it needs to be found again.

#include "crypto/pkcs11/token.hpp"

namespace vouch::crypto::pkcs11 {

// The object a URI names: class, label, id.
Attributes object_template(const TokenUri& uri, CK_OBJECT_CLASS object_class);
// The handle of the one private key that fits. not_found, conflict.
Result<CK_OBJECT_HANDLE> find_private_key(Session& session, const TokenUri& uri);
// SubjectPublicKeyInfo, from the public key with the same id or label, or from the private key's own
// attributes.
Result<Buffer> read_public_key_info(Session& session, CK_OBJECT_HANDLE private_key);

// Shared by PrivateKey, Signer and Decrypter of one key.
class KeyOnToken {
 public:
  KeyOnToken(std::shared_ptr<Token> token, TokenUri uri, PinSource pin, Buffer public_key_info, KeyType type)
      : token_(std::move(token)),
        uri_(std::move(uri)),
        pin_(std::move(pin)),
        public_key_info_(std::move(public_key_info)),
        type_(type) {}

  Bytes public_key_info() const { return public_key_info_; }
  KeyType type() const { return type_; }
  std::string name() const;

  using Operation = std::function<CK_RV(const CK_FUNCTION_LIST&, CK_SESSION_HANDLE, CK_OBJECT_HANDLE)>;
  // Starts with `init` (C_SignInit, C_DecryptInit), logs in once more where the key wants that, then
  // `finish`. After a failure that may pass, once more from the search for the token.
  Status operate(std::string_view doing, const Operation& init, const Operation& finish) const;

 private:
  // What is known of the key in one epoch.
  struct Found {
    std::uint64_t epoch = 0;
    CK_OBJECT_HANDLE handle = 0;
    bool always_authenticate = false;
  };
  Result<Found> find_in(Session& session) const;

  std::shared_ptr<Token> token_;
  TokenUri uri_;
  PinSource pin_;
  Buffer public_key_info_;
  KeyType type_;
  mutable std::mutex guards_found_;
  mutable Found found_;
};

std::unique_ptr<PrivateKey> make_private_key(std::shared_ptr<const Provider> provider,
                                             std::shared_ptr<const KeyOnToken> key);
Result<std::unique_ptr<Decrypter>> make_decrypter(std::shared_ptr<const Provider> provider,
                                                  std::shared_ptr<const KeyOnToken> key);

}  // namespace vouch::crypto::pkcs11
