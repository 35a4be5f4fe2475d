#pragma once
// The relying party as a service: one process that decides about certificates for all servers of a host, and
// keeps CRLs and OCSP answers ready for them. docs/mechanisms/gateway.md.

#include "daemon/outpost.hpp"
#include "relying/gateway/gateway.hpp"
#include "relying/gateway/party_home.hpp"

namespace vouch::daemon {

class GatewayService : public Outpost {
 public:
  // Reads what vouch.toml says of the relying party, at the start and at each reload.
  using ReadParty = std::function<Result<relying::PartyConfiguration>()>;

  // Fails with `usage` when a listener would hand out decisions beyond this host, with `conflict` when
  // another service runs on this home, or with whatever keeps it from listening.
  static Result<std::unique_ptr<GatewayService>> start(OutpostOptions options,
                                                       std::shared_ptr<const crypto::Provider> provider,
                                                       ReadParty read_party);
  ~GatewayService() override { stop(); }

 private:
  GatewayService(OutpostOptions options, FileLock only_one, ReadParty read_party,
                 std::unique_ptr<relying::PartyHome> home);
  std::vector<Job> jobs();
  Value status() const;
  // Profiles and trusted issuers as well; opens the decision log anew. What is cached stays.
  Status take(Configuration configuration) override;

  const ReadParty read_party_;
  const std::unique_ptr<relying::PartyHome> party_home_;
  relying::DecisionLog decisions_;
  relying::Trace trace_;
  relying::Gateway gateway_;
};

}  // namespace vouch::daemon
