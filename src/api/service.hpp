#pragma once
// What the HTTP faces of the authority work with, given by whoever composes the daemon. Each face is a file
// with one function that makes its routes: `ocsp_routes`, `distribution_routes`, …; routes borrow the
// Service, which outlives the server.

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "api/caller.hpp"
#include "base/value.hpp"
#include "ca/local_authority.hpp"
#include "net/metrics.hpp"
#include "net/router.hpp"

namespace vouch::api {

using Authorities = std::vector<std::shared_ptr<ca::LocalAuthority>>;

struct Service {
  const ca::Environment& environment;
  // The CAs of this home that are open now, in the order of their names. Cheap: what a reload replaces is
  // swapped as a whole, and whoever holds an authority keeps it alive.
  std::function<Authorities()> authorities;
  net::Metrics& metrics;
  // The last report on the health of the hierarchy (diagnose/status_desk.hpp), as JSON.
  std::function<Result<Value>()> status{};
  LoginName login_name{};  // none: users of the Unix socket are known by their numbers
  // One line for the log; called from any thread. None: nobody reads it.
  std::function<void(const std::string& line)> log{};
};

// The CA of that name, or the only one when the name is empty. `not_found` names those that there are.
Result<std::shared_ptr<ca::LocalAuthority>> find_authority(const Service& service, std::string_view name);
// That of a record. `unavailable`: it is in the database and not open here.
Result<std::shared_ptr<ca::LocalAuthority>> find_authority(const Service& service, store::AuthorityId id);

}  // namespace vouch::api
