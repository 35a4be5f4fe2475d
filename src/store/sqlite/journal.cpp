#include "store/sqlite/journal.hpp"

#include "store/messages.hpp"
#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite::journal {
namespace {

constexpr std::size_t kHash = 32;

#define VOUCH_AUDIT_COLUMNS "sequence, time, actor, action, authority, object, details, outcome, leaf"

AuditRecord read_audit(const Query& query) {
  return {query.integer(0), query.time(1), query.text(2), query.text(3), query.text(4),
          query.text(5),    query.text(6), query.text(7), query.blob(8)};
}

Buffer joined(const std::vector<Buffer>& hashes) {
  Buffer all;
  for (const Buffer& hash : hashes) append(all, hash);
  return all;
}

std::vector<Buffer> split(Bytes all) {
  std::vector<Buffer> hashes;
  for (; !all.empty(); all = all.subspan(std::min(kHash, all.size())))
    hashes.push_back(to_buffer(all.first(std::min(kHash, all.size()))));
  return hashes;
}

#define VOUCH_HEAD_COLUMNS "size, time, root, checkpoint, frontier"

AuditHead read_head(const Query& query) {
  return {query.integer(0), query.time(1), query.blob(2), query.text(3), split(query.bytes(4))};
}

// A text without what SQLite's GLOB takes for a pattern.
std::string glob_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[')
      out.append({'[', c, ']'});
    else
      out += c;
  }
  return out;
}

}  // namespace

Result<std::int64_t> audit_size(Connection& connection) {
  Query query = TRY(connection.query("SELECT max(sequence) FROM audit"));
  (void)TRY(query.step());
  return query.is_null(0) ? 0 : query.integer(0);
}

Status for_each_audit(Connection& connection, const AuditFilter& filter,
                      const std::function<Status(const AuditRecord&)>& visit) {
  const std::string sql = fmt::format(
      "SELECT " VOUCH_AUDIT_COLUMNS
      " FROM audit WHERE sequence BETWEEN ?1 AND ?2 AND (?3 IS NULL OR time >= ?3) AND (?4 IS NULL OR "
      "time <= ?4) AND (?5 = '' OR actor = ?5) AND (?6 = '' OR action GLOB ?6) AND (?7 = '' OR authority = "
      "?7) AND (?8 = '' OR object = ?8) ORDER BY sequence {} LIMIT ?9",
      filter.newest_first ? "DESC" : "ASC");
  std::string action = glob_text(filter.action);
  if (filter.action.ends_with(".*"))
    action = glob_text(std::string_view(filter.action).substr(0, filter.action.size() - 1)) + "*";
  Query query =
      TRY(connection.query_once(sql, filter.first, filter.last, filter.since, filter.until, filter.actor,
                                action, filter.authority, filter.object, sql_number(filter.limit)));
  while (TRY(query.step())) TRY(visit(read_audit(query)));
  return ok();
}

Status for_each_audit_leaf(Connection& connection, std::int64_t first, std::int64_t last,
                           const std::function<Status(std::int64_t, Bytes)>& visit) {
  Query query = TRY(connection.query(
      "SELECT sequence, leaf FROM audit WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence", first, last));
  while (TRY(query.step())) TRY(visit(query.integer(0), query.bytes(1)));
  return ok();
}

Result<std::vector<AuditHead>> audit_heads(Connection& connection) {
  Query query = TRY(connection.query("SELECT " VOUCH_HEAD_COLUMNS " FROM audit_heads ORDER BY size"));
  std::vector<AuditHead> heads;
  while (TRY(query.step())) heads.push_back(read_head(query));
  return heads;
}

Result<std::optional<AuditHead>> last_audit_head(Connection& connection) {
  Query query =
      TRY(connection.query("SELECT " VOUCH_HEAD_COLUMNS " FROM audit_heads ORDER BY size DESC LIMIT 1"));
  if (!TRY(query.step())) return std::nullopt;
  return read_head(query);
}

Result<std::vector<AuditKey>> audit_keys(Connection& connection) {
  Query query =
      TRY(connection.query("SELECT public_key_info, key_reference, created_at FROM audit_keys ORDER BY id"));
  return read_all(std::move(query), [](const Query& row) -> Result<AuditKey> {
    return AuditKey{row.blob(0), row.text(1), row.time(2)};
  });
}

Result<std::vector<AuditStatement>> audit_statements(Connection& connection) {
  Query query =
      TRY(connection.query("SELECT authority, key_index, statement, algorithm, signature FROM "
                           "audit_statements ORDER BY id"));
  return read_all(std::move(query), [](const Query& row) -> Result<AuditStatement> {
    return AuditStatement{row.integer(0), TRY(number<std::uint16_t>(row, 1, "key index")), row.text(2),
                          row.blob(3), row.blob(4)};
  });
}

Result<std::vector<RoleChange>> role_changes(Connection& connection) {
  Query query =
      TRY(connection.query("SELECT id, principal, role, authority, template, requesters, granted, "
                           "changed_at, changed_by FROM role_changes ORDER BY id"));
  return read_all(std::move(query), [](const Query& row) -> Result<RoleChange> {
    return RoleChange{row.integer(0), row.text(1),         row.text(2), row.integer(3), row.text(4),
                      row.text(5),    row.integer(6) != 0, row.time(7), row.text(8)};
  });
}

Result<std::int64_t> role_version(Connection& connection) {
  Query query = TRY(connection.query("SELECT max(id) FROM role_changes"));
  (void)TRY(query.step());
  return query.integer(0);
}

Status append_audit(Connection& connection, const AuditRecord& record) {
  const std::int64_t last = TRY(audit_size(connection));
  if (record.sequence != last + 1) return messages::audit_sequence(record.sequence, last);
  return connection.run("INSERT INTO audit (" VOUCH_AUDIT_COLUMNS
                        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        record.sequence, record.time, record.actor, record.action, record.authority,
                        record.object, record.details, record.outcome, record.leaf);
}

Status insert_audit_head(Connection& connection, const AuditHead& head) {
  auto done = connection.run("INSERT INTO audit_heads (" VOUCH_HEAD_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)",
                             head.size, head.time, head.root, head.checkpoint, joined(head.frontier));
  if (!done && done.error().code() == Errc::conflict) return messages::audit_head_exists(head.size);
  return done;
}

Status insert_audit_key(Connection& connection, const AuditKey& key) {
  auto done = connection.run(
      "INSERT INTO audit_keys (public_key_info, key_reference, created_at) VALUES (?1, ?2, ?3)",
      key.public_key_info, key.key_reference, key.created_at);
  if (!done && done.error().code() == Errc::conflict) return messages::audit_key_exists();
  return done;
}

Status insert_audit_statement(Connection& connection, const AuditStatement& statement) {
  auto done = connection.run(
      "INSERT INTO audit_statements (authority, key_index, statement, algorithm, signature) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      statement.authority, std::int64_t{statement.key_index}, statement.statement, statement.algorithm,
      statement.signature);
  if (!done && done.error().code() == Errc::not_found) return messages::no_authority(statement.authority);
  return done;
}

Status insert_role_change(Connection& connection, const RoleChange& change) {
  return connection.run(
      "INSERT INTO role_changes (principal, role, authority, template, requesters, granted, changed_at, "
      "changed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      change.principal, change.role, change.authority, change.template_name, change.requesters,
      std::int64_t{change.granted}, change.changed_at, change.changed_by);
}

}  // namespace vouch::store::sqlite::journal
