// A server for tests and benchmarks from outside the process: `http_server PORT [OCTETS] [CERTIFICATE KEY]`.
// /file answers OCTETS octets from memory, /echo what was posted. Prints the port, stops at the end of its
// input.
#include <stdlib.h>

#include <cstdio>
#include <iostream>

#include "base/files.hpp"
#include "net/health.hpp"
#include "net/server.hpp"

using namespace vouch;
using namespace vouch::net;

namespace {

Response echo(const Request& request) {
  Response response;
  response.content_type = "application/octet-stream";
  response.body = std::string(request.body);
  return response;
}

Route route(std::string path, std::vector<Method> methods, decltype(Route::handler) handler) {
  return {.path = std::move(path),
          .methods = std::move(methods),
          .handler = std::move(handler),
          .body_limit = 1'000'000,
          .name = {}};
}

Status run(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? std::stoul(argv[i]) : otherwise;
  };
  Metrics metrics;
  auto routes = std::make_shared<Router>();
  Response file;
  file.content_type = "application/octet-stream";
  file.body = std::string(number(2, 2048), 'x');
  TRY(routes->add(
      route("/file", {Method::get}, AnswerNow([answer = prepare(file)](const Request&) { return answer; }))));
  TRY(routes->add(route("/echo", {Method::post}, Blocking(&echo))));
  TRY(routes->add(healthz_route()));
  TRY(routes->add(metrics_route(metrics)));

  ServerSettings settings;
  settings.metrics = &metrics;
  settings.limits.connections_per_site = settings.limits.connections;  // all clients of a test are one host
  settings.threads = static_cast<unsigned>(number(5, 1));
  ListenerSettings listener;
  listener.name = "main";
  listener.endpoint.address =
      TRY(Address::parse("127.0.0.1")).with_port(static_cast<std::uint16_t>(number(1, 0)));
  listener.routes = routes;
  if (argc > 4 && argv[3][0] != '\0') {
    TlsSettings tls;
    tls.identities.push_back({TRY(read_file(argv[3])), TRY(read_file(argv[4])), {}});
    listener.tls = TRY(TlsContext::create(std::move(tls)));
  }
  settings.listeners.push_back(std::move(listener));
  const auto server = TRY(Server::start(std::move(settings)));
  std::printf("%u\n", static_cast<unsigned>(server->address("main").port()));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  server->stop(std::chrono::seconds(5));
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  const Status status = run(argc, argv);
  if (!status) std::fprintf(stderr, "%s\n", status.error().report().c_str());
  return status ? 0 : 1;
}
