#pragma once
// A command that is a service: it runs in the foreground until a signal says that it is enough, and tells the
// service manager what goes on. A service has places() in words, reload() and stop().

#include <signal.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cli/context.hpp"
#include "net/systemd.hpp"

namespace vouch::cli {

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

inline net::Environment environment_of(const Surroundings& surroundings) {
  return [&surroundings](std::string_view name) {
    return surroundings.variable(std::string(name)).value_or(std::string());
  };
}

// Tells the service manager what goes on. That nobody listens to it is no reason to stop.
inline void tell(const Context& context, const Status& told) {
  if (!told) context.note("warning: {}", told.error().summary());
}

template <class Service>
void reload(const Context& context, Service& service, const net::ServiceManager& manager) {
  tell(context, manager.reloading());
  const Status reloaded = service.reload();
  context.note("{}", reloaded ? "reloaded" : "not reloaded: " + reloaded.error().summary());
  tell(context, manager.ready(reloaded ? "running" : "running; the last reload failed"));
}

inline std::chrono::milliseconds rhythm_of(const net::ServiceManager& manager) {
  constexpr std::chrono::minutes kWithoutWatchdog{1};
  if (!manager.watchdog()) return kWithoutWatchdog;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*manager.watchdog() / 2);
}

// From the moment it listens until a signal says that it is enough.
template <class Service>
void run_in_foreground(const Context& context, Service& service, const Signals& signals,
                       const net::ServiceManager& manager) {
  for (const std::string& place : service.places()) context.note("listening on {}", place);
  tell(context, manager.ready("running"));
  for (;;) {
    const auto signal = signals.wait(rhythm_of(manager));
    if (manager.watchdog()) tell(context, manager.alive());
    if (!signal) continue;
    if (*signal != SIGHUP) break;
    reload(context, service, manager);
  }
  tell(context, manager.stopping());
  service.stop();
  context.note("stopped");
}

// Lines for the log, from any thread.
inline std::function<void(const std::string&)> log_to(const Context& context) {
  return [&context, one_at_a_time = std::make_shared<std::mutex>()](const std::string& line) {
    const std::scoped_lock lock(*one_at_a_time);
    context.note("{}", line);
  };
}

}  // namespace vouch::cli
