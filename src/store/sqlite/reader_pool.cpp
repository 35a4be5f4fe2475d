#include "store/sqlite/reader_pool.hpp"

namespace vouch::store::sqlite {
namespace {

constexpr std::size_t kMaxIdle = 16;
constexpr auto kPause = std::chrono::milliseconds(50);

// query_only: a Snapshot has no way to write, and this keeps it so. No memory map: it would be made anew
// after each commit, which costs more than the copies it saves (measured), and an I/O error would be a
// signal.
constexpr const char* kSettings =
    "PRAGMA query_only = ON; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY";

}  // namespace

Result<std::unique_ptr<Connection>> ReaderPool::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !paused_; });
  ++reading_;
  if (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  lock.unlock();
  auto connection = Connection::open(file_, busy_timeout_);
  Status status = connection ? (*connection)->execute(kSettings) : Status(connection.error());
  if (!status) {
    give_back(nullptr);
    return std::move(status.error());
  }
  return connection;
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  --reading_;
  // One that met trouble is closed.
  if (connection && !connection->failure() && !connection->in_transaction() && idle_.size() < kMaxIdle)
    idle_.push_back(std::move(connection));
  if (reading_ == 0) changed_.notify_all();
}

void ReaderPool::close_idle() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

bool ReaderPool::pause() {
  std::unique_lock lock(mutex_);
  paused_ = true;
  return changed_.wait_for(lock, kPause, [this] { return reading_ == 0; });
}

void ReaderPool::resume() {
  const std::lock_guard lock(mutex_);
  paused_ = false;
  changed_.notify_all();
}

}  // namespace vouch::store::sqlite
