#include "api/service.hpp"

#include <fmt/ranges.h>

namespace vouch::api {

Result<std::shared_ptr<ca::LocalAuthority>> find_authority(const Service& service, std::string_view name) {
  const Authorities authorities = service.authorities();
  if (authorities.empty())
    return make_error(Errc::unavailable, "no CA is open in the service")
        .with_hint("/readyz names the cause; what is new is taken up by itself");
  if (name.empty() && authorities.size() == 1) return authorities.front();
  std::vector<std::string> names;
  for (const auto& authority : authorities) {
    if (authority->record().name == name) return authority;
    names.push_back(fmt::format("'{}'", authority->record().name));
  }
  const std::string known = fmt::format("{}", fmt::join(names, ", "));
  if (name.empty()) return Error(Errc::usage, fmt::format("which CA? There are several: {}", known));
  return Error(Errc::not_found, fmt::format("there is no CA '{}' here", name)).with_hint(known);
}

Result<std::shared_ptr<ca::LocalAuthority>> find_authority(const Service& service, store::AuthorityId id) {
  for (const auto& authority : service.authorities())
    if (authority->record().id == id) return authority;
  return make_error(Errc::unavailable, "the CA of that record is not open in the service")
      .with_hint("/readyz says why; a CA that was set up just now is taken up within seconds");
}

}  // namespace vouch::api
