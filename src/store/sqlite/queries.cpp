#include "store/sqlite/queries.hpp"

#include <charconv>
#include <limits>

#include "store/messages.hpp"

namespace vouch::store::sqlite {
namespace {

Error damaged(std::string_view what, std::int64_t value) {
  return make_error(Errc::malformed, "the database holds a row with the {} {}, which there is not", what,
                    value)
      .with_hint("see what else is wrong with vouch db check, and restore a backup");
}

// A number of the database as a number of ours, or a damaged row.
template <class Number>
Result<Number> number(const Query& query, int column, std::string_view what,
                      std::int64_t most = std::numeric_limits<Number>::max()) {
  const std::int64_t value = query.integer(column);
  if (value < 0 || value > most) return damaged(what, value);
  return static_cast<Number>(value);
}

// --- authorities and their keys ---

#define VOUCH_AUTHORITY_COLUMNS "id, name, kind, mode, created_at, settings"

Result<AuthorityRecord> read_authority(const Query& query) {
  AuthorityRecord record;
  record.id = query.integer(0);
  record.name = query.text(1);
  record.kind = static_cast<AuthorityKind>(TRY(number<std::uint8_t>(query, 2, "kind of CA", 2)));
  record.mode = static_cast<AuthorityMode>(TRY(number<std::uint8_t>(query, 3, "mode of CA", 2)));
  record.created_at = query.time(4);
  record.settings = query.text(5);
  return record;
}

Result<KeyGeneration> read_key_generation(Connection& connection, const Query& query) {
  KeyGeneration generation;
  generation.authority = query.integer(0);
  generation.certificate_index = TRY(number<std::uint16_t>(query, 1, "certificate index"));
  generation.key_index = TRY(number<std::uint16_t>(query, 2, "key index"));
  generation.key_reference = query.text(3);
  generation.public_key_info = query.blob(4);
  generation.request = query.blob(5);
  generation.certificate = query.blob(6);
  generation.created_at = query.time(7);
  Query chain =
      TRY(connection.query("SELECT certificate FROM chain_certificates WHERE authority = ?1 AND "
                           "certificate_index = ?2 ORDER BY position",
                           generation.authority, std::int64_t{generation.certificate_index}));
  while (TRY(chain.step())) generation.chain.push_back(chain.blob(0));
  return generation;
}

// --- requests ---

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

enum class Bulk { with, without };

Result<Disposition> read_disposition(std::int64_t value) {
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
  record.disposition = TRY(read_disposition(query.integer(2)));
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

std::int64_t sql_limit(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, std::numeric_limits<std::int64_t>::max()));
}

// --- certificates ---

#define VOUCH_CERTIFICATE_COLUMNS                                                                     \
  "c.request, c.authority, c.key_index, c.serial, c.not_before, c.not_after, c.subject, c.template, " \
  "c.signature_algorithm, s.signature, r.revoked_at, r.reason, r.invalidity_date, c.location_set, c.shard"
#define VOUCH_CERTIFICATE_JOINS \
  " LEFT JOIN signatures s ON s.request = c.request LEFT JOIN revocations r ON r.request = c.request "

Result<x509::CrlReason> read_reason(const Query& query, int column) {
  const std::int64_t reason = query.integer(column);
  if (reason < 0 || reason > 10 || reason == 7) return damaged("revocation reason", reason);  // 7 is not used
  return static_cast<x509::CrlReason>(reason);
}

Result<CertificateRecord> read_certificate(const Query& query, Bulk bulk) {
  CertificateRecord record;
  record.request = query.integer(0);
  record.authority = query.integer(1);
  record.key_index = TRY(number<std::uint16_t>(query, 2, "key index"));
  record.serial = query.blob(3);
  record.not_before = query.time(4);
  record.not_after = query.time(5);
  record.subject = query.text(6);
  record.template_name = query.text(7);
  record.signature_algorithm = query.blob(8);
  record.signature = query.blob(9);
  if (!query.is_null(10))
    record.revocation =
        RevocationRecord{record.serial, query.time(10), TRY(read_reason(query, 11)), query.optional_time(12)};
  record.location_set = query.integer(13);
  record.shard = TRY(number<std::uint32_t>(query, 14, "shard"));
  if (bulk == Bulk::with) record.tbs = query.blob(15);
  return record;
}

std::string certificates_sql(const CertificateFilter& filter) {
  const bool by_revocation = filter.revoked == true;
  std::string sql = "SELECT " VOUCH_CERTIFICATE_COLUMNS " FROM ";
  sql += by_revocation
             ? "revocations r CROSS JOIN certificates c CROSS JOIN signatures s CROSS JOIN requests q "
               "WHERE c.request = r.request AND r.request > ?1"
             : "certificates c CROSS JOIN signatures s CROSS JOIN requests q "
               "LEFT JOIN revocations r ON r.request = c.request WHERE c.request > ?1";
  sql +=
      " AND s.request = c.request AND q.id = c.request AND (?2 IS NULL OR c.authority = ?2)"
      " AND (?3 = '' OR instr(lower(c.subject), lower(?3)) > 0) AND (?4 = '' OR c.template = ?4)"
      " AND (?5 = '' OR q.requester = ?5) AND (?6 IS NULL OR c.not_after < ?6) AND (?7 IS NULL OR "
      "c.not_after > ?7)";
  if (filter.revoked == false) sql += " AND r.request IS NULL";
  return sql + (by_revocation ? " ORDER BY r.request LIMIT ?8" : " ORDER BY c.request LIMIT ?8");
}

// --- CRLs and templates ---

Result<CrlRecord> read_crl(const Query& query) {
  CrlRecord record;
  record.authority = query.integer(0);
  record.number =
      TRY(number<std::uint64_t>(query, 1, "CRL number", std::numeric_limits<std::int64_t>::max()));
  record.key_index = TRY(number<std::uint16_t>(query, 2, "key index"));
  record.delta = query.integer(3) != 0;
  record.this_update = query.time(4);
  record.next_update = query.time(5);
  record.next_publish = query.time(6);
  record.entries =
      TRY(number<std::uint64_t>(query, 7, "number of entries", std::numeric_limits<std::int64_t>::max()));
  record.size = TRY(number<std::uint64_t>(query, 8, "size", std::numeric_limits<std::int64_t>::max()));
  record.sha256 = query.blob(9);
  record.file = query.text(10);
  record.base_number =
      TRY(number<std::uint64_t>(query, 11, "CRL number", std::numeric_limits<std::int64_t>::max()));
  record.last_change =
      TRY(number<std::uint64_t>(query, 12, "change", std::numeric_limits<std::int64_t>::max()));
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
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  target.number = TRY(number<std::uint64_t>(query, 4, "CRL number", kMost));
  target.wanted = TRY(number<std::uint64_t>(query, 5, "CRL number", kMost));
  target.tried_at = query.time(6);
  target.error = query.text(7);
  target.shard = TRY(number<std::uint32_t>(query, 8, "shard"));
  return target;
}

#define VOUCH_TARGET_COLUMNS "authority, key_index, delta, target, number, wanted, tried_at, error, shard"

#define VOUCH_TEMPLATE_COLUMNS "t.name, t.major, t.minor, t.body, t.removed, t.changed_at, t.changed_by"
// The newest version of each template.
#define VOUCH_NEWEST_TEMPLATE                                                                         \
  "NOT EXISTS (SELECT 1 FROM templates n WHERE n.name = t.name AND (n.major > t.major OR (n.major = " \
  "t.major "                                                                                          \
  "AND n.minor > t.minor))) AND t.removed = 0"

Result<TemplateRecord> read_template(const Query& query) {
  TemplateRecord record;
  record.name = query.text(0);
  record.major = TRY(number<std::uint32_t>(query, 1, "template version"));
  record.minor = TRY(number<std::uint32_t>(query, 2, "template version"));
  record.body = query.text(3);
  record.removed = query.integer(4) != 0;
  record.changed_at = query.time(5);
  record.changed_by = query.text(6);
  return record;
}

// All rows of a query through one of the readers above.
template <class Read>
auto read_all(Query query, Read read) -> Result<std::vector<typename decltype(read(query))::value_type>> {
  std::vector<typename decltype(read(query))::value_type> rows;
  while (TRY(query.step())) rows.push_back(TRY(read(query)));
  return rows;
}

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

template <class Interface>
Result<std::vector<AuthorityRecord>> Queries<Interface>::authorities() const {
  return read_all(TRY(connection_.query("SELECT " VOUCH_AUTHORITY_COLUMNS " FROM authorities ORDER BY id")),
                  read_authority);
}

template <class Interface>
Result<AuthorityRecord> Queries<Interface>::authority(std::string_view name) const {
  Query query =
      TRY(connection_.query("SELECT " VOUCH_AUTHORITY_COLUMNS " FROM authorities WHERE name = ?1", name));
  if (!TRY(query.step())) return messages::no_authority(name);
  return read_authority(query);
}

template <class Interface>
Result<std::vector<KeyGeneration>> Queries<Interface>::key_generations(AuthorityId authority) const {
  Query query =
      TRY(connection_.query("SELECT authority, certificate_index, key_index, key_reference, public_key_info, "
                            "request, certificate, created_at "
                            "FROM key_generations WHERE authority = ?1 ORDER BY certificate_index",
                            authority));
  return read_all(std::move(query),
                  [this](const Query& row) { return read_key_generation(connection_, row); });
}

template <class Interface>
Result<RequestRecord> Queries<Interface>::request(RequestId id) const {
  Query query =
      TRY(connection_.query("SELECT " VOUCH_REQUEST_COLUMNS
                            ", q.request, q.trace FROM requests q" VOUCH_REQUEST_JOINS "WHERE q.id = ?1",
                            id));
  if (!TRY(query.step())) return messages::no_request(id);
  return read_request(query, Bulk::with);
}

template <class Interface>
Result<std::optional<RequestRecord>> Queries<Interface>::request_of_transaction(
    AuthorityId authority, std::string_view transaction) const {
  if (transaction.empty()) return std::nullopt;
  Query query = TRY(connection_.query(
      "SELECT " VOUCH_REQUEST_COLUMNS ", q.request, q.trace FROM requests q" VOUCH_REQUEST_JOINS
      "WHERE q.authority = ?1 AND q.transaction_key = ?2 AND q.transaction_key <> ''",
      authority, transaction));
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_request(query, Bulk::with));
}

