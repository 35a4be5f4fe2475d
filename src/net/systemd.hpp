#pragma once
// The two protocols between a service and systemd, without its library: sockets that it opened for us
// (sd_listen_fds(3)) and messages about our state (sd_notify(3)).

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vouch::net {

// A variable of the environment; empty when it is not set.
using Environment = std::function<std::string(std::string_view name)>;
Environment process_environment();

struct PassedSocket {
  int descriptor;
  std::string name;  // FileDescriptorName= of the socket unit; "unknown" without one
};

// The sockets that are meant for the process `pid` (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES); none when it was
// not started that way. Each is marked close-on-exec.
Result<std::vector<PassedSocket>> passed_sockets(const Environment& environment, int pid);

class ServiceManager {
 public:
  // Talks to nobody when NOTIFY_SOCKET is not set.
  static ServiceManager from(const Environment& environment, int pid);

  Status ready(std::string_view status) const;
  // `ready` has to follow. Carries the monotonic time, as Type=notify-reload asks for.
  Status reloading() const;
  Status stopping() const;
  Status alive() const;  // WATCHDOG=1
  Status say(std::string_view lines) const;
  // How often `alive` is expected; half of it is a good rhythm.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  std::string socket_;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace vouch::net
