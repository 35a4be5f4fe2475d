#include "store/sqlite/transaction.hpp"

#include <limits>

#include "store/messages.hpp"

namespace vouch::store::sqlite {
namespace {

// A request that is to be issued is written as `issued` at once: schema.cpp.
std::int64_t stored(Disposition disposition) {
  switch (disposition) {
    case Disposition::issuing:
    case Disposition::revoked:
      return static_cast<std::int64_t>(Disposition::issued);
    default:
      return static_cast<std::int64_t>(disposition);
  }
}

// What a constraint or a foreign key said, in the words of the caller.
Error instead(const Error& error, Errc code, const Error& own) { return error.code() == code ? own : error; }

Result<std::int64_t> stored_number(std::string_view what, std::uint64_t number) {
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return messages::number_too_large(what, number);
  return static_cast<std::int64_t>(number);
}

struct SignedCertificate {
  RequestId request = 0;
  std::int64_t key_index = 0;
  Time not_after{};
  std::optional<std::int64_t> reason;  // when it is revoked
  Time revoked_at{};
  std::int64_t changed = 0;
  std::int64_t shard = 0;
};

// The signed certificate of this authority with that serial, and whether it is revoked.
Result<SignedCertificate> find_signed(Connection& connection, AuthorityId authority, Bytes serial) {
  Query query =
      TRY(connection.query("SELECT c.request, c.key_index, c.not_after, s.request IS NOT NULL, r.reason, "
                           "r.revoked_at, r.changed, c.shard FROM serials z "
                           "JOIN certificates c ON c.request = z.request AND c.serial = z.serial LEFT JOIN "
                           "signatures s ON s.request = c.request "
                           "LEFT JOIN revocations r ON r.authority = c.authority AND r.key_index = "
                           "c.key_index AND r.serial = c.serial "
                           "WHERE z.serial = ?1 AND c.authority = ?2",
                           serial, authority));
  if (!TRY(query.step())) return messages::no_certificate(serial);
  if (query.integer(3) == 0) return messages::not_signed(serial);
  SignedCertificate found{query.integer(0), query.integer(1), query.time(2), std::nullopt, Time(), 0,
                          query.integer(7)};
  if (!query.is_null(4)) {
    found.reason = query.integer(4);
    found.revoked_at = query.time(5);
    found.changed = query.integer(6);
  }
  return found;
}

// The number of a change that is being made. Nobody else can take it before this transaction ends.
Result<std::int64_t> next_change(Connection& connection, AuthorityId authority) {
  Query query =
      TRY(connection.query("INSERT INTO revocation_changes (authority, last) VALUES (?1, 1) "
                           "ON CONFLICT (authority) DO UPDATE SET last = last + 1 RETURNING last",
                           authority));
  if (!TRY(query.step())) return make_error(Errc::internal, "a change got no number");
  const std::int64_t number = query.integer(0);
  (void)TRY(query.step());  // to the end, or the row is not written
  return number;
}

Status check_location_set(Connection& connection, std::int64_t id) {
  Query query = TRY(connection.query("SELECT 1 FROM location_sets WHERE id = ?1", id));
  if (!TRY(query.step())) return messages::no_location_set(id);
  return ok();
}

constexpr std::int64_t kHold = static_cast<std::int64_t>(x509::CrlReason::certificate_hold);

}  // namespace

Result<AuthorityId> SqliteTransaction::insert_authority(const AuthorityRecord& record) {
  auto done = connection_.run(
      "INSERT INTO authorities (name, kind, mode, created_at, settings) VALUES (?1, ?2, ?3, ?4, ?5)",
      record.name, static_cast<std::int64_t>(record.kind), static_cast<std::int64_t>(record.mode),
      record.created_at, record.settings);
  if (!done) return instead(done.error(), Errc::conflict, messages::authority_exists(record.name));
  return connection_.last_insert_id();
}

Status SqliteTransaction::update_settings(AuthorityId authority, std::string_view settings) {
  TRY(connection_.run("UPDATE authorities SET settings = ?2 WHERE id = ?1", authority, settings));
  if (connection_.changes() == 0) return messages::no_authority(authority);
  return ok();
}

Status SqliteTransaction::insert_chain(const KeyGeneration& generation) {
  std::int64_t position = 0;
  for (const Buffer& certificate : generation.chain)
    TRY(connection_.run(
        "INSERT INTO chain_certificates (authority, certificate_index, position, certificate) "
        "VALUES (?1, ?2, ?3, ?4)",
        generation.authority, std::int64_t{generation.certificate_index}, position++, certificate));
  return ok();
}

Status SqliteTransaction::insert_key_generation(const KeyGeneration& generation) {
  auto done = connection_.run(
      "INSERT INTO key_generations (authority, certificate_index, key_index, key_reference, public_key_info, "
      "request, "
      "certificate, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      generation.authority, std::int64_t{generation.certificate_index}, std::int64_t{generation.key_index},
      generation.key_reference, generation.public_key_info, generation.request, generation.certificate,
      generation.created_at);
  if (!done && done.error().code() == Errc::conflict) return messages::key_generation_exists(generation);
  if (!done) return instead(done.error(), Errc::not_found, messages::no_authority(generation.authority));
  return insert_chain(generation);
}

Status SqliteTransaction::update_key_generation(const KeyGeneration& generation) {
  TRY(connection_.run(
      "UPDATE key_generations SET key_index = ?3, key_reference = ?4, public_key_info = ?5, request = ?6, "
      "certificate = ?7, created_at = ?8 WHERE authority = ?1 AND certificate_index = ?2",
      generation.authority, std::int64_t{generation.certificate_index}, std::int64_t{generation.key_index},
      generation.key_reference, generation.public_key_info, generation.request, generation.certificate,
      generation.created_at));
  if (connection_.changes() == 0) return messages::no_key_generation(generation);
  TRY(connection_.run("DELETE FROM chain_certificates WHERE authority = ?1 AND certificate_index = ?2",
                      generation.authority, std::int64_t{generation.certificate_index}));
  return insert_chain(generation);
}

Result<RequestId> SqliteTransaction::insert_request(const RequestRecord& record) {
  auto done = connection_.run(
      "INSERT INTO requests (authority, disposition, submitted_at, resolved_at, requester, resolver, "
      "template, "
      "transaction_key, attributes, message, reason, request, trace, client_transaction) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
      record.authority, stored(record.disposition), record.submitted_at, record.resolved_at, record.requester,
      record.resolver, record.template_name, record.transaction, encode_attributes(record.attributes),
      record.message, record.reason, record.request, record.trace, record.client_transaction);
  if (!done && done.error().code() == Errc::not_found) return messages::no_authority(record.authority);
  if (!done) return instead(done.error(), Errc::conflict, messages::transaction_used(record.transaction));
  return connection_.last_insert_id();
}

Status SqliteTransaction::update_request(const RequestRecord& record) {
  // A certificate that was issued elsewhere stays so.
  auto done = connection_.run(
      "UPDATE requests SET disposition = CASE WHEN disposition = 12 AND ?2 = 20 THEN 12 ELSE ?2 END, "
      "resolved_at = ?3, "
      "requester = ?4, resolver = ?5, template = ?6, transaction_key = ?7, attributes = ?8, message = ?9, "
      "reason = ?10, "
      "trace = ?11 WHERE id = ?1",
      record.id, stored(record.disposition), record.resolved_at, record.requester, record.resolver,
      record.template_name, record.transaction, encode_attributes(record.attributes), record.message,
      record.reason, record.trace);
  if (!done) return instead(done.error(), Errc::conflict, messages::transaction_used(record.transaction));
  if (connection_.changes() == 0) return messages::no_request(record.id);
  return ok();
}

Status SqliteTransaction::insert_intent(const CertificateRecord& certificate) {
  if (certificate.serial.empty()) return messages::no_serial();
  if (certificate.location_set != 0) TRY(check_location_set(connection_, certificate.location_set));
  auto done = connection_.run(
      "INSERT INTO certificates (request, authority, key_index, serial, not_before, not_after, subject, "
      "template, "
      "signature_algorithm, tbs, location_set, shard) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      certificate.request, certificate.authority, std::int64_t{certificate.key_index}, certificate.serial,
      certificate.not_before, certificate.not_after, certificate.subject, certificate.template_name,
      certificate.signature_algorithm, certificate.tbs, certificate.location_set,
      std::int64_t{certificate.shard});
  if (!done && done.error().code() == Errc::conflict)
    return messages::request_has_certificate(certificate.request);
  if (!done && done.error().code() == Errc::not_found) {
    (void)TRY(request(certificate.request));
    return messages::no_authority(certificate.authority);
  }
  TRY(std::move(done));
  done = connection_.run("INSERT INTO serials (serial, request) VALUES (?1, ?2)", certificate.serial,
                         certificate.request);
  if (!done && done.error().code() == Errc::conflict) {
    TRY(connection_.run("DELETE FROM certificates WHERE request = ?1", certificate.request));
    return messages::serial_used(certificate.serial);
  }
  TRY(std::move(done));
  if (certificate.shard != 0)
    TRY(connection_.run(
        "INSERT INTO carried_shards (authority, key_index, shard, location_set, not_after) "
        "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (authority, key_index, shard, location_set) DO UPDATE SET "
        "not_after = excluded.not_after WHERE excluded.not_after > not_after",
        certificate.authority, std::int64_t{certificate.key_index}, std::int64_t{certificate.shard},
        certificate.location_set, certificate.not_after));
  TRY(connection_.run("INSERT INTO intents (request) VALUES (?1)", certificate.request));
  return connection_.run("UPDATE requests SET disposition = 20 WHERE id = ?1 AND disposition NOT IN (12, 20)",
                         certificate.request);
}

Status SqliteTransaction::complete_intent(RequestId request, Bytes signature) {
  if (signature.empty()) return messages::no_signature(request);
  TRY(connection_.run("DELETE FROM intents WHERE request = ?1", request));
  if (connection_.changes() == 0) return messages::no_intent(request);
  return connection_.run("INSERT INTO signatures (request, signature) VALUES (?1, ?2)", request, signature);
}

Status SqliteTransaction::abandon_intent(RequestId request, std::string_view message) {
  TRY(connection_.run("DELETE FROM intents WHERE request = ?1", request));
  if (connection_.changes() == 0) return messages::no_intent(request);
  TRY(connection_.run("DELETE FROM certificates WHERE request = ?1", request));
  return connection_.run("UPDATE requests SET disposition = 30, message = ?2 WHERE id = ?1", request,
                         message);
}

Result<RequestId> SqliteTransaction::certify_key(std::uint64_t key, RequestId request) {
  // An abandoned intent leaves a row that speaks of no certificate: it gives way.
  TRY(connection_.run(
      "INSERT INTO certified_keys (key, request) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET request = "
      "?2 WHERE NOT EXISTS (SELECT 1 FROM certificates c WHERE c.request = certified_keys.request)",
      static_cast<std::int64_t>(key), request));
  if (connection_.changes() != 0) return request;
  return TRY(key_history(key)).certified.value_or(request);
}

Status SqliteTransaction::mark_key_compromised(std::uint64_t key, RequestId request) {
  return connection_.run("INSERT INTO compromised_keys (key, request) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                         static_cast<std::int64_t>(key), request);
}

Status SqliteTransaction::revoke(AuthorityId authority, const RevocationRecord& revocation) {
  if (revocation.reason == x509::CrlReason::remove_from_crl) return messages::not_a_revocation();
  const SignedCertificate found = TRY(find_signed(connection_, authority, revocation.serial));
  const auto reason = static_cast<std::int64_t>(revocation.reason);
  if (!found.reason)
    return connection_.run(
        "INSERT INTO revocations (authority, key_index, serial, request, not_after, revoked_at, reason, "
        "invalidity_date, changed, shard) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        authority, found.key_index, revocation.serial, found.request, found.not_after, revocation.revoked_at,
        reason, revocation.invalidity_date, TRY(next_change(connection_, authority)), found.shard);
  if (*found.reason != kHold || reason == kHold)
    return messages::revoked_already(revocation.serial, found.revoked_at);
  return connection_.run(
      "UPDATE revocations SET reason = ?4, invalidity_date = coalesce(?5, invalidity_date), changed = ?6 "
      "WHERE authority = ?1 AND key_index = ?2 AND serial = ?3",
      authority, found.key_index, revocation.serial, reason, revocation.invalidity_date,
      TRY(next_change(connection_, authority)));
}

Status SqliteTransaction::release(AuthorityId authority, Bytes serial) {
  const SignedCertificate found = TRY(find_signed(connection_, authority, serial));
  if (!found.reason) return messages::not_revoked(serial);
  if (*found.reason != kHold) return messages::not_on_hold(serial);
  // It may have been on hold before, and a CRL of that time be in use: `held_since` keeps the first change.
  TRY(connection_.run(
      "INSERT INTO releases (authority, key_index, serial, not_after, revoked_at, held_since, changed, "
      "shard) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (authority, key_index, serial) DO UPDATE "
      "SET "
      "revoked_at = excluded.revoked_at, held_since = min(held_since, excluded.held_since), "
      "changed = excluded.changed",
      authority, found.key_index, serial, found.not_after, found.revoked_at, found.changed,
      TRY(next_change(connection_, authority)), found.shard));
  return connection_.run("DELETE FROM revocations WHERE authority = ?1 AND key_index = ?2 AND serial = ?3",
                         authority, found.key_index, serial);
}

Status SqliteTransaction::insert_crl(const CrlRecord& record) {
  const std::int64_t number = TRY(stored_number("CRL number", record.number));
  const std::uint64_t last = TRY(last_crl_number(record.authority));
  if (record.number <= last) return messages::crl_number_not_above(record.number, last);
  auto done = connection_.run(
      "INSERT INTO crls (authority, number, key_index, delta, this_update, next_update, next_publish, "
      "entries, size, sha256, file, base_number, last_change, scope, shard) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
      record.authority, number, std::int64_t{record.key_index}, std::int64_t{record.delta},
      record.this_update, record.next_update, record.next_publish,
      TRY(stored_number("number of entries", record.entries)), TRY(stored_number("size", record.size)),
      record.sha256, record.file, TRY(stored_number("CRL number", record.base_number)),
      TRY(stored_number("change", record.last_change)), record.scope, std::int64_t{record.shard});
  if (!done) return instead(done.error(), Errc::not_found, messages::no_authority(record.authority));
  return ok();
}

Status SqliteTransaction::update_crl(const CrlRecord& record) {
  TRY(
      connection_.run("UPDATE crls SET entries = ?3, size = ?4, sha256 = ?5, file = ?6 "
                      "WHERE authority = ?1 AND number = ?2",
                      record.authority, TRY(stored_number("CRL number", record.number)),
                      TRY(stored_number("number of entries", record.entries)),
                      TRY(stored_number("size", record.size)), record.sha256, record.file));
  if (connection_.changes() == 0) return messages::no_crl(record.number);
  return ok();
}

Status SqliteTransaction::put_crl_target(const CrlTarget& target) {
  auto done = connection_.run(
      "INSERT INTO crl_targets (authority, key_index, delta, target, number, wanted, tried_at, error, shard) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (authority, key_index, delta, target) DO "
      "UPDATE "
      "SET "
      "number = excluded.number, wanted = excluded.wanted, tried_at = excluded.tried_at, error = "
      "excluded.error, shard = excluded.shard",
      target.authority, std::int64_t{target.key_index}, std::int64_t{target.delta}, target.target,
      TRY(stored_number("CRL number", target.number)), TRY(stored_number("CRL number", target.wanted)),
      target.tried_at, target.error, std::int64_t{target.shard});
  if (!done) return instead(done.error(), Errc::not_found, messages::no_authority(target.authority));
  return ok();
}

Result<std::int64_t> SqliteTransaction::location_set(AuthorityId authority, std::string_view text) {
  Query query = TRY(connection_.query("SELECT id FROM location_sets WHERE authority = ?1 AND locations = ?2",
                                      authority, text));
  if (TRY(query.step())) return query.integer(0);
  auto done =
      connection_.run("INSERT INTO location_sets (authority, locations) VALUES (?1, ?2)", authority, text);
  if (!done) return instead(done.error(), Errc::not_found, messages::no_authority(authority));
  return connection_.last_insert_id();
}

Status SqliteTransaction::insert_template(const TemplateRecord& record) {
  auto done = connection_.run(
      "INSERT INTO templates (name, major, minor, body, removed, changed_at, changed_by) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      record.name, std::int64_t{record.major}, std::int64_t{record.minor}, record.body,
      std::int64_t{record.removed}, record.changed_at, record.changed_by);
  if (!done) return instead(done.error(), Errc::conflict, messages::template_version_exists(record));
  // Nobody issues what is gone.
  if (record.removed) return connection_.run("DELETE FROM published_templates WHERE name = ?1", record.name);
  return ok();
}

Status SqliteTransaction::publish_template(AuthorityId authority, std::string_view name) {
  (void)TRY(certificate_template(name));
  auto done = connection_.run(
      "INSERT INTO published_templates (authority, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING", authority,
      name);
  if (!done) return instead(done.error(), Errc::not_found, messages::no_authority(authority));
  return ok();
}

Status SqliteTransaction::withdraw_template(AuthorityId authority, std::string_view name) {
  TRY(connection_.run("DELETE FROM published_templates WHERE authority = ?1 AND name = ?2", authority, name));
  if (connection_.changes() == 0) return messages::not_published(name);
  return ok();
}

Status SqliteTransaction::purge_request(RequestId request) {
  {
    Query query = TRY(connection_.query(
        "SELECT (SELECT max(id) FROM requests) = ?1, (SELECT 1 FROM intents WHERE request = ?1) "
        "FROM requests WHERE id = ?1",
        request));
    if (!TRY(query.step())) return messages::no_request(request);
    if (query.integer(0) != 0) return messages::newest_request(request);
    if (!query.is_null(1)) return messages::waits_for_signature(request);
  }
  TRY(connection_.run("DELETE FROM revocations WHERE request = ?1", request));
  TRY(connection_.run("DELETE FROM signatures WHERE request = ?1", request));
  TRY(connection_.run("DELETE FROM certificates WHERE request = ?1", request));
  TRY(connection_.run("DELETE FROM requests WHERE id = ?1", request));
  return connection_.run(
      "INSERT INTO marks (name, value) VALUES ('purged requests', '1') "
      "ON CONFLICT DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)");
}

Status SqliteTransaction::complete_lost(const CertificateRecord& certificate) {
  if (certificate.signature.empty()) return messages::no_signature(certificate.request);
  const CertificateRecord lost = TRY(certificate_of_request(certificate.request));
  if (!lost.lost() || lost.serial != certificate.serial || lost.authority != certificate.authority)
    return messages::not_lost(certificate.serial);
  TRY(
      connection_.run("UPDATE certificates SET not_before = ?2, not_after = ?3, subject = ?4, template = ?5, "
                      "signature_algorithm = ?6, tbs = ?7 WHERE request = ?1",
                      certificate.request, certificate.not_before, certificate.not_after, certificate.subject,
                      certificate.template_name, certificate.signature_algorithm, certificate.tbs));
  TRY(connection_.run("UPDATE revocations SET not_after = ?2 WHERE request = ?1", certificate.request,
                      certificate.not_after));
  return connection_.run("UPDATE signatures SET signature = ?2 WHERE request = ?1", certificate.request,
                         certificate.signature);
}

Status SqliteTransaction::set_mark(std::string_view name, std::string_view value) {
  return connection_.run(
      "INSERT INTO marks (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
      name, value);
}

Status SqliteTransaction::append_audit(const AuditRecord& record) {
  return journal::append_audit(connection_, record);
}

Status SqliteTransaction::insert_audit_head(const AuditHead& head) {
  return journal::insert_audit_head(connection_, head);
}

Status SqliteTransaction::insert_audit_key(const AuditKey& key) {
  return journal::insert_audit_key(connection_, key);
}

Status SqliteTransaction::insert_audit_statement(const AuditStatement& statement) {
  return journal::insert_audit_statement(connection_, statement);
}

Status SqliteTransaction::insert_role_change(const RoleChange& change) {
  return journal::insert_role_change(connection_, change);
}

Result<std::int64_t> SqliteTransaction::insert_challenge(const ChallengeRecord& record) {
  return challenge_rows::insert(connection_, record);
}

Status SqliteTransaction::update_challenge(const ChallengeRecord& record) {
  return challenge_rows::update(connection_, record);
}

Status SqliteTransaction::insert_challenge_key(const ChallengeKey& key) {
  return challenge_rows::insert_key(connection_, key);
}

Status SqliteTransaction::update_challenge_key(const ChallengeKey& key) {
  return challenge_rows::update_key(connection_, key);
}

Status SqliteTransaction::put_guesses(const GuessRecord& record) {
  return challenge_rows::put_guesses(connection_, record);
}

Status SqliteTransaction::forget_guesses(Time before) {
  return connection_.run("DELETE FROM challenge_guesses WHERE at < ?1", before);
}

}  // namespace vouch::store::sqlite
