#pragma once
// Work that comes back: CRLs that are due, certificates to be renewed, heads of the audit log. One thread,
// one job after the other, so that jobs need not know of each other.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "daemon/health.hpp"

namespace vouch::daemon {

struct Job {
  std::string name;  // also that of its health state
  std::chrono::milliseconds period{60'000};
  std::function<Status()> run;
};

class Scheduler {
 public:
  // Runs every job once at once, then each when its period is over. Periods are measured with the monotonic
  // clock, so a clock that is set back stops nothing. `health` outlives the scheduler.
  Scheduler(std::vector<Job> jobs, Health& health);
  ~Scheduler() { stop(); }
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Runs every job soon, whatever its period says.
  void hurry();
  // Waits for the job that runs; starts none any more.
  void stop();

 private:
  using Monotonic = std::chrono::steady_clock;
  struct Planned {
    Job job;
    Monotonic::time_point due;
  };
  void work(const std::stop_token& stop);
  Planned* next_due();
  void carry_out(Planned& planned);

  Health& health_;
  std::vector<Planned> jobs_;  // the thread's own
  std::mutex guards_hurry_;
  std::condition_variable_any woken_;
  bool hurry_ = false;
  std::jthread thread_;
};

}  // namespace vouch::daemon
