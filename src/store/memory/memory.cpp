#include "store/memory/memory.hpp"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "store/memory/transaction.hpp"
#include "store/messages.hpp"

namespace vouch::store::memory {
namespace {

// A state and how many snapshots look at it: while there is one, it does not change.
struct Version {
  State state;
  std::atomic<int> readers{0};
};

class MemorySnapshot final : public Queries<Snapshot> {
 public:
  explicit MemorySnapshot(std::shared_ptr<Version> version) : version_(std::move(version)) {
    ++version_->readers;
  }
  MemorySnapshot(const MemorySnapshot&) = delete;
  MemorySnapshot& operator=(const MemorySnapshot&) = delete;
  ~MemorySnapshot() override { --version_->readers; }

 private:
  const State& state() const override { return version_->state; }
  std::shared_ptr<Version> version_;
};

class MemoryDatabase final : public Database {
 public:
  Status commit(const Work& work) override {
    if (writer_ == std::this_thread::get_id()) return messages::inside_commit("commit()");
    const std::lock_guard lock(mutex_);
    writer_ = std::this_thread::get_id();
    if (version_->readers != 0) {
      auto next = std::make_shared<Version>();
      next->state = version_->state;
      version_ = std::move(next);
    }
    MemoryTransaction transaction(version_->state);
    const std::int64_t before = transaction.audit_size().value();
    Status result = ok();
    try {
      result = work(transaction);
    } catch (const std::exception& exception) {
      result = make_error(Errc::internal, "an exception left a database Work: {}", exception.what());
    }
    if (result && mirror_) result = tell_mirror(transaction, before);
    if (result)
      ++commits_;
    else
      transaction.undo();
    writer_ = std::thread::id();
    return result;
  }

  Result<std::unique_ptr<Snapshot>> snapshot() const override {
    if (writer_ == std::this_thread::get_id()) return messages::inside_commit("snapshot()");
    const std::lock_guard lock(mutex_);
    return std::make_unique<MemorySnapshot>(version_);
  }

  void mirror_audit(AuditMirror mirror) override { mirror_ = std::move(mirror); }
  bool has_audit_mirror() const override { return static_cast<bool>(mirror_); }

  ChangeMark change_mark() const override { return {commits_}; }

  std::string_view backend() const override { return "memory"; }
  std::vector<Location> locations() const override { return {}; }
  Result<std::vector<std::string>> check() const override { return std::vector<std::string>(); }
  Status copy_to(const fs::path&) const override { return messages::no_file(); }
  Result<Replayed> replay(const fs::path&) override { return messages::no_file(); }
  Status fold() override { return messages::no_file(); }

 private:
  Status tell_mirror(const Transaction& transaction, std::int64_t before) const {
    const std::int64_t after = TRY(transaction.audit_size());
    return after == before ? ok() : mirror_(transaction, before, after);
  }

  mutable std::mutex mutex_;
  std::shared_ptr<Version> version_ = std::make_shared<Version>();  // guarded by mutex_
  AuditMirror mirror_;
  std::atomic<std::uint64_t> commits_ = 0;
  std::atomic<std::thread::id> writer_;  // whose Work runs
};

}  // namespace

std::unique_ptr<Database> open() { return std::make_unique<MemoryDatabase>(); }

}  // namespace vouch::store::memory
