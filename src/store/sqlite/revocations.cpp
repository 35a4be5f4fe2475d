#include "store/sqlite/revocations.hpp"

#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite::revocation_rows {

Result<x509::CrlReason> read_reason(const Query& query, int column) {
  const auto reason = TRY(number<std::uint8_t>(query, column, "revocation reason", 10));
  if (reason == 7) return damaged("revocation reason", reason);  // RFC 5280 5.3.1: not used
  return static_cast<x509::CrlReason>(reason);
}

Status for_each(Connection& connection, AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                Time unexpired_at, const Snapshot::VisitRevoked& visit) {
  // The indexes of shards are used only where the text of their condition stands.
  Query query = TRY(
      shard == 0
          ? connection.query("SELECT serial, revoked_at, reason, invalidity_date FROM revocations "
                             "WHERE authority = ?1 AND key_index = ?2 AND not_after >= ?3 ORDER BY serial",
                             authority, std::int64_t{key_index}, unexpired_at)
          : connection.query("SELECT serial, revoked_at, reason, invalidity_date FROM revocations INDEXED BY "
                             "revocations_by_shard WHERE authority = ?1 AND key_index = ?2 AND shard = ?4 "
                             "AND shard <> 0 AND not_after >= ?3 ORDER BY serial",
                             authority, std::int64_t{key_index}, unexpired_at, std::int64_t{shard}));
  Snapshot::RevokedEntry entry;
  while (TRY(query.step())) {
    entry.serial = query.bytes(0);
    entry.revoked_at = query.time(1);
    entry.reason = TRY(read_reason(query, 2));
    entry.invalidity_date = query.optional_time(3);
    TRY(visit(entry));
  }
  return ok();
}

namespace {

// Who was revoked, or whose reason has changed.
Status visit_revoked(Connection& connection, AuthorityId authority, std::uint16_t key_index,
                     std::uint32_t shard, std::int64_t since, const Snapshot::VisitChanged& visit) {
#define VOUCH_CHANGED \
  "SELECT serial, revoked_at, reason, invalidity_date, not_after, changed FROM revocations "
  Query query =
      TRY(shard == 0
              ? connection.query(VOUCH_CHANGED
                                 "WHERE authority = ?1 AND key_index = ?2 AND changed > ?3 ORDER BY changed",
                                 authority, std::int64_t{key_index}, since)
              : connection.query(VOUCH_CHANGED
                                 "INDEXED BY revocations_changed_by_shard WHERE authority = ?1 AND key_index "
                                 "= ?2 AND shard = ?4 AND shard <> 0 AND changed > ?3 ORDER BY changed",
                                 authority, std::int64_t{key_index}, since, std::int64_t{shard}));
#undef VOUCH_CHANGED
  Snapshot::ChangedEntry entry;
  while (TRY(query.step())) {
    entry.serial = query.bytes(0);
    entry.revoked_at = query.time(1);
    entry.reason = TRY(read_reason(query, 2));
    entry.invalidity_date = query.optional_time(3);
    entry.not_after = query.time(4);
    entry.changed = TRY(number<std::uint64_t>(query, 5, "change"));
    TRY(visit(entry));
  }
  return ok();
}

// Who was released from a hold, and not revoked again.
Status visit_released(Connection& connection, AuthorityId authority, std::uint16_t key_index,
                      std::uint32_t shard, std::int64_t since, const Snapshot::VisitChanged& visit) {
#define VOUCH_RELEASED "SELECT l.serial, l.revoked_at, l.not_after, l.held_since, l.changed FROM releases l "
#define VOUCH_NOT_AGAIN                                                                         \
  "LEFT JOIN revocations r ON r.authority = l.authority AND r.key_index = l.key_index "         \
  "AND r.serial = l.serial WHERE l.authority = ?1 AND l.key_index = ?2 AND l.changed > ?3 AND " \
  "r.serial IS NULL "
  Query query =
      TRY(shard == 0 ? connection.query(VOUCH_RELEASED VOUCH_NOT_AGAIN "ORDER BY l.changed", authority,
                                        std::int64_t{key_index}, since)
                     : connection.query(VOUCH_RELEASED "INDEXED BY releases_changed_by_shard " VOUCH_NOT_AGAIN
                                                       "AND l.shard = ?4 AND l.shard <> 0 ORDER BY l.changed",
                                        authority, std::int64_t{key_index}, since, std::int64_t{shard}));
#undef VOUCH_RELEASED
#undef VOUCH_NOT_AGAIN
  Snapshot::ChangedEntry entry;
  entry.reason = x509::CrlReason::remove_from_crl;
  entry.released = true;
  while (TRY(query.step())) {
    entry.serial = query.bytes(0);
    entry.revoked_at = query.time(1);
    entry.not_after = query.time(2);
    entry.held_since = TRY(number<std::uint64_t>(query, 3, "change"));
    entry.changed = TRY(number<std::uint64_t>(query, 4, "change"));
    TRY(visit(entry));
  }
  return ok();
}

}  // namespace

Status for_each_changed(Connection& connection, AuthorityId authority, std::uint16_t key_index,
                        std::uint32_t shard, std::uint64_t after, const Snapshot::VisitChanged& visit) {
  const std::int64_t since = sql_number(after);
  TRY(visit_revoked(connection, authority, key_index, shard, since, visit));
  return visit_released(connection, authority, key_index, shard, since, visit);
}

Result<std::uint64_t> last_change(Connection& connection, AuthorityId authority) {
  Query query = TRY(connection.query("SELECT last FROM revocation_changes WHERE authority = ?1", authority));
  if (!TRY(query.step())) return 0;
  return number<std::uint64_t>(query, 0, "change");
}

}  // namespace vouch::store::sqlite::revocation_rows
