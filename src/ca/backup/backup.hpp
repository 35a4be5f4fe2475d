#pragma once
// Backup and restore of a whole home, and what closes the gap afterwards (docs/mechanisms/backup.md).

#include "ca/backup/archive.hpp"
#include "ca/backup/gap.hpp"
#include "ca/settings/roles.hpp"

namespace vouch::ca {

// Opens a database file, as the program does it.
using OpenDatabase =
    std::function<Result<std::unique_ptr<store::Database>>(const fs::path& file, bool create)>;

struct BackupOptions {
  std::string passphrase;  // empty: the archive is not sealed, and key files lie in it readable
  std::string program;     // who wrote it, for the manifest
  std::string administrator;
};
struct BackupResult {
  Manifest manifest;
  std::uint64_t size = 0;
  std::vector<std::string> notes;  // keys that are not in it
};
// One state of the database, the configuration, the key files: into one file, while others go on issuing.
Result<BackupResult> backup(const Environment& environment, const fs::path& target,
                            const BackupOptions& options, const OpenDatabase& open_database);

struct RestoreOptions {
  bool replace = false;     // a home whose state is newer, or another one
  bool accept_gap = false;  // give up at once what is missing
  std::string administrator;
  AskPassphrase passphrase;  // of the archive
  GroupsOf groups = {};      // of accounts, for roles
};
struct RestoreResult {
  Manifest manifest;
  bool sealed = false;
  fs::path put_aside;               // where the old database is now; empty: there was none
  std::map<std::string, Gap> gaps;  // by CA; accepted when options say so
  std::vector<std::string> notes;   // what is different here: names, paths, settings that were kept
};
// Checks the whole archive before it changes anything. The home's fence stays, its keys stay, its
// configuration stays if it has one; the old database is put aside. conflict: the home's state is newer.
Result<RestoreResult> restore(const fs::path& archive, const Home& home, const RestoreOptions& options,
                              const crypto::Provider& provider, const Clock& clock,
                              const OpenDatabase& open_database);

struct ReplayOptions {
  std::string administrator;
  AskPassphrase passphrase;
};
// Brings a restored database up to a later one: another vouch.db (with its log beside it) or a newer backup.
Result<store::Replayed> replay(const Environment& environment, const fs::path& file,
                               const ReplayOptions& options, const OpenDatabase& open_database);

// Where a CA's stored %1 and %2 differ from this host's, in sentences.
std::vector<std::string> host_mismatches(const Environment& environment,
                                         const store::AuthorityRecord& record);

}  // namespace vouch::ca
