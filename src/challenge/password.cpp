#include "challenge/password.hpp"

#include "crypto/password_hash.hpp"

namespace vouch::challenge {
namespace {

// 16 MiB: the CA answers devices meanwhile. Guesses are limited beside it (challenge/guess_limit.hpp).
constexpr crypto::PassphraseCost kCost{14, 8, 1};

}  // namespace

Result<std::string> make_password(const crypto::Provider& provider, std::size_t length) {
  if (length < kShortestPassword || length > kLongestPassword)
    return make_error(Errc::usage, "a challenge password of {} characters is not made", length)
        .with_hint(fmt::format("choose {} to {}", kShortestPassword, kLongestPassword));
  Buffer octets(length);
  provider.random(octets);
  std::string password;
  for (const std::uint8_t octet : octets) password += "0123456789ABCDEF"[octet & 0x0f];
  wipe(octets);
  return password;
}

Buffer password_token(const crypto::Provider& provider, std::string_view profile, std::string_view password) {
  // The length in front: no other pair of profile and password gives the same octets.
  std::string named = fmt::format("vouch one-time password|{}|{}|{}", profile.size(), profile, password);
  Buffer token = provider.digest(crypto::DigestAlgorithm::sha256, as_bytes(named));
  wipe(named);
  return token;
}

Result<std::string> make_verifier(const crypto::Provider& provider, std::string_view password) {
  return crypto::format_password_hash(TRY(crypto::hash_password(provider, password, kCost)));
}

Result<bool> matches(const crypto::Provider& provider, std::string_view verifier, std::string_view password) {
  return crypto::is_password(provider, TRY(crypto::parse_password_hash(verifier)), password);
}

}  // namespace vouch::challenge
