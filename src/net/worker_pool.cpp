#include "net/worker_pool.hpp"

namespace vouch::net {

WorkerPool::WorkerPool(unsigned threads, std::size_t queue) : capacity_(queue) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

bool WorkerPool::try_post(Job job) {
  {
    const std::lock_guard lock(guards_queue_);
    if (stopping_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(job));
  }
  filled_.notify_one();
  return true;
}

void WorkerPool::stop() {
  std::deque<Job> dropped;  // destroyed without the lock: a job may own what posts again
  {
    const std::lock_guard lock(guards_queue_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  filled_.notify_all();
  threads_.clear();
}

std::size_t WorkerPool::waiting() const {
  const std::lock_guard lock(guards_queue_);
  return queue_.size();
}

void WorkerPool::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(guards_queue_);
      filled_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace vouch::net
