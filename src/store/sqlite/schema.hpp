#pragma once
// The tables, and how a file of an older vouch becomes one of this: numbered migrations, each in one
// transaction. PRAGMA user_version counts those that were done.

#include <span>

#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// Step n turns version n into version n + 1. A step that has been released never changes.
std::span<const char* const> migrations();

// Fails with `malformed` for the file of another program and for one that is newer than `steps`. Writes
// nothing.
Status check_version(Connection& connection, std::span<const char* const> steps);
// The version that the file has now.
Result<std::int64_t> schema_version(Connection& connection, std::span<const char* const> steps);
// Brings the file to the last version of `steps`. Fails as check_version does.
Status migrate(Connection& connection, std::span<const char* const> steps);

}  // namespace vouch::store::sqlite
