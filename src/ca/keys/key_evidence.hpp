#pragma once
// What shows what each private key of the home is there for. The signer process takes a key together with
// that, and lets it sign nothing else (docs/mechanisms/signer-process.md).

#include "ca/home/environment.hpp"

namespace vouch::ca {

struct KeyEvidence {
  std::string reference;
  // The certificate of the key, or, for a key of the audit log, its SubjectPublicKeyInfo.
  Buffer evidence;
  bool operator==(const KeyEvidence&) const = default;
};

// CAs first, so that what they certified is recognised. A key whose certificate is still awaited is left out.
Result<std::vector<KeyEvidence>> key_evidence(const store::Snapshot& snapshot);
// That of one key. `not_found`: nothing in the database refers to it.
Result<KeyEvidence> find_key_evidence(const store::Snapshot& snapshot, std::string_view reference);

}  // namespace vouch::ca
