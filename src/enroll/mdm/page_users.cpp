#include "enroll/mdm/page_users.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>

namespace vouch::enroll::mdm {
namespace {

constexpr std::size_t kShortestPassword = 12, kLongestPassword = 1'024, kLongestName = 64;
constexpr std::size_t kSalt = 16, kHash = 32;
constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::string_view kScheme = "$scrypt$";

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

// What stands before the next `end`; the text is moved behind it.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
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

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '@' || c == '\\';
  });
}

}  // namespace

std::string format_password_hash(const PasswordHash& hash) {
  return fmt::format("{}ln={},r={},p={}${}${}", kScheme, hash.cost.log2_n, hash.cost.r, hash.cost.p,
                     without_padding(hash.salt), without_padding(hash.hash));
}

Result<PasswordHash> parse_password_hash(std::string_view text) {
  if (!text.starts_with(kScheme))
    return make_error(Errc::malformed, "a password hash begins with {}", kScheme);
  text.remove_prefix(kScheme.size());
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

Result<PageUser> make_page_user(const crypto::Provider& provider, std::string_view name,
                                std::string_view password) {
  if (!is_name(name))
    return make_error(Errc::usage, "'{}' is no name of a user", name)
        .with_hint("up to 64 letters, digits, and . - _ @ \\");
  if (password.size() < kShortestPassword || password.size() > kLongestPassword)
    return make_error(Errc::usage, "a password of {} characters; {} to {} are wanted", password.size(),
                      kShortestPassword, kLongestPassword);
  PageUser user{std::string(name), {}};
  user.password.salt.resize(kSalt);
  provider.random(user.password.salt);
  user.password.hash = TRY(provider.derive_key(password, user.password.salt, user.password.cost, kHash));
  return user;
}

bool has_password(const crypto::Provider& provider, const PageUser& user, std::string_view password) {
  if (password.size() > kLongestPassword) return false;
  auto hash = provider.derive_key(password, user.password.salt, user.password.cost, kHash);
  if (!hash) return false;
  const bool same = equal_constant_time(*hash, user.password.hash);
  wipe(*hash);
  return same;
}

fs::path page_users_file(const fs::path& home) { return home / "scep-page-users"; }

Result<std::vector<PageUser>> read_page_users(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::vector<PageUser>();
    return system_error(errno, "looking at", file);
  }
  if ((info.st_mode & 077) != 0)
    return make_error(Errc::denied, "{} can be read or written by others than its owner", file.string())
        .with_hint(fmt::format("chmod 600 {}", file.string()));
  const Buffer content = TRY(read_file(file, kMaxFile));
  return parse_page_users(as_text(content)).context("reading {}", file.string());
}

Result<std::vector<PageUser>> parse_page_users(std::string_view text) {
  std::vector<PageUser> users;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = take_until(text, '\n');
    if (line.empty() || line.front() == '#') continue;
    if (users.size() == kMaxPageUsers)
      return make_error(Errc::limit_exceeded, "more than {} users", kMaxPageUsers);
    const std::string_view name = take_until(line, ':');
    if (!is_name(name)) return make_error(Errc::malformed, "line {} begins with no name", number);
    if (std::ranges::find(users, name, &PageUser::name) != users.end())
      return make_error(Errc::malformed, "line {}: '{}' is there twice", number, name);
    users.push_back({std::string(name), TRY(parse_password_hash(line).context("line {}", number))});
  }
  return users;
}

Status write_page_users(const fs::path& file, const std::vector<PageUser>& users) {
  std::string text = "# Users of /certsrv/mscep_admin: vouch scep user add|list|remove\n";
  for (const PageUser& user : users)
    text += fmt::format("{}:{}\n", user.name, format_password_hash(user.password));
  return write_file_atomic(file, as_bytes(text), 0600);
}

}  // namespace vouch::enroll::mdm
