#pragma once
// What `db check` looks at: the file as SQLite sees it, and what rows say about each other.

#include <string>
#include <vector>

#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// One sentence for each thing that is wrong; none is good news.
Result<std::vector<std::string>> check(Connection& connection);

}  // namespace vouch::store::sqlite
