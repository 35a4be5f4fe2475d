#pragma once
// Copies the write-ahead log into the database while commits go on, in a thread and over a connection of its
// own: copying thousands of pages takes as long as dozens of commits, and nobody has to wait for it.

#include <atomic>
#include <thread>

#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// `begin` and `take_ended` are for one thread at a time.
class Checkpointer {
 public:
  Checkpointer(fs::path file, std::chrono::milliseconds busy_timeout)
      : file_(std::move(file)), busy_timeout_(busy_timeout) {}

  // Begins a copy unless one is under way. False: there is no thread to be had.
  bool begin();
  // Once for each copy, when it has ended. What was committed meanwhile is still in the log alone.
  bool take_ended();
  // Waits for the copy that is under way, and closes the connection.
  void stop();

 private:
  enum class State : std::uint8_t { idle, copying, ended };
  void copy();

  const fs::path file_;
  const std::chrono::milliseconds busy_timeout_;
  std::unique_ptr<Connection> connection_;  // of the thread while it runs
  std::atomic<State> state_ = State::idle;
  std::jthread thread_;
};

}  // namespace vouch::store::sqlite
