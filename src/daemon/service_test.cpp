#include "daemon/service.hpp"

#include "daemon/test_service.hpp"

namespace vouch::daemon {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHealth = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kReady = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(Service, AnswersOverTcpAndOverItsSocket) {
  ca::TestBench bench;
  ASSERT_NE(bench.make_root(), nullptr);
  RunningService service(bench);
  net::RawClient client(service.http());
  EXPECT_EQ(client.ask(kHealth).status, 200U);
  net::RawClient local(service.socket());
  EXPECT_EQ(local.ask(kHealth).status, 200U);
  const auto metrics = local.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(metrics.body, HasSubstr("vouch_http_"));
}

TEST(Service, IsTheOnlyOneOfItsHome) {
  ca::TestBench bench;
  ASSERT_NE(bench.make_root(), nullptr);
  RunningService service(bench);
  const auto environment = bench.environment();
  const auto second = Service::start({.environment = environment});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
  EXPECT_THAT(second.error().report(), HasSubstr("another vouch serve runs on"));
}

TEST(Service, SeesNewAuthoritiesAfterAReloadAndKeepsConnections) {
  ca::TestBench bench;
  ASSERT_NE(bench.make_root(), nullptr);
  RunningService service(bench);
  net::RawClient client(service.http());
  EXPECT_EQ(client.ask(kReady).status, 200U);
  EXPECT_EQ(service->faces().authorities().size(), 1U);
  ASSERT_NE(bench.make_root("Second Root"), nullptr);
  const Status reloaded = service->reload();
  ASSERT_TRUE(reloaded) << reloaded.error().report();
  EXPECT_EQ(service->faces().authorities().size(), 2U);
  EXPECT_EQ(client.ask(kReady).status, 200U);
}

TEST(Service, SignsTheHeadOfTheAuditLogWhenItStops) {
  ca::TestBench bench;
  ASSERT_NE(bench.make_root(), nullptr);
  {
    RunningService service(bench);
    service->stop();
  }
  const auto heads = bench.database().snapshot().value()->audit_heads();
  ASSERT_TRUE(heads);
}

}  // namespace
}  // namespace vouch::daemon
