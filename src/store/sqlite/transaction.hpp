#pragma once
// The writes of a Transaction in SQL. Each method writes all it has to or nothing, so that a Work may go on
// after a `conflict`.

#include "store/sqlite/queries.hpp"

namespace vouch::store::sqlite {

class SqliteTransaction final : public Queries<Transaction> {
 public:
  using Queries::Queries;

  Result<AuthorityId> insert_authority(const AuthorityRecord& record) override;
  Status update_settings(AuthorityId authority, std::string_view settings) override;
  Status insert_key_generation(const KeyGeneration& generation) override;
  Status update_key_generation(const KeyGeneration& generation) override;
  Result<RequestId> insert_request(const RequestRecord& record) override;
  Status update_request(const RequestRecord& record) override;
  Status insert_intent(const CertificateRecord& certificate) override;
  Status complete_intent(RequestId request, Bytes signature) override;
  Status abandon_intent(RequestId request, std::string_view message) override;
  Result<RequestId> certify_key(std::uint64_t key, RequestId request) override;
  Status mark_key_compromised(std::uint64_t key, RequestId request) override;
  Status revoke(AuthorityId authority, const RevocationRecord& revocation) override;
  Status release(AuthorityId authority, Bytes serial) override;
  Status insert_crl(const CrlRecord& record) override;
  Status update_crl(const CrlRecord& record) override;
  Status put_crl_target(const CrlTarget& target) override;
  Result<std::int64_t> location_set(AuthorityId authority, std::string_view text) override;
  Status insert_template(const TemplateRecord& record) override;
  Status publish_template(AuthorityId authority, std::string_view name) override;
  Status withdraw_template(AuthorityId authority, std::string_view name) override;
  Status purge_request(RequestId request) override;
  Status complete_lost(const CertificateRecord& certificate) override;
  Status set_mark(std::string_view name, std::string_view value) override;
  Status append_audit(const AuditRecord& record) override;
  Status insert_audit_head(const AuditHead& head) override;
  Status insert_audit_key(const AuditKey& key) override;
  Status insert_audit_statement(const AuditStatement& statement) override;
  Status insert_role_change(const RoleChange& change) override;
  Result<std::int64_t> insert_challenge(const ChallengeRecord& record) override;
  Status update_challenge(const ChallengeRecord& record) override;
  Status insert_challenge_key(const ChallengeKey& key) override;
  Status update_challenge_key(const ChallengeKey& key) override;
  Status put_guesses(const GuessRecord& record) override;
  Status forget_guesses(Time before) override;

 private:
  Status insert_chain(const KeyGeneration& generation);
};

}  // namespace vouch::store::sqlite
