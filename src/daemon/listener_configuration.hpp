#pragma once
// Where the service listens and what it serves there: [listener.NAME] of vouch.toml.

#include <string>
#include <vector>

#include "base/settings.hpp"
#include "net/server.hpp"

namespace vouch::daemon {

// [listener.NAME]
struct ListenerConfiguration {
  std::string name;
  bool enabled = true;
  // One of the two. A socket that the service manager passes under the listener's name takes its place.
  std::optional<net::Address> address{};
  fs::path path{};     // of a Unix socket; relative to the home
  mode_t mode = 0660;  // of a Unix socket
  bool tls = false;
  net::AskForCertificate client_certificates = net::AskForCertificate::never;
  std::vector<std::string> serves{};  // names of parts (daemon/parts.hpp)

  net::Endpoint endpoint(const fs::path& home) const;
};

std::span<const Setting<ListenerConfiguration>> listener_settings();
// The members of [listener]. A listener that `listeners` has already is changed, any other added.
Status read_listeners(const Value& members, std::string_view file,
                      std::vector<ListenerConfiguration>& listeners);

// "192.0.2.1:80", "[2001:db8::1]:443".
std::string address_and_port(const net::Address& address);

}  // namespace vouch::daemon
