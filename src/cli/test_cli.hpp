#pragma once
// Runs command lines in process, with a home, a clock and an environment of the test's own.

#include <sstream>

#include "ca/test_fixture.hpp"
#include "cli/context.hpp"
#include "crypto/pkcs11/pkcs11.hpp"

namespace vouch::cli {

struct Ran {
  int code = -1;
  std::string out, err;
};

inline void PrintTo(const Ran& ran, std::ostream* os) {
  *os << "code " << ran.code << "\n--- out\n" << ran.out << "--- err\n" << ran.err;
}

class Shell {
 public:
  Ran run(const std::vector<std::string>& words) {
    std::ostringstream out, err;
    const Surroundings surroundings{
        .out = out,
        .err = err,
        .clock = clock,
        .out_is_terminal = terminal,
        .err_is_terminal = terminal,
        .make_provider = [this] { return provider_; },
        .open_database = [](const fs::path& file,
                            bool create) { return store::sqlite::open(file, {.create = create}); },
        .variable = [this](const std::string& name) -> std::optional<std::string> {
          const auto found = variables.find(name);
          return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        .ask = [](const std::string&) -> Result<std::string> {
          return make_error(Errc::internal, "a test has no terminal");
        },
        .user = [this] { return user; },
        .groups = [](std::string_view) { return std::vector<std::string>(); },
        .make_tokens = crypto::pkcs11::make_tokens,
    };
    Ran ran;
    ran.code = cli::run(surroundings, words);
    ran.out = out.str();
    ran.err = err.str();
    return ran;
  }

  fs::path home() const { return folder_.path() / "home"; }
  std::string path(std::string_view name) const { return (folder_.path() / name).string(); }
  // Writes a file of the test and returns its path.
  std::string file(std::string_view name, std::string_view content) const {
    if (!write_file_atomic(path(name), as_bytes(content))) ADD_FAILURE() << "cannot write " << name;
    return path(name);
  }
  std::string read(std::string_view name) const {
    const auto content = read_file(path(name));
    return content ? std::string(as_text(*content)) : "(no file " + std::string(name) + ")";
  }
  const crypto::Provider& provider() const { return *provider_; }

  ManualClock clock{ca::kTestNow};
  bool terminal = false;
  std::string user = "alice";

 private:
  ca::TemporaryFolder folder_;

 public:
  std::map<std::string, std::string> variables{{"VOUCH_HOME", home().string()}};

 private:
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
};

}  // namespace vouch::cli
