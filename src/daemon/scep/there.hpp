#pragma once
// SCEP on a registration authority's host: requests go to a CA elsewhere, over its administration API.

#include "api/client/remote_authority.hpp"
#include "daemon/scep/site.hpp"

namespace vouch::daemon::scep {

class ThereSite final : public Site {
 public:
  struct Context {
    fs::path folder;                   // of keys and certificates
    std::string host;                  // for their common name
    const crypto::Provider& provider;  // this and the clock outlive it
    const Clock& clock;
  };
  // The authority outlives it.
  ThereSite(api::RemoteAuthority& authority, const Context& context);

  Result<std::shared_ptr<const Ends>> ends(const std::string& ca) override;
  Result<Findings> examine(const ProfileConfiguration& profile) override;
  Result<std::shared_ptr<RaKeys>> ra_keys(const std::string& ca) override;
  // What never reached the authority is in this host's log alone.
  void note_refusal(const std::string&, const enroll::scep::Event&) override {}

 private:
  Status check_name(const std::string& ca) const;
  api::RemoteAuthority& authority_;
  const std::shared_ptr<RaKeys> keys_;
};

// For a command beside the service.
std::unique_ptr<RaKeys> ra_keys_there(api::RemoteAuthority& authority, const ThereSite::Context& context);

}  // namespace vouch::daemon::scep
