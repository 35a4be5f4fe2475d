#pragma once
// CRL files for servers that read nothing else (MIT's KDC, nginx, FreeRADIUS, PostgreSQL): fetched, verified
// against the CA, never older than what was there, replaced whole; then a hook makes the server read them.
//
//   CrlSync sync(provider, clock, home / "crlsync", target);
//   const SyncReport report = TRY(sync.run());
//
// What fails leaves everything as it was: an old CRL that is still valid goes on serving, and one that has
// expired makes the server refuse, which is right.

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/provider.hpp"
#include "net/fetch.hpp"
#include "relying/sync/configuration.hpp"

namespace vouch::relying {

enum class PlaceOutcome {
  replaced,   // a newer CRL was taken
  unchanged,  // the one that is there is the newest
  refused,    // what came is not good: signature, issuer, number, time, form
  failed,     // nothing came
};
std::string_view to_string(PlaceOutcome outcome);

// What became of one place.
struct PlaceReport {
  std::string place;
  PlaceOutcome outcome = PlaceOutcome::failed;
  std::string issuer, number;  // of the CRL that counts now, from here; number in hex; empty: none
  std::optional<Time> this_update, next_update;
  std::size_t octets = 0;              // that came
  std::chrono::milliseconds taken{0};  // by the download
  std::string error, hint;             // empty when all is good
};

// One CA of the target, and the CRL that lies there for it.
struct AuthorityReport {
  std::string subject;
  std::string number;  // hex; empty: it has none yet
  std::optional<Time> next_update;
  std::string problem;  // it has none, or it has expired; empty: all is good
};

struct SyncReport {
  std::string name, output;
  std::vector<PlaceReport> places;
  std::vector<AuthorityReport> authorities;
  bool changed = false;  // the output was replaced
  bool hook_ran = false;
  std::string output_error;  // why it could not be written; empty: it is as it should be
  std::string hook_error;    // of its last run; it is run again by the next call

  bool refused() const;  // something that came was not good
  bool good() const;     // every place, CA, file and hook
};
// {name, output, changed, hook {ran, error}, output_error, places [], authorities []}.
Value to_value(const SyncReport& report);

class CrlSync {
 public:
  // Keeps its state in `folder`/NAME. `provider` and `clock` outlive it.
  CrlSync(const crypto::Provider& provider, const Clock& clock, const fs::path& folder, SyncTarget target);

  // Looks at every place and brings the output up to date. Fails only for what concerns the whole target: CA
  // certificates or a state that cannot be read, or another run at work (`unavailable`).
  Result<SyncReport> run();
  // What there is, without asking anybody.
  Result<SyncReport> look();
  // Forgets the numbers, for a CA that was restored from a backup and counts anew. The next run takes what
  // comes.
  Status forget_numbers();

  const SyncTarget& target() const { return target_; }

 private:
  class Run;
  const crypto::Provider& provider_;
  const Clock& clock_;
  const fs::path folder_;
  const SyncTarget target_;
  net::Fetcher fetcher_;
};

}  // namespace vouch::relying
