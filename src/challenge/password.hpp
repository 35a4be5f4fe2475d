#pragma once
// Challenge passwords that are bound to nothing but a profile, as NDES has them: one-time ones, made here at
// random, and one that an administrator chooses and every device of a profile uses. Neither is kept: of a
// one-time password a hash (it has 64 bits of chance or more, so nobody tries them all), of a chosen one what
// scrypt makes of it.

#include "base/time.hpp"
#include "crypto/provider.hpp"

namespace vouch::challenge {

// NDES's figures.
constexpr std::chrono::minutes kPasswordLifetime{60};
constexpr std::size_t kMostPasswords = 5;  // outstanding in a profile
constexpr std::size_t kPasswordLength = 16, kShortestPassword = 16, kLongestPassword = 64;

// `length` characters of 0 to 9 and A to F, as NDES shows them. `usage`: shorter than 16 or longer than 64.
Result<std::string> make_password(const crypto::Provider& provider, std::size_t length = kPasswordLength);
// Under which a one-time password is found. The profile is part of it.
Buffer password_token(const crypto::Provider& provider, std::string_view profile, std::string_view password);

// As crypto/password_hash.hpp writes it. `usage`: shorter than 12 characters.
Result<std::string> make_verifier(const crypto::Provider& provider, std::string_view password);
// Takes some hundredths of a second. `malformed`: this is no verifier.
Result<bool> matches(const crypto::Provider& provider, std::string_view verifier, std::string_view password);

}  // namespace vouch::challenge
