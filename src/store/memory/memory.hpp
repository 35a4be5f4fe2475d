#pragma once
// The database in memory, for tests and dry runs. Nothing survives it.

#include "store/database.hpp"

namespace vouch::store::memory {

std::unique_ptr<Database> open();

}  // namespace vouch::store::memory
