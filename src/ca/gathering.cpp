#include "ca/gathering.hpp"

#include <algorithm>
#include <exception>

namespace vouch::ca {

Result<Outcome> Gathering::submit(const Submission& submission, const CarryOut& carry_out) {
  Waiting own{.submission = submission};
  std::unique_lock lock(mutex_);
  if (at_work_ < kAtWork) {
    ++at_work_;
  } else {
    queue_.push_back(&own);
    own.woken.wait(lock, [&] { return own.outcome || own.is_called; });
    if (own.outcome) return std::move(*own.outcome);
  }
  work(own, lock, carry_out);
  // Whoever waits longest takes over, so that no thread works for others for ever. It leaves the queue, so
  // that nobody else carries out what is its own.
  if (queue_.empty()) {
    --at_work_;
  } else {
    queue_.front()->is_called = true;
    queue_.front()->woken.notify_one();
    queue_.pop_front();
  }
  return std::move(*own.outcome);
}

void Gathering::work(Waiting& own, std::unique_lock<std::mutex>& lock, const CarryOut& carry_out) {
  const auto others = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kLargestBatch - 1));
  std::vector<Waiting*> batch{&own};
  batch.insert(batch.end(), queue_.begin(), queue_.begin() + others);
  queue_.erase(queue_.begin(), queue_.begin() + others);
  lock.unlock();
  std::vector<Submission> submissions;
  submissions.reserve(batch.size());
  for (Waiting* each : batch) submissions.push_back(std::move(each->submission));
  std::vector<Result<Outcome>> outcomes;
  try {
    outcomes = carry_out(submissions);
  } catch (const std::exception& e) {
    // The others of the batch must not wait for ever.
    outcomes.assign(batch.size(), make_error(Errc::internal, "carrying out a submission: {}", e.what()));
  }
  lock.lock();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->outcome = std::move(outcomes[i]);
    batch[i]->woken.notify_one();
  }
}

}  // namespace vouch::ca
