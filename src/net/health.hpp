#pragma once
// The three pages that operators' tools ask for.

#include <functional>
#include <string>
#include <vector>

#include "net/metrics.hpp"
#include "net/router.hpp"

namespace vouch::net {

// One thing that has to be right for the service to be of use.
struct HealthCheck {
  std::string name;  // "database"
  bool good = false;
  std::string detail;  // the cause, when it is not good
};
using HealthChecks = std::function<std::vector<HealthCheck>()>;

// GET /healthz: 200 as long as the process answers.
Route healthz_route();
// GET /readyz: 200, or 503 with the names and causes of what is wrong; as JSON. `checks` runs on the I/O
// thread and reports what was found out before; it does not go and look.
Route readyz_route(HealthChecks checks);
// GET /metrics. `metrics` outlives the route.
Route metrics_route(const Metrics& metrics);

}  // namespace vouch::net
