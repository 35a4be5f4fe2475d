#pragma once
// Where the authority is that profiles hand requests to: in this process (here.hpp), or on another host
// (there.hpp). A profile does not know which it has.

#include "api/service.hpp"
#include "daemon/scep/ra_keys.hpp"
#include "enroll/scep/responder.hpp"

namespace vouch::daemon::scep {

// What an administrator should know of a profile. A fault keeps it from issuing.
struct Findings {
  std::vector<std::string> faults{}, warnings{};
};

// One CA as its profiles see it.
struct Ends {
  std::shared_ptr<ca::Authority> authority;
  std::shared_ptr<const enroll::scep::CertificateRecords> records;
  std::function<Result<std::shared_ptr<const ServiceKeys>>(Profile::Mode)> keys;
  std::function<std::optional<enroll::scep::Rollover>()>
      rollover{};  // none: there is never a next certificate
};

class Site {
 public:
  virtual ~Site() = default;
  virtual Result<std::shared_ptr<const Ends>> ends(const std::string& ca) = 0;
  // Whether the profile's account may use its templates, whether they are published, what is odd about them.
  virtual Result<Findings> examine(const ProfileConfiguration& profile) = 0;
  // The certificates of the registration authority for a CA.
  virtual Result<std::shared_ptr<RaKeys>> ra_keys(const std::string& ca) = 0;
  // Keeps in the audit log what was refused before the authority saw it, where there is one.
  virtual void note_refusal(const std::string& ca, const enroll::scep::Event& event) = 0;
};

}  // namespace vouch::daemon::scep
