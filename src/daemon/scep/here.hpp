#pragma once
// SCEP on the host of the CAs: requests go to the authority in this process.

#include <map>

#include "daemon/scep/site.hpp"

namespace vouch::daemon::scep {

class HereSite final : public Site {
 public:
  using Authorities = std::function<api::Authorities()>;  // those that are open now
  // The environment outlives it.
  HereSite(const ca::Environment& environment, Authorities authorities)
      : environment_(environment), authorities_(std::move(authorities)) {}

  Result<std::shared_ptr<const Ends>> ends(const std::string& ca) override;
  Result<Findings> examine(const ProfileConfiguration& profile) override;
  Result<std::shared_ptr<RaKeys>> ra_keys(const std::string& ca) override;
  void note_refusal(const std::string& ca, const enroll::scep::Event& event) override;

 private:
  // Whether the audit log takes another refusal in this second: whoever can reach the port could fill the
  // disk.
  bool has_room(std::size_t& left_out);
  Result<std::shared_ptr<ca::LocalAuthority>> find(const std::string& ca) const;

  const ca::Environment& environment_;
  const Authorities authorities_;
  std::mutex guards_keys_;
  std::map<std::string, std::shared_ptr<RaKeys>> keys_;  // by CA
  std::mutex guards_refusals_;
  Time second_{};
  unsigned in_this_second_ = 0;
  std::size_t left_out_ = 0;
};

// The keys of one CA's registration authority. The environment outlives them. `issuer`: the CA certificate
// that signs now.
std::unique_ptr<RaKeys> ra_keys_here(const ca::Environment& environment, const store::AuthorityRecord& record,
                                     RaKeys::Issue issue, std::function<Result<Buffer>()> issuer);
// The same question as HereSite::examine.
Result<Findings> examine_here(const ca::Environment& environment, const ca::LocalAuthority& authority,
                              const ProfileConfiguration& profile);

}  // namespace vouch::daemon::scep
