#include "store/sqlite/requests.hpp"

#include <charconv>

#include "store/messages.hpp"
#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite {
namespace {

// "5:alice" at the start of `text`, which is shortened by it.
std::optional<std::string_view> take_counted(std::string_view& text) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || digits == text.size() || *end != ':' || text.size() - digits - 1 < length)
    return std::nullopt;
  const std::string_view taken = text.substr(digits + 1, length);
  text.remove_prefix(digits + 1 + length);
  return taken;
}

}  // namespace

std::string encode_attributes(const std::map<std::string, std::string>& attributes) {
  std::string text;
  for (const auto& [key, value] : attributes)
    text += fmt::format("{}:{}{}:{}", key.size(), key, value.size(), value);
  return text;
}

Result<std::map<std::string, std::string>> decode_attributes(std::string_view text) {
  std::map<std::string, std::string> attributes;
  while (!text.empty()) {
    const auto key = take_counted(text);
    const auto value = key ? take_counted(text) : std::nullopt;
    if (!value) return make_error(Errc::malformed, "the stored attributes are damaged");
    attributes.emplace(*key, *value);
  }
  return attributes;
}

namespace request_rows {
namespace {

// What a request reads as: see schema.cpp on why it is not stored so.
#define VOUCH_DISPOSITION                                                                          \
  "CASE WHEN q.disposition NOT IN (12, 20) THEN q.disposition WHEN r.request IS NOT NULL THEN 21 " \
  "WHEN q.disposition = 20 AND s.request IS NULL THEN 16 ELSE q.disposition END"
#define VOUCH_REQUEST_COLUMNS                                                                               \
  "q.id, q.authority, " VOUCH_DISPOSITION                                                                   \
  ", q.submitted_at, q.resolved_at, q.requester, q.resolver, q.template, q.transaction_key, q.attributes, " \
  "q.message, q.reason, q.client_transaction"
#define VOUCH_REQUEST_JOINS \
  " LEFT JOIN signatures s ON s.request = q.id LEFT JOIN revocations r ON r.request = q.id "

Result<Disposition> read_disposition(const Query& query, int column) {
  const auto value = TRY(number<std::uint8_t>(query, column, "disposition"));
  switch (value) {
    case 9:
    case 12:
    case 16:
    case 20:
    case 21:
    case 30:
    case 31:
      return static_cast<Disposition>(value);
    default:
      return damaged("disposition", value);
  }
}

Result<RequestRecord> read_request(const Query& query, Bulk bulk) {
  RequestRecord record;
  record.id = query.integer(0);
  record.authority = query.integer(1);
  record.disposition = TRY(read_disposition(query, 2));
  record.submitted_at = query.time(3);
  record.resolved_at = query.optional_time(4);
  record.requester = query.text(5);
  record.resolver = query.text(6);
  record.template_name = query.text(7);
  record.transaction = query.text(8);
  record.attributes = TRY(decode_attributes(query.view(9)).context("reading request {}", record.id));
  record.message = query.text(10);
  record.reason = query.text(11);
  record.client_transaction = query.text(12);
  if (bulk == Bulk::with) {
    record.request = query.blob(13);
    record.trace = query.text(14);
  }
  return record;
}

// The condition of a disposition that is asked for. The index requests_not_issued is used only where the text
// of its own condition stands.
std::string_view condition_of(Disposition disposition) {
  switch (disposition) {
    case Disposition::pending:
      return " AND q.disposition = 9 AND q.disposition <> 20";
    case Disposition::foreign:
      return " AND q.disposition = 12 AND q.disposition <> 20 AND r.request IS NULL";
    case Disposition::issuing:
      return " AND q.disposition = 20 AND s.request IS NULL AND r.request IS NULL";
    case Disposition::issued:
      return " AND q.disposition = 20 AND s.request IS NOT NULL AND r.request IS NULL";
    case Disposition::revoked:
      return " AND q.disposition IN (12, 20)";
    case Disposition::failed:
      return " AND q.disposition = 30 AND q.disposition <> 20";
    case Disposition::denied:
      return " AND q.disposition = 31 AND q.disposition <> 20";
  }
  return " AND 0";
}

std::string requests_sql(const std::optional<Disposition>& disposition) {
  std::string sql = "SELECT " VOUCH_REQUEST_COLUMNS " FROM ";
  // The revoked ones are found by the revocations, in the order of requests.
  if (disposition == Disposition::revoked)
    sql +=
        "revocations r CROSS JOIN requests q LEFT JOIN signatures s ON s.request = q.id "
        "WHERE q.id = r.request AND r.request > ?1";
  else
    sql += "requests q" VOUCH_REQUEST_JOINS "WHERE q.id > ?1";
  sql +=
      " AND (?2 IS NULL OR q.authority = ?2) AND (?3 = '' OR q.requester = ?3) AND (?4 = '' OR q.template = "
      "?4)";
  if (disposition) sql += condition_of(*disposition);
  sql += disposition == Disposition::revoked ? " ORDER BY r.request" : " ORDER BY q.id";
  return sql + " LIMIT ?5";
}

}  // namespace

Result<RequestRecord> find(Connection& connection, RequestId id) {
  Query query =
      TRY(connection.query("SELECT " VOUCH_REQUEST_COLUMNS
                           ", q.request, q.trace FROM requests q" VOUCH_REQUEST_JOINS "WHERE q.id = ?1",
                           id));
  if (!TRY(query.step())) return messages::no_request(id);
  return read_request(query, Bulk::with);
}

Result<std::optional<RequestRecord>> of_transaction(Connection& connection, AuthorityId authority,
                                                    std::string_view transaction) {
  if (transaction.empty()) return std::nullopt;
  Query query = TRY(connection.query(
      "SELECT " VOUCH_REQUEST_COLUMNS ", q.request, q.trace FROM requests q" VOUCH_REQUEST_JOINS
      "WHERE q.authority = ?1 AND q.transaction_key = ?2 AND q.transaction_key <> ''",
      authority, transaction));
  return read_first(std::move(query), [](const Query& row) { return read_request(row, Bulk::with); });
}

Result<std::optional<RequestRecord>> of_client(Connection& connection, AuthorityId authority,
                                               std::string_view client_transaction) {
  if (client_transaction.empty()) return std::nullopt;
  Query query = TRY(connection.query(
      "SELECT " VOUCH_REQUEST_COLUMNS ", q.request, q.trace FROM requests q" VOUCH_REQUEST_JOINS
      "WHERE q.authority = ?1 AND q.client_transaction = ?2 AND q.client_transaction <> '' "
      "ORDER BY q.id DESC LIMIT 1",
      authority, client_transaction));
  return read_first(std::move(query), [](const Query& row) { return read_request(row, Bulk::with); });
}

Result<std::vector<RequestRecord>> list(Connection& connection, const RequestFilter& filter) {
  const std::string sql = requests_sql(filter.disposition);
  Query query = TRY(connection.query_once(sql, filter.after, filter.authority, filter.requester,
                                          filter.template_name, sql_number(filter.limit)));
  return read_all(std::move(query), [](const Query& row) { return read_request(row, Bulk::without); });
}

}  // namespace request_rows
}  // namespace vouch::store::sqlite
