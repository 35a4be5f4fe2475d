#pragma once
// What the authority finds out about the key in a request before the policy decides: arithmetic, lists of
// known weak keys, and what the database knows of it (docs/mechanisms/key-checks.md).

#include <map>
#include <mutex>

#include "ca/home/environment.hpp"
#include "policy/decision.hpp"
#include "policy/key_blocklist.hpp"

namespace vouch::ca {

// The number under which the database knows a public key: the first 64 bits of the SHA-256 of its
// SubjectPublicKeyInfo.
std::uint64_t key_number(const crypto::Provider& provider, Bytes public_key_info);

// Whether the certificate of that request is for another subject than this to-be-signed one.
Result<bool> is_certified_for_another(const store::Snapshot& snapshot, store::RequestId holder, Bytes tbs);

class KeyChecks {
 public:
  // Reads the keys of the home's CAs. Lists are read at first use, and kept.
  static Result<std::unique_ptr<KeyChecks>> make(const Environment& environment,
                                                 const store::Snapshot& snapshot,
                                                 store::AuthorityId authority);

  // `proven`: the request's signature fits its key, which a point beside its curve could not do. `for_ca`:
  // the certificate would be a subordinate CA's, whose key is one of this home's when both live in it.
  Result<policy::KeyFacts> facts(const store::Snapshot& snapshot, Bytes public_key_info, bool proven,
                                 bool for_ca) const;

 private:
  using Lists = std::vector<std::pair<std::string, policy::KeyBlocklist>>;  // by file

  explicit KeyChecks(const Environment& environment) : environment_(environment) {}
  Result<std::string> blocklist_of(const x509::PublicKeyInfo& key) const;
  Result<std::shared_ptr<const Lists>> lists_for(std::size_t bits) const;

  Environment environment_;
  struct Owner {
    std::string authority;
    bool own = false;
  };
  std::map<Buffer, Owner> authority_keys_;                             // by SubjectPublicKeyInfo
  mutable std::mutex mutex_;                                           // guards lists_
  mutable std::map<std::size_t, std::shared_ptr<const Lists>> lists_;  // by size of the keys
};

}  // namespace vouch::ca
