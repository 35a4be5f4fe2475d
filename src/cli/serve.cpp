// vouch serve: the service, from its start to the signal that ends it.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "cli/foreground.hpp"
#include "cli/output.hpp"
#include "cli/party.hpp"
#include "cli/through_service.hpp"
#include "daemon/crl_responder.hpp"
#include "daemon/gateway.hpp"
#include "daemon/registration.hpp"
#include "daemon/service.hpp"

namespace vouch::cli {
namespace {

// Starts the process that holds the keys, as long as nothing is open and there is one thread. None: the keys
// stay in this process.
Result<std::shared_ptr<const ca::KeySource>> hold_keys(Context& context) {
  const Surroundings& surroundings = context.surroundings();
  daemon::KeyHolderPlan plan;
  {
    const Workspace* workspace = TRY(context.workspace());
    const auto configuration = TRY(daemon::read_configuration(workspace->home()));
    if (!configuration.signer.process || !surroundings.hold_keys)
      return std::shared_ptr<const ca::KeySource>();
    plan = TRY(daemon::plan_key_holder(workspace->environment(), configuration));
  }
  context.close_workspace();
  return surroundings.hold_keys(std::move(plan));
}

// Those of every service, and with the administration API the route by which command lines come in.
std::vector<daemon::PartMaker> parts_of(const Surroundings& surroundings, Workspace& workspace) {
  std::vector<daemon::PartMaker> parts(daemon::all_parts().begin(), daemon::all_parts().end());
  const auto api = std::ranges::find(parts, "api", &daemon::PartMaker::name);
  api->make = [make = api->make, &surroundings,
               &workspace](const api::Service& service) -> Result<daemon::Part> {
    daemon::Part part = TRY(make(service));
    part.routes.push_back(command_route(surroundings, workspace, service));
    return part;
  };
  return parts;
}

// The whole service of a home with CAs.
Status serve_home(Context& context, const Signals& signals, const net::Environment& variables,
                  const net::ServiceManager& manager) {
  auto keys = TRY(hold_keys(context));
  Workspace& workspace = *TRY(context.workspace());
  if (keys) workspace.leave_keys_to(std::move(keys));
  const auto parts = parts_of(context.surroundings(), workspace);
  auto service = TRY(daemon::Service::start({.environment = workspace.environment(),
                                             .parts = parts,
                                             .sockets = TRY(net::passed_sockets(variables, ::getpid())),
                                             .login_name = context.surroundings().login_name,
                                             .log = log_to(context)}));
  run_in_foreground(context, *service, signals, manager);
  service.reset();
  context.close_workspace();
  return ok();
}

// A service without a CA, whose home is a folder with vouch.toml.
Result<daemon::OutpostOptions> outpost_of(Context& context, const net::Environment& variables) {
  const fs::path folder = context.home_folder();
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown))
    return make_error(Errc::not_found, "there is no folder {}", folder.string())
        .with_hint("make it and write vouch.toml there; or say where it is with --home or VOUCH_HOME");
  return daemon::OutpostOptions{.home = folder,
                                .clock = context.clock(),
                                .configuration = [folder]() -> Result<daemon::Configuration> {
                                  return daemon::read_configuration(TRY(ca::Home::open(folder, false)));
                                },
                                .sockets = TRY(net::passed_sockets(variables, ::getpid())),
                                .log = log_to(context)};
}

// A responder on a host that has nothing of a CA but its CRLs.
Status serve_crls(Context& context, const Signals& signals, const net::Environment& variables,
                  const net::ServiceManager& manager) {
  auto responder = TRY(daemon::CrlResponder::start(TRY(outpost_of(context, variables)), context.provider()));
  run_in_foreground(context, *responder, signals, manager);
  return ok();
}

// Front ends on a host whose authority is elsewhere.
Status serve_registration(Context& context, const Signals& signals, const net::Environment& variables,
                          const net::ServiceManager& manager) {
  auto registration = TRY(daemon::Registration::start(TRY(outpost_of(context, variables)), context.provider(),
                                                      context.surroundings().login_name));
  run_in_foreground(context, *registration, signals, manager);
  return ok();
}

// The relying party of a host.
Status serve_gateway(Context& context, const Signals& signals, const net::Environment& variables,
                     const net::ServiceManager& manager) {
  auto gateway = TRY(daemon::GatewayService::start(TRY(outpost_of(context, variables)),
                                                   context.surroundings().make_provider(),
                                                   [&context] { return party_configuration(context); }));
  run_in_foreground(context, *gateway, signals, manager);
  return ok();
}

// glibc gives each thread of a server a heap of its own, and takes none of them back: with a million
// certificates that is a good part of the memory (bench/memory.sh). With two, threads wait for each other
// (bench/api.sh).
void share_heaps() {
#ifdef M_ARENA_MAX
  ::mallopt(M_ARENA_MAX, 4);
#endif
}

Result<Exit> serve(Context& context, const Arguments& arguments) {
  share_heaps();
  const Signals signals;
  const net::Environment variables = environment_of(context.surroundings());
  const auto manager = net::ServiceManager::from(variables, ::getpid());
  const std::string role = arguments.text("role", "all");
  if (role != "all" && arguments.has("ocsp-from-crl"))
    return usage_error("--ocsp-from-crl and --role {} are two services: run each in a home of its own", role);
  const auto serve_as = arguments.has("ocsp-from-crl") ? serve_crls
                        : role == "ra"                 ? serve_registration
                        : role == "gateway"            ? serve_gateway
                                                       : serve_home;
  TRY(serve_as(context, signals, variables, manager));
  return Exit::done;
}

constexpr Option kServeOptions[] = {
    {"role", "all|ra|gateway",
     "all: the CAs of the home, which is the default; ra: front ends here, the authority of [authority] "
     "elsewhere; gateway: decisions about client certificates, for the servers of this host"},
    {"ocsp-from-crl", "", "answer OCSP from CRLs alone, on a host without the CA's keys and database"}};

constexpr Command kServeCommands[] = {
    {"serve", "", "run the service: OCSP, CRLs and CA certificates over HTTP, and the work in the background",
     "Runs until SIGTERM or SIGINT and finishes what it has begun. SIGHUP reads the configuration, the CAs "
     "and "
     "the certificates anew without dropping a connection. Without configuration it listens on "
     "127.0.0.1:8080 "
     "and on HOME/run/vouch.sock. With --ocsp-from-crl it answers OCSP about the CAs of the sections "
     "[ocsp_source.NAME], whose CRLs it fetches, and does nothing else. With --role ra it passes requests on "
     "to the authority of the section "
     "[authority], on a host that has no CA. With --role gateway it decides about client certificates for "
     "the "
     "proxies, VPN and RADIUS servers of this host (docs/mechanisms/gateway.md).",
     kServeOptions, "vouch serve", &serve},
};

}  // namespace

std::span<const Command> serve_commands() { return kServeCommands; }

}  // namespace vouch::cli
