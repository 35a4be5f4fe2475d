#pragma once
// A ScepBench behind HTTP on a port of the system's choice, for tests and for the server of tests/peers.

#include "enroll/scep/test_service.hpp"
#include "net/server.hpp"

namespace vouch::enroll::scep {

class TestServer {
 public:
  // Takes the bench's profile as it is now.
  static Result<std::unique_ptr<TestServer>> start(ScepBench& bench, unsigned threads = 1,
                                                   unsigned workers = 2) {
    auto routes = std::make_shared<net::Router>();
    for (net::Route& route : TRY(scep_routes({bench.responder()}))) TRY(routes->add(std::move(route)));
    net::ServerSettings settings;
    settings.threads = threads;
    settings.workers = workers;
    net::ListenerSettings listener;
    listener.name = "scep";
    listener.endpoint.address = TRY(net::Address::parse("127.0.0.1"));
    listener.routes = std::move(routes);
    settings.listeners.push_back(std::move(listener));
    return std::unique_ptr<TestServer>(new TestServer(TRY(net::Server::start(std::move(settings)))));
  }
  unsigned port() const { return server_->address("scep").port(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/scep/devices", port()); }

 private:
  explicit TestServer(std::unique_ptr<net::Server> server) : server_(std::move(server)) {}
  std::unique_ptr<net::Server> server_;
};

}  // namespace vouch::enroll::scep
