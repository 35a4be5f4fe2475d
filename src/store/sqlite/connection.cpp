#include "store/sqlite/connection.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace vouch::store::sqlite {
namespace {

// SQLite takes a null pointer for NULL, whatever the length.
const char kNothing[1] = {0};

// SQLite counts its memory under a lock that all threads of the process share, at each piece; nobody here
// asks for the count. Only possible before SQLite is first used; later it changes nothing.
void stop_counting_memory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;
}

bool spoils_transaction(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
      return true;
    default:
      return false;
  }
}

}  // namespace

Query::~Query() {
  if (statement_ == nullptr) return;
  if (in_use_ == nullptr) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  *in_use_ = false;
}

Result<bool> Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->error(code);
}

Bytes Query::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Query::view(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return {data == nullptr ? kNothing : data,
          data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Query::bind(int index, std::optional<std::int64_t> value) {
  value ? sqlite3_bind_int64(statement_, index, *value) : sqlite3_bind_null(statement_, index);
}

void Query::bind(int index, std::optional<Time> value) {
  value ? bind(index, *value) : bind(index, std::optional<std::int64_t>());
}

void Query::bind(int index, Bytes value) {
  const void* data = value.empty() ? static_cast<const void*>(kNothing) : value.data();
  sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_STATIC);
}

void Query::bind(int index, std::string_view value) {
  sqlite3_bind_text64(statement_, index, value.empty() ? kNothing : value.data(), value.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

Result<std::unique_ptr<Connection>> Connection::open(const fs::path& file,
                                                     std::chrono::milliseconds busy_timeout) {
  stop_counting_memory();
  std::unique_ptr<Connection> connection(new Connection(file, busy_timeout));
  const int code =
      sqlite3_open_v2(file.c_str(), &connection->handle_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (connection->handle_ == nullptr)
    return make_error(Errc::unavailable, "no memory to open {}", file.string());
  if (code != SQLITE_OK) return connection->error(code);
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Before anything else touches the file, journal_mode included.
  sqlite3_busy_handler(connection->handle_, &wait_while_busy, connection.get());
  // SQLite falls back to reading only, quietly, when it may not write.
  if (sqlite3_db_readonly(connection->handle_, "main") == 1) return cannot_use(file, "it cannot be written");
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, kept] : kept_) sqlite3_finalize(kept.statement);
  sqlite3_close_v2(handle_);
}

// SQLite's own timeout sleeps up to a tenth of a second at a time and so rarely meets the short gap between
// two transactions of a busy process; this one looks every few milliseconds.
int Connection::wait_while_busy(void* connection, int times) {
  auto& self = *static_cast<Connection*>(connection);
  const auto now = std::chrono::steady_clock::now();
  if (times == 0) self.busy_since_ = now;
  if (now - self.busy_since_ >= self.busy_timeout_) return 0;
  std::this_thread::sleep_for(std::chrono::microseconds(std::min(200 * (times + 1), 3000)));
  return 1;
}

int Connection::note_wal_pages(void* connection, sqlite3*, const char*, int pages) {
  static_cast<Connection*>(connection)->wal_pages_ = pages;
  return SQLITE_OK;
}

Status Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return ok();
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql, unsigned flags) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), flags, &statement, nullptr);
  if (code != SQLITE_OK) return error(code);
  return statement;
}

Result<Query> Connection::prepared(const char* sql) {
  Kept& kept = kept_[sql];
  // In use: a visitor asks the same question again while its rows are being read.
  if (kept.in_use) return Query(*this, TRY(prepare(sql, 0)), nullptr);
  if (kept.statement == nullptr) kept.statement = TRY(prepare(sql, SQLITE_PREPARE_PERSISTENT));
  kept.in_use = true;
  return Query(*this, kept.statement, &kept.in_use);
}

namespace {

Error classify(int code, std::string_view text, int errno_of_sqlite, const fs::path& file,
               std::chrono::milliseconds busy_timeout) {
  const std::string name = file.string();
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make_error(Errc::unavailable, "another program has been writing to {} for more than {} s", name,
                        static_cast<double>(busy_timeout.count()) / 1000)
          .with_hint("try again; if it stays so, see which program holds it: fuser -v " + name);
    case SQLITE_FULL:
      return make_error(Errc::unavailable, "cannot write {}: no space left", name)
          .with_hint("free space on that file system and try again; nothing was changed");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return cannot_use(file, text);
    case SQLITE_IOERR: {
      Error error = system_error(errno_of_sqlite == 0 ? EIO : errno_of_sqlite, "cannot read or write", file);
      if (error.code() == Errc::unavailable && !error.hint().empty()) return error;
      return make_error(Errc::unavailable, "{} ({})", error.message(), text)
          .with_hint("check the file system and the disk, then try again; nothing was changed");
    }
    case SQLITE_CORRUPT:
      return make_error(Errc::malformed, "{} is damaged: {}", name, text)
          .with_hint("stop writing to it, see what is wrong with vouch db check, and restore a backup");
    case SQLITE_NOTADB:
      return make_error(Errc::malformed, "{} is not a database: {}", name, text)
          .with_hint("give the right file, or restore a backup");
    case SQLITE_CONSTRAINT:
      return make_error(code == SQLITE_CONSTRAINT_FOREIGNKEY ? Errc::not_found : Errc::conflict, "{}: {}",
                        name, text);
    case SQLITE_TOOBIG:
      return make_error(Errc::limit_exceeded, "a value is too large for {}: {}", name, text);
    case SQLITE_NOMEM:
      return make_error(Errc::unavailable, "no memory left to use {}", name);
    case SQLITE_PROTOCOL:
      return make_error(Errc::unavailable, "cannot lock {}: {}", name, text)
          .with_hint("too many programs open and close it at the same time; try again");
    default:
      return make_error(Errc::internal, "{}: {} ({})", name, text, code);
  }
}

}  // namespace

const volatile std::uint64_t* Connection::log_head() {
  constexpr int kRegion = 32'768;  // the index comes in regions of that size
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file)) !=
      SQLITE_OK)
    return nullptr;
  if (file == nullptr || file->pMethods == nullptr || file->pMethods->iVersion < 2) return nullptr;
  void volatile* region = nullptr;
  if (file->pMethods->xShmMap(file, 0, kRegion, 0, &region) != SQLITE_OK) return nullptr;
  return static_cast<const volatile std::uint64_t*>(region);
}

Error Connection::error(int code) {
  Error error = classify(code, sqlite3_errmsg(handle_), sqlite3_system_errno(handle_), file_, busy_timeout_);
  if (!failure_ && spoils_transaction(code)) failure_ = error;
  return error;
}

Error cannot_use(const fs::path& file, std::string_view what_sqlite_said) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  // access() asks for the real user; faccessat with AT_EACCESS for the one who acts.
  const auto may_not = [](const fs::path& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) != 0;
  };
  if (may_not(file, R_OK | W_OK)) return system_error(errno, "cannot open", file);
  // The write-ahead log is created beside the database.
  if (may_not(folder, W_OK | X_OK))
    return system_error(errno, "cannot create the write-ahead log in", folder);
  return make_error(Errc::unavailable, "cannot open {}: {}", file.string(), what_sqlite_said)
      .with_hint(
          "check the modes of the file, of the -wal and -shm files beside it, and the space that is left");
}

}  // namespace vouch::store::sqlite
