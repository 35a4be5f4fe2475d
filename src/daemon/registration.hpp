#pragma once
// A registration authority: an outpost with front ends, whose authority is on another host.
// docs/mechanisms/registration-authority.md.

#include "api/caller.hpp"
#include "api/client/remote_authority.hpp"
#include "daemon/outpost.hpp"
#include "daemon/parts.hpp"

namespace vouch::daemon {

// Whom the CA knows this host as, and whom this host takes for the CA; `usage` when [authority] lacks
// something.
Result<net::FetchSettings> identity_at_authority(const AuthorityConfiguration& configuration,
                                                 const fs::path& home);
// This host's name without its domain, for common names.
std::string short_host_name();

class Registration : public Outpost {
 public:
  // `provider` outlives the object. Fails with `usage` when [authority] lacks something, with `conflict` when
  // another service runs on this home, or with whatever keeps it from listening. An authority that does not
  // answer is a health state. [authority] is read at the start only.
  static Result<std::unique_ptr<Registration>> start(OutpostOptions options, const crypto::Provider& provider,
                                                     const api::LoginName& login_name);
  ~Registration() override { stop(); }

 private:
  Registration(OutpostOptions options, FileLock only_one, const crypto::Provider& provider,
               const Configuration& configuration, net::FetchSettings identity);
  Part make_scep(const crypto::Provider& provider, const Configuration& configuration);
  std::vector<Job> jobs();
  Status take(Configuration configuration) override;

  net::Fetcher fetcher_;
  api::RemoteAuthority authority_;
  const Part scep_;
};

}  // namespace vouch::daemon
