#pragma once
// The backends that the contract tests go through. Memory is the one that is easy to read.

#include <gmock/gmock.h>

#include "store/memory/memory.hpp"
#include "store/sample_records.hpp"
#include "store/sqlite/sqlite.hpp"

namespace vouch::store {

struct Backend {
  const char* name;
  std::unique_ptr<Database> (*open)(const sample::TemporaryFolder&);
};
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

inline const Backend kBackends[] = {{"Memory", [](const sample::TemporaryFolder&) { return memory::open(); }},
                                    {"Sqlite", [](const sample::TemporaryFolder& folder) {
                                       return std::move(sqlite::open(folder / "vouch.db").value());
                                     }}};

inline std::string name_of(const testing::TestParamInfo<Backend>& backend) { return backend.param.name; }

}  // namespace vouch::store
