#pragma once
// A database that was restored from a backup catches up with the one that went on.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// Brings everything that `later` has beyond the connection's database over, in one transaction. Both have the
// newest schema.
Result<Replayed> replay(Connection& connection, const fs::path& later);

}  // namespace vouch::store::sqlite
