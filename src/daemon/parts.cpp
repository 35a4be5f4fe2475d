#include "daemon/parts.hpp"

#include "api/administration.hpp"
#include "api/distribution.hpp"
#include "api/ocsp.hpp"
#include "ca/audit.hpp"
#include "daemon/configuration.hpp"
#include "daemon/mdm/minters.hpp"
#include "daemon/scep/here.hpp"
#include "revocation/ocsp_database.hpp"

namespace vouch::daemon {
namespace {

using std::chrono::duration_cast, std::chrono::seconds;

// Source and face live as long as a route or job of theirs.
struct Ocsp {
  Ocsp(const api::Service& service, const OcspConfiguration& configuration)
      : source(service.environment, service.authorities, duration_cast<seconds>(configuration.validity)),
        ahead(configuration.presign ? configuration.presign_memory : 0),
        pre_signer(service.environment, source, ahead, duration_cast<seconds>(configuration.validity)),
        face(source, service.environment.provider, service.environment.clock, service.metrics,
             {.max_age = duration_cast<seconds>(configuration.max_age),
              .cache_octets = configuration.cache,
              .responder = {.never_issued = configuration.never_issued,
                            .ahead = configuration.presign ? &ahead : nullptr}}) {}
  revocation::DatabaseOcspSource source;
  revocation::SignedAhead ahead;
  revocation::PreSigner pre_signer;
  api::OcspFace face;
};

// A share of each second.
Job presign_job(const api::Service& service, const std::shared_ptr<Ocsp>& ocsp, unsigned percent) {
  constexpr std::chrono::milliseconds kPeriod{1'000};
  service.metrics.gauge_from("vouch_ocsp_ahead_octets", "Memory of OCSP answers that are signed ahead.", {},
                             [ocsp] { return static_cast<double>(ocsp->ahead.octets()); });
  return {"ocsp answers ahead", kPeriod,
          [ocsp, budget = kPeriod * percent / 100] { return ocsp->pre_signer.work(budget); }};
}

Result<Part> make_ocsp(const api::Service& service) {
  const Configuration configuration = TRY(read_configuration(service.environment.home));
  const auto ocsp = std::make_shared<Ocsp>(service, configuration.ocsp);
  // So that the first request after a start is answered; a failure is said by the job.
  (void)ocsp->source.maintain();
  Part part;
  part.routes = api::ocsp_routes(std::shared_ptr<const api::OcspFace>(ocsp, &ocsp->face));
  part.jobs = {{"ocsp responders", std::chrono::minutes(1), [ocsp] { return ocsp->source.maintain(); }},
               {"ocsp answers", seconds(5), [ocsp] { return ocsp->face.last_outcome(); }}};
  if (configuration.ocsp.presign)
    part.jobs.push_back(presign_job(service, ocsp, configuration.ocsp.presign_share));
  return part;
}

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

// Null: the profile's CA is not open.
std::unique_ptr<enroll::mdm::PasswordMinter> minter_for(const api::Service& service,
                                                        const scep::ProfileConfiguration& profile) {
  const auto authority = api::find_authority(service, profile.ca);
  if (!authority) return nullptr;
  return mdm::minter_here(service.environment, (*authority)->record().name, profile);
}

Result<Part> make_scep(const api::Service& service) {
  const ca::Environment& environment = service.environment;
  return scep_part(
      {.home = environment.home.folder(),
       .provider = environment.provider,
       .clock = environment.clock,
       .site = std::make_shared<scep::HereSite>(environment, service.authorities),
       .minter =
           [&service](const scep::ProfileConfiguration& profile) { return minter_for(service, profile); },
       .log = service.log,
       .refused =
           [&environment, log = service.log](const enroll::mdm::RefusedSignIn& refused) {
             const Status kept =
                 ca::record_audit(environment, {.actor = "page:" + refused.user,
                                                .action = "scep.page",
                                                .object = "profile " + refused.profile,
                                                .details = ca::AuditDetails().add("client", refused.client),
                                                .outcome = std::string(ca::audit_outcome::denied)});
             if (!kept && log) log("a refused sign-in is not in the audit log: " + kept.error().summary());
           }},
      service.metrics);
}

}  // namespace

// Desk and office live as long as a route or job of theirs.
Part scep_part(mdm::Office::Options options, net::Metrics& metrics) {
  scep::Desk::Options for_desk{.home = options.home,
                               .provider = options.provider,
                               .clock = options.clock,
                               .metrics = metrics,
                               .log = options.log};
  const auto site = options.site;
  const auto office = std::make_shared<mdm::Office>(std::move(options));
  const auto desk = std::make_shared<scep::Desk>(site, mdm::with_office(std::move(for_desk), office));
  Part part;
  part.routes_by = [desk, office](const Configuration& configuration) -> Result<std::vector<net::Route>> {
    office->take(configuration.webhooks, configuration.intunes, configuration.scep);
    auto routes = TRY(desk->take(configuration.scep, configuration.scep_ra));
    for (net::Route& route : office->pages(configuration.scep)) routes.push_back(std::move(route));
    for (net::Route& route : routes) {
      auto answer = std::get<net::Blocking>(std::move(route.handler));
      route.handler = net::Blocking([desk, office, answer = std::move(answer)](const net::Request& request) {
        return answer(request);
      });
    }
    return routes;
  };
  part.jobs = {{"scep certificates", std::chrono::minutes(1), [desk] { return desk->maintain(); }},
               {"scep profiles", std::chrono::minutes(1), [desk] { return desk->check(); }},
               {"device management", std::chrono::seconds(5), [office] { return office->check(); }}};
  return part;
}

std::span<const PartMaker> all_parts() {
  static const std::vector<PartMaker> parts = {
      {"api", "the administration API, /api/v1",
       [](const api::Service& service) -> Result<Part> {
         return Part{.routes = api::administration_routes(service)};
       }},
      {"distribution", "CRLs and CA certificates at the URLs that certificates carry", make_distribution},
      {"ocsp", "answers about single certificates", make_ocsp},
      {"scep", "the SCEP profiles, where devices enrol", make_scep},
  };
  return parts;
}

}  // namespace vouch::daemon
