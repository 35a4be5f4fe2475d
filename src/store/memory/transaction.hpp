#pragma once
// The writes of a Transaction on a state in memory. Each leaves behind how to take it back.

#include "store/memory/state.hpp"

namespace vouch::store::memory {

class MemoryTransaction final : public Queries<Transaction> {
 public:
  explicit MemoryTransaction(State& state) : state_(state) {}

  // Takes back everything, last first.
  void undo();

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
  const State& state() const override { return state_; }
  Result<const CertificateRecord*> find_signed(AuthorityId authority, Bytes serial) const;
  Status check_authority(AuthorityId authority) const;
  std::uint64_t next_change(AuthorityId authority);
  void set_disposition(RequestId request, Disposition disposition);
  template <class Map>
  void put(Map& map, const typename Map::key_type& key, typename Map::mapped_type value);
  template <class Map>
  void erase(Map& map, const typename Map::key_type& key);
  template <class Key>
  void put(std::set<Key>& set, const Key& key);
  template <class Key>
  void erase(std::set<Key>& set, const Key& key);

  State& state_;
  std::vector<std::function<void()>> undo_;
};

}  // namespace vouch::store::memory
