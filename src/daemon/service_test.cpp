#include "daemon/service.hpp"

#include <algorithm>
#include <thread>

#include "ca/keys/key_files.hpp"
#include "daemon/test_service.hpp"
#include "x509/ocsp.hpp"

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

// Whatever keeps a CA from being opened anew: the service goes on with what it has.
TEST(Service, KeepsACaThatAReloadCannotOpenAndSaysSo) {
  ca::TestBench bench;
  const auto authority = bench.make_root();
  ASSERT_NE(authority, nullptr);
  RunningService service(bench);
  const fs::path key =
      ca::key_file_path(bench.environment(), authority->current().generation.key_reference).value();
  const fs::path kept = bench.home().folder() / "kept.key";
  fs::rename(key, kept);
  ASSERT_TRUE(service->reload());
  EXPECT_EQ(service->faces().authorities().size(), 1U);
  const auto state = [&] {
    for (const auto& check : service->health())
      if (check.name == "ca Test Root") return check;
    return net::HealthCheck{};
  };
  EXPECT_FALSE(state().good);
  EXPECT_THAT(state().detail, HasSubstr(key.filename().string()));
  fs::rename(kept, key);
  ASSERT_TRUE(service->reload());
  EXPECT_TRUE(state().good);
}

TEST(Service, SignsOcspAnswersAheadWhenToldTo) {
  ca::TestBench bench;
  const auto authority = bench.make_root();
  ASSERT_NE(authority, nullptr);
  ASSERT_TRUE(bench.configure("[ocsp]\npresign = true\n"));
  RunningService service(bench);
  net::RawClient client(service.http());
  const auto metrics = [&] { return client.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body; };
  // The responder's own certificate is there to be asked about.
  const auto is_ready = [&] {
    return std::ranges::any_of(service->health(),
                               [](const auto& c) { return c.name == "ocsp answers ahead"; });
  };
  for (int i = 0; i < 500 && !is_ready(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_THAT(metrics(), testing::Not(HasSubstr("vouch_ocsp_ahead_octets 0\n")));
  const auto certificates = bench.database().snapshot().value()->certificates({}).value();
  const ca::CaKey& key = authority->current();
  const auto info = x509::parse_public_key_info(key.generation.public_key_info).value();
  const Buffer name = bench.provider().digest(x509::DigestAlgorithm::sha1, key.subject);
  const Buffer bits = bench.provider().digest(x509::DigestAlgorithm::sha1, info.key_bits);
  const Buffer request = x509::encode_ocsp_request(
      {x509::DigestAlgorithm::sha1, {{name, bits, certificates.back().serial}}, {}});
  const auto answer =
      client.ask(fmt::format("POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
                             "Content-Length: {}\r\n\r\n{}",
                             request.size(), as_text(request)));
  EXPECT_EQ(x509::parse_ocsp_response(as_bytes(answer.body)).value().responses.at(0).status,
            x509::OcspCertStatus::good);
  EXPECT_THAT(metrics(), HasSubstr("vouch_ocsp_answers_total{from=\"ahead\"} 1\n"));
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
