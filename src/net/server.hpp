#pragma once
// The one HTTP server of all front ends: HTTP/1.0 and 1.1 over TCP, TLS and Unix sockets.
//
// One I/O thread per processor, each with its own event loop and, for TCP, its own listening socket. Handlers
// are found in a `Router` for each listener; those that block run on a pool of workers. Everything that a
// client can make grow has a limit here, and everything that it can drag out has a time-out.
//
//   auto server = TRY(Server::start(std::move(settings)));
//   …
//   TRY(server->reload(std::move(other_settings)));   // no connection is dropped
//   server->stop(std::chrono::seconds(30));           // what runs is finished

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "net/access_log.hpp"
#include "net/address.hpp"
#include "net/listener.hpp"
#include "net/metrics.hpp"
#include "net/request_parser.hpp"
#include "net/router.hpp"
#include "net/tls.hpp"

namespace vouch::net {

struct ServerLimits {
  HeadLimits head;
  std::size_t connections = 20'000;
  // From one IPv4 address or one /64 of IPv6; trusted proxies and Unix sockets are not counted.
  std::size_t connections_per_site = 2'000;
  // Octets of unfinished requests of all clients together.
  std::size_t buffered = std::size_t{256} << 20;
  std::chrono::milliseconds handshake{10'000};   // the whole TLS handshake
  std::chrono::milliseconds head_time{15'000};   // from a request's first octet to the end of its head
  std::chrono::milliseconds body_time{30'000};   // for a body, and `slowest` is asked for beyond
  std::chrono::milliseconds write_time{30'000};  // for a client that does not take its answer; likewise
  std::chrono::milliseconds idle{75'000};        // between requests
  std::size_t slowest = 4'096;                   // octets a second
};

struct ListenerSettings {
  std::string name;  // unique; a reload finds the listener by it
  Endpoint endpoint;
  std::shared_ptr<const Router> routes;
  std::shared_ptr<const TlsContext> tls;  // null: plain HTTP
};

struct ServerSettings {
  std::vector<ListenerSettings> listeners;
  ServerLimits limits;
  TrustedProxies proxies;
  std::shared_ptr<AccessLog> access_log;  // may be null
  // These are read at the start only.
  unsigned threads = 0;  // 0: one per processor, at most 8
  unsigned workers = 16;
  std::size_t queue = 1'024;     // requests that wait for a worker
  Metrics* metrics = nullptr;    // outlives the server; may be null
  const Clock* clock = nullptr;  // outlives the server; null: the system's
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(ServerSettings settings);
  virtual ~Server() = default;  // stops at once

  // New routes, certificates, limits, proxies and log for everything from the next request (certificates: the
  // next connection) on. A listener whose endpoint stays keeps its socket. When something cannot be opened,
  // nothing changes.
  // Waits for the I/O threads, so an `AnswerNow` handler must not call it.
  virtual Status reload(ServerSettings settings) = 0;
  // Accepts nothing more, finishes what runs, tells clients to close; after `patience` cuts what is left.
  virtual void stop(std::chrono::milliseconds patience) = 0;

  // Where the listener of that name listens, with the port that the system chose.
  virtual Address address(std::string_view listener) const = 0;
  virtual std::size_t connections() const = 0;
};

}  // namespace vouch::net
