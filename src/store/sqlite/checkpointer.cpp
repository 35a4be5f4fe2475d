#include "store/sqlite/checkpointer.hpp"

#include <system_error>

namespace vouch::store::sqlite {

bool Checkpointer::begin() {
  if (state_ == State::copying) return true;
  state_ = State::copying;
  try {
    thread_ = std::jthread([this] {
      copy();
      state_ = State::ended;
    });
  } catch (const std::system_error&) {
    state_ = State::idle;
    return false;
  }
  return true;
}

bool Checkpointer::take_ended() {
  State expected = State::ended;
  return state_.compare_exchange_strong(expected, State::idle);
}

void Checkpointer::stop() {
  thread_ = std::jthread();
  connection_.reset();
  state_ = State::idle;
}

// What cannot be copied now stays in the log, and is tried again when that has grown.
void Checkpointer::copy() {
  if (!connection_) {
    auto opened = Connection::open(file_, busy_timeout_);
    // A connection that has read nothing does not know yet that there is a log.
    if (!opened || !(*opened)->execute("PRAGMA synchronous = FULL; SELECT 1 FROM authorities LIMIT 1"))
      return;
    connection_ = std::move(*opened);
  }
  connection_->checkpoint();
}

}  // namespace vouch::store::sqlite