template <class Interface>
Result<std::optional<RequestRecord>> Queries<Interface>::request_of_client(
    AuthorityId authority, std::string_view client_transaction) const {
  if (client_transaction.empty()) return std::nullopt;
  Query query = TRY(connection_.query(
      "SELECT " VOUCH_REQUEST_COLUMNS ", q.request, q.trace FROM requests q" VOUCH_REQUEST_JOINS
      "WHERE q.authority = ?1 AND q.client_transaction = ?2 AND q.client_transaction <> '' "
      "ORDER BY q.id DESC LIMIT 1",
      authority, client_transaction));
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_request(query, Bulk::with));
}

template <class Interface>
Result<std::vector<RequestRecord>> Queries<Interface>::requests(const RequestFilter& filter) const {
  const std::string sql = requests_sql(filter.disposition);
  Query query = TRY(connection_.query_once(sql, filter.after, filter.authority, filter.requester,
                                           filter.template_name, sql_limit(filter.limit)));
  return read_all(std::move(query), [](const Query& row) { return read_request(row, Bulk::without); });
}

template <class Interface>
Result<CertificateRecord> Queries<Interface>::certificate(Bytes serial) const {
  Query query =
      TRY(connection_.query("SELECT " VOUCH_CERTIFICATE_COLUMNS
                            ", c.tbs FROM serials z JOIN certificates c ON c.request = z.request AND "
                            "c.serial = z.serial" VOUCH_CERTIFICATE_JOINS "WHERE z.serial = ?1",
                            serial));
  if (!TRY(query.step())) return messages::no_certificate(serial);
  return read_certificate(query, Bulk::with);
}

