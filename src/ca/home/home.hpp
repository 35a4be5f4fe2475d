#pragma once
// Home: the folder a certification service lives in, and its configuration file.
//
//   HOME/vouch.toml      configuration (or /etc/vouch/vouch.toml)
//   HOME/vouch.db        the database, with its write-ahead log beside it
//   HOME/keys/           private keys, mode 0600
//   HOME/published/      CRLs and CA certificates, as the file locations of the CAs say
//   HOME/locks/          locks between processes
//   HOME/fence/          what the world may have seen (fence.hpp); never part of a backup
//   HOME/replaced-TIME/  what a restore has put aside

#include <memory>
#include <string>

#include "base/files.hpp"
#include "base/settings.hpp"
#include "base/time.hpp"

namespace vouch::ca {

struct Configuration {
  fs::path database = "vouch.db";  // relative to the home
  fs::path published = "published";
  std::string dns_name;         // %1; empty: this machine's fully qualified name
  std::string short_name;       // %2; empty: the first label of dns_name
  std::uint8_t node = 1;        // first octet of serials, 1 to 127: one per host that issues
  std::string protected_names;  // host names that no request gets without approval, with commas between
  std::string blocklists;       // folder with further lists of known weak keys; relative to the home
  std::string passphrase_variable = "VOUCH_KEY_PASSPHRASE";  // environment variable with the keys' passphrase
  fs::path audit_mirror{};  // a second copy of the audit log, relative to the home; empty: none
  std::string pin_variable = "VOUCH_PIN";             // environment variable with the tokens' PIN
  std::string pkcs11_module;                          // path of the PKCS #11 module for URIs that name none
  Span unlock_patience{0, std::chrono::minutes(10)};  // how long an operation waits for vouch ca unlock
  std::string configuration_container{};              // %6; empty: there is no directory
};

using ConfigurationKey = SettingKey;
// Sections of vouch.toml that are read by the service alone (daemon/configuration.hpp).
std::span<const std::string_view> service_sections();
// Everything else.
std::span<const ConfigurationKey> configuration_keys();
// Unknown keys and wrong values are errors that name file and line.
Result<Configuration> parse_configuration(std::string_view toml, std::string_view file);
Result<std::string> get_setting(const Configuration& configuration, std::string_view name);
// The text of the file with one setting changed; checked as a whole. Other lines stay as they are.
Result<std::string> with_setting(std::string_view toml, std::string_view file, std::string_view name,
                                 std::string_view value);

// The file becomes this; what it was stays beside it, as FILE.previous.
Status write_configuration(const fs::path& file, std::string_view toml);

class Home {
 public:
  // Reads the configuration; a home without one has the defaults. `create` makes the folders.
  static Result<Home> open(const fs::path& folder, bool create);

  const fs::path& folder() const { return folder_; }
  const Configuration& configuration() const { return configuration_; }
  const fs::path& configuration_file() const { return configuration_file_; }  // may not exist yet
  fs::path database() const { return folder_ / configuration_.database; }
  // Empty: none.
  fs::path audit_mirror() const {
    return configuration_.audit_mirror.empty() ? fs::path() : folder_ / configuration_.audit_mirror;
  }
  fs::path keys() const { return folder_ / "keys"; }
  fs::path published() const { return folder_ / configuration_.published; }
  fs::path fence() const { return folder_ / "fence"; }
  fs::path lock(std::string_view name) const { return folder_ / "locks" / (std::string(name) + ".lock"); }
  // Whoever opens a home shares it until the last copy of the object goes. Moving and replacing the database
  // needs it alone, as long as the claim lives. unavailable: others use it.
  class Claim {
   public:
    explicit Claim(std::shared_ptr<FileLock> lock) : lock_(std::move(lock)) {}
    Claim(Claim&&) noexcept = default;
    Claim& operator=(Claim&&) = delete;
    ~Claim() {
      if (lock_) lock_->make_shared();
    }

   private:
    std::shared_ptr<FileLock> lock_;
  };
  Result<Claim> claim() const;

 private:
  fs::path folder_, configuration_file_;
  Configuration configuration_;
  std::shared_ptr<FileLock> in_use_;  // none where the folder cannot be written
};

}  // namespace vouch::ca
