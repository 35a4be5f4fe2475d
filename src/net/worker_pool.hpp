#pragma once
// A fixed number of threads and a bounded queue before them. Who fell asleep last is woken first, so that a
// few threads, whose memory is in the caches, do what a few can do. Jobs must not wait for jobs of the same
// pool.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vouch::net {

class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  WorkerPool(unsigned threads, std::size_t queue);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, without having run anything, when the queue is full or the pool stops.
  bool try_post(Job job);
  // Drops what waits, waits for what runs.
  void stop();
  std::size_t waiting() const;

 private:
  struct Sleeper {
    bool is_called = false;
    std::condition_variable woken{};
  };
  void work();
  bool wait_for_job(std::unique_lock<std::mutex>& lock);
  void wake_one();

  const std::size_t capacity_;
  mutable std::mutex guards_queue_;  // guards what follows
  std::vector<Sleeper*> asleep_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace vouch::net
