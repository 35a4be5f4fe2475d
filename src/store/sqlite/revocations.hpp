#pragma once
// Revocations in SQL, as CRLs want them.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite::revocation_rows {

Result<x509::CrlReason> read_reason(const Query& query, int column);
Status for_each(Connection& connection, AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                Time unexpired_at, const Snapshot::VisitRevoked& visit);
Status for_each_changed(Connection& connection, AuthorityId authority, std::uint16_t key_index,
                        std::uint32_t shard, std::uint64_t after, const Snapshot::VisitChanged& visit);
Result<std::uint64_t> last_change(Connection& connection, AuthorityId authority);

}  // namespace vouch::store::sqlite::revocation_rows
