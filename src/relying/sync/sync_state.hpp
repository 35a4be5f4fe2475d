#pragma once
// What a target remembers between runs, in a folder of its own: the CRLs that it accepted, the highest number
// of each line, and whether the hook still has to be run.

#include <map>
#include <optional>
#include <string>

#include "base/files.hpp"
#include "base/time.hpp"

namespace vouch::relying {

struct SyncState {
  // One line of CRLs: those of one key of one CA, or one partition of them. Their numbers rise.
  struct Line {
    std::string number;  // of the highest CRL, hex without leading zeros
    std::string sha256;  // of that CRL, hex
    Time accepted_at{};
  };
  std::map<std::string, Line> lines;  // by the name of the line, which is also that of its file
  // By place: what asks a server whether there is another CRL than that of `line`.
  struct Place {
    std::string mark;  // "If-None-Match:…" or "If-Modified-Since:…"; of a file its inode and times
    std::string line;
    std::optional<Time> succeeded_at{};
    std::string error{};  // of the last try; empty: it was good
  };
  std::map<std::string, Place> places;
  // A change was written, and the hook has not succeeded since.
  bool hook_owed = false;
  std::string hook_error{};  // of its last run; empty: it was good
  std::optional<Time> hook_at{}, changed_at{}, ran_at{};
};

// A folder without a state has an empty one. A state that cannot be read is `malformed`: going on without it
// would forget the numbers.
Result<SyncState> load_sync_state(const fs::path& folder);
Status save_sync_state(const fs::path& folder, const SyncState& state);

}  // namespace vouch::relying
