#pragma once
// What the administrator's commands about SCEP work with: the home of a CA, or that of a registration
// authority whose CA is elsewhere. Which of them it is, [authority] in vouch.toml says.

#include "cli/context.hpp"
#include "daemon/registration.hpp"
#include "daemon/scep/ra_keys.hpp"
#include "daemon/scep/site.hpp"

namespace vouch::cli {

class ScepHost {
 public:
  static Result<std::unique_ptr<ScepHost>> open(Context& context);

  const daemon::Configuration& configuration() const { return configuration_; }
  const fs::path& file() const { return file_; }      // vouch.toml; may not exist yet
  const fs::path& folder() const { return folder_; }  // the home
  bool is_registration() const { return authority_ != nullptr; }
  // The only profile when the name is empty.
  Result<const daemon::scep::ProfileConfiguration*> profile(std::string_view name) const;
  // The CA that --ca names, else the profile's, else the only one.
  Result<std::string> ca(const std::string& of_profile = {}) const;
  // Where no profile is named: that of all profiles, if they have one.
  Result<std::string> ca_of_profiles() const;
  Result<std::unique_ptr<daemon::scep::RaKeys>> ra_keys(const std::string& ca);
  Result<daemon::scep::Findings> examine(const daemon::scep::ProfileConfiguration& profile);
  // Its certificate and those above it.
  Result<std::vector<Buffer>> chain(const std::string& ca);
  // Where devices find the profile, as far as this host knows.
  std::string url_of(const daemon::scep::ProfileConfiguration& profile) const;

 private:
  ScepHost(Context& context, fs::path folder, fs::path file, daemon::Configuration configuration)
      : context_(context),
        folder_(std::move(folder)),
        file_(std::move(file)),
        configuration_(std::move(configuration)) {}

  Context& context_;
  const fs::path folder_, file_;
  const daemon::Configuration configuration_;
  std::unique_ptr<net::Fetcher> fetcher_;
  std::unique_ptr<api::RemoteAuthority> authority_;  // null: the CA is here
};

}  // namespace vouch::cli
