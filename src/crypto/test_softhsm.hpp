#pragma once
// A SoftHSM2 of the test's own: tokens in a temporary folder, that can be taken away and brought back while
// the process runs.

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>

#include "base/files.hpp"
#include "crypto/tokens.hpp"

namespace vouch::crypto {

class SoftHsm {
 public:
  static constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";
  static constexpr const char* kPin = "1234-correct";

  SoftHsm() {
    std::string name = (fs::temp_directory_path() / "vouch-softhsm-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    fs::create_directory(tokens());
    const std::string configuration = fmt::format(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens().string());
    if (!write_file_atomic(folder_ / "softhsm2.conf", as_bytes(configuration)))
      throw std::runtime_error("cannot write softhsm2.conf");
    // The module reads it when it is initialised.
    ::setenv("SOFTHSM2_CONF", (folder_ / "softhsm2.conf").c_str(), 1);
    add_token("Vouch test");
  }
  ~SoftHsm() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  SoftHsm(const SoftHsm&) = delete;
  SoftHsm& operator=(const SoftHsm&) = delete;

  void add_token(std::string_view label) const {
    const std::string command = fmt::format(
        "softhsm2-util --init-token --free --label '{}' --pin {} --so-pin 5678-officer >'{}' 2>&1", label,
        kPin, (folder_ / "log").string());
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("softhsm2-util cannot make a token (package softhsm2)");
  }
  // As if somebody pulled the token out of the machine.
  void pull() const { fs::rename(tokens(), folder_ / "pulled"), fs::create_directory(tokens()); }
  void plug_in() const { fs::remove_all(tokens()), fs::rename(folder_ / "pulled", tokens()); }
  // Without its PIN nobody gets in.
  void forget_objects() const {
    for (const auto& entry : fs::recursive_directory_iterator(tokens()))
      if (entry.path().extension() == ".object" && entry.path().filename() != "token.object")
        fs::remove(entry.path());
  }

  TokenUri uri(std::string_view object = {}, std::string_view token = "Vouch test") const {
    TokenUri uri;
    uri.token = token;
    uri.object = object;
    uri.module_path = kModule;
    return uri;
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path tokens() const { return folder_ / "tokens"; }
  fs::path folder_;
};

}  // namespace vouch::crypto
