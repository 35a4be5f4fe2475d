#pragma once
// What a CA owes the world: which CRL is due when, and which places have not got the newest one. Read from
// the database alone, so that nothing needs the keys when nothing is due.

#include "ca/settings/settings.hpp"
#include "store/database.hpp"

namespace vouch::revocation {

struct CrlTask {
  enum class What : std::uint8_t { base, delta, copy };
  What what{};
  std::uint16_t key_index = 0;
  Time at{};                // when it is due
  std::string why;          // for people
  bool delta = false;       // of a copy: which kind
  std::string target;       // of a copy: where to
  std::uint32_t shard = 0;  // 0: the complete list
};
std::string_view to_string(CrlTask::What what);

// The newest certificate of each key that has an unexpired one, oldest key first.
Result<std::vector<store::KeyGeneration>> crl_generations(const store::Snapshot& snapshot,
                                                          store::AuthorityId authority, Time now);

// Every task of the CA, due ones and those to come; for each list of each key at most one base
// and one delta.
Result<std::vector<CrlTask>> crl_schedule(const store::Snapshot& snapshot,
                                          const store::AuthorityRecord& authority,
                                          const ca::AuthoritySettings& settings, Time now);

// Before the scope is narrowed: no unexpired certificate may be outside it, or its revocation could never be
// published. Looks at every certificate of the CA.
Status check_scope_of_issued(const store::Snapshot& snapshot, store::AuthorityId authority,
                             ca::CrlScope scope, Time now);

}  // namespace vouch::revocation
