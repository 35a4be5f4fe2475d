#pragma once
// CRL files kept fresh in the background: one job for each [crlsync.NAME] of vouch.toml. Listens nowhere.

#include <memory>

#include "daemon/scheduler.hpp"
#include "relying/sync/crl_sync.hpp"

namespace vouch::daemon {

struct CrlSyncOptions {
  fs::path folder;                   // of the state; made when it is not there
  const crypto::Provider& provider;  // this and the next outlive the service
  const Clock& clock;
  // Reads the configuration, at the start and at each reload.
  std::function<Result<std::vector<relying::SyncTarget>>()> targets;
  // One line for the log; called from any thread.
  std::function<void(const std::string& line)> log{};
};

class CrlSyncService {
 public:
  // Fails with `usage` when there is nothing to do. Places that do not answer are a health state.
  static Result<std::unique_ptr<CrlSyncService>> start(CrlSyncOptions options);
  ~CrlSyncService() { stop(); }
  CrlSyncService(const CrlSyncService&) = delete;
  CrlSyncService& operator=(const CrlSyncService&) = delete;

  // Takes over another configuration, and looks at every place at once.
  Status reload();
  void stop();

  std::vector<std::string> places() const { return {}; }
  std::vector<net::HealthCheck> health() const { return health_.checks(); }

 private:
  explicit CrlSyncService(CrlSyncOptions options);
  Status open();
  Job job_of(relying::CrlSync& sync);

  const CrlSyncOptions options_;
  Health health_;
  std::vector<std::unique_ptr<relying::CrlSync>> syncs_;
  std::unique_ptr<Scheduler> scheduler_;
};

// What a run has changed, one line each; and what is wrong, in one sentence, when something is.
std::vector<std::string> news_of(const relying::SyncReport& report);
Status status_of(const relying::SyncReport& report);

}  // namespace vouch::daemon
