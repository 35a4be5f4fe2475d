#pragma once
// For tests of this room: a client that sends exactly the octets it is told, and certificates made on the
// spot.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <string>
#include <string_view>

#include "base/files.hpp"
#include "net/server.hpp"

namespace vouch::net {

struct RawAnswer {
  unsigned status = 0;
  std::string head, body;
  bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

// A socket to 127.0.0.1 or to a path. Every wait is bounded.
class RawClient {
 public:
  explicit RawClient(const Address& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  explicit RawClient(const fs::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    strncpy(static_cast<char*>(to.sun_path), path.c_str(), sizeof to.sun_path - 1);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  bool connected() const { return connected_; }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

  // The next answer; status 0 when there is none in time or the connection ended.
  RawAnswer read(bool to_head = false, int patience = 5'000) {
    RawAnswer answer;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
      if (!more(patience)) return answer;
    answer.head = received_.substr(0, end + 4);
    received_.erase(0, end + 4);
    answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
    const std::size_t field = answer.head.find("Content-Length: ");
    std::size_t length = 0;
    if (field != std::string::npos && !to_head) length = std::stoul(answer.head.substr(field + 16));
    while (received_.size() < length)
      if (!more(patience)) return answer;
    answer.body = received_.substr(0, length);
    received_.erase(0, length);
    return answer;
  }
  // Everything until the server closes; `closed` false when it does not.
  std::string read_all(bool& closed, int patience = 5'000) {
    closed = false;
    while (more(patience)) {
    }
    closed = ended_;
    return std::exchange(received_, {});
  }
  bool ends(int patience = 5'000) {
    bool closed = false;
    (void)read_all(closed, patience);
    return closed;
  }
  RawAnswer ask(std::string_view request) { return send(request) ? read() : RawAnswer{}; }

 private:
  bool more(int patience) {
    pollfd wait = {fd_.get(), POLLIN, 0};
    if (::poll(&wait, 1, patience) != 1) return false;
    char buffer[65'536];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n <= 0) ended_ = true;
    if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }

  FileDescriptor fd_;
  bool connected_ = false, ended_ = false;
  std::string received_;
};

inline Route now(std::string path, std::string text) {
  return {.path = std::move(path),
          .methods = {Method::get},
          .handler = AnswerNow(
              [answer = prepare(text_response(200, std::move(text)))](const Request&) { return answer; }),
          .name = {}};
}
inline Route answering(std::string path, std::vector<Method> methods,
                       std::function<Response(const Request&)> handler, std::size_t body_limit = 65'536) {
  return {.path = std::move(path),
          .methods = std::move(methods),
          .handler = Blocking(std::move(handler)),
          .body_limit = body_limit,
          .name = {}};
}
inline Endpoint loopback() { return {.address = Address::parse("127.0.0.1").value(), .path = {}}; }

inline std::shared_ptr<const Router> table(std::vector<Route> routes) {
  auto router = std::make_shared<Router>();
  for (Route& route : routes) EXPECT_TRUE(router->add(std::move(route)));
  return router;
}

}  // namespace vouch::net