template <class Interface>
Result<CertificateRecord> Queries<Interface>::certificate_of_request(RequestId id) const {
  Query query =
      TRY(connection_.query("SELECT " VOUCH_CERTIFICATE_COLUMNS
                            ", c.tbs FROM certificates c" VOUCH_CERTIFICATE_JOINS "WHERE c.request = ?1",
                            id));
  if (!TRY(query.step())) return messages::no_certificate_of(id);
  return read_certificate(query, Bulk::with);
}

template <class Interface>
Result<std::vector<CertificateRecord>> Queries<Interface>::certificates(
    const CertificateFilter& filter) const {
  const std::string sql = certificates_sql(filter);
  Query query = TRY(connection_.query_once(sql, filter.after, filter.authority, filter.subject_contains,
                                           filter.template_name, filter.requester, filter.expires_before,
                                           filter.expires_after, sql_limit(filter.limit)));
  return read_all(std::move(query), [](const Query& row) { return read_certificate(row, Bulk::without); });
}

template <class Interface>
Result<std::vector<CertificateRecord>> Queries<Interface>::orphans(AuthorityId authority) const {
  Query query =
      TRY(connection_.query("SELECT " VOUCH_CERTIFICATE_COLUMNS
                            ", c.tbs FROM intents i CROSS JOIN certificates c" VOUCH_CERTIFICATE_JOINS
                            "WHERE c.request = i.request AND c.authority = ?1 ORDER BY i.request",
                            authority));
  return read_all(std::move(query), [](const Query& row) { return read_certificate(row, Bulk::with); });
}

