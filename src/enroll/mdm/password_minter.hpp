#pragma once
// Where enrolment challenge passwords come from. They are made, kept and consumed where the CA's database is:
// by the authority in this process, or over its administration API from the host of a registration authority.

#include <optional>
#include <string>

#include "base/secret.hpp"
#include "base/time.hpp"
#include "base/value.hpp"

namespace vouch::enroll::mdm {

struct MintedPassword {
  Secret text;
  std::optional<Time> expires{};
};

// What a challenge is bound to: the members of a request to POST /api/v1/challenges, and the key usage that
// NDES's operation names beside it.
struct BoundChallengeWish {
  std::string profile;
  std::uint16_t key_usage = 0;  // x509::KeyUsage; 0: not said
  Value expectations;
};

// Errors: `denied`: this user may not; `limit_exceeded`: too many passwords wait for their use; `usage` or
// `malformed`: what is asked for makes no sense; `unavailable`: try again later.
class PasswordMinter {
 public:
  virtual ~PasswordMinter() = default;
  // One for one enrolment with the profile.
  virtual Result<MintedPassword> one_time(std::string_view user, std::string_view profile) = 0;
  // The one for everybody.
  virtual Result<MintedPassword> single(std::string_view user, std::string_view profile) = 0;
  virtual Result<MintedPassword> bound(std::string_view user, const BoundChallengeWish& wish) = 0;
};

}  // namespace vouch::enroll::mdm
