#pragma once
// Listening sockets: TCP, Unix, and those that a service manager opened for us.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "net/address.hpp"

namespace vouch::net {

// Where to listen.
struct Endpoint {
  enum class Kind : std::uint8_t { tcp, local, inherited };
  Kind kind = Kind::tcp;
  Address address{};    // tcp; port 0 lets the system choose
  fs::path path{};      // local
  mode_t mode = 0660;   // local
  int descriptor = -1;  // inherited; the caller keeps it open
  bool operator==(const Endpoint&) const = default;
};

// An open endpoint. One socket, or, for TCP, one for each I/O thread: the kernel spreads connections over
// them (SO_REUSEPORT).
struct Listening {
  std::vector<FileDescriptor> sockets;
  Address address;  // with the port that was chosen
};

// `conflict` when somebody listens there already, `denied` for privileged ports.
Result<Listening> open_endpoint(const Endpoint& endpoint, unsigned threads);

// Whether somebody accepts connections at a Unix socket, and lets this process in.
bool is_listening(const fs::path& socket);

}  // namespace vouch::net
