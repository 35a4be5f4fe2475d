#include "daemon/front.hpp"

#include <algorithm>

#include "daemon/setting_kinds.hpp"

namespace vouch::daemon {
namespace {

constexpr std::string_view kCertificateState = "server certificate";  // of health

bool needs_certificate(const Configuration& configuration) {
  return std::ranges::any_of(configuration.listeners,
                             [](const auto& listener) { return listener.enabled && listener.tls; });
}

}  // namespace

Result<FileLock> lock_home(const fs::path& home) {
  TRY(make_folder(home / "locks", 0700));
  auto lock = FileLock::acquire(home / "locks" / "serve.lock", std::chrono::milliseconds(0));
  if (lock) return lock;
  return make_error(Errc::conflict, "another vouch serve runs on {}", home.string())
      .with_hint("stop it first, or tell it to reload: systemctl reload vouch");
}

Front::Front(FrontOptions options) : options_(std::move(options)) {
  Health& health = options_.health;
  add("health", {net::healthz_route(), net::readyz_route([&health] { return health.checks(); })});
  add("metrics", {net::metrics_route(options_.metrics)});
}

void Front::add(const std::string& part, std::vector<net::Route> routes) {
  const std::scoped_lock lock(guards_configuration_);
  routes_[part] = std::move(routes);
}

Status Front::open(Configuration configuration) {
  const std::scoped_lock lock(guards_configuration_);
  server_ = TRY(net::Server::start(TRY(server_settings(configuration))));
  configuration_ = std::move(configuration);
  return ok();
}

Status Front::reload(Configuration configuration) {
  const std::scoped_lock lock(guards_configuration_);
  TRY(server_->reload(TRY(server_settings(configuration))));
  configuration_ = std::move(configuration);
  return ok();
}

void Front::stop() {
  if (server_) server_->stop(configuration_.stop_patience);
  server_.reset();
  const std::scoped_lock lock(guards_configuration_);
  routes_.clear();
}

// Another certificate in the files, or one that is due: taken over as by a reload.
Job Front::certificate_job(std::function<Status()> reload) {
  return {.name = "server certificate renewal",
          .period = std::chrono::minutes(1),
          .run = [this, reload = std::move(reload)]() -> Status {
            TlsConfiguration configuration;
            Buffer served;
            {
              const std::scoped_lock lock(guards_configuration_);
              if (!needs_certificate(configuration_)) return ok();
              configuration = configuration_.tls;
              served = served_chain_;
            }
            const auto identity = TRY(options_.identity(configuration));
            return equal(identity.chain, served) ? ok() : reload();
          }};
}

std::vector<std::string> Front::places() const {
  const std::scoped_lock lock(guards_configuration_);
  std::vector<std::string> places;
  for (const ListenerConfiguration& listener : configuration_.listeners) {
    if (!listener.enabled || (listener.tls && served_chain_.empty())) continue;
    const net::Address address = server_->address(listener.name);
    places.push_back(address.is_none() ? (options_.home / listener.path).string()
                                       : fmt::format("{}://{}/", listener.tls ? "https" : "http",
                                                     address_and_port(address)));
  }
  return places;
}

Result<net::ServerSettings> Front::server_settings(const Configuration& configuration) {
  net::ServerSettings settings;
  std::optional<net::TlsIdentity> identity;
  if (needs_certificate(configuration)) {
    auto loaded = options_.identity(configuration.tls);
    options_.health.set(kCertificateState, loaded ? ok() : Status(loaded.error()));
    if (loaded) identity = std::move(*loaded);
  }
  for (const ListenerConfiguration& listener : configuration.listeners) {
    // Without a certificate listeners with TLS stay shut; that is a health state and no reason not to serve
    // the others.
    if (!listener.enabled || (listener.tls && !identity)) continue;
    settings.listeners.push_back(TRY(listener_settings(listener, identity)));
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
  settings.metrics = &options_.metrics;
  settings.clock = &options_.clock;
  return settings;
}

Result<net::ListenerSettings> Front::listener_settings(
    const ListenerConfiguration& listener, const std::optional<net::TlsIdentity>& identity) const {
  auto tls = listener.tls ? TRY(tls_of(listener, *identity).context("listener {}", listener.name)) : nullptr;
  return net::ListenerSettings{listener.name, TRY(endpoint_of(listener)), TRY(routes_of(listener)),
                               std::move(tls)};
}

Result<net::Endpoint> Front::endpoint_of(const ListenerConfiguration& listener) const {
  for (const net::PassedSocket& socket : options_.sockets)
    if (socket.name == listener.name)
      return net::Endpoint{.kind = net::Endpoint::Kind::inherited, .descriptor = socket.descriptor};
  net::Endpoint endpoint = listener.endpoint(options_.home);
  if (endpoint.kind == net::Endpoint::Kind::local) TRY(make_folder(endpoint.path.parent_path(), 0750));
  return endpoint;
}

Result<std::shared_ptr<const net::Router>> Front::routes_of(const ListenerConfiguration& listener) const {
  auto router = std::make_shared<net::Router>();
  for (const std::string& part : listener.serves) {
    const auto routes = routes_.find(part);
    if (routes == routes_.end()) continue;
    for (const net::Route& route : routes->second)
      TRY(router->add(route).context("listener {}, part {}", listener.name, part));
  }
  return std::shared_ptr<const net::Router>(std::move(router));
}

Result<std::shared_ptr<const net::TlsContext>> Front::tls_of(const ListenerConfiguration& listener,
                                                             const net::TlsIdentity& identity) const {
  net::TlsSettings settings;
  settings.identities = {identity};
  settings.ask = listener.client_certificates;
  if (options_.admit_clients) options_.admit_clients(settings);
  return net::TlsContext::create(std::move(settings));
}

// The log that is open goes on when nothing about it has changed; then its file may have been renamed.
Status Front::open_access_log(const AccessLogConfiguration& wanted) {
  const AccessLogConfiguration& now = configuration_.access_log;
  if (access_log_ && wanted.file == now.file && wanted.form == now.form) return access_log_->reopen();
  access_log_.reset();
  if (wanted.file.empty()) return ok();
  const fs::path file = options_.home / wanted.file;
  TRY(make_folder(file.parent_path(), 0750));
  access_log_ = TRY(net::AccessLog::open(file, wanted.form, options_.clock));
  return ok();
}

}  // namespace vouch::daemon
