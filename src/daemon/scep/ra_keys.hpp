#pragma once
// The certificates of a registration authority over time: which ones count now, when they are renewed, how
// long old keys go on opening messages (docs/mechanisms/scep.md).

#include <functional>
#include <mutex>

#include "ca/authority.hpp"
#include "daemon/scep/configuration.hpp"
#include "daemon/scep/ra_store.hpp"

namespace vouch::daemon::scep {

using enroll::scep::ServiceKeys;

// One certificate, as `vouch scep ra show` and the health state tell of it.
struct RaState {
  RaCertificate kept;
  bool signs = false, encrypts = false;  // by its key usage
  bool current = false;                  // devices get it now
  Time not_before{}, not_after{}, renew_at{};
};

class RaKeys {
 public:
  // How a certificate is come by: the authority's decision about a request.
  using Issue = std::function<Result<ca::Outcome>(Bytes request, const std::string& template_name)>;
  struct Context {
    const crypto::Provider& provider;  // this and the clock outlive it
    const Clock& clock;
    std::string host;  // for their common name
    // The certificate of the CA that signs now; none: whose they are is not looked at. Devices verify them
    // with it, so a CA with a new key makes them due.
    std::function<Result<Buffer>()> issuer{};
  };
  RaKeys(std::unique_ptr<RaStore> store, Context context, Issue issue)
      : store_(std::move(store)), context_(std::move(context)), issue_(std::move(issue)) {}

  // What answers are signed with now. `unavailable`: there are no certificates yet, their keys are out of
  // reach, or the certificates have expired.
  Result<std::shared_ptr<const ServiceKeys>> keys();
  // Takes up what others put into the store, renews what is due, lets go of what is over. To be called at the
  // start and every minute or so. A failure says what is wrong with the certificates.
  Status maintain(const RaConfiguration& configuration);
  // New ones now, of new keys with the same subject.
  Status renew(const RaConfiguration& configuration);
  // Newest first.
  Result<std::vector<RaState>> states() const;
  // Takes in what came from another host: those that are there already change nothing.
  Status take(const crypto::PrivateKey& key, Bytes certificate);
  Result<std::unique_ptr<crypto::PrivateKey>> key(const RaState& state) const {
    return store_->key(state.kept);
  }

 private:
  Status renew_due(const RaConfiguration& configuration);
  bool is_signed_by(Bytes issuer, const RaState& state) const;
  Status issue(const RaConfiguration& configuration, const std::string& template_name,
               const std::vector<RaState>& states);
  Result<RaStore::Waiting> new_request(const RaConfiguration& configuration,
                                       const std::vector<RaState>& states);
  Status ask_for(const RaStore::Waiting& waiting, const std::string& template_name);
  Buffer subject_for(const RaConfiguration& configuration, const std::vector<RaState>& states) const;
  Status forget_old(const RaConfiguration& configuration);
  Status load();
  Result<std::shared_ptr<const ServiceKeys>> open(const std::vector<RaState>& states) const;

  const std::unique_ptr<RaStore> store_;
  const Context context_;
  const Issue issue_;
  mutable std::mutex guards_loaded_;
  std::shared_ptr<const ServiceKeys> loaded_;
  std::vector<Buffer> loaded_from_;  // the certificates that were there
  Time good_until_{};                // of the current ones, the first to expire
};

// A sentence about certificates that end, or none: "expired on …", "expires on … and is not renewed".
Status judge_ra(const std::vector<RaState>& states, Time now);

}  // namespace vouch::daemon::scep
