#pragma once
// Signed heads of the audit log and the key that signs them. A head is a checkpoint as transparency logs
// write it (C2SP tlog-checkpoint, a signed note):
//
//   vouch-audit/8c3b6251b2eea002            the log: from the hash of its first key
//   61                                      entries
//   5bFdL…=                                 root of the Merkle tree over them
//   time 2026-11-18T11:06:40Z
//
//   — vouch-audit/8c3b6251b2eea002 xYz…=    Ed25519 over the lines above, after 4 octets that name the key
//
// Kept elsewhere, it shows any later change of these 61 entries. Each CA key of the home signs a statement
// that the audit key speaks for the home's log: whoever knows the CA's certificate need not believe the
// database about the audit key.

#include "ca/home/audit.hpp"

namespace vouch::ca {

struct Checkpoint {
  struct Signature {
    std::string name;
    Buffer key_id;     // 4 octets
    Buffer signature;  // whatever the kind of key makes
  };
  std::string origin;
  std::int64_t size = 0;
  Buffer root;
  std::optional<Time> time;
  std::string signed_text;
  std::vector<Signature> signatures;
};
// Bounded; other signatures (witnesses) and further lines are let through.
Result<Checkpoint> parse_checkpoint(std::string_view text);

// The name of a log; empty without keys.
std::string audit_log_origin(const crypto::Provider& provider, const std::vector<store::AuditKey>& keys);
// The key as other programs' verifiers take it: NAME+KEYID+BASE64 (signed note).
Result<std::string> audit_verifier_key(const crypto::Provider& provider, std::string_view origin,
                                       Bytes public_key_info);

enum class HeadSignature { good, bad, other_key };
HeadSignature check_signature(const crypto::Provider& provider, const Checkpoint& checkpoint,
                              const std::vector<store::AuditKey>& keys);

// What one CA key says about the home's audit key, which is made when there is none. Made before the
// transaction that records it.
class AuditBinding {
 public:
  // A new audit key's file has the passphrase, or mode 0600 alone.
  static Result<AuditBinding> make(const Environment& environment, const crypto::Signer& ca_key,
                                   std::string_view ca_name, std::uint16_t key_index,
                                   std::string_view passphrase);
  // A new audit key instead of the one there is, which stays known: its heads keep their meaning.
  static Result<AuditBinding> make_with_new_key(const Environment& environment, const crypto::Signer& ca_key,
                                                std::string_view ca_name, std::uint16_t key_index,
                                                std::string_view passphrase);
  Status record(store::Transaction& transaction, store::AuthorityId authority) const;
  // Removes the file of a key that could not be recorded.
  void take_back(const Environment& environment) const;

  const store::AuditKey& key() const { return key_; }

 private:
  static Result<AuditBinding> make(const Environment& environment, const crypto::Signer& ca_key,
                                   std::string_view ca_name, std::uint16_t key_index,
                                   std::optional<store::AuditKey> known, std::string_view passphrase,
                                   std::vector<store::AuditKey> earlier);
  store::AuditKey key_;
  bool is_new_ = false;
  store::AuditStatement statement_;
};

// The text that a CA key signs. Its first octet is no DER tag, so that it can never pass for a certificate.
std::string audit_statement(const crypto::Provider& provider, std::string_view origin, Bytes audit_key,
                            std::string_view ca_name, Bytes ca_key, Time time);

// Signs the head of the log as it is now; the entry "audit.head" that says so is the last it covers. Without
// entries since the last head, that one. `not_found`: the home has no audit key; `malformed`: the log is
// damaged, and which way vouch audit verify says.
Result<store::AuditHead> sign_audit_head(const Environment& environment, std::string_view actor);

}  // namespace vouch::ca
