#pragma once
// Where a subordinate CA's parent answers, and the request that waits there: kept in the CA's settings, so
// that the answer can be asked for at any later time (docs/mechanisms/subordinate.md).

#include <optional>
#include <string>

#include "base/value.hpp"
#include "ca/home/environment.hpp"

namespace vouch::ca {

struct ParentRecord {
  std::string url;  // https://ca.example.test:8443, or unix:/var/lib/vouch/run/vouch.sock
  std::string ca;   // its name there
  // Files, with their whole path. Empty over a Unix socket; an empty `trust` stands for the system's roots.
  std::string certificate, key, trust;
  store::RequestId request = 0;  // its number there, once it is handed in; 0: none waits
  // Rises when a request that was refused is handed in once more: part of the transaction key, by which the
  // parent knows one that it has already.
  std::uint32_t attempt = 1;
  bool operator==(const ParentRecord&) const = default;
};

Value describe(const ParentRecord& record);
// `malformed`, with the member that is wrong.
Result<ParentRecord> parse_parent(const Value& table);

// The idempotency key of a request: the same for every try until it is refused.
std::string transaction_of(const crypto::Provider& provider, const ParentRecord& record, Bytes request);

// The parent of a CA, with what is asked for there; nothing for one that was never asked over the API.
Result<std::optional<ParentRecord>> parent_of(const store::AuthorityRecord& record);
// By an administrator of the CA; in the audit log it is "ca.request".
Status remember_parent(const Environment& environment, std::string_view ca_name, const ParentRecord& record,
                       std::string_view administrator);

}  // namespace vouch::ca
