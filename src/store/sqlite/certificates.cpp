#include "store/sqlite/certificates.hpp"

#include "store/messages.hpp"
#include "store/sqlite/revocations.hpp"
#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite::certificate_rows {
namespace {

#define VOUCH_CERTIFICATE_COLUMNS                                                                     \
  "c.request, c.authority, c.key_index, c.serial, c.not_before, c.not_after, c.subject, c.template, " \
  "c.signature_algorithm, s.signature, r.revoked_at, r.reason, r.invalidity_date, c.location_set, c.shard"
#define VOUCH_CERTIFICATE_JOINS \
  " LEFT JOIN signatures s ON s.request = c.request LEFT JOIN revocations r ON r.request = c.request "

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
    record.revocation = RevocationRecord{
        record.serial, query.time(10), TRY(revocation_rows::read_reason(query, 11)), query.optional_time(12)};
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

}  // namespace

Result<CertificateRecord> of_serial(Connection& connection, Bytes serial) {
  Query query =
      TRY(connection.query("SELECT " VOUCH_CERTIFICATE_COLUMNS
                           ", c.tbs FROM serials z JOIN certificates c ON c.request = z.request AND "
                           "c.serial = z.serial" VOUCH_CERTIFICATE_JOINS "WHERE z.serial = ?1",
                           serial));
  if (!TRY(query.step())) return messages::no_certificate(serial);
  return read_certificate(query, Bulk::with);
}

Result<CertificateRecord> of_request(Connection& connection, RequestId id) {
  Query query =
      TRY(connection.query("SELECT " VOUCH_CERTIFICATE_COLUMNS
                           ", c.tbs FROM certificates c" VOUCH_CERTIFICATE_JOINS "WHERE c.request = ?1",
                           id));
  if (!TRY(query.step())) return messages::no_certificate_of(id);
  return read_certificate(query, Bulk::with);
}

Result<std::vector<CertificateRecord>> list(Connection& connection, const CertificateFilter& filter) {
  const std::string sql = certificates_sql(filter);
  Query query = TRY(connection.query_once(sql, filter.after, filter.authority, filter.subject_contains,
                                          filter.template_name, filter.requester, filter.expires_before,
                                          filter.expires_after, sql_number(filter.limit)));
  return read_all(std::move(query), [](const Query& row) { return read_certificate(row, Bulk::without); });
}

Result<std::vector<CertificateRecord>> orphans(Connection& connection, AuthorityId authority) {
  Query query =
      TRY(connection.query("SELECT " VOUCH_CERTIFICATE_COLUMNS
                           ", c.tbs FROM intents i CROSS JOIN certificates c" VOUCH_CERTIFICATE_JOINS
                           "WHERE c.request = i.request AND c.authority = ?1 ORDER BY i.request",
                           authority));
  return read_all(std::move(query), [](const Query& row) { return read_certificate(row, Bulk::with); });
}

}  // namespace vouch::store::sqlite::certificate_rows
