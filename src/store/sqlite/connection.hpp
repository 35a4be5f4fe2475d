#pragma once
// One connection to a SQLite file with its prepared statements. One thread at a time.
//
//   Query query = TRY(connection.query("SELECT name FROM authorities WHERE id = ?1", id));
//   while (TRY(query.step())) use(query.text(0));

#include <sqlite3.h>

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/files.hpp"
#include "base/time.hpp"

namespace vouch::store::sqlite {

// A prepared statement in use. Values are bound without a copy: what they point to must live until the last
// step. Columns that point into SQLite (`bytes`, `view`) are valid until the next step.
class Query {
 public:
  Query(Query&& other) noexcept
      : statement_(std::exchange(other.statement_, nullptr)),
        in_use_(std::exchange(other.in_use_, nullptr)),
        connection_(other.connection_) {}
  Query& operator=(Query&&) = delete;
  ~Query();

  // True: there is a row. Fails as Connection::error says.
  Result<bool> step();
  // For statements that give no rows.
  Status run() {
    (void)TRY(step());
    return ok();
  }

  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  Bytes bytes(int column) const;
  std::string_view view(int column) const;
  Buffer blob(int column) const { return to_buffer(bytes(column)); }
  std::string text(int column) const { return std::string(view(column)); }
  Time time(int column) const { return Time(std::chrono::seconds(integer(column))); }
  std::optional<Time> optional_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }

 private:
  friend class Connection;
  // `in_use` is the mark of a statement that the connection keeps; null for one that is thrown away.
  Query(class Connection& connection, sqlite3_stmt* statement, bool* in_use)
      : statement_(statement), in_use_(in_use), connection_(&connection) {}

  void bind(int index, std::int64_t value) { sqlite3_bind_int64(statement_, index, value); }
  void bind(int index, std::optional<std::int64_t> value);
  void bind(int index, Time value) { bind(index, std::int64_t{value.time_since_epoch().count()}); }
  void bind(int index, std::optional<Time> value);
  void bind(int index, Bytes value);
  void bind(int index, std::string_view value);

  sqlite3_stmt* statement_;
  bool* in_use_;
  class Connection* connection_;
};

class Connection {
 public:
  // The file must exist. A busy file is waited for up to `busy_timeout`.
  static Result<std::unique_ptr<Connection>> open(const fs::path& file,
                                                  std::chrono::milliseconds busy_timeout);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // `sql` must be a literal: its address is the key under which the prepared statement is kept.
  template <class... Values>
  Result<Query> query(const char* sql, const Values&... values) {
    Query query = TRY(prepared(sql));
    int index = 0;
    (query.bind(++index, values), ...);
    return query;
  }
  // For a text that is put together; prepared each time.
  template <class... Values>
  Result<Query> query_once(const std::string& sql, const Values&... values) {
    Query query(*this, TRY(prepare(sql, 0)), nullptr);
    int index = 0;
    (query.bind(++index, values), ...);
    return query;
  }
  template <class... Values>
  Status run(const char* sql, const Values&... values) {
    return TRY(query(sql, values...)).run();
  }
  // Several statements, without values; nothing is kept.
  Status execute(const std::string& sql);

  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }
  std::int64_t changes() const { return sqlite3_changes64(handle_); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

  // What went wrong last, in our categories: `conflict` (constraint), `not_found` (foreign key), `malformed`
  // (damaged), `unavailable` (busy, full, read-only, I/O), each with what to do.
  Error error(int code);
  // The first failure since `forget_failure` after which nothing of the transaction may be kept: no space,
  // I/O, memory. It stays here even when its Result was ignored.
  const std::optional<Error>& failure() const { return failure_; }
  void forget_failure() { failure_.reset(); }

  // From here on nothing is copied from the write-ahead log into the database unless `checkpoint` is called.
  void checkpoint_by_hand() { sqlite3_wal_hook(handle_, &note_wal_pages, this); }
  // Pages in the write-ahead log after the last commit on this connection.
  int wal_pages() const { return wal_pages_; }
  // Copies into the database what no reader holds back. A failure is no harm: the log keeps everything.
  void checkpoint() {
    sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }

  // The head of the write-ahead log's index, which all processes share: each commit writes it before it
  // returns (sqlite.org/walformat.html 2.1). Null until the log was used; valid as long as the connection.
  const volatile std::uint64_t* log_head();

  sqlite3* handle() { return handle_; }
  const fs::path& file() const { return file_; }

 private:
  struct Kept {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };
  Connection(fs::path file, std::chrono::milliseconds busy_timeout)
      : file_(std::move(file)), busy_timeout_(busy_timeout) {}

  Result<Query> prepared(const char* sql);
  Result<sqlite3_stmt*> prepare(std::string_view sql, unsigned flags);
  static int wait_while_busy(void* connection, int times);
  static int note_wal_pages(void* connection, sqlite3* handle, const char* database, int pages);

  const fs::path file_;
  const std::chrono::milliseconds busy_timeout_;
  std::chrono::steady_clock::time_point busy_since_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<const char*, Kept> kept_;  // elements stay where they are
  std::optional<Error> failure_;
  int wal_pages_ = 0;
};

// Tells from what the system says about the file and its folder why SQLite cannot open or write it.
Error cannot_use(const fs::path& file, std::string_view what_sqlite_said);

}  // namespace vouch::store::sqlite
