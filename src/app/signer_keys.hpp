#pragma once
// The keys of the signer process, each with what it may sign. What a key is for follows from its certificate
// and is settled when the key is first heard of: whoever took over the front can name keys, but not say what
// they are for.

#include <map>
#include <mutex>

#include "ca/keys/key_evidence.hpp"
#include "ca/keys/key_files.hpp"
#include "lint/to_be_signed.hpp"

namespace vouch::app {

class SignerKeys {
 public:
  // `access` outlives the keys.
  // `messengers`: keys of CAs that may sign messages and decrypt beside all else.
  explicit SignerKeys(const ca::KeyAccess& access, std::vector<std::string> messengers = {})
      : access_(access), messengers_(std::move(messengers)) {}

  // Takes a key in. One in a file is loaded now; one on a token when it is used, because tokens come and go.
  // denied: the evidence is not signed by the CA that it names, whose key is here.
  Result<std::shared_ptr<const crypto::PrivateKey>> add(const ca::KeyEvidence& key);
  // That a key could be used now.
  Status check(std::string_view reference) const;
  // What these octets are, if the key may sign them.
  Result<lint::ToBeSigned> may_sign(std::string_view reference, Bytes tbs) const;
  // That messages are encrypted for this key: what it signs says so.
  Status may_decrypt(std::string_view reference) const;

 private:
  class LateKey;
  struct Held {
    std::shared_ptr<const LateKey> key;
    lint::SigningGrant grant;
  };
  struct Purpose {
    lint::SigningGrant grant;
    Buffer public_key_info;
  };
  Result<Purpose> purpose_of(Bytes evidence) const;
  Status check_issuer(Bytes evidence) const;
  Result<Held> held(std::string_view reference) const;

  const ca::KeyAccess& access_;
  const std::vector<std::string> messengers_;
  mutable std::mutex guards_held_;
  std::map<std::string, Held, std::less<>> held_;
};

}  // namespace vouch::app
