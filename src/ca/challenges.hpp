#pragma once
// Challenges as an administrator and an MDM handle them: minting, passwords, cancelling, minters, and which
// accounts owe one (docs/mechanisms/challenge.md). How they are judged is ca/challenge_desk.hpp's business.
//
// Everything is audited, refusals too, under the number of the challenge and never with its text.

#include "base/secret.hpp"
#include "base/value.hpp"
#include "ca/challenge_keys.hpp"
#include "ca/settings/settings.hpp"
#include "challenge/android.hpp"

namespace vouch::ca {

// A bound challenge as it is ordered. Texts are as people write them; what is left out is free.
struct MintOrder {
  std::string minter{};  // empty: the first that the account may use for this
  std::string profile{}, template_name{};
  std::string device{}, user{}, request_id{}, sid{};
  std::vector<std::string> subjects{};                         // RFC 4514; the request's is one of them
  std::vector<std::string> required_names{}, allowed_names{};  // "DNS:phone-7.example"
  std::vector<std::string> usage{}, purposes{};                // "digitalSignature"; "clientAuth" or an OID
  bool usage_subset = false, purposes_subset = false;          // the request may ask for less
  std::vector<std::string> key_types{};                        // "RSA", "P-256", …
  std::vector<std::string> hashes{};                           // "sha256", …: of the request's signature
  std::uint32_t min_bits = 0, max_bits = 0;
  std::string spki_sha256{};       // of the one key, in hexadecimal
  std::optional<Span> validity{};  // the certificate is valid for so long at most
  Span lifetime{0, std::chrono::days(7)};
  challenge::AndroidDevice android{};
};
// From JSON with the members that docs/reference/json.md names (`MintOrder`).
Result<MintOrder> mint_order_of(const Value& value);

struct Minted {
  store::ChallengeRecord record;
  Secret text;          // what the device is given
  std::string warning;  // the device will probably not ask for its certificate yet; empty: nothing is known
};
// `usage`: the order makes no sense; `denied`: no minter of the account may mint this.
Result<Minted> mint_challenge(const Environment& environment, std::string_view authority,
                              const MintOrder& order, std::string_view account);

// NDES's one-time password: good for one certificate of a profile, whatever its names. Its template is the
// front end's. `limit_exceeded`: too many are open; `denied`: no minter of the account has `passwords`.
struct PasswordOrder {
  std::string profile;
  std::string device{};  // to find it by
  std::size_t length = 16;
};
Result<Minted> mint_password(const Environment& environment, std::string_view authority,
                             const PasswordOrder& order, std::string_view account);

// One password for every device of a profile, by an administrator. Kept as scrypt makes it, so nobody can be
// told it again. An empty one takes the profile's away (`not_found`: it has none).
Status set_single_password(const Environment& environment, std::string_view authority,
                           std::string_view profile, std::string_view password,
                           std::string_view administrator);

// Which challenges, of those that are minted or claimed: all conditions hold. `usage` for none.
struct Cancellation {
  std::optional<std::int64_t> id{};
  std::string device{}, profile{};
};
// By a certificate manager, or by who minted them. How many there were; `not_found` for none.
Result<std::size_t> cancel_challenges(const Environment& environment, std::string_view authority,
                                      const Cancellation& which, std::string_view account);

// By an administrator.
Status add_minter(const Environment& environment, std::string_view authority, const std::string& name,
                  const MinterRights& rights, const crypto::KeySpec& key, std::string_view administrator);
Status change_minter(const Environment& environment, std::string_view authority, const std::string& name,
                     const MinterRights& rights, std::string_view administrator);
// A new signing key for a minter; empty name: a new sealing key.
Status renew_challenge_key(const Environment& environment, std::string_view authority,
                           std::string_view minter, std::string_view administrator);
Status take_minter_away(const Environment& environment, std::string_view authority, std::string_view name,
                        std::string_view administrator);
Status set_challenge_duty(const Environment& environment, std::string_view authority,
                          const ChallengeDuty& duty, bool on, std::string_view administrator);

// What a challenge is now: its state, or "expired".
std::string state_of(const store::ChallengeRecord& record, Time now);

}  // namespace vouch::ca
