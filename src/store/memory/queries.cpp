#include <algorithm>
#include <ranges>

#include "store/memory/state.hpp"
#include "store/messages.hpp"

namespace vouch::store::memory {
namespace {

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains_without_case(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return ascii_lower(a) == ascii_lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end() || part.empty();
}

template <class Map>
auto values_of(const Map& map) {
  std::vector<typename Map::mapped_type> values;
  for (const auto& [key, value] : map) values.push_back(value);
  return values;
}

}  // namespace

template <class Interface>
Disposition Queries<Interface>::disposition_of(const RequestRecord& request) const {
  const Disposition stored = request.disposition;
  if (stored != Disposition::issued && stored != Disposition::foreign) return stored;
  const auto* certificate = find(state().certificates, request.id);
  if (certificate != nullptr && state().revocations.contains(revocation_key(**certificate)))
    return Disposition::revoked;
  const bool is_signed = certificate != nullptr && !(*certificate)->signature.empty();
  return stored == Disposition::issued && !is_signed ? Disposition::issuing : stored;
}

template <class Interface>
RequestRecord Queries<Interface>::complete(const RequestRecord& request) const {
  RequestRecord record = request;
  record.disposition = disposition_of(request);
  return record;
}

template <class Interface>
CertificateRecord Queries<Interface>::complete(const CertificateRecord& certificate) const {
  CertificateRecord record = certificate;
  if (const auto* row = find(state().revocations, revocation_key(certificate)))
    record.revocation = row->record;
  return record;
}

template <class Interface>
Result<std::vector<AuthorityRecord>> Queries<Interface>::authorities() const {
  std::vector<AuthorityRecord> records;
  for (const auto& [id, record] : state().authorities) records.push_back(record);
  return records;
}

template <class Interface>
Result<AuthorityRecord> Queries<Interface>::authority(std::string_view name) const {
  for (const auto& [id, record] : state().authorities)
    if (record.name == name) return record;
  return messages::no_authority(name);
}

template <class Interface>
Result<std::vector<KeyGeneration>> Queries<Interface>::key_generations(AuthorityId authority) const {
  std::vector<KeyGeneration> generations;
  for (const auto& [key, generation] : state().key_generations)
    if (key.first == authority) generations.push_back(generation);
  return generations;
}

template <class Interface>
Result<RequestRecord> Queries<Interface>::request(RequestId id) const {
  const auto* row = find(state().requests, id);
  if (row == nullptr) return messages::no_request(id);
  return complete(**row);
}

template <class Interface>
Result<std::optional<RequestRecord>> Queries<Interface>::request_of_transaction(
    AuthorityId authority, std::string_view transaction) const {
  const auto* id = find(state().transactions, {authority, std::string(transaction)});
  if (id == nullptr) return std::nullopt;
  return TRY(request(*id));
}

template <class Interface>
Result<std::optional<RequestRecord>> Queries<Interface>::request_of_client(
    AuthorityId authority, std::string_view client_transaction) const {
  if (client_transaction.empty()) return std::nullopt;
  const auto& all = state().client_transactions;
  const std::string name(client_transaction);
  auto row = all.upper_bound({authority, name, std::numeric_limits<RequestId>::max()});
  if (row == all.begin()) return std::nullopt;
  const auto& [of, called, id] = std::prev(row)->first;
  if (of != authority || called != name) return std::nullopt;
  return TRY(request(id));
}

template <class Interface>
Result<std::vector<RequestRecord>> Queries<Interface>::requests(const RequestFilter& filter) const {
  std::vector<RequestRecord> records;
  for (auto row = state().requests.upper_bound(filter.after); row != state().requests.end(); ++row) {
    if (records.size() == filter.limit) break;
    const RequestRecord& stored = *row->second;
    if ((filter.authority && stored.authority != *filter.authority) ||
        (filter.disposition && disposition_of(stored) != *filter.disposition) ||
        (!filter.requester.empty() && stored.requester != filter.requester) ||
        (!filter.template_name.empty() && stored.template_name != filter.template_name))
      continue;
    records.push_back(complete(stored));
    records.back().request.clear();
    records.back().trace.clear();
  }
  return records;
}

template <class Interface>
Result<CertificateRecord> Queries<Interface>::certificate(Bytes serial) const {
  const auto* id = find(state().serials, to_buffer(serial));
  const auto* row = id == nullptr ? nullptr : find(state().certificates, *id);
  // The request of an abandoned serial may have another certificate.
  if (row == nullptr || !equal((*row)->serial, serial)) return messages::no_certificate(serial);
  return complete(**row);
}

template <class Interface>
Result<CertificateRecord> Queries<Interface>::certificate_of_request(RequestId id) const {
  const auto* row = find(state().certificates, id);
  if (row == nullptr) return messages::no_certificate_of(id);
  return complete(**row);
}

template <class Interface>
bool Queries<Interface>::matches(const CertificateRecord& certificate,
                                 const CertificateFilter& filter) const {
  const auto* request = find(state().requests, certificate.request);
  return !certificate.signature.empty() &&
         (!filter.authority || certificate.authority == *filter.authority) &&
         contains_without_case(certificate.subject, filter.subject_contains) &&
         (filter.template_name.empty() || certificate.template_name == filter.template_name) &&
         (filter.requester.empty() || (*request)->requester == filter.requester) &&
         (!filter.revoked || state().revocations.contains(revocation_key(certificate)) == *filter.revoked) &&
         (!filter.expires_before || certificate.not_after < *filter.expires_before) &&
         (!filter.expires_after || certificate.not_after > *filter.expires_after);
}

template <class Interface>
Result<std::vector<CertificateRecord>> Queries<Interface>::certificates(
    const CertificateFilter& filter) const {
  std::vector<CertificateRecord> records;
  for (auto row = state().certificates.upper_bound(filter.after); row != state().certificates.end(); ++row) {
    if (records.size() == filter.limit) break;
    if (!matches(*row->second, filter)) continue;
    records.push_back(complete(*row->second));
    records.back().tbs.clear();
  }
  return records;
}

template <class Interface>
Result<std::vector<CertificateRecord>> Queries<Interface>::orphans(AuthorityId authority) const {
  std::vector<CertificateRecord> records;
  for (const RequestId id : state().intents) {
    const CertificateRecord& certificate = **find(state().certificates, id);
    if (certificate.authority == authority) records.push_back(certificate);
  }
  return records;
}

template <class Interface>
Status Queries<Interface>::for_each_revoked(AuthorityId authority, std::uint16_t key_index,
                                            std::uint32_t shard, Time unexpired_at,
                                            const Snapshot::VisitRevoked& visit) const {
  for (auto row = state().revocations.lower_bound({authority, key_index, Buffer()});
       row != state().revocations.end(); ++row) {
    const auto& [row_authority, row_key, serial] = row->first;
    if (row_authority != authority || row_key != key_index) break;
    if (row->second.not_after < unexpired_at || (shard != 0 && row->second.shard != shard)) continue;
    const RevocationRecord& record = row->second.record;
    TRY(visit({serial, record.revoked_at, record.reason, record.invalidity_date}));
  }
  return ok();
}

template <class Interface>
Status Queries<Interface>::for_each_changed(AuthorityId authority, std::uint16_t key_index,
                                            std::uint32_t shard, std::uint64_t after,
                                            const Snapshot::VisitChanged& visit) const {
  const auto mine = [&](const RevocationKey& key, std::uint32_t of_shard) {
    return std::get<0>(key) == authority && std::get<1>(key) == key_index &&
           (shard == 0 || of_shard == shard);
  };
  std::map<std::uint64_t, Snapshot::ChangedEntry> revoked, released;  // by change
  for (const auto& [key, row] : state().revocations)
    if (mine(key, row.shard) && row.changed > after)
      revoked[row.changed] = {
          {std::get<2>(key), row.record.revoked_at, row.record.reason, row.record.invalidity_date},
          row.not_after,
          row.changed};
  for (const auto& [key, row] : state().releases)
    if (mine(key, row.shard) && row.changed > after && !state().revocations.contains(key))
      released[row.changed] = {
          {std::get<2>(key), row.revoked_at, x509::CrlReason::remove_from_crl, std::nullopt},
          row.not_after,
          row.changed,
          true,
          row.held_since};
  for (const auto* entries : {&revoked, &released})
    for (const auto& [change, entry] : *entries) TRY(visit(entry));
  return ok();
}

template <class Interface>
Result<std::uint64_t> Queries<Interface>::last_change(AuthorityId authority) const {
  const std::uint64_t* last = find(state().last_changes, authority);
  return last == nullptr ? 0 : *last;
}

template <class Interface>
Result<std::vector<CrlRecord>> Queries<Interface>::newest_crls(const Snapshot::CrlSeries& series,
                                                               std::size_t limit) const {
  // A CA has thousands of them and is asked all the time: only those that are wanted are copied.
  std::vector<CrlRecord> records;
  for (const auto& [key, record] : std::views::reverse(state().crls)) {
    if (records.size() == limit) break;
    if (record.authority == series.authority && record.key_index == series.key_index &&
        record.delta == series.delta && record.shard == series.shard && !record.sha256.empty())
      records.push_back(record);
  }
  return records;
}

template <class Interface>
Result<std::vector<std::uint64_t>> Queries<Interface>::changes_on_crls(AuthorityId authority,
                                                                       std::uint16_t key_index,
                                                                       std::uint32_t shard,
                                                                       std::uint64_t from_number) const {
  std::vector<std::uint64_t> changes;
  for (const auto& [key, record] : state().crls)
    if (key.first == authority && key.second >= from_number && record.key_index == key_index &&
        record.shard == shard)
      changes.push_back(record.last_change);
  return changes;
}

template <class Interface>
Result<std::vector<CrlTarget>> Queries<Interface>::crl_targets(AuthorityId authority) const {
  std::vector<CrlTarget> targets;
  for (const auto& [key, target] : state().crl_targets)
    if (target.authority == authority) targets.push_back(target);
  return targets;
}

template <class Interface>
Result<std::vector<CrlTarget>> Queries<Interface>::crl_targets(const Snapshot::CrlSeries& series) const {
  std::vector<CrlTarget> targets = TRY(crl_targets(series.authority));
  std::erase_if(targets, [&](const CrlTarget& target) {
    return target.key_index != series.key_index || target.delta != series.delta ||
           target.shard != series.shard;
  });
  return targets;
}

template <class Interface>
Result<std::vector<CarriedShard>> Queries<Interface>::carried_shards(AuthorityId authority) const {
  std::vector<CarriedShard> shards;
  for (const auto& [key, not_after] : state().carried_shards) {
    const auto& [owner, key_index, shard, set] = key;
    if (owner != authority) continue;
    const auto* locations = find(state().location_sets, set);
    shards.push_back({key_index, shard, locations == nullptr ? std::string() : locations->second, not_after});
  }
  return shards;
}

template <class Interface>
Result<std::vector<LocationSet>> Queries<Interface>::location_sets(AuthorityId authority, Time now) const {
  std::map<std::int64_t, LocationSet> sets;
  for (const auto& [id, row] : state().location_sets)
    if (row.first == authority) sets[id] = {id, row.second, 0};
  for (const auto& [request, certificate] : state().certificates)
    if (certificate->authority == authority && certificate->not_after >= now &&
        (certificate->location_set == 0 || sets.contains(certificate->location_set)))
      ++sets[certificate->location_set].live;
  std::vector<LocationSet> list;
  for (auto& [id, set] : sets) list.push_back(std::move(set));
  return list;
}

template <class Interface>
Result<std::vector<CrlRecord>> Queries<Interface>::crls(AuthorityId authority) const {
  std::vector<CrlRecord> records;
  for (const auto& [key, record] : state().crls)
    if (key.first == authority) records.push_back(record);
  std::ranges::reverse(records);
  return records;
}

template <class Interface>
Result<std::uint64_t> Queries<Interface>::last_crl_number(AuthorityId authority) const {
  std::uint64_t last = 0;
  for (const auto& [key, record] : state().crls)
    if (key.first == authority) last = key.second;
  return last;
}

template <class Interface>
Result<std::vector<TemplateRecord>> Queries<Interface>::templates() const {
  std::vector<TemplateRecord> records;
  for (const auto& [name, versions] : state().templates)
    if (!versions.rbegin()->second.removed) records.push_back(versions.rbegin()->second);
  return records;
}

template <class Interface>
Result<TemplateRecord> Queries<Interface>::certificate_template(std::string_view name) const {
  const auto* versions = find(state().templates, std::string(name));
  if (versions == nullptr || versions->rbegin()->second.removed) return messages::no_template(name);
  return versions->rbegin()->second;
}

template <class Interface>
Result<std::vector<TemplateRecord>> Queries<Interface>::template_history(std::string_view name) const {
  std::vector<TemplateRecord> records;
  if (const auto* versions = find(state().templates, std::string(name)))
    for (const auto& [version, record] : *versions) records.push_back(record);
  return records;
}

template <class Interface>
Result<std::vector<std::string>> Queries<Interface>::published_templates(AuthorityId authority) const {
  std::vector<std::string> names;
  for (const auto& [publisher, name] : state().published)
    if (publisher == authority) names.push_back(name);
  return names;
}

template <class Interface>
Result<std::uint64_t> Queries<Interface>::template_changes() const {
  std::uint64_t changes = 0;
  for (const auto& [name, versions] : state().templates) changes += versions.size();
  return changes;
}

template <class Interface>
Result<KeyHistory> Queries<Interface>::key_history(std::uint64_t key) const {
  KeyHistory history;
  if (const RequestId* request = find(state().certified_keys, key)) history.certified = *request;
  if (const RequestId* request = find(state().compromised_keys, key)) history.compromised = *request;
  return history;
}

template <class Interface>
Result<Counts> Queries<Interface>::counts() const {
  Counts counts;
  counts.requests = state().requests.size();
  counts.pending = static_cast<std::uint64_t>(std::ranges::count_if(
      state().requests, [](const auto& row) { return row.second->disposition == Disposition::pending; }));
  counts.certificates = state().certificates.size() - state().intents.size();
  counts.revoked = state().revocations.size();
  counts.crls = state().crls.size();
  counts.templates = TRY(templates()).size();
  return counts;
}

template <class Interface>
Result<Counts> Queries<Interface>::certificate_counts(AuthorityId authority) const {
  Counts counts;
  for (const auto& [request, row] : state().certificates)
    if (row->authority == authority && !row->signature.empty()) ++counts.certificates;
  for (const auto& [key, row] : state().revocations)
    if (std::get<0>(key) == authority) ++counts.revoked;
  return counts;
}

template <class Interface>
Result<bool> Queries<Interface>::serial_used(Bytes serial) const {
  return state().serials.contains(to_buffer(serial));
}

template <class Interface>
Result<std::string> Queries<Interface>::mark(std::string_view name) const {
  const auto* value = find(state().marks, std::string(name));
  return value == nullptr ? std::string() : *value;
}

template <class Interface>
Result<std::int64_t> Queries<Interface>::audit_size() const {
  return state().audit.empty() ? 0 : state().audit.rbegin()->first;
}

template <class Interface>
Status Queries<Interface>::for_each_audit(const AuditFilter& filter,
                                          const std::function<Status(const AuditRecord&)>& visit) const {
  const auto is_action = [&](const std::string& action) {
    if (!filter.action.ends_with(".*")) return filter.action.empty() || action == filter.action;
    return action.starts_with(std::string_view(filter.action).substr(0, filter.action.size() - 1));
  };
  std::size_t visited = 0;
  const auto consider = [&](const AuditRecord& row) -> Status {
    if ((filter.since && row.time < *filter.since) || (filter.until && row.time > *filter.until) ||
        (!filter.actor.empty() && row.actor != filter.actor) || !is_action(row.action) ||
        (!filter.authority.empty() && row.authority != filter.authority) ||
        (!filter.object.empty() && row.object != filter.object) || visited == filter.limit)
      return ok();
    ++visited;
    return visit(row);
  };
  const auto begin = state().audit.lower_bound(filter.first), end = state().audit.upper_bound(filter.last);
  if (filter.first > filter.last) return ok();
  if (filter.newest_first) {
    for (auto row = end; row != begin;) TRY(consider(*(--row)->second));
  } else {
    for (auto row = begin; row != end; ++row) TRY(consider(*row->second));
  }
  return ok();
}

template <class Interface>
Status Queries<Interface>::for_each_audit_leaf(
    std::int64_t first, std::int64_t last, const std::function<Status(std::int64_t, Bytes)>& visit) const {
  for (auto row = state().audit.lower_bound(first); row != state().audit.end() && row->first <= last; ++row)
    TRY(visit(row->first, row->second->leaf));
  return ok();
}

template <class Interface>
Result<std::vector<AuditHead>> Queries<Interface>::audit_heads() const {
  return values_of(state().audit_heads);
}

template <class Interface>
Result<std::optional<AuditHead>> Queries<Interface>::last_audit_head() const {
  if (state().audit_heads.empty()) return std::nullopt;
  return state().audit_heads.rbegin()->second;
}

template <class Interface>
Result<std::vector<AuditKey>> Queries<Interface>::audit_keys() const {
  return values_of(state().audit_keys);
}

template <class Interface>
Result<std::vector<AuditStatement>> Queries<Interface>::audit_statements() const {
  return values_of(state().audit_statements);
}

template <class Interface>
Result<std::vector<RoleChange>> Queries<Interface>::role_changes() const {
  return values_of(state().role_changes);
}

template <class Interface>
Result<std::int64_t> Queries<Interface>::role_version() const {
  return state().role_changes.empty() ? 0 : state().role_changes.rbegin()->first;
}

template <class Interface>
Result<ChallengeRecord> Queries<Interface>::challenge(std::int64_t id) const {
  const ChallengeRecord* found = find(state().challenges, id);
  if (!found) return messages::no_challenge(id);
  return *found;
}

template <class Interface>
Result<std::optional<ChallengeRecord>> Queries<Interface>::challenge_of_token(AuthorityId authority,
                                                                              Bytes token) const {
  const std::int64_t* id = find(state().challenge_tokens, {authority, to_buffer(token)});
  if (!id) return std::nullopt;
  return state().challenges.at(*id);
}

template <class Interface>
Result<std::optional<ChallengeRecord>> Queries<Interface>::challenge_of_request(RequestId request) const {
  const std::int64_t* id = find(state().challenge_requests, request);
  if (!id) return std::nullopt;
  return state().challenges.at(*id);
}

template <class Interface>
Result<std::vector<ChallengeRecord>> Queries<Interface>::challenges(const ChallengeFilter& filter) const {
  const auto wanted = [&](const ChallengeRecord& row) {
    return (!filter.authority || row.authority == *filter.authority) &&
           (!filter.kind || row.kind == *filter.kind) && (!filter.state || row.state == *filter.state) &&
           (filter.profile.empty() || row.profile == filter.profile) &&
           (filter.device.empty() || row.device == filter.device) &&
           (!filter.expires_from || row.expires_at >= *filter.expires_from);
  };
  std::vector<ChallengeRecord> rows;
  for (auto row = state().challenges.upper_bound(filter.after);
       row != state().challenges.end() && rows.size() < filter.limit; ++row)
    if (wanted(row->second)) rows.push_back(row->second);
  return rows;
}

template <class Interface>
Result<std::optional<Time>> Queries<Interface>::last_challenge_of_key(AuthorityId authority,
                                                                      Bytes key) const {
  std::optional<Time> last;
  for (const auto& [id, row] : state().challenges)
    if (row.authority == authority && equal(row.sealing_key, key))
      last = std::max(last.value_or(row.expires_at), row.expires_at);
  return last;
}

template <class Interface>
Result<std::vector<ChallengeKey>> Queries<Interface>::challenge_keys(AuthorityId authority) const {
  std::vector<ChallengeKey> keys;
  for (const auto& [position, key] : state().challenge_keys)
    if (key.authority == authority) keys.push_back(key);
  return keys;
}

template <class Interface>
Result<std::optional<GuessRecord>> Queries<Interface>::guesses(AuthorityId authority,
                                                               std::string_view scope) const {
  const GuessRecord* found = find(state().guesses, {authority, std::string(scope)});
  return found ? std::optional(*found) : std::nullopt;
}

template class Queries<Snapshot>;
template class Queries<Transaction>;

}  // namespace vouch::store::memory
