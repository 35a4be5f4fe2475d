#include "ca/setup/audit_key.hpp"

#include "ca/audit/audit_head.hpp"

namespace vouch::ca {

Status make_new_audit_key(const LocalAuthority& authority, std::string_view passphrase,
                          std::string_view administrator) {
  const Environment& environment = authority.environment();
  const store::AuthorityRecord& record = authority.record();
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "make a new audit key",
                              .action = "audit.key"}));
  const CaKey& ca_key = authority.current();
  const auto binding = TRY(AuditBinding::make_with_new_key(environment, *ca_key.signer, record.name,
                                                           ca_key.generation.key_index, passphrase));
  const Buffer hash =
      environment.provider.digest(crypto::DigestAlgorithm::sha256, binding.key().public_key_info);
  Status recorded = environment.database.commit([&](store::Transaction& t) -> Status {
    TRY(binding.record(t, record.id));
    return record_audit(environment, t,
                        {.actor = std::string(administrator),
                         .action = "audit.key",
                         .authority = record.name,
                         .object = "audit key",
                         .details = AuditDetails().add("sha256", Bytes(hash))});
  });
  if (!recorded) binding.take_back(environment);
  return recorded;
}

}  // namespace vouch::ca
