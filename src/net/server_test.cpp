// The server on loopback, seen by a client that sends exactly what it is told.
#include "net/server.hpp"

#include <stdlib.h>

#include <atomic>
#include <thread>

#include "net/health.hpp"
#include "net/test_net.hpp"

namespace vouch::net {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Response echo(const Request& request) {
  std::string text = fmt::format("{} {} ?{} body={} client={}", request.method_text, request.path,
                                 request.query, request.body, request.client.text());
  return text_response(200, std::move(text));
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    char name[] = "/tmp/vouch-server.XXXXXX";
    folder = ::mkdtemp(static_cast<char*>(name));
    settings.threads = 2;
    settings.workers = 4;
    settings.metrics = &metrics;
    settings.listeners = {{.name = "main", .endpoint = loopback(), .routes = routes(), .tls = nullptr}};
  }
  ~ServerTest() override {
    server.reset();
    fs::remove_all(folder);
  }
  static std::shared_ptr<const Router> routes(std::string text = "hello") {
    Route mixed = answering("/now-with-body", {Method::post}, echo, 1000);
    mixed.handler = AnswerNow([](const Request& request) { return prepare(echo(request)); });
    return table({now("/now", std::move(text)), now("/big", std::string(3'000'000, 'x')), now_or_later(),
                  answering("/echo", {Method::get, Method::post}, echo, 1000), std::move(mixed),
                  answering("/throws", {Method::get},
                            [](const Request&) -> Response { throw std::runtime_error("x"); }),
                  healthz_route()});
  }
  // Knows one query at once, another not at all, and breaks at a third.
  static Route now_or_later() {
    Route route = now("/either", "");
    route.handler =
        NowOrBlocking{.now = [](const Request& request) -> Prepared {
                        if (request.query == "break") throw std::runtime_error("x");
                        return request.query == "known" ? prepare(text_response(200, "at once")) : nullptr;
                      },
                      .otherwise = [](const Request&) { return text_response(200, "from a worker"); }};
    return route;
  }
  RawClient client() {
    if (!server) {
      auto started = Server::start(settings);
      EXPECT_TRUE(started) << started.error().summary();
      server = std::move(*started);
    }
    return RawClient(server->address("main"));
  }

