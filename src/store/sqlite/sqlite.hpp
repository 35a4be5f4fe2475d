#pragma once
// The embedded database: SQLite, write-ahead log, synchronous=FULL. The only folder that includes sqlite3.h.

#include "store/database.hpp"

namespace vouch::store::sqlite {

struct Options {
  bool create = true;                              // otherwise `not_found` when there is no file
  std::chrono::milliseconds busy_timeout{30'000};  // how long a second process waits for the first
};

// Opens or creates the file and brings its schema up to date. Fails with `denied`, `unavailable`,
// `malformed` (not a database, or a schema newer than this program), each with what to do.
Result<std::unique_ptr<Database>> open(const fs::path& file, const Options& options = {});

}  // namespace vouch::store::sqlite
