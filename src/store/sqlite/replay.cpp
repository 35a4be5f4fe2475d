#include "store/sqlite/replay.hpp"

#include <algorithm>
#include <limits>

namespace vouch::store::sqlite {
namespace {

// What is written once and never changes: where it differs, the two databases went ways of their own. Of the
// tables that are not named, and of the columns that are not, the later database is right.
struct History {
  std::string_view table;
  std::vector<std::string_view> columns;  // none: all
  std::string_view sentence;              // with the row's first column
};
const std::vector<History>& history() {
  static const std::vector<History> kHistory = {
      {"authorities", {"id", "name", "kind", "created_at"}, "CA number {}"},
      {"key_generations", {"authority", "certificate_index", "key_index"}, "the keys of CA number {}"},
      {"requests", {"id", "authority", "submitted_at", "requester", "request"}, "request {}"},
      {"serials", {"serial"}, "serial number {}"},
      {"certificates", {}, "the certificate of request {}"},
      {"signatures", {}, "the signature of request {}"},
      {"crls", {"id", "authority", "number", "key_index", "delta", "this_update"}, "CRL record {}"},
      {"templates", {}, "template '{}'"},
      {"audit_statements", {}, "audit statement {}"},
      {"role_changes", {}, "role change {}"},
  };
  return kHistory;
}

struct Column {
  std::string name;
  bool key = false;
};
struct TableShape {
  std::string name;
  std::vector<Column> columns;
};

std::string identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

Result<std::vector<TableShape>> tables(Connection& connection) {
  std::vector<TableShape> found;
  Query names =
      TRY(connection.query_once("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                                "'sqlite_%' ORDER BY rowid"));
  while (TRY(names.step())) {
    TableShape table{names.text(0), {}};
    Query columns = TRY(connection.query_once("SELECT name, pk FROM pragma_table_info(?1)", table.name));
    while (TRY(columns.step())) table.columns.push_back({columns.text(0), columns.integer(1) != 0});
    found.push_back(std::move(table));
  }
  return found;
}

// "a.x IS b.x AND …" over the columns that `wanted` lets through.
template <class Wanted>
std::string same(const TableShape& table, Wanted&& wanted) {
  std::string text;
  for (const Column& column : table.columns)
    if (wanted(column))
      text += fmt::format("{}mine.{} IS theirs.{}", text.empty() ? "" : " AND ", identifier(column.name),
                          identifier(column.name));
  return text;
}

std::string without_equal(const TableShape& table, std::string_view from, std::string_view to,
                          const std::string& condition) {
  return fmt::format("FROM {} WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})",
                     fmt::format(fmt::runtime(from), identifier(table.name)),
                     fmt::format(fmt::runtime(to), identifier(table.name)), condition);
}

constexpr std::string_view kMine = "main.{} AS mine", kTheirs = "later.{} AS theirs";

Status share_their_past(Connection& connection, const TableShape& table, const History& rule) {
  const auto wanted = [&](const Column& column) {
    return rule.columns.empty() || std::ranges::find(rule.columns, column.name) != rule.columns.end();
  };
  const std::string first = "mine." + identifier(table.columns.front().name);
  Query query = TRY(connection.query_once(
      fmt::format("SELECT CASE typeof({0}) WHEN 'blob' THEN lower(hex({0})) ELSE {0} END {1} LIMIT 1", first,
                  without_equal(table, kMine, kTheirs, same(table, wanted)))));
  if (!TRY(query.step())) return ok();
  return make_error(Errc::conflict,
                    "the two databases do not share their past: {} is missing or differs in the other",
                    fmt::format(fmt::runtime(rule.sentence), query.text(0)))
      .with_hint(
          "only a later state of the same database can be replayed; otherwise accept the gap: vouch db "
          "accept-gap");
}

// A certificate that is revoked here for good has to be so there.
Status keeps_revocations(Connection& connection) {
  Query query = TRY(connection.query_once(
      "SELECT lower(hex(mine.serial)) FROM main.revocations AS mine WHERE mine.reason <> 6 AND NOT EXISTS "
      "(SELECT 1 FROM later.revocations AS theirs WHERE theirs.authority = mine.authority AND "
      "theirs.key_index = "
      "mine.key_index AND theirs.serial = mine.serial AND theirs.reason <> 6) LIMIT 1"));
  if (!TRY(query.step())) return ok();
  return make_error(Errc::conflict,
                    "the two databases do not share their past: certificate {} is revoked here and not there",
                    query.text(0));
}

// Makes the table the same as the later one; gives the number of rows that are new.
Result<std::uint64_t> catch_up(Connection& connection, const TableShape& table) {
  const auto all = [](const Column&) { return true; };
  const bool keyed = std::ranges::any_of(table.columns, &Column::key);
  const auto keys = [&](const Column& column) { return column.key || !keyed; };
  TRY(connection.execute("DELETE " + without_equal(table, kMine, kTheirs, same(table, all))));
  std::string columns;
  for (const Column& column : table.columns)
    columns += (columns.empty() ? "" : ", ") + identifier(column.name);
  TRY(connection.execute(fmt::format("INSERT INTO main.{} ({}) SELECT {} {}", identifier(table.name), columns,
                                     columns, without_equal(table, kTheirs, kMine, same(table, keys)))));
  return static_cast<std::uint64_t>(connection.changes());
}

// Entries of the audit log that were written here since the two went apart: refusals, mostly.
Result<std::vector<AuditRecord>> overtaken_audit(Connection& connection) {
  std::vector<AuditRecord> records;
  Query query = TRY(connection.query_once(
      "SELECT mine.sequence, mine.time, mine.actor, mine.action, mine.authority, mine.object, mine.details, "
      "mine.outcome FROM main.audit AS mine WHERE NOT EXISTS (SELECT 1 FROM later.audit AS theirs WHERE "
      "theirs.sequence = mine.sequence AND theirs.leaf = mine.leaf) ORDER BY mine.sequence"));
  while (TRY(query.step())) {
    AuditRecord record{query.integer(0), query.time(1), query.text(2),
                       query.text(3),    query.text(4), query.text(5),
                       query.text(6),    query.text(7), {}};
    records.push_back(std::move(record));
  }
  return records;
}

// A head over entries that both have is in both. Heads over entries that are overtaken go with them.
Status share_their_heads(Connection& connection, const std::vector<AuditRecord>& overtaken) {
  const std::int64_t end =
      overtaken.empty() ? std::numeric_limits<std::int64_t>::max() : overtaken.front().sequence;
  Query query =
      TRY(connection.query_once("SELECT mine.size FROM main.audit_heads AS mine JOIN later.audit_heads AS "
                                "theirs ON theirs.size = mine.size "
                                "WHERE mine.size < ?1 AND theirs.root <> mine.root LIMIT 1",
                                end));
  if (!TRY(query.step())) return ok();
  return make_error(Errc::conflict,
                    "the two databases do not share their past: the audit head of size {} is another there",
                    query.integer(0));
}

Result<Replayed> replay_attached(Connection& connection) {
  Replayed done;
  const auto all = TRY(tables(connection));
  for (const TableShape& table : all)
    for (const History& rule : history())
      if (rule.table == table.name) TRY(share_their_past(connection, table, rule));
  TRY(keeps_revocations(connection));
  done.overtaken = TRY(overtaken_audit(connection));
  TRY(share_their_heads(connection, done.overtaken));
  for (const TableShape& table : all) {
    const std::uint64_t rows = TRY(catch_up(connection, table).context("replaying table {}", table.name));
    done.rows += rows;
    if (table.name == "requests") done.requests = rows;
    if (table.name == "certificates") done.certificates = rows;
    if (table.name == "revocations") done.revocations = rows;
    if (table.name == "crls") done.crls = rows;
  }
  return done;
}

}  // namespace

Result<Replayed> replay(Connection& connection, const fs::path& later) {
  const std::string name = later.string();
  TRY(TRY(connection.query_once("ATTACH ?1 AS later", name)).run());
  // Rows refer to each other across tables: it is enough that everything fits at the end.
  Status status =
      connection.execute("PRAGMA foreign_keys = ON; BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON");
  Result<Replayed> done = status ? replay_attached(connection) : Result<Replayed>(status.error());
  if (done) status = connection.execute("COMMIT");
  if (connection.in_transaction()) (void)connection.execute("ROLLBACK");
  (void)connection.execute("DETACH later");
  if (!status) return std::move(status.error());
  return done;
}

}  // namespace vouch::store::sqlite
