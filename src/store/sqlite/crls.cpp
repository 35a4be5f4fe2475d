#include "store/sqlite/crls.hpp"

#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite::crl_rows {
namespace {

Result<CrlRecord> read_crl(const Query& query) {
  CrlRecord record;
  record.authority = query.integer(0);
  record.number = TRY(number<std::uint64_t>(query, 1, "CRL number"));
  record.key_index = TRY(number<std::uint16_t>(query, 2, "key index"));
  record.delta = query.integer(3) != 0;
  record.this_update = query.time(4);
  record.next_update = query.time(5);
  record.next_publish = query.time(6);
  record.entries = TRY(number<std::uint64_t>(query, 7, "number of entries"));
  record.size = TRY(number<std::uint64_t>(query, 8, "size"));
  record.sha256 = query.blob(9);
  record.file = query.text(10);
  record.base_number = TRY(number<std::uint64_t>(query, 11, "CRL number"));
  record.last_change = TRY(number<std::uint64_t>(query, 12, "change"));
  record.scope = query.blob(13);
  record.shard = TRY(number<std::uint32_t>(query, 14, "shard"));
  return record;
}

#define VOUCH_CRL_COLUMNS                                                                        \
  "authority, number, key_index, delta, this_update, next_update, next_publish, entries, size, " \
  "sha256, file, base_number, last_change, scope, shard"

Result<CrlTarget> read_crl_target(const Query& query) {
  CrlTarget target;
  target.authority = query.integer(0);
  target.key_index = TRY(number<std::uint16_t>(query, 1, "key index"));
  target.delta = query.integer(2) != 0;
  target.target = query.text(3);
  target.number = TRY(number<std::uint64_t>(query, 4, "CRL number"));
  target.wanted = TRY(number<std::uint64_t>(query, 5, "CRL number"));
  target.tried_at = query.time(6);
  target.error = query.text(7);
  target.shard = TRY(number<std::uint32_t>(query, 8, "shard"));
  return target;
}

#define VOUCH_TARGET_COLUMNS "authority, key_index, delta, target, number, wanted, tried_at, error, shard"

}  // namespace

Result<std::vector<CrlRecord>> all(Connection& connection, AuthorityId authority) {
  return read_all(
      TRY(connection.query("SELECT " VOUCH_CRL_COLUMNS " FROM crls WHERE authority = ?1 ORDER BY number DESC",
                           authority)),
      read_crl);
}

Result<std::vector<CrlRecord>> newest(Connection& connection, const Snapshot::CrlSeries& series,
                                      std::size_t limit) {
  return read_all(
      TRY(connection.query("SELECT " VOUCH_CRL_COLUMNS
                           " FROM crls WHERE authority = ?1 AND key_index = ?2 AND delta = ?3 AND shard = "
                           "?5 AND sha256 <> x'' ORDER BY number DESC LIMIT ?4",
                           series.authority, std::int64_t{series.key_index}, std::int64_t{series.delta},
                           sql_number(limit), std::int64_t{series.shard})),
      read_crl);
}

Result<std::vector<std::uint64_t>> changes(Connection& connection, AuthorityId authority,
                                           std::uint16_t key_index, std::uint32_t shard,
                                           std::uint64_t from_number) {
  return read_all(
      TRY(connection.query("SELECT last_change FROM crls WHERE authority = ?1 AND number >= ?3 AND "
                           "key_index = ?2 AND shard = ?4 ORDER BY number",
                           authority, std::int64_t{key_index}, sql_number(from_number), std::int64_t{shard})),
      [](const Query& row) { return number<std::uint64_t>(row, 0, "change"); });
}

Result<std::uint64_t> last_number(Connection& connection, AuthorityId authority) {
  Query query =
      TRY(connection.query("SELECT coalesce(max(number), 0) FROM crls WHERE authority = ?1", authority));
  (void)TRY(query.step());
  return number<std::uint64_t>(query, 0, "CRL number");
}

Result<std::vector<CrlTarget>> targets(Connection& connection, AuthorityId authority) {
  return read_all(
      TRY(connection.query("SELECT " VOUCH_TARGET_COLUMNS
                           " FROM crl_targets WHERE authority = ?1 ORDER BY key_index, delta, target",
                           authority)),
      read_crl_target);
}

Result<std::vector<CrlTarget>> targets(Connection& connection, const Snapshot::CrlSeries& series) {
  return read_all(
      TRY(connection.query("SELECT " VOUCH_TARGET_COLUMNS
                           " FROM crl_targets WHERE authority = ?1 AND key_index = ?2 AND delta = ?3 AND "
                           "shard = ?4 ORDER BY target",
                           series.authority, std::int64_t{series.key_index}, std::int64_t{series.delta},
                           std::int64_t{series.shard})),
      read_crl_target);
}

Result<std::vector<CarriedShard>> carried_shards(Connection& connection, AuthorityId authority) {
  Query query = TRY(connection.query(
      "SELECT s.key_index, s.shard, coalesce(l.locations, ''), s.not_after FROM carried_shards s LEFT JOIN "
      "location_sets l ON l.id = s.location_set WHERE s.authority = ?1 "
      "ORDER BY s.key_index, s.shard, s.location_set",
      authority));
  return read_all(std::move(query), [](const Query& row) -> Result<CarriedShard> {
    return CarriedShard{TRY(number<std::uint16_t>(row, 0, "key index")),
                        TRY(number<std::uint32_t>(row, 1, "shard")), row.text(2), row.time(3)};
  });
}

Result<std::vector<LocationSet>> location_sets(Connection& connection, AuthorityId authority, Time now) {
  // 0 stands for the certificates of which it was not recorded, and is left out when there are none.
  Query query = TRY(connection.query(
      "SELECT * FROM (SELECT l.id AS id, l.locations, (SELECT count(*) FROM certificates c "
      "WHERE c.authority = ?1 AND c.location_set = l.id AND c.not_after >= ?2) AS live "
      "FROM location_sets l WHERE l.authority = ?1 "
      "UNION ALL SELECT 0, '', (SELECT count(*) FROM certificates c "
      "WHERE c.authority = ?1 AND c.location_set = 0 AND c.not_after >= ?2)) WHERE id <> 0 OR live <> 0 "
      "ORDER BY id",
      authority, now));
  return read_all(std::move(query), [](const Query& row) -> Result<LocationSet> {
    return LocationSet{row.integer(0), row.text(1), static_cast<std::uint64_t>(row.integer(2))};
  });
}

}  // namespace vouch::store::sqlite::crl_rows
