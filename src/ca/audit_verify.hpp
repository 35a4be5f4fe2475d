#pragma once
// Verification of the audit log: everything is computed from the entries, and compared with the heads that
// the home stores, with heads that were kept elsewhere, and with the mirror. What is found is told one by one.

#include "ca/audit_head.hpp"

namespace vouch::ca {

struct AuditVerifyOptions {
  // Heads kept elsewhere: where each came from, and its text.
  std::vector<std::pair<std::string, std::string>> heads;
  std::optional<fs::path> mirror;
  // Certificates of CAs of this home, kept elsewhere (DER): one of them has to have bound each audit key.
  std::vector<Buffer> trusted;
};

struct AuditReport {
  std::int64_t entries = 0;
  Buffer root;                 // of all entries, as computed
  std::int64_t covered = 0;    // entries under the largest good head
  std::size_t heads_good = 0;  // stored and given
  std::vector<std::string> findings;  // empty: the log is what it was
  std::vector<std::string> notes;
};

// Fails when it could not look; what it saw is in the report.
Result<AuditReport> verify_audit(const Environment& environment, const AuditVerifyOptions& options);

}  // namespace vouch::ca
