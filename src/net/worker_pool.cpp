#include "net/worker_pool.hpp"

namespace vouch::net {

WorkerPool::WorkerPool(unsigned threads, std::size_t queue) : capacity_(queue) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

bool WorkerPool::try_post(Job job) {
  const std::lock_guard lock(guards_queue_);
  if (stopping_ || queue_.size() >= capacity_) return false;
  queue_.push_back(std::move(job));
  wake_one();
  return true;
}

// Under the lock: a sleeper lives on the stack of a thread that goes on as soon as it may.
void WorkerPool::wake_one() {
  if (asleep_.empty()) return;
  asleep_.back()->is_called = true;
  asleep_.back()->woken.notify_one();
  asleep_.pop_back();
}

void WorkerPool::stop() {
  std::deque<Job> dropped;  // destroyed without the lock: a job may own what posts again
  {
    const std::lock_guard lock(guards_queue_);
    stopping_ = true;
    dropped.swap(queue_);
    while (!asleep_.empty()) wake_one();
  }
  threads_.clear();
}

std::size_t WorkerPool::waiting() const {
  const std::lock_guard lock(guards_queue_);
  return queue_.size();
}

// False: there is none, and will be none.
bool WorkerPool::wait_for_job(std::unique_lock<std::mutex>& lock) {
  while (queue_.empty()) {
    if (stopping_) return false;
    Sleeper own;
    asleep_.push_back(&own);
    own.woken.wait(lock, [&] { return own.is_called; });
  }
  return true;
}

void WorkerPool::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(guards_queue_);
      if (!wait_for_job(lock)) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace vouch::net
