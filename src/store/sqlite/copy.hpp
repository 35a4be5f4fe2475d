#pragma once
// A copy of the database while others write to it.

#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// One state of `file`, in a new file of mode 0600 without a log. Removed again when something fails.
Status copy(const fs::path& file, std::chrono::milliseconds busy_timeout, const fs::path& target);

}  // namespace vouch::store::sqlite
