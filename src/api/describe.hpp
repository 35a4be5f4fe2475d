#pragma once
// The authority's records as tables, with the keys that docs/reference/json.md lists: what `--json` prints
// and what the administration API answers are the same.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.hpp"
#include "ca/authority.hpp"
#include "ca/challenge_keys.hpp"
#include "ca/home/environment.hpp"
#include "ca/settings/roles.hpp"

namespace vouch::api {

Value text_or_null(std::string_view text);
Value hex_or_null(Bytes octets);
Value texts(const std::vector<std::string>& list);

// Names of the CAs of a home by their ids, for records that carry only the id.
using AuthorityNames = std::map<store::AuthorityId, std::string>;
Result<AuthorityNames> authority_names(const store::Snapshot& snapshot);
// Empty: the record is about the whole home.
std::string name_of(const AuthorityNames& names, store::AuthorityId id);

Value describe(const store::RequestRecord& record, const AuthorityNames& names);
Value describe(const store::CertificateRecord& record, const AuthorityNames& names);
Value describe(const store::CrlRecord& record, std::string_view authority,
               const std::vector<fs::path>& files);
Value describe(const ca::Grant& grant, const AuthorityNames& names);
Value describe(const ca::RoleRule& rule, const AuthorityNames& names);
// A challenge as it is at `now`, without its text.
Value describe(const store::ChallengeRecord& record, const AuthorityNames& names, Time now);
Value describe(const ca::Minter& minter);
Value describe(const store::ChallengeKey& key);

// `file`: where the certificate was written; empty: nowhere.
Result<Value> describe(const ca::Outcome& outcome, const std::string& file = {});

// One line for a list: what it is, whether it is ready, when its certificate ends.
Result<Value> summarize(const store::Snapshot& snapshot, const store::AuthorityRecord& record);
// A CA with its settings, its keys and their certificates.
Result<Value> describe(const ca::Environment& environment, const store::Snapshot& snapshot,
                       const store::AuthorityRecord& record);

// "issued", "on hold", "revoked"; "lost" when only the serial number is known.
std::string_view state_of(const store::CertificateRecord& record);

struct Fingerprints {
  std::string sha256, sha1;
};
Fingerprints fingerprints(const crypto::Provider& provider, Bytes der);
// "P-256", "RSA 3072"; of a key this program does not know, the reason.
std::string key_text(Bytes public_key_info);
std::string name_text(Bytes name_der);

}  // namespace vouch::api
