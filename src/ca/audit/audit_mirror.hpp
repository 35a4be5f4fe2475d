#pragma once
// The mirror of the audit log: a file elsewhere (another disk, an append-only mount, a log collector's spool)
// that has every entry before the act it tells of becomes durable. When it cannot be written, nothing that is
// audited happens.
//
// One JSON object a line: the entry, and `committed`, how many entries were durable when the line was
// written. A crash between mirror and commit leaves lines whose entries do not exist; the next line with
// their number takes their place. Lines are added and never changed.

#include "ca/home/audit.hpp"

namespace vouch::ca {

// What connects a database to its mirror.
store::Database::AuditMirror make_audit_mirror(fs::path file);
// The same for the mirror that the home's configuration names, if it names one.
void connect_audit_mirror(const Home& home, store::Database& database);

// `conflict` when the home has a mirror already: an act that puts another log in the place of this one needs
// a new mirror, because the old one would rightly take it for a log that was cut off.
Status expect_new_audit_mirror(const Home& home);

// What a mirror holds, read back.
struct MirrorContent {
  std::vector<Buffer> leaves;         // of the entries 1, 2, 3 …; empty where the mirror has none
  std::int64_t committed = 0;         // as many entries were durable once
  std::int64_t superseded = 0;        // lines of a commit that did not happen
  std::vector<std::string> findings;  // what is wrong in the file itself
};
Result<MirrorContent> read_audit_mirror(const crypto::Provider& provider, const fs::path& file);

}  // namespace vouch::ca