  fs::path folder;
  Metrics metrics;
  ServerSettings settings;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, AnswersNow) {
  auto c = client();
  const RawAnswer answer = c.ask("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.has("\r\nDate: "));
  EXPECT_FALSE(answer.has("Connection:"));
  EXPECT_EQ(c.ask("GET /now HTTP/1.1\r\n\r\n").status, 200U) << "the connection is kept, Host or not";
}

TEST_F(ServerTest, AnswersFromAWorker) {
  auto c = client();
  EXPECT_EQ(c.ask("GET /echo?a=b HTTP/1.1\r\n\r\n").body, "GET /echo ?a=b body= client=127.0.0.1");
  EXPECT_EQ(c.ask("POST /echo HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody").body,
            "POST /echo ? body=body client=127.0.0.1");
}

TEST_F(ServerTest, WhatIsNotKnownAtOnceGoesToAWorker) {
  auto c = client();
  EXPECT_EQ(c.ask("GET /either?known HTTP/1.1\r\n\r\n").body, "at once");
  EXPECT_EQ(c.ask("GET /either?other HTTP/1.1\r\n\r\n").body, "from a worker");
  EXPECT_EQ(c.ask("GET /either?break HTTP/1.1\r\n\r\n").status, 500U);
}

TEST_F(ServerTest, Http10) {
  auto c = client();
  RawAnswer answer = c.ask("GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(answer.has("Connection: keep-alive\r\n"));
  answer = c.ask("GET /now HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(c.ends());
}

TEST_F(ServerTest, HeadSendsNoBody) {
  auto c = client();
  ASSERT_TRUE(c.send("HEAD /now HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\n"));
  const RawAnswer head = c.read(true);
  EXPECT_TRUE(head.has("Content-Length: 5\r\n"));
  EXPECT_EQ(c.read().body, "hello");
}

TEST_F(ServerTest, BodiesInPieces) {
  auto c = client();
  ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n01234"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(c.send("56789"));
  EXPECT_THAT(c.read().body, HasSubstr("body=0123456789 "));
  for (const char* path : {"/echo", "/now-with-body"}) {
    ASSERT_TRUE(c.send(fmt::format("POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWi", path)));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(c.send("ki\r\n0\r\nTrailer: x\r\n\r\nGET /now HTTP/1.1\r\n\r\n"));
    EXPECT_THAT(c.read().body, HasSubstr("body=Wiki "));
    EXPECT_EQ(c.read().body, "hello") << "the next request begins where the chunks end";
  }
}

TEST_F(ServerTest, Expect100) {
  auto c = client();
  ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_THAT(c.read().head, StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  ASSERT_TRUE(c.send("body"));
  EXPECT_THAT(c.read().body, HasSubstr("body=body "));
  // Who is refused is not asked for the body.
  ASSERT_TRUE(c.send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n\r\n"));
  EXPECT_EQ(c.read().status, 413U);
}

TEST_F(ServerTest, Statuses) {
  EXPECT_EQ(client().ask("GET /none HTTP/1.1\r\n\r\n").status, 404U);
  const RawAnswer method = client().ask("PUT /echo HTTP/1.1\r\n\r\n");
  EXPECT_EQ(method.status, 405U);
  EXPECT_TRUE(method.has("Allow: GET, HEAD, POST\r\n"));
  const RawAnswer large = client().ask("POST /echo HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(large.status, 413U);
  EXPECT_THAT(large.body, HasSubstr("1001 octets, the limit here is 1000"));
  EXPECT_EQ(client().ask("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n").status, 413U);
  EXPECT_EQ(client().ask("GET /throws HTTP/1.1\r\n\r\n").status, 500U);
  EXPECT_EQ(client().ask("GET /healthz HTTP/1.1\r\n\r\n").body, "ok\n");
}

TEST_F(ServerTest, AKeptConnectionSurvivesWhatWasNotFound) {
  auto c = client();
  EXPECT_EQ(c.ask("GET /none HTTP/1.1\r\n\r\n").status, 404U);
  EXPECT_EQ(c.ask("GET /throws HTTP/1.1\r\n\r\n").status, 500U);
  EXPECT_EQ(c.ask("GET /now HTTP/1.1\r\n\r\n").status, 200U);
}

TEST_F(ServerTest, PipelinesInOrder) {
  auto c = client();
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += i % 7 == 3   ? fmt::format("POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\n{:02}", i)
           : i % 7 == 5 ? "GET /big HTTP/1.1\r\n\r\n"
                        : "GET /now HTTP/1.1\r\n\r\n";
  std::thread sender([&] { EXPECT_TRUE(c.send(all)); });
  for (int i = 0; i < 100; ++i) {
    const RawAnswer answer = c.read();
    ASSERT_EQ(answer.status, 200U) << i;
    if (i % 7 == 3)
      EXPECT_THAT(answer.body, HasSubstr(fmt::format("body={:02} ", i)));
    else
      EXPECT_EQ(answer.body.size(), i % 7 == 5 ? 3'000'000U : 5U);
  }
  sender.join();
}

TEST_F(ServerTest, FullQueueIs503) {
  std::atomic<bool> go{false};
  std::atomic<int> inside{0};
  settings.workers = 1;
  settings.queue = 1;
  settings.listeners[0].routes =
      table({answering("/wait", {Method::get},
                       [&](const Request&) {
                         ++inside;
                         while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                         return Response();
                       }),
             now("/now", "hello")});
  auto first = client(), second = client(), third = client();
  const std::string wait = "GET /wait HTTP/1.1\r\n\r\n";
  ASSERT_TRUE(first.send(wait));
  while (inside == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_TRUE(second.send(wait));
  while (metrics.text().find("vouch_http_queue_length 1\n") == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const RawAnswer busy = third.ask(wait);
  EXPECT_EQ(busy.status, 503U);
  EXPECT_TRUE(busy.has("Retry-After: 2\r\n"));
  EXPECT_EQ(third.ask("GET /now HTTP/1.1\r\n\r\n").status, 200U)
      << "other routes go on, on the same connection";
  go = true;
  EXPECT_EQ(first.read().status, 200U);
  EXPECT_EQ(second.read().status, 200U);
}

TEST_F(ServerTest, UnixSocketTellsWhoAsks) {
  const fs::path path = folder / "socket";
  std::optional<LocalUser> user;
  settings.listeners.push_back({.name = "local",
                                .endpoint = {.kind = Endpoint::Kind::local, .path = path, .mode = 0600},
                                .routes = table({answering("/who", {Method::get},
                                                           [&](const Request& request) {
                                                             user = request.peer->user;
                                                             return text_response(
                                                                 200, std::string(request.peer->listener));
                                                           })}),
                                .tls = nullptr});
  (void)client();
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(RawClient(path).ask("GET /who HTTP/1.1\r\n\r\n").body, "local");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, ::getuid());
  EXPECT_EQ(user->pid, ::getpid());
  // A second server is refused, a stale file is not in the way.
  EXPECT_EQ(Server::start(settings).error().code(), Errc::conflict);
  server.reset();
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(ServerTest, APortTakenIsAConflict) {
  (void)client();
  ServerSettings other = settings;
  other.listeners[0].endpoint.address = server->address("main");
  const auto second = Server::start(other);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
  EXPECT_THAT(second.error().summary(), HasSubstr("another process listens there"));
}

TEST_F(ServerTest, SocketsOfAServiceManager) {
  const auto opened = open_endpoint(loopback(), 1).value();
  settings.listeners[0].endpoint = {
      .kind = Endpoint::Kind::inherited, .path = {}, .descriptor = opened.sockets[0].get()};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client().ask("GET /now HTTP/1.1\r\n\r\n").body, "hello");
  EXPECT_EQ(server->address("main").port(), opened.address.port());
}

TEST_F(ServerTest, TrustedProxiesNameTheClient) {
  const std::string asked = "GET /echo HTTP/1.1\r\nX-Forwarded-For: 203.0.113.1, 198.51.100.7\r\n\r\n";
  EXPECT_THAT(client().ask(asked).body, HasSubstr("client=127.0.0.1"));
  settings.proxies.networks = {Network::parse("127.0.0.0/8").value()};
  ASSERT_TRUE(server->reload(settings));
  EXPECT_THAT(client().ask(asked).body, HasSubstr("client=198.51.100.7"));
}

TEST_F(ServerTest, WritesTheAccessLog) {
  const SystemClock clock;
  settings.access_log = AccessLog::open(folder / "log", LogForm::w3c, clock).value();
  EXPECT_EQ(client().ask("GET /now?q=1 HTTP/1.1\r\nUser-Agent: a b\r\n\r\n").status, 200U);
  EXPECT_EQ(client().ask("GET /" + std::string(70'000, 'a') + " HTTP/1.1\r\n\r\n").status, 414U);
  server->stop(std::chrono::seconds(5));
  settings.access_log->flush();
  const auto text = read_file(folder / "log").value();
  EXPECT_THAT(as_text(text), HasSubstr(" 127.0.0.1 GET /now q=1 "));
  EXPECT_THAT(as_text(text), HasSubstr(" 127.0.0.1 a+b - 200 0 0 "));
  EXPECT_THAT(as_text(text), HasSubstr("#Remark: 414: the path has 70001 octets, the limit is 65534\n"));
  EXPECT_THAT(as_text(text), HasSubstr(" 414 14 0 "));
}

TEST_F(ServerTest, CountsAnswers) {
  EXPECT_EQ(client().ask("GET /now HTTP/1.1\r\n\r\n").status, 200U);
  EXPECT_EQ(client().ask("GET /none HTTP/1.1\r\n\r\n").status, 404U);
  EXPECT_THAT(metrics.text(), HasSubstr("vouch_http_answers_total{status=\"200\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("vouch_http_answers_total{status=\"404\"} 1\n"));
}

TEST_F(ServerTest, ReloadChangesRoutesAndKeepsConnections) {
  auto c = client();
  EXPECT_EQ(c.ask("GET /now HTTP/1.1\r\n\r\n").body, "hello");
  settings.listeners[0].routes = routes("bonjour");
  settings.listeners.push_back(
      {.name = "second", .endpoint = loopback(), .routes = routes("second"), .tls = nullptr});
  ASSERT_TRUE(server->reload(settings));
  EXPECT_EQ(c.ask("GET /now HTTP/1.1\r\n\r\n").body, "bonjour");
  EXPECT_EQ(RawClient(server->address("second")).ask("GET /now HTTP/1.1\r\n\r\n").body, "second");
  // What cannot be opened changes nothing.
  ServerSettings bad = settings;
  bad.listeners[0].routes = routes("bad");
  bad.listeners.push_back({.name = "third",
                           .endpoint = {.kind = Endpoint::Kind::local, .path = folder / "no" / "socket"},
                           .routes = routes(),
                           .tls = nullptr});
  EXPECT_FALSE(server->reload(bad));
  EXPECT_EQ(c.ask("GET /now HTTP/1.1\r\n\r\n").body, "bonjour");
  // A listener that goes.
  const Address second = server->address("second");
  settings.listeners.pop_back();
  ASSERT_TRUE(server->reload(settings));
  EXPECT_FALSE(RawClient(second).connected());
  EXPECT_EQ(c.ask("GET /now HTTP/1.1\r\n\r\n").body, "bonjour");
}

TEST_F(ServerTest, StopFinishesWhatRuns) {
  std::atomic<bool> inside{false};
  settings.listeners[0].routes = table({answering("/slow", {Method::get}, [&](const Request&) {
    inside = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return text_response(200, "finished");
  })});
  auto c = client();
  ASSERT_TRUE(c.send("GET /slow HTTP/1.1\r\n\r\n"));
  while (!inside) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Address address = server->address("main");
  server->stop(std::chrono::seconds(10));
  const RawAnswer answer = c.read();
  EXPECT_EQ(answer.body, "finished");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_FALSE(RawClient(address).connected());
  EXPECT_FALSE(server->reload(settings));
}

TEST_F(ServerTest, ReadinessNamesTheCause) {
  settings.listeners[0].routes =
      table({readyz_route([] {
               return std::vector<HealthCheck>{{"signer", true, ""}, {"database", false, "disk full"}};
             }),
             metrics_route(metrics)});
  const RawAnswer answer = client().ask("GET /readyz HTTP/1.1\r\n\r\n");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.body, R"({"ready": false, "checks": [{"name": "signer", "ok": true}, )"
                         R"({"name": "database", "ok": false, "detail": "disk full"}]})"
                         "\n");
  EXPECT_THAT(client().ask("GET /metrics HTTP/1.1\r\n\r\n").body,
              HasSubstr("# TYPE vouch_http_connections gauge\n"));
}

}  // namespace
}  // namespace vouch::net
