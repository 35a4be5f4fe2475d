#pragma once
// The child's side: answers the messages of one channel with the keys it was given.

#include <functional>
#include <mutex>

#include "crypto/remote/channel.hpp"
#include "crypto/remote/messages.hpp"

namespace vouch::crypto::remote {

struct SignerService {
  struct Key {
    std::string reference;
    std::shared_ptr<const PrivateKey> key;
  };
  std::vector<Key> keys;  // guarded by `guards_keys` once the service runs
  std::mutex guards_keys;
  // Loads a key that is not among them, or says why it may not; none: nothing is loaded later.
  std::function<Result<std::shared_ptr<const PrivateKey>>(const OpenRequest& request)> open;
  // Whether a key that is among them could be used now; asked by `open` of a known key.
  std::function<Status(std::string_view reference)> check;
  // Whether this key may sign these octets; the answer to the front when not.
  std::function<Status(std::string_view reference, Bytes tbs)> may_sign;
  // Whether messages may be decrypted with this key; none: with every one.
  std::function<Status(std::string_view reference)> may_decrypt;
  // Every use of a key, after it: one line for the log. Never the octets themselves.
  struct Use {
    std::string_view operation;  // "sign", "decrypt"
    std::string_view reference;
    std::size_t size = 0;  // of what was signed or decrypted
    const Status& outcome;
  };
  std::function<void(const Use&)> note;
};

// Answers until the other side closes. One thread for each channel; `service` is shared.
Status serve(const Channel& channel, SignerService& service);

}  // namespace vouch::crypto::remote
