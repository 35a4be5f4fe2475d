#include "daemon/scheduler.hpp"

#include <algorithm>
#include <exception>

namespace vouch::daemon {

Scheduler::Scheduler(std::vector<Job> jobs, Health& health) : health_(health) {
  for (Job& job : jobs) jobs_.push_back({std::move(job), Monotonic::now()});
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Scheduler::hurry() {
  {
    const std::scoped_lock lock(guards_hurry_);
    hurry_ = true;
  }
  woken_.notify_one();
}

void Scheduler::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Scheduler::Planned* Scheduler::next_due() {
  const auto next = std::ranges::min_element(jobs_, {}, &Planned::due);
  return next == jobs_.end() ? nullptr : &*next;
}

void Scheduler::carry_out(Planned& planned) {
  // A job that throws is a defect, and must not take the others with it.
  try {
    health_.set(planned.job.name, planned.job.run());
  } catch (const std::exception& e) {
    health_.bad(planned.job.name, e.what());
  }
  planned.due = Monotonic::now() + planned.job.period;
}

void Scheduler::work(const std::stop_token& stop) {
  constexpr std::chrono::hours kIdle{1};  // without a job
  while (!stop.stop_requested()) {
    Planned* next = next_due();
    {
      std::unique_lock lock(guards_hurry_);
      const auto due = next ? next->due : Monotonic::now() + kIdle;
      woken_.wait_until(lock, stop, due, [&] { return hurry_; });
      if (std::exchange(hurry_, false))
        for (Planned& planned : jobs_) planned.due = Monotonic::now();
    }
    if (!stop.stop_requested() && next && next->due <= Monotonic::now()) carry_out(*next);
  }
}

}  // namespace vouch::daemon
