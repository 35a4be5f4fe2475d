#pragma once
// A registration authority as one object: front ends here, the authority on another host, and the same HTTP
// front as the service's. It has a home with vouch.toml, and neither a database nor a key of a CA.
// docs/mechanisms/registration-authority.md.

#include <memory>

#include "api/caller.hpp"
#include "api/client/remote_authority.hpp"
#include "daemon/front.hpp"
#include "daemon/parts.hpp"

namespace vouch::daemon {

struct RegistrationOptions {
  fs::path home;       // exists
  const Clock& clock;  // this and the provider outlive the object
  const crypto::Provider& provider;
  // Reads the configuration, at the start and at each reload.
  std::function<Result<Configuration>()> configuration;
  api::LoginName login_name{};
  // Sockets that the service manager opened. One takes the place of the listener of its name.
  std::vector<net::PassedSocket> sockets{};
  // One line for the log; called from any thread.
  std::function<void(const std::string& line)> log{};
};

// Whom the CA knows this host as, and whom this host takes for the CA; `usage` when [authority] lacks
// something.
Result<net::FetchSettings> identity_at_authority(const AuthorityConfiguration& configuration,
                                                 const fs::path& home);
// This host's name without its domain, for common names.
std::string short_host_name();

class Registration {
 public:
  // Fails with `usage` when [authority] lacks something, with `conflict` when another service runs on this
  // home, or with whatever keeps it from listening. An authority that does not answer is a health state.
  static Result<std::unique_ptr<Registration>> start(RegistrationOptions options);
  ~Registration() { stop(); }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  // Takes over listeners, limits and certificates. [authority] is read at the start only.
  Status reload();
  void stop();

  net::Address address(std::string_view listener) const { return front_.address(listener); }
  std::vector<net::HealthCheck> health() const { return health_.checks(); }
  std::vector<std::string> places() const { return front_.places(); }
  void hurry() { scheduler_->hurry(); }

 private:
  Registration(RegistrationOptions options, const Configuration& configuration, net::FetchSettings identity);
  Part make_scep(const Configuration& configuration);
  std::vector<Job> jobs();

  const RegistrationOptions options_;
  std::optional<FileLock> only_one_;
  net::Metrics metrics_;
  Health health_;
  net::Fetcher fetcher_;
  api::RemoteAuthority authority_;
  const Part scep_;
  std::mutex guards_reload_;  // one at a time: a signal's, or a renewed certificate's
  Front front_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace vouch::daemon
