#include "store/memory/transaction.hpp"

#include <algorithm>
#include <limits>

#include "store/messages.hpp"

namespace vouch::store::memory {
namespace {

Disposition stored(Disposition disposition) {
  return disposition == Disposition::issuing || disposition == Disposition::revoked ? Disposition::issued
                                                                                    : disposition;
}

// The backends that store for good have numbers with a sign.
Status check_number(std::string_view what, std::uint64_t number) {
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return messages::number_too_large(what, number);
  return ok();
}

}  // namespace

void MemoryTransaction::undo() {
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
  undo_.clear();
}

template <class Map>
void MemoryTransaction::put(Map& map, const typename Map::key_type& key, typename Map::mapped_type value) {
  if (auto found = map.find(key); found != map.end())
    undo_.push_back(
        [&map, key, before = std::move(found->second)]() mutable { map[key] = std::move(before); });
  else
    undo_.push_back([&map, key] { map.erase(key); });
  map[key] = std::move(value);
}

template <class Map>
void MemoryTransaction::erase(Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  undo_.push_back([&map, key, before = std::move(found->second)]() mutable { map[key] = std::move(before); });
  map.erase(found);
}

template <class Key>
void MemoryTransaction::put(std::set<Key>& set, const Key& key) {
  if (set.insert(key).second) undo_.push_back([&set, key] { set.erase(key); });
}

template <class Key>
void MemoryTransaction::erase(std::set<Key>& set, const Key& key) {
  if (set.erase(key) != 0) undo_.push_back([&set, key] { set.insert(key); });
}

Status MemoryTransaction::check_authority(AuthorityId authority) const {
  if (!state_.authorities.contains(authority)) return messages::no_authority(authority);
  return ok();
}

Result<AuthorityId> MemoryTransaction::insert_authority(const AuthorityRecord& record) {
  if (Queries::authority(record.name)) return messages::authority_exists(record.name);
  AuthorityRecord row = record;
  row.id = state_.authorities.empty() ? 1 : state_.authorities.rbegin()->first + 1;
  put(state_.authorities, row.id, row);
  return row.id;
}

Status MemoryTransaction::update_settings(AuthorityId authority, std::string_view settings) {
  TRY(check_authority(authority));
  AuthorityRecord row = state_.authorities.at(authority);
  row.settings = settings;
  put(state_.authorities, authority, row);
  return ok();
}

Status MemoryTransaction::insert_key_generation(const KeyGeneration& generation) {
  TRY(check_authority(generation.authority));
  const std::pair key(generation.authority, generation.certificate_index);
  if (state_.key_generations.contains(key)) return messages::key_generation_exists(generation);
  put(state_.key_generations, key, generation);
  return ok();
}

Status MemoryTransaction::update_key_generation(const KeyGeneration& generation) {
  const std::pair key(generation.authority, generation.certificate_index);
  if (!state_.key_generations.contains(key)) return messages::no_key_generation(generation);
  put(state_.key_generations, key, generation);
  return ok();
}

Result<RequestId> MemoryTransaction::insert_request(const RequestRecord& record) {
  TRY(check_authority(record.authority));
  const std::pair transaction(record.authority, record.transaction);
  if (state_.transactions.contains(transaction)) return messages::transaction_used(record.transaction);
  RequestRecord row = record;
  row.id = state_.requests.empty() ? 1 : state_.requests.rbegin()->first + 1;
  row.disposition = stored(record.disposition);
  put(state_.requests, row.id, std::make_shared<const RequestRecord>(row));
  if (!record.transaction.empty()) put(state_.transactions, transaction, row.id);
  if (!record.client_transaction.empty())
    put(state_.client_transactions, {record.authority, record.client_transaction, row.id}, true);
  return row.id;
}

Status MemoryTransaction::update_request(const RequestRecord& record) {
  const auto* found = find(state_.requests, record.id);
  if (found == nullptr) return messages::no_request(record.id);
  const Shared<RequestRecord> before = *found;
  RequestRecord row = record;
  row.authority = before->authority;
  row.request = before->request;
  row.submitted_at = before->submitted_at;
  row.client_transaction = before->client_transaction;
  row.disposition = stored(record.disposition);
  // A certificate that was issued elsewhere stays so.
  if (before->disposition == Disposition::foreign && row.disposition == Disposition::issued)
    row.disposition = Disposition::foreign;
  if (row.transaction != before->transaction) {
    if (state_.transactions.contains({row.authority, row.transaction}))
      return messages::transaction_used(row.transaction);
    erase(state_.transactions, {row.authority, before->transaction});
    if (!row.transaction.empty()) put(state_.transactions, {row.authority, row.transaction}, row.id);
  }
  put(state_.requests, record.id, std::make_shared<const RequestRecord>(std::move(row)));
  return ok();
}

void MemoryTransaction::set_disposition(RequestId request, Disposition disposition) {
  RequestRecord row = *state_.requests.at(request);
  row.disposition = disposition;
  put(state_.requests, request, std::make_shared<const RequestRecord>(std::move(row)));
}

Status MemoryTransaction::insert_intent(const CertificateRecord& certificate) {
  if (certificate.serial.empty()) return messages::no_serial();
  if (certificate.location_set != 0 && !state_.location_sets.contains(certificate.location_set))
    return messages::no_location_set(certificate.location_set);
  const auto* request = find(state_.requests, certificate.request);
  if (state_.certificates.contains(certificate.request))
    return messages::request_has_certificate(certificate.request);
  if (request == nullptr) return messages::no_request(certificate.request);
  TRY(check_authority(certificate.authority));
  if (state_.serials.contains(certificate.serial)) return messages::serial_used(certificate.serial);
  const Disposition disposition = (*request)->disposition;
  CertificateRecord row = certificate;
  row.signature.clear();
  row.revocation.reset();
  put(state_.serials, row.serial, row.request);
  put(state_.intents, row.request);
  if (row.shard != 0) {
    const std::tuple key(row.authority, row.key_index, row.shard, row.location_set);
    const Time* last = find(state_.carried_shards, key);
    if (last == nullptr || *last < row.not_after) put(state_.carried_shards, key, row.not_after);
  }
  put(state_.certificates, certificate.request, std::make_shared<const CertificateRecord>(std::move(row)));
  if (disposition != Disposition::issued && disposition != Disposition::foreign)
    set_disposition(certificate.request, Disposition::issued);
  return ok();
}

Status MemoryTransaction::complete_intent(RequestId request, Bytes signature) {
  if (signature.empty()) return messages::no_signature(request);
  if (!state_.intents.contains(request)) return messages::no_intent(request);
  erase(state_.intents, request);
  CertificateRecord row = *state_.certificates.at(request);
  row.signature = to_buffer(signature);
  put(state_.certificates, request, std::make_shared<const CertificateRecord>(std::move(row)));
  return ok();
}

Status MemoryTransaction::abandon_intent(RequestId request, std::string_view message) {
  if (!state_.intents.contains(request)) return messages::no_intent(request);
  erase(state_.intents, request);
  erase(state_.certificates, request);
  RequestRecord row = *state_.requests.at(request);
  row.disposition = Disposition::failed;
  row.message = message;
  put(state_.requests, request, std::make_shared<const RequestRecord>(std::move(row)));
  return ok();
}

Result<RequestId> MemoryTransaction::certify_key(std::uint64_t key, RequestId request) {
  const RequestId* before = find(state_.certified_keys, key);
  if (before != nullptr && state_.certificates.contains(*before)) return *before;
  put(state_.certified_keys, key, request);
  return request;
}

Status MemoryTransaction::mark_key_compromised(std::uint64_t key, RequestId request) {
  if (!state_.compromised_keys.contains(key)) put(state_.compromised_keys, key, request);
  return ok();
}

// The signed certificate of this authority with that serial.
Result<const CertificateRecord*> MemoryTransaction::find_signed(AuthorityId authority, Bytes serial) const {
  const auto* id = find(state_.serials, to_buffer(serial));
  const auto* row = id == nullptr ? nullptr : find(state_.certificates, *id);
  if (row == nullptr || !equal((*row)->serial, serial) || (*row)->authority != authority)
    return messages::no_certificate(serial);
  if ((*row)->signature.empty()) return messages::not_signed(serial);
  return row->get();
}

Status MemoryTransaction::revoke(AuthorityId authority, const RevocationRecord& revocation) {
  if (revocation.reason == x509::CrlReason::remove_from_crl) return messages::not_a_revocation();
  const CertificateRecord& certificate = *TRY(find_signed(authority, revocation.serial));
  const RevocationKey key = revocation_key(certificate);
  RevocationRow row{revocation, certificate.request, certificate.not_after, 0, certificate.shard};
  if (const RevocationRow* before = find(state_.revocations, key)) {
    if (before->record.reason != x509::CrlReason::certificate_hold ||
        revocation.reason == x509::CrlReason::certificate_hold)
      return messages::revoked_already(revocation.serial, before->record.revoked_at);
    row.record.revoked_at = before->record.revoked_at;
    if (!row.record.invalidity_date) row.record.invalidity_date = before->record.invalidity_date;
  }
  row.changed = next_change(authority);
  put(state_.revocations, key, row);
  return ok();
}

std::uint64_t MemoryTransaction::next_change(AuthorityId authority) {
  const std::uint64_t* last = find(state_.last_changes, authority);
  const std::uint64_t next = (last == nullptr ? 0 : *last) + 1;
  put(state_.last_changes, authority, next);
  return next;
}

Status MemoryTransaction::release(AuthorityId authority, Bytes serial) {
  const RevocationKey key = revocation_key(*TRY(find_signed(authority, serial)));
  const RevocationRow* row = find(state_.revocations, key);
  if (row == nullptr) return messages::not_revoked(serial);
  if (row->record.reason != x509::CrlReason::certificate_hold) return messages::not_on_hold(serial);
  ReleaseRow release{row->not_after, row->record.revoked_at, row->changed, next_change(authority),
                     row->shard};
  // It may have been on hold before, and a CRL of that time be in use.
  if (const ReleaseRow* before = find(state_.releases, key))
    release.held_since = std::min(release.held_since, before->held_since);
  put(state_.releases, key, release);
  erase(state_.revocations, key);
  return ok();
}

Status MemoryTransaction::insert_crl(const CrlRecord& record) {
  TRY(check_number("CRL number", record.number));
  const std::uint64_t last = TRY(last_crl_number(record.authority));
  if (record.number <= last) return messages::crl_number_not_above(record.number, last);
  TRY(check_number("number of entries", record.entries));
  TRY(check_number("size", record.size));
  TRY(check_number("CRL number", record.base_number));
  TRY(check_number("change", record.last_change));
  TRY(check_authority(record.authority));
  put(state_.crls, {record.authority, record.number}, record);
  return ok();
}

Status MemoryTransaction::update_crl(const CrlRecord& record) {
  TRY(check_number("CRL number", record.number));
  TRY(check_number("number of entries", record.entries));
  TRY(check_number("size", record.size));
  const std::pair key(record.authority, record.number);
  const CrlRecord* found = find(state_.crls, key);
  if (found == nullptr) return messages::no_crl(record.number);
  CrlRecord row = *found;
  row.entries = record.entries;
  row.size = record.size;
  row.sha256 = record.sha256;
  row.file = record.file;
  put(state_.crls, key, row);
  return ok();
}

Status MemoryTransaction::put_crl_target(const CrlTarget& target) {
  TRY(check_number("CRL number", target.number));
  TRY(check_number("CRL number", target.wanted));
  TRY(check_authority(target.authority));
  put(state_.crl_targets, {target.authority, target.key_index, target.delta, target.target}, target);
  return ok();
}

Result<std::int64_t> MemoryTransaction::location_set(AuthorityId authority, std::string_view text) {
  for (const auto& [id, row] : state_.location_sets)
    if (row.first == authority && row.second == text) return id;
  TRY(check_authority(authority));
  const std::int64_t id = state_.location_sets.empty() ? 1 : state_.location_sets.rbegin()->first + 1;
  put(state_.location_sets, id, {authority, std::string(text)});
  return id;
}

Status MemoryTransaction::insert_template(const TemplateRecord& record) {
  const auto* before = find(state_.templates, record.name);
  auto versions =
      before == nullptr ? std::map<std::pair<std::uint32_t, std::uint32_t>, TemplateRecord>() : *before;
  const auto added = versions.emplace(std::pair(record.major, record.minor), record);
  if (!added.second) return messages::template_version_exists(record);
  put(state_.templates, record.name, std::move(versions));
  if (!record.removed) return ok();
  // Nobody issues what is gone.
  for (const auto& [authority, row] : state_.authorities) erase(state_.published, {authority, record.name});
  return ok();
}

Status MemoryTransaction::publish_template(AuthorityId authority, std::string_view name) {
  (void)TRY(certificate_template(name));
  TRY(check_authority(authority));
  put(state_.published, {authority, std::string(name)});
  return ok();
}

Status MemoryTransaction::withdraw_template(AuthorityId authority, std::string_view name) {
  const std::pair key(authority, std::string(name));
  if (!state_.published.contains(key)) return messages::not_published(name);
  erase(state_.published, key);
  return ok();
}

Status MemoryTransaction::purge_request(RequestId request) {
  const auto* found = find(state_.requests, request);
  if (found == nullptr) return messages::no_request(request);
  if (state_.requests.rbegin()->first == request) return messages::newest_request(request);
  if (state_.intents.contains(request)) return messages::waits_for_signature(request);
  const Shared<RequestRecord> row = *found;
  if (const auto* certificate = find(state_.certificates, request)) {
    erase(state_.revocations, revocation_key(**certificate));
    erase(state_.certificates, request);
  }
  if (!row->transaction.empty()) erase(state_.transactions, {row->authority, row->transaction});
  if (!row->client_transaction.empty())
    erase(state_.client_transactions, {row->authority, row->client_transaction, request});
  erase(state_.requests, request);
  return ok();
}

Status MemoryTransaction::complete_lost(const CertificateRecord& certificate) {
  if (certificate.signature.empty()) return messages::no_signature(certificate.request);
  const auto* found = find(state_.certificates, certificate.request);
  if (found == nullptr) return messages::no_certificate_of(certificate.request);
  const CertificateRecord& lost = **found;
  if (!lost.lost() || lost.serial != certificate.serial || lost.authority != certificate.authority)
    return messages::not_lost(certificate.serial);
  CertificateRecord row = certificate;
  row.key_index = lost.key_index;
  row.shard = lost.shard;
  row.revocation.reset();
  if (RevocationRow* revoked = find(state_.revocations, revocation_key(lost))) {
    RevocationRow now = *revoked;
    now.not_after = certificate.not_after;
    put(state_.revocations, revocation_key(lost), now);
  }
  put(state_.certificates, certificate.request, std::make_shared<const CertificateRecord>(std::move(row)));
  return ok();
}

Status MemoryTransaction::set_mark(std::string_view name, std::string_view value) {
  put(state_.marks, std::string(name), std::string(value));
  return ok();
}

Status MemoryTransaction::append_audit(const AuditRecord& record) {
  const std::int64_t last = TRY(audit_size());
  if (record.sequence != last + 1) return messages::audit_sequence(record.sequence, last);
  put(state_.audit, record.sequence, std::make_shared<const AuditRecord>(record));
  return ok();
}

Status MemoryTransaction::insert_audit_head(const AuditHead& head) {
  if (state_.audit_heads.contains(head.size)) return messages::audit_head_exists(head.size);
  put(state_.audit_heads, head.size, head);
  return ok();
}

Status MemoryTransaction::insert_audit_key(const AuditKey& key) {
  for (const auto& [position, known] : state_.audit_keys)
    if (known.public_key_info == key.public_key_info) return messages::audit_key_exists();
  put(state_.audit_keys, state_.audit_keys.size(), key);
  return ok();
}

Status MemoryTransaction::insert_audit_statement(const AuditStatement& statement) {
  TRY(check_authority(statement.authority));
  put(state_.audit_statements, state_.audit_statements.size(), statement);
  return ok();
}

Status MemoryTransaction::insert_role_change(const RoleChange& change) {
  RoleChange row = change;
  row.id = TRY(role_version()) + 1;
  put(state_.role_changes, row.id, row);
  return ok();
}

Result<std::int64_t> MemoryTransaction::insert_challenge(const ChallengeRecord& record) {
  TRY(check_authority(record.authority));
  if (find(state_.challenge_tokens, {record.authority, record.token})) return messages::challenge_exists();
  ChallengeRecord row = record;
  row.id = state_.challenges.empty() ? 1 : state_.challenges.rbegin()->first + 1;
  put(state_.challenge_tokens, {row.authority, row.token}, row.id);
  if (row.request != 0) put(state_.challenge_requests, row.request, row.id);
  put(state_.challenges, row.id, row);
  return row.id;
}

Status MemoryTransaction::update_challenge(const ChallengeRecord& record) {
  const ChallengeRecord* before = find(state_.challenges, record.id);
  if (!before) return messages::no_challenge(record.id);
  ChallengeRecord row = *before;
  row.state = record.state;
  row.verifier = record.verifier;
  row.minted_by = record.minted_by;
  row.minted_at = record.minted_at;
  row.expires_at = record.expires_at;
  row.changed_at = record.changed_at;
  row.failures = record.failures;
  row.last_refusal = record.last_refusal;
  row.request_hash = record.request_hash;
  row.request = record.request;
  row.client = record.client;
  if (before->request != 0 && before->request != row.request)
    erase(state_.challenge_requests, before->request);
  if (row.request != 0) put(state_.challenge_requests, row.request, row.id);
  put(state_.challenges, row.id, row);
  return ok();
}

Status MemoryTransaction::insert_challenge_key(const ChallengeKey& key) {
  TRY(check_authority(key.authority));
  for (const auto& [position, row] : state_.challenge_keys)
    if (row.authority == key.authority && row.id == key.id) return messages::challenge_key_exists(key.id);
  put(state_.challenge_keys, state_.challenge_keys.size(), key);
  return ok();
}

Status MemoryTransaction::update_challenge_key(const ChallengeKey& key) {
  for (const auto& [position, row] : state_.challenge_keys)
    if (row.authority == key.authority && row.id == key.id) {
      ChallengeKey changed = row;
      changed.rights = key.rights;
      changed.retired_at = key.retired_at;
      changed.removed_at = key.removed_at;
      put(state_.challenge_keys, position, std::move(changed));
      return ok();
    }
  return messages::no_challenge_key(key.id);
}

Status MemoryTransaction::put_guesses(const GuessRecord& record) {
  TRY(check_authority(record.authority));
  put(state_.guesses, {record.authority, record.scope}, record);
  return ok();
}

Status MemoryTransaction::forget_guesses(Time before) {
  std::vector<std::pair<AuthorityId, std::string>> old;
  for (const auto& [key, row] : state_.guesses)
    if (row.at < before) old.push_back(key);
  for (const auto& key : old) erase(state_.guesses, key);
  return ok();
}

}  // namespace vouch::store::memory
