#include "net/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace vouch::net {
namespace {

constexpr int kBacklog = 4096;  // the system caps it; a short one drops connections in a burst

Error socket_error(int number, std::string_view doing, const std::string& where) {
  Error error = system_error(number, doing, where);
  if (number != EADDRINUSE) return error;
  return make_error(Errc::conflict, "{} {}: another process listens there", doing, where)
      .with_hint("ss -ltnp shows which");
}

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Address& address) {
  SocketAddress out;
  if (address.is_v4()) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    memcpy(&v4.sin_addr, &address.octets()[12], 4);
    memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
  } else {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    memcpy(&v6.sin6_addr, address.octets().data(), 16);
    memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
  }
  return out;
}

Address local_address(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return Address::from_socket(reinterpret_cast<const sockaddr*>(&storage));
}

Result<FileDescriptor> bound(const Address& address, bool shared) {
  const SocketAddress where = to_socket_address(address);
  const std::string text = fmt::format("{} port {}", address.text(), address.port());
  FileDescriptor fd(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return socket_error(errno, "opening a socket for", text);
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    return socket_error(errno, "sharing the port of", text);
  if (::bind(fd.get(), where.get(), where.size) != 0) return socket_error(errno, "listening on", text);
  return fd;
}

Result<Listening> open_tcp(Address address, unsigned threads) {
  Listening listening;
  // SO_REUSEPORT would let a second daemon in unnoticed and share the clients with it; so the port is tried
  // without it first.
  if (address.port() != 0) {
    const FileDescriptor probe = TRY(bound(address, false));
    if (::listen(probe.get(), 1) != 0)
      return socket_error(errno, "listening on", fmt::format("{} port {}", address.text(), address.port()));
  }
  for (unsigned i = 0; i < threads; ++i) {
    FileDescriptor fd = TRY(bound(address, true));
    address = local_address(fd.get());
    listening.sockets.push_back(std::move(fd));
  }
  for (const FileDescriptor& fd : listening.sockets)
    if (::listen(fd.get(), kBacklog) != 0)
      return socket_error(errno, "listening on", fmt::format("{} port {}", address.text(), address.port()));
  listening.address = address;
  return listening;
}

// A socket file that nobody answers is left over from a process that was killed.
Status clear_stale(const sockaddr_un& where, const fs::path& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0)
    return errno == ENOENT ? ok() : Status(system_error(errno, "looking at", path));
  if (!S_ISSOCK(status.st_mode))
    return make_error(Errc::conflict, "{} exists and is no socket", path.string());
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 || errno == EAGAIN)
    return make_error(Errc::conflict, "another process listens on {}", path.string());
  if (errno != ECONNREFUSED) return system_error(errno, "asking who listens on", path);
  if (::unlink(path.c_str()) != 0) return system_error(errno, "removing", path);
  return ok();
}

Result<Listening> open_local(const fs::path& path, mode_t mode) {
  sockaddr_un where = {};
  where.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof where.sun_path)
    return make_error(Errc::malformed, "'{}': the path of a socket has 1 to {} octets", text,
                      sizeof where.sun_path - 1);
  memcpy(static_cast<char*>(where.sun_path), text.data(), text.size());
  TRY(clear_stale(where, path));
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // The mode of the socket becomes that of the file (Linux), so nobody can connect before chmod.
  if (!fd || ::fchmod(fd.get(), 0600) != 0) return system_error(errno, "opening a socket for", path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0)
    return system_error(errno, "listening on", path);
  Listening listening;
  listening.sockets.push_back(std::move(fd));
  return listening;
}

Result<Listening> open_inherited(int descriptor) {
  FileDescriptor fd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  int listens = 0;
  socklen_t size = sizeof listens;
  if (!fd || ::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return make_error(Errc::malformed, "descriptor {} is no listening socket", descriptor);
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    return system_error(errno, "preparing descriptor", std::to_string(descriptor));
  Listening listening;
  listening.address = local_address(fd.get());
  listening.sockets.push_back(std::move(fd));
  return listening;
}

}  // namespace

Result<Listening> open_endpoint(const Endpoint& endpoint, unsigned threads) {
  switch (endpoint.kind) {
    case Endpoint::Kind::tcp:
      return open_tcp(endpoint.address, threads);
    case Endpoint::Kind::local:
      return open_local(endpoint.path, endpoint.mode);
    case Endpoint::Kind::inherited:
      return open_inherited(endpoint.descriptor);
  }
  return make_error(Errc::internal, "an endpoint of no kind");
}

bool is_listening(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::ranges::copy(path, address.sun_path);
  const FileDescriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return descriptor &&
         ::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace vouch::net
