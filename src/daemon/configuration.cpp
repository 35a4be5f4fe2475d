#include "daemon/configuration.hpp"

namespace vouch::daemon {

Configuration default_configuration(const ca::Home& home) {
  Configuration configuration;
  ListenerConfiguration http;
  http.name = "http";
  http.endpoint.address = net::Address::parse("127.0.0.1:8080").value();
  http.serves = {"ocsp", "distribution", "health", "metrics"};
  ListenerConfiguration local;
  local.name = "local";
  local.endpoint = {
      .kind = net::Endpoint::Kind::local, .path = home.folder() / "run" / "vouch.sock", .mode = 0660};
  local.serves = {"api", "ocsp", "distribution", "health", "metrics"};
  configuration.listeners = {std::move(http), std::move(local)};
  return configuration;
}

}  // namespace vouch::daemon
