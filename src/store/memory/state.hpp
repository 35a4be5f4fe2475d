#pragma once
// What the memory backend holds: maps in the order in which questions ask.

#include <map>
#include <set>
#include <tuple>

#include "store/database.hpp"

namespace vouch::store::memory {

// Large rows are shared between the states that hold them; a change puts a new row in their place.
template <class Row>
using Shared = std::shared_ptr<const Row>;

struct RevocationRow {
  RevocationRecord record;
  RequestId request = 0;
  Time not_after{};
  std::uint64_t changed = 0;  // the number of its last change
  std::uint32_t shard = 0;
};
// A hold that was lifted.
struct ReleaseRow {
  Time not_after{}, revoked_at{};
  std::uint64_t held_since = 0, changed = 0;
  std::uint32_t shard = 0;
};
using RevocationKey = std::tuple<AuthorityId, std::uint16_t, Buffer>;

struct State {
  std::map<AuthorityId, AuthorityRecord> authorities;
  std::map<std::pair<AuthorityId, std::uint16_t>, KeyGeneration> key_generations;  // by certificate index
  // A request that is to be issued stands as `issued`; disposition_of says what it reads as.
  std::map<RequestId, Shared<RequestRecord>> requests;
  std::map<std::pair<AuthorityId, std::string>, RequestId> transactions;
  std::map<std::tuple<AuthorityId, std::string, RequestId>, bool> client_transactions;
  std::map<RequestId, Shared<CertificateRecord>> certificates;  // without `revocation`
  std::set<RequestId> intents;                                  // those without a signature
  std::map<Buffer, RequestId> serials;                          // all that were ever intended
  std::map<std::uint64_t, RequestId> certified_keys, compromised_keys;
  std::map<RevocationKey, RevocationRow> revocations;
  std::map<RevocationKey, ReleaseRow> releases;
  std::map<AuthorityId, std::uint64_t> last_changes;
  std::map<std::pair<AuthorityId, std::uint64_t>, CrlRecord> crls;
  std::map<std::tuple<AuthorityId, std::uint16_t, bool, std::string>, CrlTarget> crl_targets;
  std::map<std::int64_t, std::pair<AuthorityId, std::string>> location_sets;
  // By key, shard and location set: the last end of a certificate.
  std::map<std::tuple<AuthorityId, std::uint16_t, std::uint32_t, std::int64_t>, Time> carried_shards;
  std::map<std::string, std::map<std::pair<std::uint32_t, std::uint32_t>, TemplateRecord>> templates;
  std::set<std::pair<AuthorityId, std::string>> published;
  std::map<std::string, std::string> marks;
  std::map<std::int64_t, Shared<AuditRecord>> audit;
  std::map<std::int64_t, AuditHead> audit_heads;
  std::map<std::size_t, AuditKey> audit_keys;
  std::map<std::size_t, AuditStatement> audit_statements;
  std::map<std::int64_t, RoleChange> role_changes;
  std::map<std::int64_t, ChallengeRecord> challenges;
  std::map<std::pair<AuthorityId, Buffer>, std::int64_t> challenge_tokens;
  std::map<RequestId, std::int64_t> challenge_requests;
  std::map<std::size_t, ChallengeKey> challenge_keys;  // in the order in which they came
  std::map<std::pair<AuthorityId, std::string>, GuessRecord> guesses;
};

inline RevocationKey revocation_key(const CertificateRecord& certificate) {
  return {certificate.authority, certificate.key_index, certificate.serial};
}

// The value of a key, or nullptr.
template <class Map>
auto find(Map& map, const typename std::remove_const_t<Map>::key_type& key)
    -> decltype(&map.begin()->second) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

// The questions of a Snapshot about one state. A Transaction asks the same ones about its own.
template <class Interface>
class Queries : public Interface {
 public:
  Result<std::vector<AuthorityRecord>> authorities() const override;
  Result<AuthorityRecord> authority(std::string_view name) const override;
  Result<std::vector<KeyGeneration>> key_generations(AuthorityId authority) const override;
  Result<RequestRecord> request(RequestId id) const override;
  Result<std::optional<RequestRecord>> request_of_transaction(AuthorityId authority,
                                                              std::string_view transaction) const override;
  Result<std::optional<RequestRecord>> request_of_client(AuthorityId authority,
                                                         std::string_view client_transaction) const override;
  Result<std::vector<RequestRecord>> requests(const RequestFilter& filter) const override;
  Result<CertificateRecord> certificate(Bytes serial) const override;
  Result<CertificateRecord> certificate_of_request(RequestId id) const override;
  Result<std::vector<CertificateRecord>> certificates(const CertificateFilter& filter) const override;
  Result<std::vector<CertificateRecord>> orphans(AuthorityId authority) const override;
  Status for_each_revoked(AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                          Time unexpired_at, const Snapshot::VisitRevoked& visit) const override;
  Status for_each_changed(AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                          std::uint64_t after, const Snapshot::VisitChanged& visit) const override;
  Result<std::uint64_t> last_change(AuthorityId authority) const override;
  Result<std::vector<CrlRecord>> newest_crls(const Snapshot::CrlSeries& series,
                                             std::size_t limit) const override;
  Result<std::vector<std::uint64_t>> changes_on_crls(AuthorityId authority, std::uint16_t key_index,
                                                     std::uint32_t shard,
                                                     std::uint64_t from_number) const override;
  Result<std::vector<CrlTarget>> crl_targets(AuthorityId authority) const override;
  Result<std::vector<CrlTarget>> crl_targets(const Snapshot::CrlSeries& series) const override;
  Result<std::vector<CarriedShard>> carried_shards(AuthorityId authority) const override;
  Result<std::vector<LocationSet>> location_sets(AuthorityId authority, Time now) const override;
  Result<std::vector<CrlRecord>> crls(AuthorityId authority) const override;
  Result<std::uint64_t> last_crl_number(AuthorityId authority) const override;
  Result<std::vector<TemplateRecord>> templates() const override;
  Result<TemplateRecord> certificate_template(std::string_view name) const override;
  Result<std::vector<TemplateRecord>> template_history(std::string_view name) const override;
  Result<std::vector<std::string>> published_templates(AuthorityId authority) const override;
  Result<std::uint64_t> template_changes() const override;
  Result<KeyHistory> key_history(std::uint64_t key) const override;
  Result<Counts> counts() const override;
  Result<Counts> certificate_counts(AuthorityId authority) const override;
  Result<bool> serial_used(Bytes serial) const override;
  Result<std::string> mark(std::string_view name) const override;
  Result<std::int64_t> audit_size() const override;
  Status for_each_audit(const AuditFilter& filter,
                        const std::function<Status(const AuditRecord&)>& visit) const override;
  Status for_each_audit_leaf(std::int64_t first, std::int64_t last,
                             const std::function<Status(std::int64_t, Bytes)>& visit) const override;
  Result<std::vector<AuditHead>> audit_heads() const override;
  Result<std::optional<AuditHead>> last_audit_head() const override;
  Result<std::vector<AuditKey>> audit_keys() const override;
  Result<std::vector<AuditStatement>> audit_statements() const override;
  Result<std::vector<RoleChange>> role_changes() const override;
  Result<std::int64_t> role_version() const override;
  Result<ChallengeRecord> challenge(std::int64_t id) const override;
  Result<std::optional<ChallengeRecord>> challenge_of_token(AuthorityId authority,
                                                            Bytes token) const override;
  Result<std::optional<ChallengeRecord>> challenge_of_request(RequestId request) const override;
  Result<std::vector<ChallengeRecord>> challenges(const ChallengeFilter& filter) const override;
  Result<std::optional<Time>> last_challenge_of_key(AuthorityId authority, Bytes key) const override;
  Result<std::vector<ChallengeKey>> challenge_keys(AuthorityId authority) const override;
  Result<std::optional<GuessRecord>> guesses(AuthorityId authority, std::string_view scope) const override;

 private:
  virtual const State& state() const = 0;
  Disposition disposition_of(const RequestRecord& request) const;
  RequestRecord complete(const RequestRecord& request) const;
  CertificateRecord complete(const CertificateRecord& certificate) const;
  bool matches(const CertificateRecord& certificate, const CertificateFilter& filter) const;
};

extern template class Queries<Snapshot>;
extern template class Queries<Transaction>;

}  // namespace vouch::store::memory
