#pragma once
// CRLs in SQL, where they go, and where certificates say that they are.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite::crl_rows {

Result<std::vector<CrlRecord>> all(Connection& connection, AuthorityId authority);
Result<std::vector<CrlRecord>> newest(Connection& connection, const Snapshot::CrlSeries& series,
                                      std::size_t limit);
Result<std::vector<std::uint64_t>> changes(Connection& connection, AuthorityId authority,
                                           std::uint16_t key_index, std::uint32_t shard,
                                           std::uint64_t from_number);
Result<std::uint64_t> last_number(Connection& connection, AuthorityId authority);
Result<std::vector<CrlTarget>> targets(Connection& connection, AuthorityId authority);
Result<std::vector<CrlTarget>> targets(Connection& connection, const Snapshot::CrlSeries& series);
Result<std::vector<CarriedShard>> carried_shards(Connection& connection, AuthorityId authority);
Result<std::vector<LocationSet>> location_sets(Connection& connection, AuthorityId authority, Time now);

}  // namespace vouch::store::sqlite::crl_rows
