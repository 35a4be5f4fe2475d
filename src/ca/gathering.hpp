#pragma once
// Submissions of many threads, carried out together. A thread that finds nobody at work carries out what is
// there, its own and that of the threads that came meanwhile; the others sleep once and wake with their
// outcome. So under load a batch shares its syncs, its database transactions and its fence, and a lone
// submission waits for nobody.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "ca/authority.hpp"

namespace vouch::ca {

class Gathering {
 public:
  using CarryOut = std::function<std::vector<Result<Outcome>>(std::span<const Submission>)>;

  // `carry_out` gives one result for each submission, in their order; it runs in the calling thread, for at
  // most kAtWork threads at a time.
  Result<Outcome> submit(const Submission& submission, const CarryOut& carry_out);

 private:
  // While one batch waits for the disk another is prepared.
  static constexpr std::size_t kAtWork = 2;
  static constexpr std::size_t kLargestBatch = 128;
  struct Waiting {
    Submission submission;
    std::optional<Result<Outcome>> outcome{};
    bool is_called = false;  // to carry out the next batch, its own among it
    std::condition_variable woken{};
  };

  // Carries out the caller's own and what waits now.
  void work(Waiting& own, std::unique_lock<std::mutex>& lock, const CarryOut& carry_out);

  std::mutex mutex_;  // guards what follows, and every Waiting but its submission
  std::deque<Waiting*> queue_;
  std::size_t at_work_ = 0;
};

}  // namespace vouch::ca
