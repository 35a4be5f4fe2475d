#pragma once
// For tests: a web server that does what it is told to, octet by octet: slow, wrong, too large, silent, cut
// off.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/files.hpp"

namespace vouch::net::test {

// One client. What it sends to a client that is gone is lost.
class Client {
 public:
  Client(int fd, std::stop_token stop, std::string request_head, std::string request_body)
      : head(std::move(request_head)), body(std::move(request_body)), fd_(fd), stop_(std::move(stop)) {}
  const std::string head, body;  // of the request

  bool send(std::string_view text) {
    while (!text.empty()) {
      if (stop_.stop_requested()) return false;
      pollfd wait{fd_, POLLOUT, 0};
      if (::poll(&wait, 1, 50) == 0) continue;
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void answer(std::string_view status, std::string_view fields, std::string_view content) {
    send(fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n", status,
                     content.size(), fields));
    send(content);
  }
  // Until the client goes, the server stops, or the time is over.
  void sleep(std::chrono::milliseconds time) const {
    const auto until = std::chrono::steady_clock::now() + time;
    while (!stop_.stop_requested() && std::chrono::steady_clock::now() < until) {
      pollfd wait{fd_, POLLIN, 0};
      char octet = 0;
      if (::poll(&wait, 1, 20) == 1 && ::recv(fd_, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0) return;
    }
  }

 private:
  int fd_;
  std::stop_token stop_;
};

class Web {
 public:
  using Answer = std::function<void(Client& client)>;

  Web() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&where), size);
    ::listen(listening_.get(), 512);
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::jthread([this](std::stop_token stop) { accept(stop); });
  }
  ~Web() {
    acceptor_.request_stop();
    acceptor_.join();
    for (std::jthread& one : clients_) one.request_stop();
  }

  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }
  void on(const std::string& path, Answer answer) {
    const std::lock_guard lock(guards_);
    answers_[path] = std::move(answer);
  }
  void serve(const std::string& path, Bytes content, std::string fields = {}) {
    on(path, [content = std::string(as_text(content)), fields = std::move(fields)](Client& client) {
      client.answer("200 OK", fields, content);
    });
  }
  void fail(const std::string& path, const std::string& status, std::string fields = {}) {
    on(path, [=](Client& client) { client.answer(status, fields, "<html>no</html>"); });
  }
  // Takes the request and says nothing.
  void silence(const std::string& path) {
    on(path, [](Client& client) { client.sleep(std::chrono::minutes(5)); });
  }
  int count(const std::string& path) {
    const std::lock_guard lock(guards_);
    return counts_[path];
  }
  // What the last request at the path looked like.
  std::string last_head(const std::string& path) {
    const std::lock_guard lock(guards_);
    return heads_[path];
  }
  int total() {
    const std::lock_guard lock(guards_);
    int all = 0;
    for (const auto& [path, count] : counts_) all += count;
    return all;
  }

 private:
  void accept(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd wait{listening_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20) != 1) continue;
      const int fd = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      clients_.emplace_back([this, fd](std::stop_token end) {
        const FileDescriptor owned(fd);
        talk(fd, end);
      });
    }
  }

  void talk(int fd, const std::stop_token& stop) {
    std::string text;
    std::size_t end = std::string::npos, wanted = 0;
    while (end == std::string::npos || text.size() < end + 4 + wanted) {
      char buffer[16'384];
      pollfd wait{fd, POLLIN, 0};
      if (stop.stop_requested()) return;
      if (::poll(&wait, 1, 20) == 0) continue;
      const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<std::size_t>(got));
      end = text.find("\r\n\r\n");
      const std::size_t length = text.find("Content-Length: ");
      if (end != std::string::npos && length < end) wanted = std::stoul(text.substr(length + 16));
    }
    const std::size_t from = text.find(' ') + 1;
    const std::string path = text.substr(from, text.find(' ', from) - from);
    Answer answer;
    {
      const std::lock_guard lock(guards_);
      ++counts_[path];
      heads_[path] = text.substr(0, end);
      answer = answers_[path];
    }
    Client client(fd, stop, text.substr(0, end), text.substr(end + 4));
    if (answer)
      answer(client);
    else
      client.answer("404 Not Found", "", "not here");
    ::shutdown(fd, SHUT_WR);
  }

  FileDescriptor listening_;
  std::uint16_t port_ = 0;
  std::mutex guards_;
  std::map<std::string, Answer> answers_;
  std::map<std::string, int> counts_;
  std::map<std::string, std::string> heads_;
  std::list<std::jthread> clients_;
  std::jthread acceptor_;
};

// An LDAP directory (RFC 4511) that lets everybody in and gives every search the same entry.
class Directory {
 public:
  Directory(std::string attribute, Buffer value)
      : attribute_(std::move(attribute)),
        value_(std::move(value)),
        listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&where), size);
    ::listen(listening_.get(), 16);
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        pollfd wait{listening_.get(), POLLIN, 0};
        if (::poll(&wait, 1, 20) != 1) continue;
        const FileDescriptor fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        talk(fd.get(), stop);
      }
    });
  }
  std::string url(const std::string& what) const {
    return fmt::format("ldap://127.0.0.1:{}/{}", port_, what);
  }

 private:
  static Buffer element(std::uint8_t tag, Bytes contents) {
    Buffer out{tag, 0x82, static_cast<std::uint8_t>(contents.size() >> 8),
               static_cast<std::uint8_t>(contents.size())};
    append(out, contents);
    return out;
  }
  static Buffer joined(std::initializer_list<Buffer> parts) {
    Buffer out;
    for (const Buffer& part : parts) append(out, part);
    return out;
  }
  static Buffer done(std::uint8_t tag) { return element(tag, Buffer{0x0a, 1, 0, 0x04, 0, 0x04, 0}); }
  Buffer entry() const {
    const Buffer values = element(0x31, element(0x04, value_));
    const Buffer attribute = element(0x30, joined({element(0x04, as_bytes(attribute_)), values}));
    return element(0x64, joined({element(0x04, as_bytes("cn=CA")), element(0x30, attribute)}));
  }
  void talk(int fd, const std::stop_token& stop) const {
    while (!stop.stop_requested()) {
      pollfd wait{fd, POLLIN, 0};
      if (::poll(&wait, 1, 20) == 0) continue;
      std::uint8_t octets[4'096];
      const ssize_t got = ::recv(fd, octets, sizeof octets, 0);
      if (got < 8) return;
      // LDAPMessage ::= SEQUENCE { messageID, protocolOp … }
      const std::size_t id = octets[1] < 0x80 ? 2 : 2 + (octets[1] & 0x7fu);
      const Buffer number{octets[id], octets[id + 1], octets[id + 2]};
      Buffer answer;
      if (octets[id + 3] == 0x60) answer = element(0x30, joined({number, done(0x61)}));
      if (octets[id + 3] == 0x63)
        answer =
            joined({element(0x30, joined({number, entry()})), element(0x30, joined({number, done(0x65)}))});
      if (answer.empty()) return;
      ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  const std::string attribute_;
  const Buffer value_;
  FileDescriptor listening_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

// A port of this machine where nobody listens.
inline std::string refused_url(const std::string& path) { return "http://127.0.0.1:1" + path; }

}  // namespace vouch::net::test
