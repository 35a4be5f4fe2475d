#include "store/sqlite/sqlite.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <thread>

#include "store/group_commit.hpp"
#include "store/messages.hpp"
#include "store/sqlite/check.hpp"
#include "store/sqlite/checkpointer.hpp"
#include "store/sqlite/copy.hpp"
#include "store/sqlite/reader_pool.hpp"
#include "store/sqlite/replay.hpp"
#include "store/sqlite/schema.hpp"
#include "store/sqlite/transaction.hpp"

namespace vouch::store::sqlite {
namespace {

// The smallest page that SQLite has. A file that ends before is cut off, and SQLite would begin it anew.
constexpr off_t kSmallestFile = 512;
// Measured with store_bench at a million rows: 4096 costs more per certificate, 16384 gains nothing.
constexpr int kPageSize = 8192;
// Pages in the write-ahead log after which it is copied into the database: the larger, the more often a page
// that changes with every commit is copied once for many.
constexpr int kCheckpointPages = 2048;
// Beyond this the log is emptied even if readers and writers must wait a moment for it.
constexpr int kMaxLogPages = 4 * kCheckpointPages;
// How long `fold` waits for commands that are about to end.
constexpr std::chrono::seconds kPatience{2};

class SqliteSnapshot final : public Queries<Snapshot> {
 public:
  SqliteSnapshot(std::shared_ptr<ReaderPool> pool, std::unique_ptr<Connection> connection)
      : Queries(*connection), pool_(std::move(pool)), owned_(std::move(connection)) {}
  SqliteSnapshot(const SqliteSnapshot&) = delete;
  SqliteSnapshot& operator=(const SqliteSnapshot&) = delete;
  ~SqliteSnapshot() override {
    if (owned_->in_transaction()) (void)owned_->run("COMMIT");
    pool_->give_back(std::move(owned_));
  }
  // The first read fixes the state that is seen from then on.
  Status begin() {
    TRY(connection_.run("BEGIN"));
    return connection_.run("SELECT 1 FROM authorities LIMIT 1");
  }

