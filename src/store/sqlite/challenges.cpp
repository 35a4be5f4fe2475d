#include "store/sqlite/challenges.hpp"

#include "store/messages.hpp"
#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite::challenge_rows {
namespace {

#define VOUCH_CHALLENGE_FIELDS                                                                            \
  "authority, kind, state, token, verifier, sealing_key, profile, template, device, user, request_id, "   \
  "minter, minted_by, minted_at, expires_at, changed_at, failures, last_refusal, request_hash, request, " \
  "client, sid, validity"
#define VOUCH_CHALLENGE_COLUMNS "id, " VOUCH_CHALLENGE_FIELDS

Result<ChallengeRecord> read(const Query& query) {
  ChallengeRecord record;
  record.id = query.integer(0);
  record.authority = query.integer(1);
  record.kind = TRY(one_of(query, 2, "kind of challenge", ChallengeKind::single));
  record.state = TRY(one_of(query, 3, "state of a challenge", ChallengeState::cancelled));
  record.token = query.blob(4);
  record.verifier = query.text(5);
  record.sealing_key = query.blob(6);
  record.profile = query.text(7);
  record.template_name = query.text(8);
  record.device = query.text(9);
  record.user = query.text(10);
  record.request_id = query.text(11);
  record.minter = query.text(12);
  record.minted_by = query.text(13);
  record.minted_at = query.time(14);
  record.expires_at = query.time(15);
  record.changed_at = query.time(16);
  record.failures = TRY(number<std::uint32_t>(query, 17, "number of failed attempts"));
  record.last_refusal = query.text(18);
  record.request_hash = query.blob(19);
  record.request = query.integer(20);
  record.client = query.text(21);
  record.sid = query.text(22);
  record.validity = query.integer(23);
  return record;
}

std::optional<std::int64_t> number_of(auto value) {
  return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
}

}  // namespace

Result<ChallengeRecord> find(Connection& connection, std::int64_t id) {
  auto found = TRY(read_first(
      TRY(connection.query("SELECT " VOUCH_CHALLENGE_COLUMNS " FROM challenges WHERE id = ?1", id)), read));
  if (!found) return messages::no_challenge(id);
  return std::move(*found);
}

Result<std::optional<ChallengeRecord>> of_token(Connection& connection, AuthorityId authority, Bytes token) {
  return read_first(TRY(connection.query("SELECT " VOUCH_CHALLENGE_COLUMNS
                                         " FROM challenges WHERE authority = ?1 AND token = ?2",
                                         authority, token)),
                    read);
}

Result<std::optional<ChallengeRecord>> of_request(Connection& connection, RequestId request) {
  if (request == 0) return std::nullopt;
  return read_first(
      TRY(connection.query(
          "SELECT " VOUCH_CHALLENGE_COLUMNS " FROM challenges WHERE request = ?1 AND request <> 0", request)),
      read);
}

Result<std::vector<ChallengeRecord>> list(Connection& connection, const ChallengeFilter& filter) {
  Query query = TRY(connection.query(
      "SELECT " VOUCH_CHALLENGE_COLUMNS
      " FROM challenges WHERE id > ?1 AND (?2 IS NULL OR authority = ?2) AND (?3 IS NULL OR kind = ?3) AND "
      "(?4 IS NULL OR state = ?4) AND (?5 = '' OR profile = ?5) AND (?6 = '' OR device = ?6) AND "
      "(?7 IS NULL OR expires_at >= ?7) ORDER BY id LIMIT ?8",
      filter.after, filter.authority, number_of(filter.kind), number_of(filter.state), filter.profile,
      filter.device, filter.expires_from, sql_number(filter.limit)));
  return read_all(std::move(query), read);
}

Result<std::optional<Time>> last_of_key(Connection& connection, AuthorityId authority, Bytes key) {
  Query query = TRY(connection.query(
      "SELECT max(expires_at) FROM challenges WHERE authority = ?1 AND sealing_key = ?2", authority, key));
  (void)TRY(query.step());
  return query.optional_time(0);
}

