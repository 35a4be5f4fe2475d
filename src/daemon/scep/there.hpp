#pragma once
// SCEP on a registration authority's host: requests go to a CA elsewhere, over its administration API.

#include <mutex>

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
  // Kept until `deliver`; what is too much is counted.
  void note_refusal(const std::string& ca, const enroll::scep::Event& event) override;
  void note_refusal(ca::FrontEndRefusal refusal);
  // Tells the CA, for its audit log, what was refused here and never reached it; to be called every few
  // seconds. While the CA is away it is kept, up to a bound; this host's log has all of it.
  Status deliver();

 private:
  Status check_name(const std::string& ca) const;
  api::RemoteAuthority& authority_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  const std::shared_ptr<RaKeys> keys_;
  std::mutex guards_refusals_;
  std::vector<ca::FrontEndRefusal> refusals_;  // not told yet
  std::uint64_t left_out_ = 0;
};

// For a command beside the service.
std::unique_ptr<RaKeys> ra_keys_there(api::RemoteAuthority& authority, const ThereSite::Context& context);

}  // namespace vouch::daemon::scep
