#include "daemon/service.hpp"

#include <algorithm>

#include "ca/audit_head.hpp"
#include "daemon/jobs.hpp"

namespace vouch::daemon {
namespace {

constexpr std::string_view kCertificateState = "server certificate";  // of health

bool needs_certificate(const Configuration& configuration) {
  return std::ranges::any_of(configuration.listeners,
                             [](const auto& listener) { return listener.enabled && listener.tls; });
}

}  // namespace

Service::Service(ServiceOptions options)
    : options_(std::move(options)),
      health_([this](const std::string& sentence) { log(sentence); }),
      authorities_(options_.environment, health_),
      certificate_(options_.environment, authorities_, options_.account),
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
  const ca::Environment& environment = options_.environment;
  jobs_.push_back(database_job(environment));
  jobs_.push_back(clock_job(environment));
  jobs_.push_back(key_job(environment, authorities_, health_));
  jobs_.push_back(publication_job(authorities_, health_));
  jobs_.push_back(audit_head_job(environment));
  jobs_.push_back(certificate_job());
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

Result<Configuration> Service::read_configuration() const {
  if (options_.configuration) return options_.configuration();
  return daemon::read_configuration(options_.environment.home);
}

Result<net::Endpoint> Service::endpoint_of(const ListenerConfiguration& listener) const {
  for (const net::PassedSocket& socket : options_.sockets)
    if (socket.name == listener.name)
      return net::Endpoint{.kind = net::Endpoint::Kind::inherited, .descriptor = socket.descriptor};
  net::Endpoint endpoint = listener.endpoint(options_.environment.home.folder());
  if (endpoint.kind == net::Endpoint::Kind::local) TRY(make_folder(endpoint.path.parent_path(), 0750));
  return endpoint;
}

// The log that is open goes on when nothing about it has changed; then its file may have been renamed.
Status Service::open_access_log(const AccessLogConfiguration& wanted) {
  const AccessLogConfiguration& now = configuration_.access_log;
  if (access_log_ && wanted.file == now.file && wanted.form == now.form) return access_log_->reopen();
  access_log_.reset();
  if (wanted.file.empty()) return ok();
  const fs::path file = options_.environment.home.folder() / wanted.file;
  TRY(make_folder(file.parent_path(), 0750));
  access_log_ = TRY(net::AccessLog::open(file, wanted.form, options_.environment.clock));
  return ok();
}

// Another certificate in the files, or one that is due: taken over as by a reload.
Job Service::certificate_job() {
  return {.name = "server certificate renewal", .period = std::chrono::minutes(1), .run = [this]() -> Status {
            TlsConfiguration configuration;
            Buffer served;
            {
              const std::scoped_lock lock(guards_reload_);
              if (!needs_certificate(configuration_)) return ok();
              configuration = configuration_.tls;
              served = served_chain_;
            }
            const auto identity = TRY(certificate_.load(configuration));
            return equal(identity.chain, served) ? ok() : reload();
          }};
}

// The TLS settings of a listener; null without a certificate, which is a health state and no reason not to
// serve the others.
Result<std::shared_ptr<const net::TlsContext>> Service::tls_of(const ListenerConfiguration& listener,
                                                               const net::TlsIdentity& identity) const {
  net::TlsSettings settings;
  settings.identities = {identity};
  settings.ask = listener.client_certificates;
  settings.check = check_client_certificate(options_.environment);
  for (const auto& authority : authorities_.current())
    settings.acceptable_issuers.push_back(authority->current().subject);
  return net::TlsContext::create(std::move(settings));
}

Result<net::ServerSettings> Service::server_settings(const Configuration& configuration) {
  net::ServerSettings settings;
  std::optional<net::TlsIdentity> identity;
  if (needs_certificate(configuration)) {
    auto loaded = certificate_.load(configuration.tls);
    health_.set(kCertificateState, loaded ? ok() : Status(loaded.error()));
    if (loaded) identity = std::move(*loaded);
  }
  for (const ListenerConfiguration& listener : configuration.listeners) {
    if (!listener.enabled || (listener.tls && !identity)) continue;
    auto tls =
        listener.tls ? TRY(tls_of(listener, *identity).context("listener {}", listener.name)) : nullptr;
    settings.listeners.push_back(
        {listener.name, TRY(endpoint_of(listener)), TRY(routes_of(listener)), std::move(tls)});
  }
  if (identity) served_chain_ = identity->chain;
  TRY(open_access_log(configuration.access_log));
  settings.limits = configuration.limits;
  settings.proxies.field = configuration.proxy_field;
  for (const std::string& network : items_of(configuration.trusted_proxies))
    settings.proxies.networks.push_back(TRY(net::Network::parse(network)));
  settings.access_log = access_log_;
  settings.threads = configuration.threads;
  settings.workers = configuration.workers;
  settings.queue = configuration.queue;
  settings.metrics = &metrics_;
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
  Configuration configuration = TRY(service->read_configuration());
  service->server_ = TRY(net::Server::start(TRY(service->server_settings(configuration))));
  service->configuration_ = std::move(configuration);
  service->scheduler_ = std::make_unique<Scheduler>(service->jobs_, service->health_);
  return service;
}

Status Service::reload() {
  const std::scoped_lock lock(guards_reload_);
  Configuration configuration = TRY(read_configuration());
  TRY(authorities_.open());
  TRY(server_->reload(TRY(server_settings(configuration))));
  configuration_ = std::move(configuration);
  if (scheduler_) scheduler_->hurry();
  return ok();
}

std::vector<std::string> Service::places() const {
  std::vector<std::string> places;
  for (const ListenerConfiguration& listener : configuration_.listeners) {
    if (!listener.enabled || (listener.tls && served_chain_.empty())) continue;
    const net::Address address = server_->address(listener.name);
    places.push_back(address.is_none() ? (options_.environment.home.folder() / listener.path).string()
                                       : fmt::format("{}://{}/", listener.tls ? "https" : "http",
                                                     address_and_port(address)));
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
