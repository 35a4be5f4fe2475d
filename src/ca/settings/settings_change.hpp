#pragma once
// Changing the settings of a CA while it works, by an administrator: read, changed and written in one
// transaction with its entry in the audit log. Authorities that are open see it at their next request.

#include <functional>

#include "ca/home/environment.hpp"
#include "ca/settings/settings.hpp"

namespace vouch::ca {

struct SettingsChange {
  std::string actor;
  std::string action;   // for the audit: "location.add"
  std::string details;  // AuditDetails
  // Fails when the change cannot be made; then nothing is.
  std::function<Status(AuthoritySettings&)> apply;
};
// The settings as they are afterwards.
Result<AuthoritySettings> change_settings(const Environment& environment, std::string_view ca_name,
                                          const SettingsChange& change);

}  // namespace vouch::ca
