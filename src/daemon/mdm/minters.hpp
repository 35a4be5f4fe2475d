#pragma once
// Where the page with challenge passwords gets them from: the authority of this home, or one elsewhere over
// its administration API.

#include "api/client/remote_authority.hpp"
#include "ca/home/environment.hpp"
#include "daemon/scep/configuration.hpp"
#include "enroll/mdm/password_minter.hpp"

namespace vouch::daemon::mdm {

// Order of a bound challenge as the API takes it: the wish, completed by what NDES's operation says beside
// it. The profile and, unless the wish names one, the template that the key usage chooses. `usage`: for
// another profile.
Result<Value> complete_order(const enroll::mdm::BoundChallengeWish& wish,
                             const scep::ProfileConfiguration& profile);

// The environment outlives it.
std::unique_ptr<enroll::mdm::PasswordMinter> minter_here(const ca::Environment& environment,
                                                         std::string authority,
                                                         scep::ProfileConfiguration profile);
// The authority outlives it.
std::unique_ptr<enroll::mdm::PasswordMinter> minter_there(const api::RemoteAuthority& authority,
                                                          scep::ProfileConfiguration profile);

}  // namespace vouch::daemon::mdm
