#pragma once
// Downloads of CRLs: one at a time for each URL, in this process and across those that share a folder. Who
// waits for one waits within limits of its own; the download goes on without it.

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <variant>

#include "base/files.hpp"
#include "net/fetch.hpp"
#include "relying/crl_cache.hpp"
#include "relying/private_networks.hpp"
#include "relying/profile.hpp"

namespace vouch::relying {

struct DownloadOrder {
  std::string url;
  CrlSettings settings;
  std::string proxy;
  std::optional<AgreedNetworks> networks;  // nothing: the URL may lead anywhere
  CrlOffer offer;                          // what the CRL is held against; its times are filled in
  Buffer seen;                             // SHA-256 of the cached CRL that does not do; empty: there is none
  bool conditional = false;                // ask with If-None-Match: the cached one does for now
};

struct Downloaded {
  std::optional<CachedCrl> crl;
  std::optional<validate::Finding> finding;  // why there is none
  bool unchanged = false;                    // what was cached came again
  std::string outcome;                       // for the record
  bool asked = false;                        // somebody was asked for it, now
  unsigned status = 0;
  std::size_t octets = 0;
  std::chrono::milliseconds taken{0};
};

struct DownloadSettings {
  fs::path folder;  // of the locks; empty: this process alone
  std::size_t at_once = 64;
  Buffer trusted_roots;
  std::string user_agent;
};

class Downloads {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // `clock` outlives the object.
  Downloads(std::shared_ptr<const crypto::Provider> provider, const Clock& clock,
            std::shared_ptr<CrlCache> cache, DownloadSettings settings);
  ~Downloads();  // stops what runs and waits for it: a second

  // While somebody waits: interactive limits of size and time, and the deadline.
  Downloaded get(const DownloadOrder& order, Deadline deadline);
  // In the background; nothing when it runs already, or its URL is paused.
  void begin(const DownloadOrder& order);
  // Background limits, and the caller waits.
  Downloaded get_in_background(const DownloadOrder& order);
  bool drain(std::chrono::milliseconds patience);
  Value status() const;

  // For answers that are no CRLs. One fetcher for each proxy.
  net::Fetcher& fetcher(const std::string& proxy);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;
  struct Pause {
    validate::Finding finding;
    Time until{}, failed_at{};
  };

  Downloaded wait(const JobPtr& job, std::size_t most, Deadline deadline);
  // A job that runs, or what there is to say instead.
  std::variant<JobPtr, Downloaded> join_or_start(const DownloadOrder& order, bool background);
  std::optional<Downloaded> refusal(const DownloadOrder& order, Time now);
  void run(const JobPtr& job);
  void download(Job& job);
  void fetch(Job& job);
  void read(Job& job, const net::FetchResponse& response, Buffer body);
  void finish(const JobPtr& job);
  void reap();

  const std::shared_ptr<const crypto::Provider> provider_;
  const Clock& clock_;
  const std::shared_ptr<CrlCache> cache_;
  const DownloadSettings settings_;
  mutable std::mutex guards_;
  std::condition_variable changed_;
  std::map<std::string, JobPtr> running_;
  std::map<std::string, Pause> pauses_;
  std::map<std::string, std::deque<Time>> attempts_;
  std::map<std::string, std::unique_ptr<net::Fetcher>> fetchers_;
  std::vector<std::pair<JobPtr, std::jthread>> threads_;
};

}  // namespace vouch::relying
