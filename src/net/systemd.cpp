#include "net/systemd.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/files.hpp"

namespace vouch::net {
namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr int kFirstPassed = 3;    // SD_LISTEN_FDS_START
constexpr int kMostPassed = 1024;  // more are a mistake of whoever set the variable

}  // namespace

Environment process_environment() {
  return [](std::string_view name) {
    const char* value = ::getenv(std::string(name).c_str());
    return value == nullptr ? std::string() : std::string(value);
  };
}

Result<std::vector<PassedSocket>> passed_sockets(const Environment& environment, int pid) {
  std::vector<PassedSocket> sockets;
  if (number<int>(environment("LISTEN_PID")) != pid) return sockets;
  const auto count = number<int>(environment("LISTEN_FDS"));
  if (!count || *count < 0 || *count > kMostPassed)
    return make_error(Errc::malformed, "LISTEN_FDS is no number of sockets");
  const std::string all = environment("LISTEN_FDNAMES");
  std::string_view names = all;
  for (int i = 0; i < *count; ++i) {
    const std::size_t colon = std::min(names.find(':'), names.size());
    const std::string_view name = names.substr(0, colon);
    names.remove_prefix(std::min(colon + 1, names.size()));
    const int descriptor = kFirstPassed + i;
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0)
      return make_error(Errc::malformed, "LISTEN_FDS promises {} sockets, but descriptor {} is not open",
                        *count, descriptor);
    sockets.push_back({descriptor, name.empty() ? "unknown" : std::string(name)});
  }
  return sockets;
}

ServiceManager ServiceManager::from(const Environment& environment, int pid) {
  ServiceManager manager;
  manager.socket_ = environment("NOTIFY_SOCKET");
  const auto microseconds = number<std::uint64_t>(environment("WATCHDOG_USEC"));
  const std::string for_whom = environment("WATCHDOG_PID");
  if (microseconds.value_or(0) > 0 && (for_whom.empty() || number<int>(for_whom) == pid))
    manager.watchdog_ = std::chrono::microseconds(*microseconds);
  return manager;
}

Status ServiceManager::ready(std::string_view status) const {
  return say(fmt::format("READY=1\nSTATUS={}", status));
}
Status ServiceManager::stopping() const { return say("STOPPING=1"); }
Status ServiceManager::alive() const { return say("WATCHDOG=1"); }

Status ServiceManager::reloading() const {
  timespec now = {};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  return say(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

Status ServiceManager::say(std::string_view lines) const {
  if (socket_.empty()) return ok();
  sockaddr_un where = {};
  where.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof where.sun_path || (socket_[0] != '/' && socket_[0] != '@'))
    return make_error(Errc::malformed, "NOTIFY_SOCKET is no socket: '{}'", socket_);
  memcpy(static_cast<char*>(where.sun_path), socket_.data(), socket_.size());
  const bool abstract = where.sun_path[0] == '@';
  if (abstract) where.sun_path[0] = '\0';
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size() + (abstract ? 0 : 1));
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return system_error(errno, "opening a socket for", socket_);
  if (::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&where),
               size) < 0)
    return system_error(errno, "telling the service manager", socket_);
  return ok();
}

}  // namespace vouch::net
