#pragma once
// What vouch.toml says about the service: where it listens, whom it serves there, and its limits.

#include <string>
#include <vector>

#include "ca/home.hpp"
#include "net/server.hpp"

namespace vouch::daemon {

struct ListenerConfiguration {
  std::string name;                 // unique
  net::Endpoint endpoint;           // where; an inherited socket's descriptor is filled in at the start
  std::string socket;               // its name in the socket unit; empty: the service opens it itself
  std::vector<std::string> serves;  // names of parts (daemon/parts.hpp)
};

struct Configuration {
  std::vector<ListenerConfiguration> listeners;
  net::ServerLimits limits;
  net::TrustedProxies proxies;
  unsigned threads = 0, workers = 16;
  std::size_t queue = 1'024;
  std::chrono::seconds stop_patience{30};  // for what runs when the service is asked to stop
};

// Without a word in vouch.toml: 127.0.0.1:8080 for what everybody may have, and a socket in the home for the
// administrator.
Configuration default_configuration(const ca::Home& home);

}  // namespace vouch::daemon
