// What broken and hostile clients do to the server, and that the others do not notice.
#include <stdlib.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "net/test_net.hpp"

namespace vouch::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ServerFaultTest : public testing::Test {
 protected:
  ServerFaultTest() {
    settings.threads = 2;
    settings.workers = 2;
    settings.metrics = &metrics;
    settings.limits.head_time = milliseconds(300);
    settings.limits.body_time = milliseconds(300);
    settings.limits.write_time = milliseconds(300);
    settings.limits.idle = milliseconds(600);
    settings.limits.slowest = 10'000'000;
    settings.listeners = {
        {.name = "main", .endpoint = loopback(), .routes = routes("hello"), .tls = nullptr}};
  }
  static std::shared_ptr<const Router> routes(const std::string& text) {
    return table(
        {now("/now", text), now("/huge", std::string(60'000'000, 'x')),
         answering(
             "/echo", {Method::post},
             [](const Request& request) { return text_response(200, std::to_string(request.body.size())); },
             100'000)});
  }
  void start() { server = std::move(Server::start(settings).value()); }
  RawClient client() { return RawClient(server->address("main")); }
  bool others_are_served() { return client().ask("GET /now HTTP/1.1\r\n\r\n").status == 200; }
  // True when no connection is left within some seconds.
  bool all_gone() {
    for (int i = 0; i < 500 && server->connections() > 0; ++i) std::this_thread::sleep_for(milliseconds(10));
    return server->connections() == 0;
  }

  Metrics metrics;
  ServerSettings settings;
  std::unique_ptr<Server> server;
};

TEST_F(ServerFaultTest, ConnectAndSayNothing) {
  start();
  for (int i = 0; i < 20; ++i) (void)client();
  auto silent = client();
  EXPECT_TRUE(silent.ends());
  EXPECT_TRUE(others_are_served());
}

// Slowloris: a field now and then keeps no connection beyond the time for a head.
TEST_F(ServerFaultTest, SlowHead) {
  start();
  auto c = client();
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(c.send("GET /now HTTP/1.1\r\n"));
  std::thread drip([&] {
    for (int i = 0; i < 40 && c.send("X: y\r\n"); ++i) std::this_thread::sleep_for(milliseconds(30));
  });
  EXPECT_EQ(c.read().status, 408U);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(2'000));
  drip.join();
  EXPECT_TRUE(others_are_served());
}

TEST_F(ServerFaultTest, SlowAndEndlessBodies) {
  start();
  auto slow = client();
  ASSERT_TRUE(slow.send("POST /echo HTTP/1.1\r\nContent-Length: 50000\r\n\r\nabc"));
  EXPECT_EQ(slow.read().status, 408U);
  auto endless = client();
  ASSERT_TRUE(endless.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
  std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  for (int i = 0; i < 100 && endless.send(chunk); ++i) {
  }
  EXPECT_EQ(endless.read().status, 413U);
}

TEST_F(ServerFaultTest, AClientThatTakesNothingIsCut) {
  start();
  auto c = client();
  ASSERT_TRUE(c.send("GET /huge HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(all_gone());
  auto patient = client();
  EXPECT_EQ(patient.ask("GET /huge HTTP/1.1\r\n\r\n").body.size(), 60'000'000U)
      << "who reads gets everything";
}

TEST_F(ServerFaultTest, Garbage) {
  start();
  std::uint32_t state = 1;  // the same octets each time
  for (int i = 0; i < 200; ++i) {
    std::string garbage(1 + state % 700, '\0');
    for (char& c : garbage) {
      state = state * 1'664'525 + 1'013'904'223;
      c = static_cast<char>(state >> 24);
    }
    auto c = client();
    (void)c.send(garbage);
    const RawAnswer answer = c.read(false, 3'000);
    EXPECT_TRUE(answer.status == 400 || answer.status == 408 || answer.status == 501)
        << answer.status << " at " << i;
  }
  auto tls = client();
  EXPECT_EQ(tls.ask(std::string_view("\x16\x03\x01\x00\xa5\x01\x00", 7)).status, 400U);
  EXPECT_TRUE(others_are_served());
}

TEST_F(ServerFaultTest, LongTargets) {
  start();
  EXPECT_EQ(client().ask("GET /now?" + std::string(65'534, 'q') + " HTTP/1.1\r\n\r\n").status, 200U);
  const RawAnswer answer = client().ask("GET /now?" + std::string(70'000, 'q') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(answer.status, 414U);
  EXPECT_THAT(answer.body, HasSubstr("the query has 70000 octets, the limit is 65534"));
  EXPECT_EQ(client().ask("GET /" + std::string(1'000'000, 'a')).status, 414U);
  EXPECT_EQ(client().ask("GET /now HTTP/1.1\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n").status, 431U);
}

TEST_F(ServerFaultTest, HalfClosed) {
  start();
  auto c = client();
  ASSERT_TRUE(c.send("GET /now HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"));
  c.finish_sending();
  EXPECT_EQ(c.read().body, "hello");
  EXPECT_EQ(c.read().body, "3");
  EXPECT_TRUE(c.ends());
  auto half = client();
  ASSERT_TRUE(half.send("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\na"));
  half.finish_sending();
  EXPECT_TRUE(half.ends());
}

TEST_F(ServerFaultTest, SmuggledRequestsAreNotAnswered) {
  start();
  auto c = client();
  ASSERT_TRUE(
      c.send("POST /echo HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET "
             "/now HTTP/1.1\r\n\r\n"));
  bool closed = false;
  const std::string all = c.read_all(closed);
  EXPECT_TRUE(closed);
  EXPECT_THAT(all, testing::StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(all.find("HTTP/1.1", 5), std::string::npos) << "one answer only";
}

TEST_F(ServerFaultTest, ConnectionsOfOneSiteAreLimited) {
  settings.limits.connections_per_site = 3;
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client());
    EXPECT_EQ(clients.back().ask("GET /now HTTP/1.1\r\n\r\n").status, 200U);
  }
  auto fourth = client();
  const RawAnswer answer = fourth.read();
  EXPECT_EQ(answer.status, 503U);
  EXPECT_TRUE(answer.has("Retry-After: 5\r\n"));
  EXPECT_TRUE(fourth.ends());
  clients.clear();
  EXPECT_TRUE(all_gone());
  EXPECT_TRUE(others_are_served());
}

TEST_F(ServerFaultTest, UnfinishedRequestsAreLimitedTogether) {
  settings.limits.buffered = 300'000;
  settings.limits.head_time = settings.limits.body_time = std::chrono::seconds(30);
  start();
  std::vector<RawClient> clients;
  unsigned refused = 0;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send("POST /echo HTTP/1.1\r\nContent-Length: 90000\r\n\r\n" +
                                    std::string(80'000, 'x')));
    if (clients.back().read(false, 200).status == 503) ++refused;
  }
  EXPECT_GE(refused, 3U);
  EXPECT_TRUE(others_are_served());
}

// tests/faults/50-idle-connections.sh does the same with 10,000 from another process.
TEST_F(ServerFaultTest, IdleConnections) {
  const std::size_t count = 2'000;
  // Both ends are in this process.
  rlimit files = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = 2 * count + 500;
  files.rlim_max = std::max(files.rlim_max, files.rlim_cur);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0)
      << "more descriptors are needed: ulimit -n " << files.rlim_cur;
  settings.limits.idle = std::chrono::seconds(60);
  settings.limits.connections = settings.limits.connections_per_site = count + 100;
  start();
  std::vector<RawClient> idle;
  idle.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    idle.push_back(client());
    ASSERT_TRUE(idle.back().connected()) << i;
  }
  for (int i = 0; i < 500 && server->connections() < count; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(server->connections(), count);
  EXPECT_TRUE(others_are_served());
  for (std::size_t i = 0; i < count; i += 97)
    EXPECT_EQ(idle[i].ask("GET /now HTTP/1.1\r\n\r\n").status, 200U) << i;
  const auto began = std::chrono::steady_clock::now();
  server->stop(std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10))
      << "idle clients do not hold up a stop";
}

// Clients that ask again and again on kept connections until they are told to close; how many requests got no
// answer.
class Load {
 public:
  Load(const Address& address, int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, address] { run(address); });
  }
  unsigned lost() {
    stopping_ = true;
    threads_.clear();
    return lost_;
  }
  unsigned long answered() const { return answered_; }
  // Connections that ended before their first answer. The kernel completes handshakes until a listening
  // socket is closed, also after the last look at who waits there: such a client was never let in.
  unsigned not_let_in() const { return not_let_in_; }

 private:
  void run(const Address& address) {
    while (!stopping_) {
      RawClient client(address);
      if (!client.connected()) return;
      for (bool first = true; !stopping_; first = false) {
        const bool post = answered_ % 3 == 0;
        const RawAnswer answer = client.ask(post ? "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
                                                 : "GET /now HTTP/1.1\r\n\r\n");
        if (answer.status != 200) {
          ++(first && answer.head.empty() ? not_let_in_ : lost_);
          break;
        }
        ++answered_;
        if (answer.has("Connection: close")) break;
      }
    }
  }
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> lost_{0}, not_let_in_{0};
  std::atomic<unsigned long> answered_{0};
  std::vector<std::jthread> threads_;
};

TEST_F(ServerFaultTest, ReloadUnderLoadLosesNoRequest) {
  start();
  Load load(server->address("main"), 4);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    settings.listeners[0].routes = routes("hello " + std::to_string(i));
    if (i % 2 == 0)
      settings.listeners.push_back(
          {.name = "other", .endpoint = loopback(), .routes = routes("x"), .tls = nullptr});
    else
      settings.listeners.pop_back();
    ASSERT_TRUE(server->reload(settings));
  }
  EXPECT_EQ(load.lost(), 0U);
  EXPECT_EQ(load.not_let_in(), 0U);
  EXPECT_GT(load.answered(), 100U);
}

TEST_F(ServerFaultTest, StopUnderLoadLosesNoRequest) {
  start();
  Load load(server->address("main"), 4);
  std::this_thread::sleep_for(milliseconds(300));
  server->stop(std::chrono::seconds(10));
  EXPECT_EQ(load.lost(), 0U);
  EXPECT_GT(load.answered(), 50U);
  // Whatever the server took has reached its client.
  EXPECT_THAT(metrics.text(),
              HasSubstr(fmt::format("vouch_http_answers_total{{status=\"200\"}} {}\n", load.answered())));
}

}  // namespace
}  // namespace vouch::net
