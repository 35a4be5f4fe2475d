#include "daemon/parts.hpp"

#include "api/distribution.hpp"

namespace vouch::daemon {
namespace {

// Others publish too (`vouch crl publish` beside the service), so it looks every second; without news that is
// a handful of reads.
Result<Part> make_distribution(const api::Service& service) {
  auto distribution = std::make_shared<api::Distribution>(service);
  Part part;
  part.routes = api::distribution_routes(distribution);
  part.jobs.push_back({.name = "distribution", .period = std::chrono::seconds(1), .run = [distribution] {
                         return distribution->refresh();
                       }});
  // So that the first request after a start is answered; a failure is said by the job.
  (void)distribution->refresh();
  return part;
}

}  // namespace

std::span<const PartMaker> all_parts() {
  // Each line: {"ocsp", "answers about single certificates", make_ocsp}.
  static const std::vector<PartMaker> parts = {
      {"distribution", "CRLs and CA certificates at the URLs that certificates carry", make_distribution},
  };
  return parts;
}

}  // namespace vouch::daemon
