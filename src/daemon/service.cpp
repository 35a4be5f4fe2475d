#include "daemon/service.hpp"

#include "ca/audit/audit_head.hpp"
#include "daemon/jobs.hpp"

namespace vouch::daemon {

Service::Service(ServiceOptions options)
    : options_(std::move(options)),
      health_([this](const std::string& sentence) { log(sentence); }),
      authorities_(options_.environment, health_),
      certificate_(options_.environment, authorities_),
      faces_{options_.environment,
             [this] { return authorities_.current(); },
             metrics_,
             [this] { return status(); },
             options_.login_name,
             [this](const std::string& line) { log(line); }},
      status_desk_(options_.environment, fetcher_),
      front_({.home = options_.environment.home.folder(),
              .clock = options_.environment.clock,
              .health = health_,
              .metrics = metrics_,
              .sockets = options_.sockets,
              .identity = [this](const TlsConfiguration& tls) { return certificate_.load(tls); },
              .admit_clients = [this](net::TlsSettings& settings) { admit_clients(settings); }}) {}

void Service::log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

Status Service::make_parts() {
  for (const PartMaker& maker : options_.parts) {
    Part part = TRY(maker.make(faces_).context("starting the part {}", maker.name));
    if (part.routes_by)
      routes_by_[std::string(maker.name)] = std::move(part.routes_by);
    else
      front_.add(std::string(maker.name), std::move(part.routes));
    for (Job& job : part.jobs) jobs_.push_back(std::move(job));
  }
  const ca::Environment& environment = options_.environment;
  jobs_.push_back(database_job(environment));
  jobs_.push_back(clock_job(environment));
  jobs_.push_back(key_job(environment, authorities_, health_));
  jobs_.push_back(publication_job(authorities_, health_));
  jobs_.push_back(audit_head_job(environment));
  jobs_.push_back(front_.certificate_job([this] { return reload(); }));
  jobs_.push_back(authorities_job());
  return ok();
}

Status Service::add_routes_by(const Configuration& configuration) {
  std::map<std::string, std::vector<net::Route>> routes;
  for (const auto& [part, make] : routes_by_) routes[part] = TRY(make(configuration));
  for (auto& [part, made] : routes) front_.add(part, std::move(made));
  return ok();
}

Result<Value> Service::status() { return diagnose::describe(*TRY(status_desk_.report())); }

Result<Configuration> Service::read_configuration() const {
  if (options_.configuration) return options_.configuration();
  return daemon::read_configuration(options_.environment.home);
}

// A CA that was set up or renewed beside the service.
Job Service::authorities_job() {
  return {.name = "CAs", .period = std::chrono::seconds(5), .run = [this]() -> Status {
            return TRY(authorities_.is_outdated()) ? reload() : ok();
          }};
}

// Those that a CA of this home issued.
void Service::admit_clients(net::TlsSettings& settings) const {
  settings.check = check_client_certificate(options_.environment);
  for (const auto& authority : authorities_.current())
    settings.acceptable_issuers.push_back(authority->current().subject);
}

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options) {
  std::unique_ptr<Service> service(new Service(std::move(options)));
  service->only_one_ = TRY(lock_home(service->options_.environment.home.folder()));
  TRY(service->authorities_.open());
  TRY(service->make_parts());
  Configuration configuration = TRY(service->read_configuration());
  TRY(service->add_routes_by(configuration));
  TRY(service->front_.open(std::move(configuration)));
  service->scheduler_ = std::make_unique<Scheduler>(service->jobs_, service->health_);
  return service;
}

Status Service::reload() {
  const std::scoped_lock lock(guards_reload_);
  Configuration configuration = TRY(read_configuration());
  TRY(authorities_.open());
  TRY(add_routes_by(configuration));
  TRY(front_.reload(std::move(configuration)));
  if (scheduler_) scheduler_->hurry();
  return ok();
}

void Service::stop() {
  if (!front_.is_open()) return;
  if (scheduler_) scheduler_->stop();
  front_.stop();
  if (const auto head = ca::sign_audit_head(options_.environment, kActor);
      !head && head.error().code() != Errc::not_found)
    log(fmt::format("the head of the audit log is not signed: {}", head.error().summary()));
}

}  // namespace vouch::daemon
