#pragma once
// The relying party as a service: one process that decides about certificates for all servers of a host, and
// keeps CRLs and OCSP answers ready for them. It has a home with vouch.toml, and nothing of a CA.
// docs/mechanisms/gateway.md.

#include <memory>

#include "daemon/front.hpp"
#include "relying/gateway/gateway.hpp"
#include "relying/gateway/party_home.hpp"

namespace vouch::daemon {

struct GatewayOptions {
  fs::path home;  // exists
  std::shared_ptr<const crypto::Provider> provider;
  const Clock& clock;  // outlives the service
  // Both read vouch.toml, at the start and at each reload.
  std::function<Result<Configuration>()> configuration;
  std::function<Result<relying::PartyConfiguration>()> party;
  // Sockets that the service manager opened. One takes the place of the listener of its name.
  std::vector<net::PassedSocket> sockets{};
  // One line for the log; called from any thread.
  std::function<void(const std::string& line)> log{};
};

class GatewayService {
 public:
  // Fails with `usage` when a listener would hand out decisions beyond this host, with `conflict` when
  // another service runs on this home, or with whatever keeps it from listening.
  static Result<std::unique_ptr<GatewayService>> start(GatewayOptions options);
  ~GatewayService() { stop(); }
  GatewayService(const GatewayService&) = delete;
  GatewayService& operator=(const GatewayService&) = delete;

  // Takes over listeners, limits, profiles and trusted issuers, and opens the decision log anew. What is
  // cached stays.
  Status reload();
  void stop();

  net::Address address(std::string_view listener) const { return front_.address(listener); }
  std::vector<net::HealthCheck> health() const { return health_.checks(); }
  std::vector<std::string> places() const { return front_.places(); }
  relying::RelyingParty& party() { return home_->party(); }

 private:
  GatewayService(GatewayOptions options, std::unique_ptr<relying::PartyHome> home);
  std::vector<Job> jobs();
  Value status() const;

  const GatewayOptions options_;
  const std::unique_ptr<relying::PartyHome> home_;
  std::optional<FileLock> only_one_;
  net::Metrics metrics_;
  Health health_;
  relying::DecisionLog decisions_;
  relying::Trace trace_;
  relying::Gateway gateway_;
  std::mutex guards_reload_;  // one at a time: a signal's, or a renewed certificate's
  Front front_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace vouch::daemon
