#pragma once
// What a SCEP message says, field by field, for people who look for a mistake. Nothing is asked of it: what
// cannot be read is said, and the rest is shown.

#include "base/value.hpp"
#include "enroll/scep/envelope.hpp"

namespace vouch::enroll::scep {

// What opens the inner half, where it is at hand.
struct ExplainKeys {
  std::span<const DecryptionKey> keys;  // of the service, for requests; of the device, for replies
  std::string_view password;            // of replies to keys that cannot receive
  std::span<const Buffer> signers;      // further certificates that messages may be signed with
};

// A certificate in a few words and as PEM.
Value summarize_certificate(const crypto::Provider& provider, Bytes der);

// The keys of docs/reference/json.md, `scep-message`. A challenge is never in it.
Value explain_message(const crypto::Provider& provider, Bytes message, const ExplainKeys& keys);

// The same as text, with the request in full.
std::string to_text(const Value& explained);

}  // namespace vouch::enroll::scep
