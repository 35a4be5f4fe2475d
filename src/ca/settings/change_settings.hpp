#pragma once
// Settings of a CA that an administrator changes without renewing it.

#include "ca/home/environment.hpp"

namespace vouch::ca {

struct ChangeableSetting {
  std::string_view name;  // "hash"
  std::string_view values;
  std::string_view summary;
};
std::span<const ChangeableSetting> changeable_settings();

struct SettingChange {
  std::string name, before, after;
  std::string warning;  // what is to be thought about; may be empty
};
// Certificates and CRLs signed from the next open of the CA on follow it. Fails with `usage` for an unknown
// name or value.
Result<SettingChange> change_setting(const Environment& environment, std::string_view authority,
                                     std::string_view name, std::string_view value,
                                     std::string_view administrator);

}  // namespace vouch::ca
