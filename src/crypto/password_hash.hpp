#pragma once
// What is kept of a password that people choose: what scrypt makes of it (RFC 7914), in the PHC string format
// that others read as well: "$scrypt$ln=15,r=8,p=1$SALT$HASH", base64 without padding.

#include <string>

#include "crypto/provider.hpp"

namespace vouch::crypto {

constexpr std::size_t kShortestPassword = 12, kLongestPassword = 1'024;

struct PasswordHash {
  PassphraseCost cost{.log2_n = 15, .r = 8, .p = 1};
  Buffer salt, hash;
};
// With a salt of its own. `usage`: the password is shorter than 12 characters, or longer than 1,024.
Result<PasswordHash> hash_password(const Provider& provider, std::string_view password,
                                   const PassphraseCost& cost = PasswordHash().cost);
// In constant time, some hundredths of a second.
bool is_password(const Provider& provider, const PasswordHash& hash, std::string_view password);

std::string format_password_hash(const PasswordHash& hash);
// `malformed`, also for costs above a gibibyte: they would be computed each time.
Result<PasswordHash> parse_password_hash(std::string_view text);

}  // namespace vouch::crypto