 private:
  std::shared_ptr<ReaderPool> pool_;
  std::unique_ptr<Connection> owned_;
};

// A commit that failed means "nothing was written": one category for the caller, whatever the cause.
Error commit_failed(const Error& cause) {
  if (cause.code() == Errc::unavailable || cause.code() == Errc::malformed) return cause;
  Error error(Errc::unavailable, std::string(cause.message()));
  return cause.hint().empty() ? error : std::move(error).with_hint(std::string(cause.hint()));
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(fs::path file, const Options& options, std::unique_ptr<Connection> writer, Schema schema)
      : file_(std::move(file)),
        schema_(schema),
        writer_(std::move(writer)),
        busy_timeout_(options.busy_timeout),
        readers_(std::make_shared<ReaderPool>(file_, options.busy_timeout)),
        checkpointer_(file_, options.busy_timeout),
        group_([this](std::span<GroupCommit::Member* const> group) { run(group); }, [this] { tidy_log(); }) {
    writer_->checkpoint_by_hand();
    log_head_ = writer_->log_head();
  }

  Status commit(const Work& work) override { return group_.commit(work); }

  Result<std::unique_ptr<Snapshot>> snapshot() const override {
    auto snapshot = std::make_unique<SqliteSnapshot>(readers_, TRY(readers_->take()));
    TRY(snapshot->begin().context("reading {}", file_.string()));
    return snapshot;
  }

  void mirror_audit(AuditMirror mirror) override { mirror_ = std::move(mirror); }
  bool has_audit_mirror() const override { return static_cast<bool>(mirror_); }

  // Without a log index nothing can be said, so every look finds a change.
  ChangeMark change_mark() const override {
    ChangeMark mark{};
    if (log_head_ == nullptr) mark[0] = ++looks_;
    for (std::size_t i = 0; i < mark.size() && log_head_ != nullptr; ++i) mark[i] = log_head_[i];
    return mark;
  }

  std::string_view backend() const override { return "sqlite"; }
  std::vector<Location> locations() const override;
  Schema schema() const override { return schema_; }

  Result<std::vector<std::string>> check() const override {
    std::unique_ptr<Connection> connection = TRY(readers_->take());
    auto findings = sqlite::check(*connection);
    readers_->give_back(std::move(connection));
    return findings;
  }

  // Connections of their own: a copy takes long, and the pool waits for its readers; ATTACH needs to be
  // outside of every transaction.
  Status copy_to(const fs::path& target) const override { return copy(file_, busy_timeout_, target); }
  Result<Replayed> replay(const fs::path& file) override {
    const auto connection = TRY(Connection::open(file_, busy_timeout_));
    TRY(connection->execute("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY"));
    return sqlite::replay(*connection, file);
  }
  Status fold() override;

 private:
  void run(std::span<GroupCommit::Member* const> group);
  Status run_works(std::span<GroupCommit::Member* const> group);
  Status run_work(const Work& work, bool alone);
  Status tell_mirror(std::int64_t before);
  void tidy_log();

  const fs::path file_;
  const Schema schema_;
  std::unique_ptr<Connection> writer_;  // used by the leader of a group only
  const std::chrono::milliseconds busy_timeout_;
  const volatile std::uint64_t* log_head_ = nullptr;  // of writer_
  mutable std::atomic<std::uint64_t> looks_ = 0;
  int next_checkpoint_ = kCheckpointPages;
  AuditMirror mirror_;
  std::shared_ptr<ReaderPool> readers_;  // shared with snapshots, which may outlive us
  Checkpointer checkpointer_;            // used by the leader of a group only
  GroupCommit group_;
};

// One transaction for the whole group. Whatever keeps it from becoming durable is the answer to every member
// that had no error of its own.
void SqliteDatabase::run(std::span<GroupCommit::Member* const> group) {
  writer_->forget_failure();
  Status status = writer_->run("BEGIN IMMEDIATE");
  Result<std::int64_t> audited = 0;
  if (status && mirror_) audited = journal::audit_size(*writer_);
  if (!audited) status = audited.error();
  if (status) status = run_works(group);
  if (status && mirror_) status = tell_mirror(*audited);
  if (status) status = writer_->run("COMMIT");
  if (status) return;
  if (writer_->in_transaction()) (void)writer_->run("ROLLBACK");
  const Error cause = commit_failed(status.error());
  for (GroupCommit::Member* member : group)
    if (member->result) member->result = cause;
}

// The mirror has the entries before anybody has an answer. Should the commit fail after it, the mirror has
// entries more than the log.
Status SqliteDatabase::tell_mirror(std::int64_t before) {
  const SqliteTransaction state(*writer_);
  const std::int64_t after = TRY(state.audit_size());
  return after == before ? ok() : mirror_(state, before, after);
}

// Fails when the transaction cannot go on; the failure of one Work stays with its member.
Status SqliteDatabase::run_works(std::span<GroupCommit::Member* const> group) {
  for (GroupCommit::Member* member : group) {
    Status result = run_work(member->work, group.size() == 1);
    if (writer_->failure()) return *writer_->failure();
    if (!writer_->in_transaction())
      return result ? make_error(Errc::internal, "the transaction ended early") : result;
    member->result = std::move(result);
  }
  return ok();
}

Status SqliteDatabase::run_work(const Work& work, bool alone) {
  if (!alone) TRY(writer_->run("SAVEPOINT work"));
  SqliteTransaction transaction(*writer_);
  Status result = ok();
  try {
    result = work(transaction);
  } catch (const std::exception& exception) {
    // Others wait for this thread; an exception must not take their answers away.
    result = make_error(Errc::internal, "an exception left a database Work: {}", exception.what());
  }
  if (!writer_->in_transaction()) return result;
  if (!alone) {
    if (!result) TRY(writer_->run("ROLLBACK TO work"));
    TRY(writer_->run("RELEASE work"));
  } else if (!result) {
    TRY(writer_->run("ROLLBACK"));
    TRY(writer_->run("BEGIN"));  // an empty one, for the group's COMMIT
  }
  return result;
}

// Leaving the write-ahead log needs the file for itself, and says so at once.
Status SqliteDatabase::fold() {
  log_head_ = nullptr;
  checkpointer_.stop();
  readers_->close_idle();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    Query query = TRY(writer_->query_once("PRAGMA journal_mode = DELETE"));
    auto row = query.step();
    if (row && query.view(0) == "delete") break;
    if (!row && row.error().code() != Errc::unavailable) return std::move(row.error());
    if (std::chrono::steady_clock::now() > deadline)
      return make_error(Errc::unavailable, "another program uses {}", file_.string())
          .with_hint("stop everything that uses this home, then try again");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  TRY(writer_->execute("BEGIN EXCLUSIVE"));
  return ok();
}

void SqliteDatabase::tidy_log() {
  const int pages = writer_->wal_pages();
  if (pages < next_checkpoint_ - kCheckpointPages) next_checkpoint_ = kCheckpointPages;  // the log began anew
  if (checkpointer_.take_ended()) {
    // What was committed while it copied is little, and with it the log can begin anew.
    writer_->checkpoint();
    return;
  }
  if (pages < next_checkpoint_) return;
  if (pages >= kMaxLogPages) {
    checkpointer_.stop();  // one copies at a time
    readers_->while_nobody_reads([this] { writer_->checkpoint(); });
  } else if (!checkpointer_.begin()) {
    writer_->checkpoint();
  }
  // Readers may have held it back; then it is tried again after as many pages more.
  next_checkpoint_ = pages + kCheckpointPages;
}

std::vector<Location> SqliteDatabase::locations() const {
  std::vector<Location> found;
  const auto add = [&](std::string_view what, const fs::path& path) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (!error) found.push_back({std::string(what), path, size});
  };
  add("database", file_);
  add("write-ahead log", file_.string() + "-wal");
  add("shared memory", file_.string() + "-shm");
  return found;
}

// An empty file of mode 0600, whatever the umask; the log takes the mode of the database. A file that exists
// is not touched: closing a descriptor of it would drop the locks that SQLite holds in this process
// (fcntl(2), F_SETLK).
Status create_file(const fs::path& file) {
  const FileDescriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return errno == EEXIST ? ok() : Status(system_error(errno, "cannot create", file));
  if (::fchmod(fd.get(), 0600) != 0) return system_error(errno, "cannot set the mode of", file);
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const FileDescriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return system_error(errno, "syncing folder", parent);
  return ok();
}

Status prepare_file(const fs::path& file, bool create) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    if (errno != ENOENT || !create) return system_error(errno, "cannot open", file);
    return create_file(file);
  }
  if (!S_ISREG(info.st_mode)) return make_error(Errc::malformed, "{} is not a file", file.string());
  if (info.st_size == 0 && create) return ok();
  if (info.st_size < kSmallestFile)
    return make_error(Errc::malformed, "{} is {} and no database", file.string(),
                      info.st_size == 0 ? "empty" : "cut off")
        .with_hint("restore a backup");
  return ok();
}