template <class Interface>
Status Queries<Interface>::for_each_revoked(AuthorityId authority, std::uint16_t key_index,
                                            std::uint32_t shard, Time unexpired_at,
                                            const Snapshot::VisitRevoked& visit) const {
  // The indexes of shards are used only where the text of their condition stands.
  Query query =
      TRY(shard == 0 ? connection_.query(
                           "SELECT serial, revoked_at, reason, invalidity_date FROM revocations "
                           "WHERE authority = ?1 AND key_index = ?2 AND not_after >= ?3 ORDER BY serial",
                           authority, std::int64_t{key_index}, unexpired_at)
                     : connection_.query(
                           "SELECT serial, revoked_at, reason, invalidity_date FROM revocations INDEXED BY "
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

template <class Interface>
Result<std::vector<CrlRecord>> Queries<Interface>::crls(AuthorityId authority) const {
  return read_all(
      TRY(connection_.query(
          "SELECT " VOUCH_CRL_COLUMNS " FROM crls WHERE authority = ?1 ORDER BY number DESC", authority)),
      read_crl);
}

template <class Interface>
Status Queries<Interface>::for_each_changed(AuthorityId authority, std::uint16_t key_index,
                                            std::uint32_t shard, std::uint64_t after,
                                            const Snapshot::VisitChanged& visit) const {
  const auto since = static_cast<std::int64_t>(
      std::min<std::uint64_t>(after, std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
  Snapshot::ChangedEntry entry;
#define VOUCH_CHANGED \
  "SELECT serial, revoked_at, reason, invalidity_date, not_after, changed FROM revocations "
  Query revoked = TRY(
      shard == 0
          ? connection_.query(VOUCH_CHANGED
                              "WHERE authority = ?1 AND key_index = ?2 AND changed > ?3 ORDER BY changed",
                              authority, std::int64_t{key_index}, since)
          : connection_.query(VOUCH_CHANGED
                              "INDEXED BY revocations_changed_by_shard WHERE authority = ?1 AND key_index "
                              "= ?2 AND shard = ?4 AND shard <> 0 AND changed > ?3 ORDER BY changed",
                              authority, std::int64_t{key_index}, since, std::int64_t{shard}));
#undef VOUCH_CHANGED
  while (TRY(revoked.step())) {
    entry.serial = revoked.bytes(0);
    entry.revoked_at = revoked.time(1);
    entry.reason = TRY(read_reason(revoked, 2));
    entry.invalidity_date = revoked.optional_time(3);
    entry.not_after = revoked.time(4);
    entry.changed =
        TRY(number<std::uint64_t>(revoked, 5, "change", std::numeric_limits<std::int64_t>::max()));
    TRY(visit(entry));
  }
#define VOUCH_RELEASED "SELECT l.serial, l.revoked_at, l.not_after, l.held_since, l.changed FROM releases l "
#define VOUCH_NOT_AGAIN                                                                         \
  "LEFT JOIN revocations r ON r.authority = l.authority AND r.key_index = l.key_index "         \
  "AND r.serial = l.serial WHERE l.authority = ?1 AND l.key_index = ?2 AND l.changed > ?3 AND " \
  "r.serial IS NULL "
  Query released = TRY(
      shard == 0 ? connection_.query(VOUCH_RELEASED VOUCH_NOT_AGAIN "ORDER BY l.changed", authority,
                                     std::int64_t{key_index}, since)
                 : connection_.query(VOUCH_RELEASED "INDEXED BY releases_changed_by_shard " VOUCH_NOT_AGAIN
                                                    "AND l.shard = ?4 AND l.shard <> 0 ORDER BY l.changed",
                                     authority, std::int64_t{key_index}, since, std::int64_t{shard}));
#undef VOUCH_RELEASED
#undef VOUCH_NOT_AGAIN
  entry.reason = x509::CrlReason::remove_from_crl;
  entry.invalidity_date.reset();
  entry.released = true;
  while (TRY(released.step())) {
    entry.serial = released.bytes(0);
    entry.revoked_at = released.time(1);
    entry.not_after = released.time(2);
    entry.changed =
        TRY(number<std::uint64_t>(released, 4, "change", std::numeric_limits<std::int64_t>::max()));
    entry.held_since =
        TRY(number<std::uint64_t>(released, 3, "change", std::numeric_limits<std::int64_t>::max()));
    TRY(visit(entry));
  }
  return ok();
}

template <class Interface>
Result<std::uint64_t> Queries<Interface>::last_change(AuthorityId authority) const {
  Query query = TRY(connection_.query("SELECT last FROM revocation_changes WHERE authority = ?1", authority));
  if (!TRY(query.step())) return 0;
  return number<std::uint64_t>(query, 0, "change", std::numeric_limits<std::int64_t>::max());
}

template <class Interface>
Result<std::vector<CrlRecord>> Queries<Interface>::newest_crls(const Snapshot::CrlSeries& series,
                                                               std::size_t limit) const {
  return read_all(
      TRY(connection_.query("SELECT " VOUCH_CRL_COLUMNS
                            " FROM crls WHERE authority = ?1 AND key_index = ?2 AND delta = ?3 AND shard = "
                            "?5 AND sha256 <> x'' ORDER BY number DESC LIMIT ?4",
                            series.authority, std::int64_t{series.key_index}, std::int64_t{series.delta},
                            sql_limit(limit), std::int64_t{series.shard})),
      read_crl);
}

template <class Interface>
Result<std::vector<std::uint64_t>> Queries<Interface>::changes_on_crls(AuthorityId authority,
                                                                       std::uint16_t key_index,
                                                                       std::uint32_t shard,
                                                                       std::uint64_t from_number) const {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto from = static_cast<std::int64_t>(std::min<std::uint64_t>(from_number, std::uint64_t{kMost}));
  return read_all(
      TRY(connection_.query("SELECT last_change FROM crls WHERE authority = ?1 AND number >= ?3 AND "
                            "key_index = ?2 AND shard = ?4 ORDER BY number",
                            authority, std::int64_t{key_index}, from, std::int64_t{shard})),
      [](const Query& row) { return number<std::uint64_t>(row, 0, "change", kMost); });
}

template <class Interface>
Result<std::vector<CrlTarget>> Queries<Interface>::crl_targets(AuthorityId authority) const {
  return read_all(
      TRY(connection_.query("SELECT " VOUCH_TARGET_COLUMNS
                            " FROM crl_targets WHERE authority = ?1 ORDER BY key_index, delta, target",
                            authority)),
      read_crl_target);
}

template <class Interface>
Result<std::vector<CrlTarget>> Queries<Interface>::crl_targets(const Snapshot::CrlSeries& series) const {
  return read_all(
      TRY(connection_.query("SELECT " VOUCH_TARGET_COLUMNS
                            " FROM crl_targets WHERE authority = ?1 AND key_index = ?2 AND delta = ?3 AND "
                            "shard = ?4 ORDER BY target",
                            series.authority, std::int64_t{series.key_index}, std::int64_t{series.delta},
                            std::int64_t{series.shard})),
      read_crl_target);
}

template <class Interface>
Result<std::vector<CarriedShard>> Queries<Interface>::carried_shards(AuthorityId authority) const {
  Query query = TRY(connection_.query(
      "SELECT s.key_index, s.shard, coalesce(l.locations, ''), s.not_after FROM carried_shards s LEFT JOIN "
      "location_sets l ON l.id = s.location_set WHERE s.authority = ?1 "
      "ORDER BY s.key_index, s.shard, s.location_set",
      authority));
  return read_all(std::move(query), [](const Query& row) -> Result<CarriedShard> {
    return CarriedShard{TRY(number<std::uint16_t>(row, 0, "key index")),
                        TRY(number<std::uint32_t>(row, 1, "shard")), row.text(2), row.time(3)};
  });
}

template <class Interface>
Result<std::vector<LocationSet>> Queries<Interface>::location_sets(AuthorityId authority, Time now) const {
  // 0 stands for the certificates of which it was not recorded, and is left out when there are none.
  Query query = TRY(connection_.query(
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

template <class Interface>
Result<std::uint64_t> Queries<Interface>::last_crl_number(AuthorityId authority) const {
  Query query =
      TRY(connection_.query("SELECT coalesce(max(number), 0) FROM crls WHERE authority = ?1", authority));
  (void)TRY(query.step());
  return number<std::uint64_t>(query, 0, "CRL number", std::numeric_limits<std::int64_t>::max());
}

template <class Interface>
Result<std::vector<TemplateRecord>> Queries<Interface>::templates() const {
  return read_all(TRY(connection_.query("SELECT " VOUCH_TEMPLATE_COLUMNS
                                        " FROM templates t WHERE " VOUCH_NEWEST_TEMPLATE " ORDER BY t.name")),
                  read_template);
}

template <class Interface>
Result<TemplateRecord> Queries<Interface>::certificate_template(std::string_view name) const {
  Query query =
      TRY(connection_.query("SELECT " VOUCH_TEMPLATE_COLUMNS
                            " FROM templates t WHERE t.name = ?1 ORDER BY t.major DESC, t.minor DESC LIMIT 1",
                            name));
  if (!TRY(query.step())) return messages::no_template(name);
  TemplateRecord record = TRY(read_template(query));
  if (record.removed) return messages::no_template(name);
  return record;
}

template <class Interface>
Result<std::vector<TemplateRecord>> Queries<Interface>::template_history(std::string_view name) const {
  return read_all(TRY(connection_.query("SELECT " VOUCH_TEMPLATE_COLUMNS
                                        " FROM templates t WHERE t.name = ?1 ORDER BY t.major, t.minor",
                                        name)),
                  read_template);
}

template <class Interface>
Result<std::vector<std::string>> Queries<Interface>::published_templates(AuthorityId authority) const {
  return read_all(TRY(connection_.query(
                      "SELECT name FROM published_templates WHERE authority = ?1 ORDER BY name", authority)),
                  [](const Query& row) -> Result<std::string> { return row.text(0); });
}

template <class Interface>
Result<std::uint64_t> Queries<Interface>::template_changes() const {
  // Versions are added and never taken away.
  Query query = TRY(connection_.query("SELECT coalesce(max(rowid), 0) FROM templates"));
  (void)TRY(query.step());
  return static_cast<std::uint64_t>(query.integer(0));
}

template <class Interface>
Result<KeyHistory> Queries<Interface>::key_history(std::uint64_t key) const {
  Query query =
      TRY(connection_.query("SELECT (SELECT request FROM certified_keys WHERE key = ?1),"
                            " (SELECT request FROM compromised_keys WHERE key = ?1)",
                            static_cast<std::int64_t>(key)));
  (void)TRY(query.step());
  KeyHistory history;
  if (!query.is_null(0)) history.certified = query.integer(0);
  if (!query.is_null(1)) history.compromised = query.integer(1);
  return history;
}

template <class Interface>
Result<Counts> Queries<Interface>::counts() const {
  // Requests are numbered without gaps, and those that were purged are counted; counting the rest would read
  // every large row.
  Query query = TRY(connection_.query(
      "SELECT (SELECT coalesce(max(id), 0) FROM requests) -"
      " coalesce((SELECT CAST(value AS INTEGER) FROM marks WHERE name = 'purged requests'), 0),"
      " (SELECT count(*) FROM requests WHERE disposition = 9 AND disposition <> 20),"
      " (SELECT count(*) FROM signatures), (SELECT count(*) FROM revocations), (SELECT count(*) FROM crls),"
      " (SELECT count(*) FROM templates t WHERE " VOUCH_NEWEST_TEMPLATE ")"));
  (void)TRY(query.step());
  const auto column = [&](int i) { return static_cast<std::uint64_t>(query.integer(i)); };
  return Counts{column(0), column(1), column(2), column(3), column(4), column(5)};
}

template <class Interface>
Result<Counts> Queries<Interface>::certificate_counts(AuthorityId authority) const {
  Query query = TRY(connection_.query(
      "SELECT (SELECT count(*) FROM certificates c CROSS JOIN signatures s WHERE s.request = c.request AND "
      "c.authority = ?1), (SELECT count(*) FROM revocations WHERE authority = ?1)",
      authority));
  (void)TRY(query.step());
  Counts counts;
  counts.certificates = static_cast<std::uint64_t>(query.integer(0));
  counts.revoked = static_cast<std::uint64_t>(query.integer(1));
  return counts;
}

template <class Interface>
Result<bool> Queries<Interface>::serial_used(Bytes serial) const {
  Query query = TRY(connection_.query("SELECT 1 FROM serials WHERE serial = ?1", serial));
  return query.step();
}

template <class Interface>
Result<std::string> Queries<Interface>::mark(std::string_view name) const {
  Query query = TRY(connection_.query("SELECT value FROM marks WHERE name = ?1", name));
  return TRY(query.step()) ? query.text(0) : std::string();
}

template class Queries<Snapshot>;
template class Queries<Transaction>;

}  // namespace vouch::store::sqlite
