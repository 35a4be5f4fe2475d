#include "daemon/gateway.hpp"

#include <unistd.h>

#include <algorithm>

#include "daemon/server_certificate.hpp"

namespace vouch::daemon {
namespace {

constexpr std::string_view kPart = "gateway";

// Who can ask can say "this client showed me that certificate". Only proxies of this host may: elsewhere
// everybody could have any certificate's details looked up, and any URL in one fetched.
Status check_listeners(const Configuration& configuration) {
  for (const ListenerConfiguration& listener : configuration.listeners) {
    if (!listener.enabled || !listener.address || listener.address->is_loopback()) continue;
    if (std::ranges::find(listener.serves, kPart) == listener.serves.end()) continue;
    return make_error(Errc::usage, "listener {} serves the gateway at {}, to other hosts", listener.name,
                      address_and_port(*listener.address))
        .with_hint(
            "use 127.0.0.1 or a Unix socket (path = \"run/gateway.sock\"), and run a gateway on each host");
  }
  return ok();
}

}  // namespace

GatewayService::GatewayService(GatewayOptions options, std::unique_ptr<relying::PartyHome> home)
    : options_(std::move(options)),
      home_(std::move(home)),
      health_([this](const std::string& sentence) {
        if (options_.log) options_.log(sentence);
      }),
      trace_(home_->configuration()->trace_octets),
      gateway_(
          {.decide =
               [this](const relying::Question& question, const relying::Profile& profile) {
                 return home_->party().decide(question, profile);
               },
           .profile = [this](std::string_view name) { return home_->configuration()->find_profile(name); },
           .status = [this] { return status(); },
           .is_administrator =
               [](const net::LocalUser& user) { return user.uid == 0 || user.uid == ::geteuid(); },
           .clock = options_.clock,
           .metrics = metrics_,
           .log = decisions_,
           .trace = trace_}),
      front_({.home = options_.home,
              .clock = options_.clock,
              .health = health_,
              .metrics = metrics_,
              .sockets = options_.sockets,
              .identity = [this](const TlsConfiguration& tls) {
                return load_identity_without_ca(options_.home, tls);
              }}) {
  front_.add(std::string(kPart), gateway_.routes());
  metrics_.gauge_from("vouch_gateway_trusted_issuers", "CAs that are trusted.", {},
                      [this] { return static_cast<double>(home_->party().trust()->issuers().size()); });
}

Result<std::unique_ptr<GatewayService>> GatewayService::start(GatewayOptions options) {
  Configuration configuration = TRY(options.configuration());
  TRY(check_listeners(configuration));
  relying::PartyConfiguration party = TRY(options.party());
  const fs::path log_file = party.decision_log;
  auto only_one = TRY(lock_home(options.home));
  auto home =
      TRY(relying::PartyHome::open({options.provider, options.clock, options.home}, std::move(party)));
  std::unique_ptr<GatewayService> service(new GatewayService(std::move(options), std::move(home)));
  service->only_one_ = std::move(only_one);
  TRY(service->decisions_.open(log_file));
  TRY(service->front_.open(std::move(configuration)));
  service->scheduler_ = std::make_unique<Scheduler>(service->jobs(), service->health_);
  return service;
}

std::vector<Job> GatewayService::jobs() {
  using std::chrono::seconds;
  std::vector<Job> jobs;
  jobs.push_back({.name = "trusted issuers", .period = seconds(5), .run = [this]() -> Status {
                    TRY(home_->look_for_trust());
                    if (!home_->party().trust()->issuers().empty()) return ok();
                    return make_error(Errc::not_found,
                                      "nobody is trusted yet, so everybody is refused: "
                                      "vouch trust add CERT");
                  }});
  jobs.push_back({.name = "cached answers", .period = seconds(10), .run = [this]() -> Status {
                    (void)home_->party().maintain();
                    return ok();
                  }});
  jobs.push_back(front_.certificate_job([this] { return reload(); }));
  return jobs;
}

Value GatewayService::status() const {
  Value value = home_->party().status();
  const auto trace = trace_.state(options_.clock.now());
  value.set("profile", home_->configuration()->profile).set("trace_on", trace.on);
  Value checks = Value::list();
  for (const net::HealthCheck& check : health_.checks())
    checks.push(Value().set("name", check.name).set("good", check.good).set("detail", check.detail));
  return value.set("health", std::move(checks));
}

Status GatewayService::reload() {
  const std::scoped_lock lock(guards_reload_);
  Configuration configuration = TRY(options_.configuration());
  TRY(check_listeners(configuration));
  relying::PartyConfiguration party = TRY(options_.party());
  const fs::path log_file = party.decision_log;
  TRY(front_.reload(std::move(configuration)));
  TRY(home_->reload(std::move(party)));
  TRY(decisions_.open(log_file));
  if (scheduler_) scheduler_->hurry();
  return ok();
}

void GatewayService::stop() {
  if (!front_.is_open()) return;
  if (scheduler_) scheduler_->stop();
  front_.stop();
}

}  // namespace vouch::daemon
