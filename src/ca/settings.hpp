#pragma once
// What an administrator decides about one CA; kept as TOML in its AuthorityRecord.

#include <optional>
#include <string>
#include <vector>

#include "ca/locations.hpp"
#include "crypto/provider.hpp"
#include "policy/agent_right.hpp"
#include "policy/certificate_template.hpp"

namespace vouch::ca {

struct AuthoritySettings {
  crypto::KeySpec key;
  crypto::SignatureAlgorithm signature_algorithm{};
  bool automatic_issuance = false;  // stand-alone: without the pending queue
  bool override_logon_purposes = false;
  Span default_validity{12, {}};  // of certificates issued without a template
  Span crl_period{0, std::chrono::days(7)};
  Span crl_overlap{0, std::chrono::hours(12)};
  std::vector<Location> cdp, aia;
  bool no_locations = false;  // issue although nothing in the certificates says where the CRL is
  // Variables of the locations, fixed at set-up; a later mismatch with the host is reported.
  std::string dns_name, short_name;
  // Half of the newest certificate's life: when the CA is to be renewed. None before the first certificate.
  std::optional<Time> renewal_due{};
  bool interactive_key = false;  // each use of a key waits for an administrator (ca/key_waiting.hpp)
  std::vector<policy::AgentRight> agent_rights{};  // what enrolment agents may; none: nothing
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

}  // namespace vouch::ca
