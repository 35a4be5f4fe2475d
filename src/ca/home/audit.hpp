#pragma once
// The audit log: who did what, written in the transaction of the act itself, so that there is no act without
// its entry and no entry without its act. The entries are the leaves of a Merkle tree (RFC 9162); signed
// heads of it, kept elsewhere, show every later change (ca/audit/audit_head.hpp, docs/mechanisms/audit.md).
//
//   TRY(environment.database.commit([&](store::Transaction& t) -> Status {
//     TRY(t.revoke(…));
//     return record_audit(environment, t, {.actor = manager, .action = "cert.revoke", .authority =
//     record.name,
//                                          .object = "certificate " + serial,
//                                          .details = AuditDetails().add("reason", "keyCompromise")});
//   }));
//
// Secrets (passphrases, PINs, private keys, challenges) never go into an entry.

#include "base/value.hpp"
#include "ca/home/environment.hpp"

namespace vouch::ca {

// key=value key="a text with \"quotes\"" …: values that are no plain word are JSON strings. What is longer
// than a person reads is cut off, and says so.
class AuditDetails {
 public:
  AuditDetails& add(std::string_view key, std::string_view value);  // nothing for an empty value
  AuditDetails& add(std::string_view key, std::uint64_t value) { return add(key, std::to_string(value)); }
  AuditDetails& add(std::string_view key, Bytes octets) { return add(key, std::string_view(to_hex(octets))); }
  operator std::string() const { return text_; }

 private:
  std::string text_;
};

namespace audit_outcome {
inline constexpr std::string_view done = "done", pending = "pending", denied = "denied", failed = "failed";
}

struct AuditEvent {
  std::string actor = {};      // empty: "vouch", what the authority does of itself
  std::string action = {};     // "noun.verb": docs/mechanisms/audit.md lists them
  std::string authority = {};  // name of the CA; empty: the home
  std::string object = {};     // "request 5", "template WebServer"
  std::string details = {};
  std::string outcome{audit_outcome::done};
};

// Appends an entry to the transaction. Its failure has to fail the act: what cannot be audited does not
// happen.
Status record_audit(const Environment& environment, store::Transaction& transaction, AuditEvent event);
// For acts that change nothing in the database themselves (a refusal, an export): an entry in a commit of its
// own.
Status record_audit(const Environment& environment, AuditEvent event);

// What is hashed: the fields sequence, time (RFC 3339), actor, action, authority, object, details, outcome
// after "vouch-audit-1", each as its length in octets in decimal, a colon, and its octets.
std::string encode_audit_entry(const store::AuditRecord& record);
// RFC 9162 2.1.1: SHA-256(0x00 || encoding).
Buffer audit_leaf(const crypto::Provider& provider, const store::AuditRecord& record);

// The entry as JSON, as `audit export` and the mirror write it, and back.
Value describe_audit_entry(const store::AuditRecord& record);
Result<store::AuditRecord> parse_audit_entry(const Value& value);

}  // namespace vouch::ca
