#include "store/sqlite/copy.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace vouch::store::sqlite {
namespace {

constexpr int kPagesAtOnce = 128;  // a megabyte
// Written pages are sent to the disk every so many steps: a large heap of them would hold up the syncs of
// those who issue.
constexpr int kStepsPerSync = 8;
constexpr auto kMostRest = std::chrono::milliseconds(200);

// The disk serves others first, while this lives. Where the system does not know how, nothing happens.
class IdleInput {
 public:
  IdleInput() : before_(::syscall(SYS_ioprio_get, kThread, 0)) { set(kIdleClass << kClassShift); }
  IdleInput(const IdleInput&) = delete;
  IdleInput& operator=(const IdleInput&) = delete;
  ~IdleInput() {
    if (before_ >= 0) set(before_);
  }

 private:
  // linux/ioprio.h, which glibc has no names for.
  static constexpr int kThread = 1, kClassShift = 13;
  static constexpr long kIdleClass = 3;
  static void set(long priority) { (void)!::syscall(SYS_ioprio_set, kThread, 0, priority); }
  const long before_;
};

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};

Error copying_failed(int code, sqlite3* target_handle, Connection& source, const fs::path& target) {
  // The backup leaves what went wrong with either file at the target's handle.
  if ((code & 0xff) == SQLITE_FULL) return system_error(ENOSPC, "cannot write", target);
  const int system = sqlite3_system_errno(target_handle);
  if ((code & 0xff) == SQLITE_IOERR && system != 0) return system_error(system, "cannot copy to", target);
  if ((code & 0xff) == SQLITE_CORRUPT) return source.error(code);
  return make_error(Errc::unavailable, "cannot copy {} to {}: {}", source.file().string(), target.string(),
                    sqlite3_errstr(code));
}

Status copy_pages(Connection& source, sqlite3* target_handle, int descriptor, const fs::path& target) {
  sqlite3_backup* backup = sqlite3_backup_init(target_handle, "main", source.handle(), "main");
  if (backup == nullptr) return copying_failed(sqlite3_errcode(target_handle), target_handle, source, target);
  int code = SQLITE_OK;
  for (int step = 1; code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED; ++step) {
    const auto begin = std::chrono::steady_clock::now();
    code = sqlite3_backup_step(backup, kPagesAtOnce);
    if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED) break;
    if (step % kStepsPerSync == 0) {
      ::fdatasync(descriptor);
      ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(took, kMostRest));
  }
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return copying_failed(code, target_handle, source, target);
  return ok();
}

Status copy_to_new_file(Connection& source, const FileDescriptor& fd, const fs::path& target) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(
      target.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> handle(raw);
  if (code != SQLITE_OK)
    return make_error(Errc::unavailable, "cannot open {}: {}", target.string(), sqlite3_errstr(code));
  // Nothing of it is worth keeping before it is whole.
  sqlite3_exec(raw, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", nullptr, nullptr, nullptr);
  // One state: with a transaction that has read, the copy does not begin anew when others commit.
  TRY(source.execute("BEGIN"));
  TRY(source.run("SELECT 1 FROM authorities LIMIT 1"));
  TRY(copy_pages(source, raw, fd.get(), target));
  TRY(source.execute("COMMIT"));
  if (::fsync(fd.get()) != 0) return system_error(errno, "cannot write", target);
  return ok();
}

}  // namespace

Status copy(const fs::path& file, std::chrono::milliseconds busy_timeout, const fs::path& target) {
  const auto source = TRY(Connection::open(file, busy_timeout));
  TRY(source->execute("PRAGMA query_only = ON"));
  const FileDescriptor fd(::open(target.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return system_error(errno, "cannot create", target);
  const IdleInput others_first;
  Status status = copy_to_new_file(*source, fd, target);
  if (!status) ::unlink(target.c_str());
  return std::move(status).context("copying {}", file.string());
}

}  // namespace vouch::store::sqlite