Result<std::vector<ChallengeKey>> keys(Connection& connection, AuthorityId authority) {
  Query query = TRY(connection.query(
      "SELECT id, authority, minter, public_key_info, reference, rights, created_at, created_by, retired_at, "
      "removed_at FROM challenge_keys WHERE authority = ?1 ORDER BY position",
      authority));
  return read_all(std::move(query), [](const Query& row) -> Result<ChallengeKey> {
    return ChallengeKey{row.blob(0), row.integer(1), row.text(2), row.blob(3),          row.text(4),
                        row.text(5), row.time(6),    row.text(7), row.optional_time(8), row.optional_time(9)};
  });
}

Result<std::optional<GuessRecord>> guesses(Connection& connection, AuthorityId authority,
                                           std::string_view scope) {
  Query query = TRY(connection.query(
      "SELECT authority, scope, level, at FROM challenge_guesses WHERE authority = ?1 AND scope = ?2",
      authority, scope));
  return read_first(std::move(query), [](const Query& row) -> Result<GuessRecord> {
    return GuessRecord{row.integer(0), row.text(1),
                       TRY(number<std::uint32_t>(row, 2, "number of wrong passwords")), row.time(3)};
  });
}

Result<std::int64_t> insert(Connection& connection, const ChallengeRecord& record) {
  auto done = connection.run(
      "INSERT INTO challenges (" VOUCH_CHALLENGE_FIELDS
      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, "
      "?21, ?22, ?23)",
      record.authority, static_cast<std::int64_t>(record.kind), static_cast<std::int64_t>(record.state),
      record.token, record.verifier, record.sealing_key, record.profile, record.template_name, record.device,
      record.user, record.request_id, record.minter, record.minted_by, record.minted_at, record.expires_at,
      record.changed_at, std::int64_t{record.failures}, record.last_refusal, record.request_hash,
      record.request, record.client, record.sid, record.validity);
  if (!done && done.error().code() == Errc::conflict) return messages::challenge_exists();
  if (!done && done.error().code() == Errc::not_found) return messages::no_authority(record.authority);
  TRY(std::move(done));
  return connection.last_insert_id();
}

Status update(Connection& connection, const ChallengeRecord& record) {
  TRY(connection.run(
      "UPDATE challenges SET state = ?2, verifier = ?3, minted_by = ?4, minted_at = ?5, expires_at = ?6, "
      "changed_at = ?7, failures = ?8, last_refusal = ?9, request_hash = ?10, request = ?11, client = ?12 "
      "WHERE "
      "id = ?1",
      record.id, static_cast<std::int64_t>(record.state), record.verifier, record.minted_by, record.minted_at,
      record.expires_at, record.changed_at, std::int64_t{record.failures}, record.last_refusal,
      record.request_hash, record.request, record.client));
  if (connection.changes() == 0) return messages::no_challenge(record.id);
  return ok();
}

Status insert_key(Connection& connection, const ChallengeKey& key) {
  auto done = connection.run(
      "INSERT INTO challenge_keys (id, authority, minter, public_key_info, reference, rights, created_at, "
      "created_by, retired_at, removed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      key.id, key.authority, key.minter, key.public_key_info, key.reference, key.rights, key.created_at,
      key.created_by, key.retired_at, key.removed_at);
  if (!done && done.error().code() == Errc::conflict) return messages::challenge_key_exists(key.id);
  if (!done && done.error().code() == Errc::not_found) return messages::no_authority(key.authority);
  return done;
}

Status update_key(Connection& connection, const ChallengeKey& key) {
  TRY(
      connection.run("UPDATE challenge_keys SET rights = ?3, retired_at = ?4, removed_at = ?5 WHERE "
                     "authority = ?1 AND id = ?2",
                     key.authority, key.id, key.rights, key.retired_at, key.removed_at));
  if (connection.changes() == 0) return messages::no_challenge_key(key.id);
  return ok();
}

Status put_guesses(Connection& connection, const GuessRecord& record) {
  auto done = connection.run(
      "INSERT INTO challenge_guesses (authority, scope, level, at) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (authority, scope) DO UPDATE SET level = ?3, at = ?4",
      record.authority, record.scope, std::int64_t{record.level}, record.at);
  if (!done && done.error().code() == Errc::not_found) return messages::no_authority(record.authority);
  return done;
}

}  // namespace vouch::store::sqlite::challenge_rows
