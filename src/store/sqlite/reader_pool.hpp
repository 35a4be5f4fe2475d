#pragma once
// Connections that snapshots read through. Opening one costs more than a query, so a few are kept.

#include <condition_variable>
#include <mutex>

#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

class ReaderPool {
 public:
  ReaderPool(fs::path file, std::chrono::milliseconds busy_timeout)
      : file_(std::move(file)), busy_timeout_(busy_timeout) {}

  // A connection that only reads; hand it back when done.
  Result<std::unique_ptr<Connection>> take();
  void give_back(std::unique_ptr<Connection> connection);
  void close_idle();

  // Lets no new reader begin and waits for those at work, but not for long, so that the write-ahead log can
  // be emptied; then runs `work`. A reader that takes longer is no harm: the log stays as it is.
  template <class F>
  void while_nobody_reads(F&& work) {
    if (pause()) work();
    resume();
  }

 private:
  bool pause();
  void resume();

  const fs::path file_;
  const std::chrono::milliseconds busy_timeout_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t reading_ = 0;
  bool paused_ = false;
};

}  // namespace vouch::store::sqlite
