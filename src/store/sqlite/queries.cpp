#include "store/sqlite/queries.hpp"

#include "store/messages.hpp"
#include "store/sqlite/rows.hpp"

namespace vouch::store::sqlite {
namespace {

#define VOUCH_AUTHORITY_COLUMNS "id, name, kind, mode, created_at, settings"

Result<AuthorityRecord> read_authority(const Query& query) {
  AuthorityRecord record;
  record.id = query.integer(0);
  record.name = query.text(1);
  record.kind = TRY(one_of(query, 2, "kind of CA", AuthorityKind::subordinate));
  record.mode = TRY(one_of(query, 3, "mode of CA", AuthorityMode::enterprise));
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

}  // namespace

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