// The switch needs the file for itself for a moment, which SQLite does not wait for.
Status use_write_ahead_log(Connection& connection, std::chrono::milliseconds busy_timeout) {
  const auto deadline = std::chrono::steady_clock::now() + busy_timeout;
  for (;;) {
    Query query = TRY(connection.query_once("PRAGMA journal_mode = WAL"));
    auto row = query.step();
    if (row && query.view(0) == "wal") return ok();
    if (row)
      return make_error(Errc::unavailable, "{} cannot have a write-ahead log here",
                        connection.file().string())
          .with_hint("a network file system cannot hold the database: move it to a local disk");
    if (row.error().code() != Errc::unavailable || connection.failure() ||
        std::chrono::steady_clock::now() > deadline)
      return std::move(row.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

Result<std::unique_ptr<Database>> open(const fs::path& file, const Options& options) {
  TRY(prepare_file(file, options.create));
  std::unique_ptr<Connection> writer = TRY(Connection::open(file, options.busy_timeout));
  // Looks before it writes: the file may be another program's.
  TRY(check_version(*writer, migrations()).context("opening the database"));
  TRY(writer->execute(fmt::format("PRAGMA page_size = {}", kPageSize)));  // of a new file
  TRY(use_write_ahead_log(*writer, options.busy_timeout));
  TRY(writer->execute(
      fmt::format("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; "
                  "PRAGMA cache_size = -32768; PRAGMA journal_size_limit = {}",
                  std::int64_t{kMaxLogPages} * kPageSize)));
  const std::int64_t found = TRY(schema_version(*writer, migrations()));
  TRY(migrate(*writer, migrations()));
  return std::make_unique<SqliteDatabase>(
      file, options, std::move(writer),
      Database::Schema{found, static_cast<std::int64_t>(migrations().size())});
}

}  // namespace vouch::store::sqlite
