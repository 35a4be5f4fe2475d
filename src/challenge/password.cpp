#include "challenge/password.hpp"

#include <charconv>

namespace vouch::challenge {
namespace {

constexpr std::size_t kShortestChosen = 12;
// 16 MiB: the CA answers devices meanwhile. Guesses are limited beside it (challenge/guess_limit.hpp).
constexpr crypto::PassphraseCost kCost{14, 8, 1};
constexpr std::size_t kSaltSize = 16, kHashSize = 32;

struct Verifier {
  crypto::PassphraseCost cost;
  Buffer salt, hash;
};

Result<Verifier> parse(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const std::size_t colon = rest.find(':');
    parts.push_back(rest.substr(0, colon));
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  const auto number = [](std::string_view digits, unsigned& out) {
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return failed == std::errc() && end == digits.data() + digits.size();
  };
  Verifier verifier;
  if (parts.size() != 6 || parts[0] != "scrypt" || !number(parts[1], verifier.cost.log2_n) ||
      !number(parts[2], verifier.cost.r) || !number(parts[3], verifier.cost.p))
    return make_error(Errc::malformed, "the record of a challenge password cannot be read");
  verifier.salt = TRY(from_hex(parts[4]));
  verifier.hash = TRY(from_hex(parts[5]));
  if (verifier.hash.size() != kHashSize)
    return make_error(Errc::malformed, "the record of a challenge password cannot be read");
  return verifier;
}

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
  if (password.size() < kShortestChosen)
    return make_error(Errc::usage, "the challenge password has {} characters", password.size())
        .with_hint(fmt::format("give it {} or more: every device of the profile uses it", kShortestChosen));
  Buffer salt(kSaltSize);
  provider.random(salt);
  const Buffer hash = TRY(provider.derive_key(password, salt, kCost, kHashSize));
  return fmt::format("scrypt:{}:{}:{}:{}:{}", kCost.log2_n, kCost.r, kCost.p, to_hex(salt), to_hex(hash));
}

Result<bool> matches(const crypto::Provider& provider, std::string_view verifier, std::string_view password) {
  const Verifier wanted = TRY(parse(verifier));
  Buffer hash = TRY(provider.derive_key(password, wanted.salt, wanted.cost, kHashSize));
  const bool same = equal_constant_time(hash, wanted.hash);
  wipe(hash);
  return same;
}

}  // namespace vouch::challenge
