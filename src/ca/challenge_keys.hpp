#pragma once
// The keys of challenges at one CA, and who may mint them (docs/mechanisms/challenge.md).
//
//   a sealing key   AES-256, in the home's key folder: what a challenge is encrypted with. Every 90 days a
//                   new one takes over; an old one opens challenges until the last of its own has expired,
//                   then it is overwritten.
//   a minter        a name, a signing key, and what it may mint. Each challenge bears its minter's signature,
//                   so taking the minter away takes away all that it has minted.
//
// They lie beside the CA's keys and are no such keys: whoever has them can still mint nothing that the
// database does not know.

#include "ca/home/environment.hpp"
#include "challenge/comparison.hpp"
#include "challenge/sealed.hpp"

namespace vouch::ca {

constexpr Span kSealingKeyLife{0, std::chrono::days(90)};

// What somebody may mint. Empty lists let nothing through, "*" everything.
struct MinterRights {
  std::vector<std::string> accounts;  // who uses it: accounts, group:NAME
  std::vector<std::string> profiles;
  std::vector<std::string> templates;
  std::vector<std::string> names;  // patterns (policy/agent_right.hpp): each name that could be certified
  bool sids = false;               // may have security identifiers put into certificates
  bool passwords = false;          // may make one-time passwords, which are bound to nothing
  Span longest{0, std::chrono::days(30)};  // that a challenge lives
  Span password_life{0, std::chrono::minutes(60)};
  std::uint32_t open_passwords = 5;  // at one time, in a profile
  bool operator==(const MinterRights&) const = default;
};
Result<MinterRights> parse_rights(std::string_view toml);
std::string format_rights(const MinterRights& rights);
// `usage`: what is wrong with them.
Status check_rights(const MinterRights& rights);

// What the rights do not cover of a challenge: that, and what came.
struct Overstep {
  std::string allowed, asked;
};
std::optional<Overstep> oversteps(const MinterRights& rights, const challenge::Bound& bound);

struct Minter {
  std::string name;
  MinterRights rights;
  store::ChallengeKey key;
};
// Those that may mint now.
Result<std::vector<Minter>> minters(const store::Snapshot& snapshot, store::AuthorityId authority);

// The sealer of a key. Fails as reading its file does.
Result<std::shared_ptr<const crypto::Sealer>> load_sealer(const Environment& environment,
                                                          const store::ChallengeKey& key);
Result<std::unique_ptr<crypto::Signer>> load_minter_signer(const Environment& environment,
                                                           const store::ChallengeKey& key);

// The sealing key that seals now: made when there is none, or when the last one is old or `anew` is wanted.
// Keys that have nothing left to open are wiped on the way.
Result<store::ChallengeKey> sealing_key(const Environment& environment,
                                        const store::AuthorityRecord& authority, bool anew,
                                        std::string_view account);
// A new signing key for a minter, recorded: `spec` is ed25519 or ec:P-256. An earlier one of that name is
// retired, or, to change the rights alone, kept.
Status put_minter(const Environment& environment, const store::AuthorityRecord& authority,
                  const Minter& minter, std::optional<crypto::KeySpec> spec, std::string_view account);
Status remove_minter(const Environment& environment, const store::AuthorityRecord& authority,
                     std::string_view name, std::string_view account);

}  // namespace vouch::ca
