#include "daemon/service.hpp"

#include "ca/audit_head.hpp"
#include "revocation/crl_publication.hpp"

namespace vouch::daemon {
namespace {

constexpr std::string_view kActor = "vouch serve";  // in the audit log

// CRLs that are due, and certificates that a crash or an absent key left unsigned.
Job care_for_authorities(const OpenAuthorities& authorities) {
  return {.name = "publication", .period = std::chrono::seconds(15), .run = [&authorities]() -> Status {
            for (const auto& authority : authorities.current()) {
              TRY(authority->repair().context("finishing certificates of CA '{}'", authority->record().name));
              const auto report = TRY(revocation::publish_due(*authority)
                                          .context("publishing CRLs of CA '{}'", authority->record().name));
              if (!report.failures.empty()) return report.failures.front();
            }
            return ok();
          }};
}

Job seal_audit(const ca::Environment& environment) {
  return {.name = "audit head", .period = std::chrono::minutes(5), .run = [&environment]() -> Status {
            auto head = ca::sign_audit_head(environment, kActor);
            if (!head && head.error().code() != Errc::not_found) return std::move(head.error());
            return ok();
          }};
}

}  // namespace

Service::Service(ServiceOptions options)
    : options_(std::move(options)),
      health_([this](const std::string& sentence) { log(sentence); }),
      authorities_(options_.environment, health_),
      faces_{options_.environment, [this] { return authorities_.current(); }, metrics_} {}

void Service::log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

Status Service::make_parts() {
  for (const PartMaker& maker : options_.parts) {
    Part part = TRY(maker.make(faces_).context("starting the part {}", maker.name));
    routes_[std::string(maker.name)] = std::move(part.routes);
    for (Job& job : part.jobs) jobs_.push_back(std::move(job));
  }
  routes_["health"] = {net::healthz_route(), net::readyz_route([this] { return health_.checks(); })};
  routes_["metrics"] = {net::metrics_route(metrics_)};
  jobs_.push_back(care_for_authorities(authorities_));
  jobs_.push_back(seal_audit(options_.environment));
  return ok();
}

Result<std::shared_ptr<const net::Router>> Service::routes_of(const ListenerConfiguration& listener) const {
  auto router = std::make_shared<net::Router>();
  for (const std::string& part : listener.serves) {
    const auto routes = routes_.find(part);
    if (routes == routes_.end()) continue;  // this program is built without it
    for (const net::Route& route : routes->second)
      TRY(router->add(route).context("listener {}, part {}", listener.name, part));
  }
  return std::shared_ptr<const net::Router>(std::move(router));
}

Result<net::ServerSettings> Service::server_settings(const Configuration& configuration) const {
  net::ServerSettings settings;
  for (const ListenerConfiguration& listener : configuration.listeners) {
    if (listener.endpoint.kind == net::Endpoint::Kind::local)
      TRY(make_folder(listener.endpoint.path.parent_path(), 0750));
    settings.listeners.push_back({listener.name, listener.endpoint, TRY(routes_of(listener)), nullptr});
  }
  settings.limits = configuration.limits;
  settings.proxies = configuration.proxies;
  settings.threads = configuration.threads;
  settings.workers = configuration.workers;
  settings.queue = configuration.queue;
  settings.metrics = &const_cast<Service*>(this)->metrics_;
  settings.clock = &options_.environment.clock;
  return settings;
}

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options) {
  std::unique_ptr<Service> service(new Service(std::move(options)));
  const ca::Home& home = service->options_.environment.home;
  auto lock = FileLock::acquire(home.lock("serve"), std::chrono::milliseconds(0));
  if (!lock)
    return make_error(Errc::conflict, "another vouch serve runs on {}", home.folder().string())
        .with_hint("stop it first, or tell it to reload: systemctl reload vouch");
  service->only_one_ = std::move(*lock);
  TRY(service->authorities_.open());
  TRY(service->make_parts());
  service->configuration_ =
      service->options_.configuration ? TRY(service->options_.configuration()) : default_configuration(home);
  service->server_ = TRY(net::Server::start(TRY(service->server_settings(service->configuration_))));
  service->scheduler_ = std::make_unique<Scheduler>(service->jobs_, service->health_);
  return service;
}

Status Service::reload() {
  Configuration configuration = options_.configuration ? TRY(options_.configuration())
                                                       : default_configuration(options_.environment.home);
  TRY(authorities_.open());
  TRY(server_->reload(TRY(server_settings(configuration))));
  configuration_ = std::move(configuration);
  scheduler_->hurry();
  return ok();
}

std::vector<std::string> Service::places() const {
  std::vector<std::string> places;
  for (const ListenerConfiguration& listener : configuration_.listeners) {
    const net::Address address = server_->address(listener.name);
    places.push_back(address.is_none() ? listener.endpoint.path.string()
                                       : fmt::format("http://{}:{}/", address.text(), address.port()));
  }
  return places;
}

void Service::stop() {
  if (!server_) return;
  if (scheduler_) scheduler_->stop();
  server_->stop(configuration_.stop_patience);
  server_.reset();
  if (const auto head = ca::sign_audit_head(options_.environment, kActor);
      !head && head.error().code() != Errc::not_found)
    log(fmt::format("the head of the audit log is not signed: {}", head.error().summary()));
}

}  // namespace vouch::daemon
