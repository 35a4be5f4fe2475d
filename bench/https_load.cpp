// Closed-loop load over HTTPS with keep-alive: every connection posts the next body as soon as it has its
// answer.
//
//   https_load PORT PATH BODIES CONNECTIONS COUNT [IDENTITY]
//
// BODIES: one JSON body a line, taken in turn and from the start again. IDENTITY: a PEM file with the
// client's certificate and key. One thread, so that it takes one core at most from the server beside it.
// Prints the answers a second and how long they took; ends with status 1 when one was no success.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "https_load: %s\n", why.c_str());
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

// Status and end of the answer at the front of a text; an end of 0: there is more to come.
struct Found {
  int status = 0;
  std::size_t end = 0;
};
Found find_answer(std::string_view text) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos || text.size() < 12) return {};
  Found found{std::atoi(text.substr(9, 3).data()), 0};
  const std::string_view fields = text.substr(0, head + 2);
  constexpr std::string_view kLength = "\r\nContent-Length: ", kLastChunk = "\r\n0\r\n\r\n";
  if (const auto at = fields.find(kLength); at != std::string_view::npos) {
    std::size_t length = 0;
    std::from_chars(fields.data() + at + kLength.size(), fields.data() + fields.size(), length);
    if (text.size() >= head + 4 + length) found.end = head + 4 + length;
  } else if (fields.find("\r\nTransfer-Encoding: chunked") != std::string_view::npos) {
    if (const auto last = text.find(kLastChunk, head + 2); last != std::string_view::npos)
      found.end = last + kLastChunk.size();
  } else {
    fail("an answer without a length:\n" + std::string(fields));
  }
  return found;
}

class Connection {
 public:
  Connection(SSL_CTX* context, std::uint16_t port) : session_(SSL_new(context)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("cannot connect");
    const int on = 1;
    (void)::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL_set_fd(session_.get(), fd_);
    SSL_set_tlsext_host_name(session_.get(), "localhost");
    if (SSL_connect(session_.get()) != 1) fail("no TLS handshake");
    (void)::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return fd_; }

  void send(const std::string& request) {
    in_.clear();
    sent_ = Clock::now();
    std::size_t written = 0;
    if (SSL_write_ex(session_.get(), request.data(), request.size(), &written) != 1) fail("cannot send");
  }

  // Reads what has come. The answer's status once it is complete, 0 before.
  int receive() {
    std::array<char, 16384> part;
    std::size_t got = 0;
    while (SSL_read_ex(session_.get(), part.data(), part.size(), &got) == 1) {
      in_.append(part.data(), got);
      if (got < part.size() && SSL_has_pending(session_.get()) == 0) break;
    }
    if (got == 0 && SSL_get_error(session_.get(), 0) != SSL_ERROR_WANT_READ)
      fail("the server hung up:\n" + in_);
    const Found found = find_answer(in_);
    return found.end == 0 ? 0 : found.status;
  }

  const std::string& text() const { return in_; }
  double microseconds() const {
    return std::chrono::duration<double, std::micro>(Clock::now() - sent_).count();
  }

 private:
  Session session_;
  int fd_ = -1;
  std::string in_;
  Clock::time_point sent_;
};

Context make_context(const char* identity) {
  Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_read_ahead(context.get(), 1);  // a record in one system call
  if (identity != nullptr && (SSL_CTX_use_certificate_chain_file(context.get(), identity) != 1 ||
                              SSL_CTX_use_PrivateKey_file(context.get(), identity, SSL_FILETYPE_PEM) != 1))
    fail(std::string("cannot read ") + identity);
  return context;
}

std::vector<std::string> read_requests(const char* path, const char* bodies) {
  std::ifstream file(bodies);
  std::vector<std::string> requests;
  for (std::string body; std::getline(file, body);)
    requests.push_back("POST " + std::string(path) +
                       " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body);
  if (requests.empty()) fail(std::string("no bodies in ") + bodies);
  return requests;
}

struct Load {
  const std::vector<std::string>& requests;
  std::size_t count;
  std::size_t sent = 0;
  std::vector<double> taken{};
  std::size_t failed = 0;

  void next(Connection& connection) {
    if (sent < count) connection.send(requests[sent++ % requests.size()]);
  }
  void take(Connection& connection) {
    const int status = connection.receive();
    if (status == 0) return;
    taken.push_back(connection.microseconds());
    if (status / 100 != 2 && ++failed == 1) std::fprintf(stderr, "%s\n", connection.text().c_str());
    next(connection);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) fail("usage: https_load PORT PATH BODIES CONNECTIONS COUNT [IDENTITY]");
  const auto requests = read_requests(argv[2], argv[3]);
  const Context context = make_context(argc == 7 ? argv[6] : nullptr);
  std::vector<std::unique_ptr<Connection>> connections;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < std::atoi(argv[4]); ++i) {
    auto& made = connections.emplace_back(
        std::make_unique<Connection>(context.get(), static_cast<std::uint16_t>(std::atoi(argv[1]))));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = made.get()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, made->descriptor(), &event);
  }

  Load load{requests, static_cast<std::size_t>(std::atol(argv[5]))};
  load.taken.reserve(load.count);
  const auto begin = Clock::now();
  for (const auto& connection : connections) load.next(*connection);
  while (load.taken.size() < load.count) {
    std::array<epoll_event, 64> events;
    const int ready = ::epoll_wait(epoll, events.data(), events.size(), 60'000);
    if (ready == 0) fail("no answer for a minute");
    for (int i = 0; i < ready; ++i)
      load.take(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::ranges::sort(load.taken);
  std::printf("%.0f answers/s, half within %.1f ms, 99 of 100 within %.1f ms, %zu failed\n",
              static_cast<double>(load.count) / seconds, load.taken[load.count / 2] / 1e3,
              load.taken[load.count * 99 / 100] / 1e3, load.failed);
  return load.failed == 0 ? 0 : 1;
}
