#pragma once
// The questions of a Snapshot in SQL. A Transaction asks the same ones about its own connection. Those about
// one kind of row are in a file of their own.

#include "store/database.hpp"
#include "store/sqlite/certificates.hpp"
#include "store/sqlite/challenges.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/crls.hpp"
#include "store/sqlite/journal.hpp"
#include "store/sqlite/requests.hpp"
#include "store/sqlite/revocations.hpp"

namespace vouch::store::sqlite {

template <class Interface>
class Queries : public Interface {
 public:
  explicit Queries(Connection& connection) : connection_(connection) {}

  Result<std::vector<AuthorityRecord>> authorities() const override;
  Result<AuthorityRecord> authority(std::string_view name) const override;
  Result<std::vector<KeyGeneration>> key_generations(AuthorityId authority) const override;
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

  // requests.hpp
  Result<RequestRecord> request(RequestId id) const override { return request_rows::find(connection_, id); }
  Result<std::optional<RequestRecord>> request_of_client(AuthorityId authority,
                                                         std::string_view client_transaction) const override {
    return request_rows::of_client(connection_, authority, client_transaction);
  }
  Result<std::optional<RequestRecord>> request_of_transaction(AuthorityId authority,
                                                              std::string_view transaction) const override {
    return request_rows::of_transaction(connection_, authority, transaction);
  }
  Result<std::vector<RequestRecord>> requests(const RequestFilter& filter) const override {
    return request_rows::list(connection_, filter);
  }

  // certificates.hpp
  Result<CertificateRecord> certificate(Bytes serial) const override {
    return certificate_rows::of_serial(connection_, serial);
  }
  Result<CertificateRecord> certificate_of_request(RequestId id) const override {
    return certificate_rows::of_request(connection_, id);
  }
  Result<std::vector<CertificateRecord>> certificates(const CertificateFilter& filter) const override {
    return certificate_rows::list(connection_, filter);
  }
  Result<std::vector<CertificateRecord>> orphans(AuthorityId authority) const override {
    return certificate_rows::orphans(connection_, authority);
  }

  // revocations.hpp
  Status for_each_revoked(AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                          Time unexpired_at, const Snapshot::VisitRevoked& visit) const override {
    return revocation_rows::for_each(connection_, authority, key_index, shard, unexpired_at, visit);
  }
  Status for_each_changed(AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                          std::uint64_t after, const Snapshot::VisitChanged& visit) const override {
    return revocation_rows::for_each_changed(connection_, authority, key_index, shard, after, visit);
  }
  Result<std::uint64_t> last_change(AuthorityId authority) const override {
    return revocation_rows::last_change(connection_, authority);
  }

  // crls.hpp
  Result<std::vector<CrlRecord>> crls(AuthorityId authority) const override {
    return crl_rows::all(connection_, authority);
  }
  Result<std::vector<CrlRecord>> newest_crls(const Snapshot::CrlSeries& series,
                                             std::size_t limit) const override {
    return crl_rows::newest(connection_, series, limit);
  }
  Result<std::vector<std::uint64_t>> changes_on_crls(AuthorityId authority, std::uint16_t key_index,
                                                     std::uint32_t shard,
                                                     std::uint64_t from_number) const override {
    return crl_rows::changes(connection_, authority, key_index, shard, from_number);
  }
  Result<std::uint64_t> last_crl_number(AuthorityId authority) const override {
    return crl_rows::last_number(connection_, authority);
  }
  Result<std::vector<CrlTarget>> crl_targets(AuthorityId authority) const override {
    return crl_rows::targets(connection_, authority);
  }
  Result<std::vector<CrlTarget>> crl_targets(const Snapshot::CrlSeries& series) const override {
    return crl_rows::targets(connection_, series);
  }
  Result<std::vector<CarriedShard>> carried_shards(AuthorityId authority) const override {
    return crl_rows::carried_shards(connection_, authority);
  }
  Result<std::vector<LocationSet>> location_sets(AuthorityId authority, Time now) const override {
    return crl_rows::location_sets(connection_, authority, now);
  }

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

  // challenges.hpp
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

}  // namespace vouch::store::sqlite
