#include "crypto/password_hash.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace vouch::crypto {
namespace {

constexpr std::size_t kSalt = 16, kHash = 32;
constexpr std::string_view kPrefix = "$scrypt$";

std::string without_padding(Bytes octets) {
  std::string text = to_base64(octets);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

Result<Buffer> from_unpadded(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return from_base64(padded);
}

// "ln=15" for the name "ln".
Result<unsigned> read_parameter(std::string_view text, std::string_view name, unsigned most) {
  unsigned value = 0;
  const bool named = text.starts_with(name) && text.size() > name.size() && text[name.size()] == '=';
  const char* const from = text.data() + std::min(name.size() + 1, text.size());
  const char* const to = text.data() + text.size();
  const auto [end, error] = std::from_chars(from, to, value);
  if (!named || error != std::errc{} || end != to || value == 0 || value > most)
    return make_error(Errc::malformed, "'{}' should be {}=NUMBER, 1 to {}", text, name, most);
  return value;
}

}  // namespace

Result<PasswordHash> hash_password(const Provider& provider, std::string_view password,
                                   const PassphraseCost& cost) {
  if (password.size() < kShortestPassword || password.size() > kLongestPassword)
    return make_error(Errc::usage, "a password of {} characters; {} to {} are wanted", password.size(),
                      kShortestPassword, kLongestPassword);
  PasswordHash made{cost, Buffer(kSalt), {}};
  provider.random(made.salt);
  made.hash = TRY(provider.derive_key(password, made.salt, cost, kHash));
  return made;
}

bool is_password(const Provider& provider, const PasswordHash& hash, std::string_view password) {
  if (password.size() > kLongestPassword) return false;
  auto found = provider.derive_key(password, hash.salt, hash.cost, kHash);
  if (!found) return false;
  const bool same = equal_constant_time(*found, hash.hash);
  wipe(*found);
  return same;
}

std::string format_password_hash(const PasswordHash& hash) {
  return fmt::format("{}ln={},r={},p={}${}${}", kPrefix, hash.cost.log2_n, hash.cost.r, hash.cost.p,
                     without_padding(hash.salt), without_padding(hash.hash));
}

Result<PasswordHash> parse_password_hash(std::string_view text) {
  if (!text.starts_with(kPrefix))
    return make_error(Errc::malformed, "a password hash begins with {}", kPrefix);
  text.remove_prefix(kPrefix.size());
  std::string_view parameters = take_until(text, '$');
  PasswordHash hash;
  hash.cost.log2_n = TRY(read_parameter(take_until(parameters, ','), "ln", 23));
  hash.cost.r = TRY(read_parameter(take_until(parameters, ','), "r", 64));
  hash.cost.p = TRY(read_parameter(parameters, "p", 16));
  // 128 * r * N octets (RFC 7914 2).
  if ((std::uint64_t{128} * hash.cost.r << hash.cost.log2_n) > std::uint64_t{1} << 30)
    return make_error(Errc::malformed, "the password hash would take more than a gibibyte");
  hash.salt = TRY(from_unpadded(take_until(text, '$')).context("reading the salt"));
  hash.hash = TRY(from_unpadded(text).context("reading the hash"));
  if (hash.salt.size() < 8 || hash.salt.size() > 64 || hash.hash.size() != kHash)
    return make_error(Errc::malformed, "a salt of {} and a hash of {} octets; 8 to 64 and {} are wanted",
                      hash.salt.size(), hash.hash.size(), kHash);
  return hash;
}

}  // namespace vouch::crypto
