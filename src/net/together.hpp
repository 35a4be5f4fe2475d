#pragma once
// Requests of one route that wait at the same time and are answered by one call of its handler, on a worker:
// what each would cost alone (a commit, a look-up, waking a thread) they share. A lone request waits for
// nobody: while calls are under way the next batch gathers, and when nothing is under way one begins.
//
//   route.handler = std::make_shared<Together>([](std::span<const Request* const> requests) {
//     return answers_to(requests);  // one for each, in their order
//   });

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "net/http.hpp"

namespace vouch::net {

class WorkerPool;

class Together : public std::enable_shared_from_this<Together> {
 public:
  using Handler = std::function<std::vector<Response>(std::span<const Request* const>)>;
  explicit Together(Handler handler) : handler_(std::move(handler)) {}

  // A request, which lives as long as its `reply`, and where its answer goes. `reply` is called from a
  // worker, once; the pool that stops drops it.
  struct Call {
    const Request* request = nullptr;
    std::move_only_function<void(Response)> reply;
  };
  // False, without having kept the call, when too many wait or the pool takes nothing.
  bool try_post(WorkerPool& pool, Call call);

 private:
  class Turn;
  void work();
  std::vector<Call> next_batch();
  void answer(std::vector<Call> batch) const;

  const Handler handler_;
  std::mutex mutex_;  // guards what follows
  std::vector<Call> waiting_;
  std::size_t at_work_ = 0;
};

}  // namespace vouch::net
