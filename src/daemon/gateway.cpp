#include "daemon/gateway.hpp"

#include <unistd.h>

#include <algorithm>

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

GatewayService::GatewayService(OutpostOptions options, FileLock only_one, ReadParty read_party,
                               std::unique_ptr<relying::PartyHome> home)
    : Outpost(std::move(options), std::move(only_one)),
      read_party_(std::move(read_party)),
      party_home_(std::move(home)),
      trace_(party_home_->configuration()->trace_octets),
      gateway_(
          {.decide =
               [this](const relying::Question& question, const relying::Profile& profile) {
                 return party_home_->party().decide(question, profile);
               },
           .profile =
               [this](std::string_view name) { return party_home_->configuration()->find_profile(name); },
           .status = [this] { return status(); },
           .is_administrator =
               [](const net::LocalUser& user) { return user.uid == 0 || user.uid == ::geteuid(); },
           .clock = clock(),
           .metrics = metrics(),
           .log = decisions_,
           .trace = trace_}) {
  front().add(std::string(kPart), gateway_.routes());
  metrics().gauge_from("vouch_gateway_trusted_issuers", "CAs that are trusted.", {}, [this] {
    return static_cast<double>(party_home_->party().trust()->issuers().size());
  });
}

Result<std::unique_ptr<GatewayService>> GatewayService::start(
    OutpostOptions options, std::shared_ptr<const crypto::Provider> provider, ReadParty read_party) {
  Configuration configuration = TRY(options.configuration());
  TRY(check_listeners(configuration));
  relying::PartyConfiguration party = TRY(read_party());
  const fs::path log_file = party.decision_log;
  FileLock only_one = TRY(lock_home(options.home));
  auto home =
      TRY(relying::PartyHome::open({std::move(provider), options.clock, options.home}, std::move(party)));
  std::unique_ptr<GatewayService> service(
      new GatewayService(std::move(options), std::move(only_one), std::move(read_party), std::move(home)));
  TRY(service->decisions_.open(log_file));
  TRY(service->open(std::move(configuration), service->jobs()));
  return service;
}

std::vector<Job> GatewayService::jobs() {
  using std::chrono::seconds;
  std::vector<Job> jobs;
  jobs.push_back({.name = "trusted issuers", .period = seconds(5), .run = [this]() -> Status {
                    TRY(party_home_->look_for_trust());
                    if (!party_home_->party().trust()->issuers().empty()) return ok();
                    return make_error(Errc::not_found,
                                      "nobody is trusted yet, so everybody is refused: "
                                      "vouch trust add CERT");
                  }});
  jobs.push_back({.name = "cached answers", .period = seconds(10), .run = [this]() -> Status {
                    (void)party_home_->party().maintain();
                    return ok();
                  }});
  return jobs;
}

Value GatewayService::status() const {
  Value value = party_home_->party().status();
  const auto trace = trace_.state(clock().now());
  value.set("profile", party_home_->configuration()->profile).set("trace_on", trace.on);
  Value checks = Value::list();
  for (const net::HealthCheck& check : health())
    checks.push(Value().set("name", check.name).set("good", check.good).set("detail", check.detail));
  return value.set("health", std::move(checks));
}

Status GatewayService::take(Configuration configuration) {
  TRY(check_listeners(configuration));
  relying::PartyConfiguration party = TRY(read_party_());
  const fs::path log_file = party.decision_log;
  TRY(front().reload(std::move(configuration)));
  TRY(party_home_->reload(std::move(party)));
  return decisions_.open(log_file);
}

}  // namespace vouch::daemon
