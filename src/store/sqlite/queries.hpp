#pragma once
// The questions of a Snapshot in SQL. A Transaction asks the same ones about its own connection.

#include "store/database.hpp"
#include "store/sqlite/challenges.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/journal.hpp"

namespace vouch::store::sqlite {

template <class Interface>
class Queries : public Interface {
 public:
  explicit Queries(Connection& connection) : connection_(connection) {}

  Result<std::vector<AuthorityRecord>> authorities() const override;
  Result<AuthorityRecord> authority(std::string_view name) const override;
  Result<std::vector<KeyGeneration>> key_generations(AuthorityId authority) const override;
  Result<RequestRecord> request(RequestId id) const override;
  Result<std::optional<RequestRecord>> request_of_client(AuthorityId authority,
                                                         std::string_view client_transaction) const override;
  Result<std::optional<RequestRecord>> request_of_transaction(AuthorityId authority,
                                                              std::string_view transaction) const override;
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

  // journal.hpp
  Result<std::int64_t> audit_size() const override { return journal::audit_size(connection_); }
  Status for_each_audit(const AuditFilter& filter,
                        const std::function<Status(const AuditRecord&)>& visit) const override {
    return journal::for_each_audit(connection_, filter, visit);
  }
  Status for_each_audit_leaf(std::int64_t first, std::int64_t last,
                             const std::function<Status(std::int64_t, Bytes)>& visit) const override {
    return journal::for_each_audit_leaf(connection_, first, last, visit);
  }
  Result<std::vector<AuditHead>> audit_heads() const override { return journal::audit_heads(connection_); }
  Result<std::optional<AuditHead>> last_audit_head() const override {
    return journal::last_audit_head(connection_);
  }
  Result<std::vector<AuditKey>> audit_keys() const override { return journal::audit_keys(connection_); }
  Result<std::vector<AuditStatement>> audit_statements() const override {
    return journal::audit_statements(connection_);
  }
  Result<std::vector<RoleChange>> role_changes() const override { return journal::role_changes(connection_); }
  Result<std::int64_t> role_version() const override { return journal::role_version(connection_); }
  Result<ChallengeRecord> challenge(std::int64_t id) const override {
    return challenge_rows::find(connection_, id);
  }
  Result<std::optional<ChallengeRecord>> challenge_of_token(AuthorityId authority,
                                                            Bytes token) const override {
    return challenge_rows::of_token(connection_, authority, token);
  }
  Result<std::optional<ChallengeRecord>> challenge_of_request(RequestId request) const override {
    return challenge_rows::of_request(connection_, request);
  }
  Result<std::vector<ChallengeRecord>> challenges(const ChallengeFilter& filter) const override {
    return challenge_rows::list(connection_, filter);
  }
  Result<std::optional<Time>> last_challenge_of_key(AuthorityId authority, Bytes key) const override {
    return challenge_rows::last_of_key(connection_, authority, key);
  }
  Result<std::vector<ChallengeKey>> challenge_keys(AuthorityId authority) const override {
    return challenge_rows::keys(connection_, authority);
  }
  Result<std::optional<GuessRecord>> guesses(AuthorityId authority, std::string_view scope) const override {
    return challenge_rows::guesses(connection_, authority, scope);
  }

 protected:
  Connection& connection_;
};

extern template class Queries<Snapshot>;
extern template class Queries<Transaction>;

// name=value pairs in one text: "4:user5:alice" is {"user": "alice"}. Lengths are in octets.
std::string encode_attributes(const std::map<std::string, std::string>& attributes);
Result<std::map<std::string, std::string>> decode_attributes(std::string_view text);

}  // namespace vouch::store::sqlite
