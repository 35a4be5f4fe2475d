// vouch serve: the service, from its start to the signal that ends it.
#include <signal.h>
#include <unistd.h>

#include <ostream>

#include "cli/output.hpp"
#include "daemon/service.hpp"
#include "net/systemd.hpp"

namespace vouch::cli {
namespace {

constexpr Option kServe[] = {
    {"role", "all|ca|ra|ocsp|gateway", "what this process does; all when not given"},
};

// The signals that a service is told what to do with. Blocked before the first thread is made, so that all
// threads inherit that and this one alone waits for them.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next one; none when none came in that time.
  std::optional<int> wait(std::chrono::milliseconds patience) const {
    const timespec time{patience.count() / 1000, patience.count() % 1000 * 1'000'000};
    const int signal = ::sigtimedwait(&set_, nullptr, &time);
    return signal > 0 ? std::optional(signal) : std::nullopt;
  }

 private:
  sigset_t set_{}, before_{};
};

net::Environment environment_of(const Surroundings& surroundings) {
  return [&surroundings](std::string_view name) {
    return surroundings.variable(std::string(name)).value_or(std::string());
  };
}

// Tells the service manager what goes on. That nobody listens to it is no reason to stop.
void tell(const Context& context, const Status& told) {
  if (!told) context.note("warning: {}", told.error().summary());
}

void reload(const Context& context, daemon::Service& service, const net::ServiceManager& manager) {
  tell(context, manager.reloading());
  const Status reloaded = service.reload();
  context.note("{}", reloaded ? "reloaded" : "not reloaded: " + reloaded.error().summary());
  tell(context, manager.ready(reloaded ? "running" : "running; the last reload failed"));
}

Result<Exit> serve(Context& context, const Arguments&) {
  const Signals signals;
  Workspace* workspace = TRY(context.workspace());
  const net::Environment variables = environment_of(context.surroundings());
  const auto manager = net::ServiceManager::from(variables, ::getpid());
  auto service =
      TRY(daemon::Service::start({.environment = workspace->environment(),
                                  .sockets = TRY(net::passed_sockets(variables, ::getpid())),
                                  .log = [&context](const std::string& line) { context.note("{}", line); }}));
  for (const std::string& place : service->places()) context.note("listening on {}", place);
  tell(context, manager.ready("running"));
  const auto pause = manager.watchdog()
                         ? std::chrono::duration_cast<std::chrono::milliseconds>(*manager.watchdog() / 2)
                         : std::chrono::milliseconds(60'000);
  for (;;) {
    const auto signal = signals.wait(pause);
    if (manager.watchdog()) tell(context, manager.alive());
    if (!signal) continue;
    if (*signal != SIGHUP) break;
    reload(context, *service, manager);
  }
  tell(context, manager.stopping());
  service->stop();
  context.note("stopped");
  return Exit::done;
}

constexpr Command kCommands[] = {
    {"serve", "", "run the service: OCSP, CRLs and certificates over HTTP, and the administration API",
     "Runs until SIGTERM or SIGINT and finishes what it has begun. SIGHUP reads the configuration, the CAs "
     "and "
     "the certificates anew without dropping a connection. Without configuration it listens on "
     "127.0.0.1:8080 "
     "and on HOME/run/vouch.sock.",
     kServe, "vouch serve", &serve},
};

}  // namespace

std::span<const Command> serve_commands() { return kCommands; }

}  // namespace vouch::cli
