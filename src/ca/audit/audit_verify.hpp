#pragma once
// Verification of the audit log: everything is computed from the entries, and compared with the heads that
// the home stores, with heads that were kept elsewhere, and with the mirror. What is found is told one by
// one.

#include "ca/audit/audit_head.hpp"

namespace vouch::ca {

struct AuditVerifyOptions {
  // Heads kept elsewhere: where each came from, and its text.
  std::vector<std::pair<std::string, std::string>> heads;
  std::optional<fs::path> mirror;
  // Certificates of CAs of this home, kept elsewhere (DER): one of them has to have bound each audit key.
  std::vector<Buffer> trusted;
  std::string account;  // who asks: an auditor
};

struct AuditReport {
  std::int64_t entries = 0;
  Buffer root;                        // of all entries, as computed
  std::int64_t covered = 0;           // entries under the largest good head
  std::size_t heads_good = 0;         // stored and given
  std::vector<std::string> findings;  // empty: the log is what it was
  std::vector<std::string> notes;
};

// The entries that the filter lets through, for an auditor.
Status read_audit(const Environment& environment, const store::AuditFilter& filter, std::string_view account,
                  const std::function<Status(const store::AuditRecord&)>& visit);
// sign_audit_head at an auditor's word.
Result<store::AuditHead> order_audit_head(const Environment& environment, std::string_view account);

// That an entry is under the largest signed head, for somebody who has the head and not the log.
struct AuditProof {
  store::AuditRecord record;
  std::vector<Buffer> path;  // RFC 9162 2.1.3
  store::AuditHead head;
};
Result<AuditProof> prove_audit_entry(const Environment& environment, std::int64_t sequence,
                                     std::string_view account);

// Fails when it could not look; what it saw is in the report.
Result<AuditReport> verify_audit(const Environment& environment, const AuditVerifyOptions& options);

}  // namespace vouch::ca
