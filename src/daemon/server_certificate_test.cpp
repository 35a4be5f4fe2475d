// TLS of a running service, with certificates that its own CA issues.
#include "daemon/server_certificate.hpp"

#include "base/pem.hpp"
#include "ca/settings/settings_change.hpp"
#include "daemon/test_service.hpp"
#include "net/fetch.hpp"
#include "x509/oids.hpp"

namespace vouch::daemon {
namespace {

using testing::HasSubstr;

class ServerCertificateTest : public testing::Test {
 protected:
  void SetUp() override {
    ca::InitOptions options = bench_.root_options();
    options.automatic_issuance = true;
    ASSERT_TRUE(ca::init(bench_.environment(), options));
    authority_ = bench_.open("Test Root");
    ASSERT_TRUE(ca::publish_template(bench_.environment(), authority_->record().id, "WebServer"));
    // The clients of this test see the system's clock.
    bench_.clock().set(SystemClock().now());
  }
  void configure(std::string_view more = "") {
    const auto done = bench_.configure(fmt::format(
        "[tls]\nissuer = \"Test Root\"\nnames = \"localhost\"\n[listener.front]\naddress = \"127.0.0.1:0\"\n"
        "tls = true\nserves = \"health\"\n{}",
        more));
    ASSERT_TRUE(done) << done.error().report();
  }
  net::FetchSettings client() {
    net::FetchSettings settings;
    settings.trusted_roots =
        to_buffer(as_bytes(to_pem("CERTIFICATE", authority_->current().generation.certificate)));
    return settings;
  }
  static Result<net::FetchResponse> fetch(RunningService& service, net::FetchSettings settings) {
    net::Fetcher fetcher(std::move(settings));
    net::FetchRequest request;
    request.url = fmt::format("https://localhost:{}/healthz", service->address("front").port());
    return fetcher.fetch(request);
  }
  // A certificate for a TLS client, of this CA.
  net::FetchSettings client_with_certificate(Buffer& serial) {
    net::FetchSettings settings = client();
    const auto key = bench_.provider().generate({}).value();
    ca::Submission submission;
    submission.request = bench_.request_with(*key, "CN=alice");
    submission.template_name = "User";
    submission.requester = "alice";
    const auto outcome = authority_->submit(submission);
    EXPECT_TRUE(outcome && outcome->disposition == ca::Disposition::issued)
        << (outcome ? outcome->message : outcome.error().report());
    if (!outcome) return settings;
    serial = to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
    settings.client_certificate = to_buffer(as_bytes(to_pem("CERTIFICATE", outcome->certificate)));
    settings.client_key = to_buffer(as_bytes(key->to_pem({}).value()));
    return settings;
  }

  ca::TestBench bench_;
  std::unique_ptr<ca::LocalAuthority> authority_;
};

TEST_F(ServerCertificateTest, TheServiceIssuesItsOwnAndRenewsItInTime) {
  configure();
  RunningService service(bench_);
  const auto answer = fetch(service, client());
  ASSERT_TRUE(answer) << answer.error().report();
  EXPECT_EQ(answer->status, 200U);
  const fs::path file = bench_.home().folder() / "tls" / "server.pem";
  const Buffer first = read_file(file).value();
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(service->reload());
  EXPECT_EQ(read_file(file).value(), first) << "it is not due";

  const auto blocks = pem_or_der(first, "CERTIFICATE", {"CERTIFICATE"}).value();
  const auto certificate = x509::parse_certificate(blocks.front().der).value();
  const auto life = certificate.not_after - certificate.not_before;
  bench_.clock().set(certificate.not_before + life * 7 / 10);
  ASSERT_TRUE(service->reload());
  EXPECT_NE(read_file(file).value(), first);
}

TEST_F(ServerCertificateTest, WithoutACertificateTheOthersAreServedAndReadinessSaysWhy) {
  const auto done = bench_.configure(
      "[tls]\nissuer = \"Nobody\"\n[listener.front]\naddress = \"127.0.0.1:0\"\ntls = true\nserves = "
      "\"health\"\n");
  ASSERT_TRUE(done);
  RunningService service(bench_);
  net::RawClient client(service.http());
  const auto answer = client.ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_THAT(answer.body, HasSubstr("there is no CA 'Nobody'"));
}

TEST_F(ServerCertificateTest, ClientsGetInWithACertificateOfThisHomeUntilItIsRevoked) {
  ASSERT_TRUE(ca::publish_template(bench_.environment(), authority_->record().id, "User"));
  configure("client_certificates = \"required\"\n");
  RunningService service(bench_);
  EXPECT_FALSE(fetch(service, client())) << "without a certificate";
  Buffer serial;
  const net::FetchSettings alice = client_with_certificate(serial);
  const auto answer = fetch(service, alice);
  ASSERT_TRUE(answer) << answer.error().report();
  ASSERT_TRUE(authority_->revoke({serial, x509::CrlReason::key_compromise, {}}, "bob"));
  EXPECT_FALSE(fetch(service, alice)) << "the next connection already";
}

}  // namespace
}  // namespace vouch::daemon
