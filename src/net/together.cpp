#include "net/together.hpp"

#include <algorithm>
#include <exception>

#include "net/worker_pool.hpp"

namespace vouch::net {
namespace {

// While one call waits for a disk another is prepared, and a third waits for somebody else, such as the
// signer process.
constexpr std::size_t kAtWork = 3;
constexpr std::size_t kMostWaitingCalls = 1024;

// Measured with bench/api.sh: of few that wait, larger batches leave processors idle; of many, they share
// more.
std::size_t batch_of(std::size_t waiting) {
  constexpr std::size_t kFewWait = 24, kLargest = 128;
  return std::min({waiting, kLargest, std::max(kFewWait, waiting / 2)});
}

}  // namespace

// One of the kAtWork places. A job that the pool drops gives it back as well.
class Together::Turn {
 public:
  explicit Turn(std::shared_ptr<Together> owner) : owner_(std::move(owner)) {}
  Turn(Turn&&) = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (!owner_) return;
    const std::lock_guard lock(owner_->mutex_);
    --owner_->at_work_;
  }
  void work() {
    owner_->work();
    owner_.reset();
  }

 private:
  std::shared_ptr<Together> owner_;
};

bool Together::try_post(WorkerPool& pool, Call call) {
  const Request* request = call.request;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaitingCalls) return false;
    waiting_.push_back(std::move(call));
    if (at_work_ == kAtWork) return true;
    ++at_work_;
  }
  if (pool.try_post([turn = Turn(shared_from_this())]() mutable { turn.work(); })) return true;
  // Whoever is at work takes it, or has done so; otherwise nobody would.
  const std::lock_guard lock(mutex_);
  return at_work_ != 0 || std::erase_if(waiting_, [&](const Call& c) { return c.request == request; }) == 0;
}

void Together::work() {
  for (auto batch = next_batch(); !batch.empty(); batch = next_batch()) answer(std::move(batch));
}

// Empty: nothing waits, and the place is free again; what comes from now on begins anew.
std::vector<Together::Call> Together::next_batch() {
  const std::lock_guard lock(mutex_);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(batch_of(waiting_.size()));
  std::vector<Call> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  if (batch.empty()) --at_work_;
  return batch;
}

void Together::answer(std::vector<Call> batch) const {
  std::vector<const Request*> requests;
  requests.reserve(batch.size());
  for (const Call& call : batch) requests.push_back(call.request);
  std::vector<Response> responses;
  try {
    responses = handler_(requests);
  } catch (const std::exception&) {  // a defect; the worker goes on
  }
  while (responses.size() < batch.size()) responses.push_back(error_response(500, "a defect in the server"));
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].reply(std::move(responses[i]));
}

}  // namespace vouch::net
