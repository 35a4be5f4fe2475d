#pragma once
// The form in which a device carries a bound challenge: signed by its minter, then encrypted under a key that
// the CA alone has (docs/decisions/0006-bound-challenges.md).
//
//   text   ::= "VC1." base64(Sealed) without padding       -- only characters of PrintableString
//   Sealed ::= SEQUENCE { keyId OCTET STRING (SIZE (8)), nonce OCTET STRING (SIZE (12)),
//                         sealed OCTET STRING }            -- AES-256-GCM of Signed
//   Signed ::= SEQUENCE { minter OCTET STRING (SIZE (8)), payload OCTET STRING,  -- challenge/bound.hpp
//                         signature OCTET STRING }
//
// Associated data, and in front of what is signed: "vouch-scep-challenge/1|REALM|KEYID": a signature counts
// only under the key and at the CA that it was made for, so nobody can take one out and seal it anew.

#include <expected>
#include <functional>

#include "challenge/bound.hpp"
#include "challenge/refusal.hpp"
#include "crypto/provider.hpp"

namespace vouch::challenge {

constexpr std::string_view kPrefix = "VC1.";
constexpr std::size_t kLongest = 8192;  // of the text
constexpr std::size_t kKeyIdSize = 8;

// The name of a sealing key or of a minter's public key: the first octets of a hash over it.
Buffer sealing_key_id(const crypto::Provider& provider, Bytes key);
Buffer minter_key_id(const crypto::Provider& provider, Bytes public_key_info);

bool is_bound(std::string_view text);  // by its prefix

struct SealingKey {
  Bytes id;
  const crypto::Sealer& sealer;
};
struct MinterKey {
  Bytes id;
  const crypto::Signer& signer;
};
// The text is a secret: wipe it. `limit_exceeded`: it would be longer than kLongest; `usage` as check() says.
Result<std::string> seal(const Bound& bound, const SealingKey& key, const MinterKey& minter,
                         const crypto::Provider& provider);

// The keys that challenges may be sealed and signed with now; ids that are not known give null and nothing.
struct OpeningKeys {
  std::string_view realm;
  std::function<std::shared_ptr<const crypto::Sealer>(Bytes id)> sealer;
  std::function<std::optional<Buffer>(Bytes id)> minter;  // its public key
};
struct Opened {
  Bound bound;
  Buffer sealing_key, minter_key;  // their ids
};
// Each step has its code: form, key and encryption, signature, content. Times, audience and what the minter
// may do are not looked at.
std::expected<Opened, Refusal> open(std::string_view text, const OpeningKeys& keys,
                                    const crypto::Provider& provider);

}  // namespace vouch::challenge
