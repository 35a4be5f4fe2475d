#pragma once
// Keys on tokens: smart cards, HSMs, network key services, whatever is reached by PKCS #11. A key is named by
// its URI and never leaves its token; what one gets is a PrivateKey that signs there.
//
// A token comes and goes. Keys, once found, survive that: an operation that meets a dead session or an absent
// token looks for token and key again, and fails with `unavailable`, naming the token, when they are not
// there. The next operation tries again. There is never a software key in its place.
//
// A forked child makes Tokens of its own: PKCS #11 sessions do not survive a fork.

#include <functional>
#include <memory>
#include <vector>

#include "crypto/provider.hpp"
#include "crypto/token_uri.hpp"

namespace vouch::crypto {

// What a token wants to know when it is logged into. Called from any thread that uses a key.
struct PinRequest {
  std::string token;       // its label
  std::string pin_source;  // of the key's URI; may be empty
};
using PinSource = std::function<Result<std::string>(const PinRequest& request)>;

// The PIN in the file that pin-source names ("file:/path" or "/path"): its first line. Commands
// (RFC 7512: "|prg") are `unsupported`.
Result<std::string> read_pin_source(std::string_view pin_source);

struct TokenKey {
  TokenUri uri;  // names exactly this key
  std::unique_ptr<PrivateKey> key;
};

// A private key that lies on a token, without having used it.
struct TokenKeyDescription {
  TokenUri uri;
  Buffer public_key_info;  // empty when the token has no public key beside it, or of a kind not used here
  std::string kind;        // "RSA 3072", "P-256", or what PKCS #11 calls it
  bool extractable = false;
};

struct TokenKeyOptions {
  bool decrypts = false;  // an RA's RSA key; a CA's only signs
};

class Tokens {
 public:
  virtual ~Tokens() = default;

  // Errors of all functions: `not_found` (no module, no such key), `unavailable` (the token is not there or
  // does not answer), `denied` (the PIN; it is remembered and not tried a second time, because tokens lock),
  // `conflict` (several tokens or keys fit the URI), `unsupported` (module, token or key cannot do it).

  virtual Result<TokenKey> find(const TokenUri& uri, const PinSource& pin) const = 0;
  // A new key that cannot leave its token. The URI names token and label (`object`), and an `id` if wanted.
  // Makes sure before that the token takes the PIN, makes such keys and signs with them. conflict: there is a
  // key of that name.
  virtual Result<TokenKey> generate(const TokenUri& uri, const KeySpec& spec, const TokenKeyOptions& options,
                                    const PinSource& pin) const = 0;
  // Puts a software key onto a token, from where it cannot be taken again.
  virtual Result<TokenKey> import(const TokenUri& uri, const PrivateKey& key, const TokenKeyOptions& options,
                                  const PinSource& pin) const = 0;
  // Destroys a key and the public key beside it: for what was made and is not wanted after all.
  virtual Status remove(const TokenUri& uri, const PinSource& pin) const = 0;
  // The private keys that fit the URI, over all tokens of its module that fit. Without a PIN source, what
  // can be seen without one: the keys that have a public key beside them.
  virtual Result<std::vector<TokenKeyDescription>> list(const TokenUri& uri, const PinSource& pin) const = 0;
};

// One signature, made and verified by our own means: that key, mechanism and PIN work before anything depends
// on them.
Status try_key(const Provider& provider, const PrivateKey& key, SignatureAlgorithm algorithm);

}  // namespace vouch::crypto
