// The program: the one place that knows everything. It says which database, which cryptography, which clock
// and which terminal the commands work with; each is made when a command first asks for it.
#include <grp.h>
#include <pwd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>

#include "app/signer.hpp"
#include "cli/context.hpp"
#include "crypto/openssl/openssl.hpp"
#include "crypto/pkcs11/pkcs11.hpp"
#include "store/sqlite/sqlite.hpp"

namespace {

using namespace vouch;

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

// Called from several threads.
std::optional<std::string> login_name(std::uint32_t uid) {
  passwd entry{}, *found = nullptr;
  std::array<char, 4096> texts{};
  if (::getpwuid_r(uid, &entry, texts.data(), texts.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return std::string(entry.pw_name);
}

// Who asks: the login user by the real user id, which a set-user-id bit does not change. SUDO_USER is noted
// beside it; nothing is decided by it, because its owner can set it to anything.
std::string user() {
  const uid_t uid = ::getuid();
  std::string name = login_name(uid).value_or(fmt::format("uid {}", uid));
  if (const auto sudo = variable("SUDO_USER"); uid == 0 && sudo && !sudo->empty())
    name += fmt::format(" (sudo {})", *sudo);
  return name;
}

// The groups that the system knows an account to be in. Called from several threads.
std::vector<std::string> groups_of(std::string_view account) {
  passwd entry{}, *user = nullptr;
  std::array<char, 4096> texts{};
  if (::getpwnam_r(std::string(account).c_str(), &entry, texts.data(), texts.size(), &user) != 0 ||
      user == nullptr)
    return {};
  const std::string name = entry.pw_name;
  const gid_t primary = entry.pw_gid;
  std::vector<gid_t> ids(64);
  int count = static_cast<int>(ids.size());
  if (::getgrouplist(name.c_str(), primary, ids.data(), &count) < 0) {
    ids.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name.c_str(), primary, ids.data(), &count) < 0) return {};
  }
  ids.resize(static_cast<std::size_t>(count));
  std::vector<std::string> names;
  std::vector<char> members(std::size_t{1} << 20);  // a group's members come with its name
  for (const gid_t id : ids) {
    group entry_of_group{}, *found = nullptr;
    if (::getgrgid_r(id, &entry_of_group, members.data(), members.size(), &found) == 0 && found != nullptr)
      names.emplace_back(found->gr_name);
  }
  return names;
}

// Switches the echo off, and on again whatever happens.
class NoEcho {
 public:
  explicit NoEcho(int fd) : fd_(fd), known_(::tcgetattr(fd, &before_) == 0) {
    if (!known_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~NoEcho() {
    if (known_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  int fd_;
  termios before_{};
  bool known_;
};

Result<std::string> ask(const std::string& question) {
  std::cerr << question << std::flush;
  std::string answer;
  {
    const NoEcho no_echo(STDIN_FILENO);
    std::getline(std::cin, answer);
  }
  std::cerr << '\n';
  if (answer.empty()) return make_error(Errc::denied, "no passphrase was given");
  return answer;
}

Result<std::shared_ptr<const ca::KeySource>> hold_keys(daemon::KeyHolderPlan plan) {
  return app::hold_keys(std::move(plan),
                        [] { return crypto::pkcs11::make_tokens(crypto::openssl::make_provider()); });
}

Result<std::unique_ptr<store::Database>> open_database(const fs::path& file, bool create) {
  store::sqlite::Options options;
  options.create = create;
  return store::sqlite::open(file, options);
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const vouch::SystemClock clock;
  const vouch::cli::Surroundings surroundings{
      .out = std::cout,
      .err = std::cerr,
      .clock = clock,
      .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
      .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
      .in_is_terminal = ::isatty(STDIN_FILENO) == 1,
      .make_provider = vouch::crypto::openssl::make_provider,
      .open_database = open_database,
      .variable = variable,
      .ask = ask,
      .user = user,
      .groups = groups_of,
      .make_tokens = vouch::crypto::pkcs11::make_tokens,
      .login_name = login_name,
      .hold_keys = hold_keys,
  };
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return vouch::cli::run(surroundings, words);
}
