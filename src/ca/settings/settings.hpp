#pragma once
// What an administrator decides about one CA; kept as TOML in its AuthorityRecord.

#include <optional>
#include <string>
#include <vector>

#include "ca/settings/locations.hpp"
#include "ca/settings/parent_record.hpp"
#include "crypto/provider.hpp"
#include "policy/agent_right.hpp"
#include "policy/certificate_template.hpp"

namespace vouch::ca {

// Which certificates a CA's revocation lists are about: onlyContainsUserCerts, onlyContainsCACerts
// (RFC 5280 5.2.5), or all. What is outside the scope is not issued, so that nothing is ever on no list.
enum class CrlScope : std::uint8_t { all, user, ca };
std::string_view to_string(CrlScope scope);
Result<CrlScope> crl_scope_from_name(std::string_view name);

// "02:00" as minutes since midnight.
Result<std::chrono::minutes> parse_time_of_day(std::string_view text);
std::string format_time_of_day(std::chrono::minutes time);

constexpr std::uint32_t kMostCrlShards = 1024;  // a publication writes each of them

// An account whose requests come from devices: it hands in nothing without a challenge, or the proof of a
// renewal (docs/mechanisms/challenge.md).
struct ChallengeDuty {
  std::string account;                    // or group:NAME
  std::vector<std::string> profiles;      // it speaks for these; none: for any
  std::chrono::seconds renewal_grace{0};  // so long after its end, at most, a certificate is renewed
  bool operator==(const ChallengeDuty&) const = default;
};

struct AuthoritySettings {
  crypto::KeySpec key;
  crypto::SignatureAlgorithm signature_algorithm{};
  bool automatic_issuance = false;  // stand-alone: without the pending queue
  bool override_logon_purposes = false;
  bool requested_validity = false;  // a requester may ask for an earlier end than the template's
  Span default_validity{12, {}};    // of certificates issued without a template
  Span crl_period{0, std::chrono::days(7)};
  Span crl_overlap{0, std::chrono::hours(12)};  // {}: automatic
  std::vector<Location> cdp, aia;
  bool no_locations = false;  // issue although nothing in the certificates says where the CRL is
  // Variables of the locations, fixed at set-up; a later mismatch with the host is reported.
  std::string dns_name, short_name;
  // Revocation lists. A span of {} stands for automatic overlap and for no delta CRLs.
  Span delta_period{}, delta_overlap{};
  std::vector<std::chrono::minutes>
      publish_at;                          // times of day (UTC) for periods of a day and more; empty: any
  std::optional<Time> keep_expired_since;  // certificates that expired since then stay on the list
  CrlScope crl_scope = CrlScope::all;
  // Lists on which revocations are found beside the complete one, by serial number; 1: none. What is issued
  // from a change on goes by it.
  std::uint32_t crl_shards = 1;
  bool delta_from_oldest_base = false;  // deltas reach back to the oldest base CRL that is still valid
  std::string configuration_container;  // %6, where there is a directory
  // Half of the newest certificate's life: when the CA is to be renewed. None before the first certificate.
  std::optional<Time> renewal_due{};
  bool interactive_key = false;  // each use of a key waits for an administrator (ca/keys/key_waiting.hpp)
  std::vector<policy::AgentRight> agent_rights{};  // what enrolment agents may; none: nothing
  std::vector<ChallengeDuty> challenge_duties{};
  std::optional<ParentRecord> parent{};  // a subordinate's that is asked over its API
  bool operator==(const AuthoritySettings&) const = default;
};

// The algorithm that one of the CA's keys signs with. The settings are those of its newest key; an older key
// of another type keeps the digest where it has a choice.
Result<crypto::SignatureAlgorithm> signature_algorithm_of(const AuthoritySettings& settings,
                                                          Bytes public_key_info);
// Nothing for algorithms without a choice (Ed25519).
std::optional<crypto::DigestAlgorithm> digest_of(crypto::SignatureAlgorithm algorithm);

Result<AuthoritySettings> parse_settings(std::string_view toml);
std::string format_settings(const AuthoritySettings& settings);
// "12h", "auto".
std::string format_overlap(Span overlap);
// What is wrong with the settings about revocation lists, taken together: `usage`.
Status check_crl_settings(const AuthoritySettings& settings);

}  // namespace vouch::ca
