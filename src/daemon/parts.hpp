#pragma once
// What the service is made of: faces with their routes, and work in the background. One line in `all_parts`
// for each; a listener's `serves` names them.

#include <functional>
#include <span>

#include "api/service.hpp"
#include "daemon/mdm/office.hpp"
#include "daemon/scheduler.hpp"

namespace vouch::daemon {

struct Configuration;

// Made once, when the service starts, and kept over reloads: routes may share a state of their own.
struct Part {
  std::vector<net::Route> routes{};
  std::vector<Job> jobs{};  // run whether or not a listener serves the part
  // Instead of `routes` where they follow from the configuration: asked at the start and at each reload,
  // whose failure leaves everything as it was.
  std::function<Result<std::vector<net::Route>>(const Configuration&)> routes_by{};
};

struct PartMaker {
  std::string_view name;     // "ocsp"
  std::string_view summary;  // for the documentation of `serves`
  // The service outlives the part.
  std::function<Result<Part>(const api::Service&)> make;
};

// SCEP, here or on a registration authority's host: the office's site says which. `metrics` outlive the part.
Part scep_part(mdm::Office::Options office, net::Metrics& metrics);

// Beside "health" and "metrics", which every service has.
std::span<const PartMaker> all_parts();

}  // namespace vouch::daemon
