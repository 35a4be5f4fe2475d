#pragma once
// Who may sign in to the page of the NDES administrator on this host: names and scrypt hashes of passwords,
// one a line in a file of mode 0600. What a user may do there is decided by the authority's roles, for the
// account `page:NAME`.
//
//   alice:$scrypt$ln=15,r=8,p=1$<salt>$<hash>      (crypto/password_hash.hpp)

#include <string>
#include <vector>

#include "base/files.hpp"
#include "crypto/password_hash.hpp"

namespace vouch::enroll::mdm {

struct PageUser {
  std::string name;
  crypto::PasswordHash password;
};
// `usage` for a name that is no word, and as crypto::hash_password says.
Result<PageUser> make_page_user(const crypto::Provider& provider, std::string_view name,
                                std::string_view password);

// The file of a home.
fs::path page_users_file(const fs::path& home);
// Nobody when there is no file. `denied` when others than its owner can read it; `malformed` names the line.
Result<std::vector<PageUser>> read_page_users(const fs::path& file);
Result<std::vector<PageUser>> parse_page_users(std::string_view text);
Status write_page_users(const fs::path& file, const std::vector<PageUser>& users);

constexpr std::size_t kMaxPageUsers = 1'000;

}  // namespace vouch::enroll::mdm
