#include "enroll/mdm/page_users.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/text.hpp"

namespace vouch::enroll::mdm {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kMaxFile = std::size_t{1} << 20;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '@' || c == '\\';
  });
}

}  // namespace

Result<PageUser> make_page_user(const crypto::Provider& provider, std::string_view name,
                                std::string_view password) {
  if (!is_name(name))
    return make_error(Errc::usage, "'{}' is no name of a user", name)
        .with_hint("up to 64 letters, digits, and . - _ @ \\");
  return PageUser{std::string(name), TRY(crypto::hash_password(provider, password))};
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
    users.push_back({std::string(name), TRY(crypto::parse_password_hash(line).context("line {}", number))});
  }
  return users;
}

Status write_page_users(const fs::path& file, const std::vector<PageUser>& users) {
  std::string text = "# Users of /certsrv/mscep_admin: vouch scep user add|list|remove\n";
  for (const PageUser& user : users)
    text += fmt::format("{}:{}\n", user.name, crypto::format_password_hash(user.password));
  return write_file_atomic(file, as_bytes(text), 0600);
}

}  // namespace vouch::enroll::mdm
