#pragma once
// Status for whoever asks a running service. A report takes seconds, and asks the service itself: so it is
// made on a thread of its own, one at a time, and a request gets the last one without waiting. No number of
// requests for it can take the threads that would have to answer it.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "diagnose/status.hpp"

namespace vouch::diagnose {

class StatusDesk {
 public:
  // Both outlive it.
  StatusDesk(const ca::Environment& environment, net::Fetcher& fetcher);
  ~StatusDesk();
  StatusDesk(const StatusDesk&) = delete;
  StatusDesk& operator=(const StatusDesk&) = delete;

  // The last report. One older than `most_age` (by the environment's clock) is still given, and a new one
  // begun. `unavailable`, with what to do, as long as the first one is being made; the error of the last try
  // when there is nothing better.
  Result<std::shared_ptr<const Report>> report(std::chrono::seconds most_age = std::chrono::seconds(60));

 private:
  void work(const std::stop_token& stop);

  const ca::Environment& environment_;
  net::Fetcher& fetcher_;
  std::mutex guards_;  // what follows
  std::condition_variable_any wanted_changed_;
  bool wanted_ = false;
  std::shared_ptr<const Report> last_;
  std::optional<Error> failure_;
  std::jthread thread_;
};

}  // namespace vouch::diagnose
