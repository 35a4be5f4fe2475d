#include <gtest/gtest.h>

#include "api/ocsp.hpp"
#include "ca/settings/templates.hpp"
#include "ca/setup/setup.hpp"
#include "ca/test_fixture.hpp"
#include "net/server.hpp"
#include "net/test_net.hpp"
#include "net/url.hpp"
#include "revocation/ocsp_database.hpp"

namespace vouch::api {
namespace {

using net::RawAnswer, net::RawClient;
using testing::HasSubstr;
using x509::OcspCertStatus;

std::string base64_of(Bytes octets) { return to_base64(octets); }

class OcspFaceTest : public testing::Test {
 protected:
  void SetUp() override {
    authority = bench.make_root("Face Root");
    ASSERT_TRUE(ca::publish_template(environment, authority->record().id, "WebServer"));
    ASSERT_TRUE(source.maintain());
    serve();
  }
  void serve() {
    auto router = std::make_shared<net::Router>();
    for (net::Route& route : ocsp_routes(face)) ASSERT_TRUE(router->add(std::move(route)));
    net::ServerSettings settings;
    settings.listeners = {{.name = "main", .endpoint = net::loopback(), .routes = router, .tls = nullptr}};
    settings.threads = 1;
    settings.workers = 2;
    settings.clock = &bench.clock();
    server = std::move(net::Server::start(std::move(settings)).value());
  }
  RawClient client() { return RawClient(server->address("main")); }

  Buffer issue() {
    ca::Submission submission;
    submission.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
    submission.template_name = "WebServer";
    submission.requester = "bob";
    const auto pending = authority->submit(submission);
    EXPECT_TRUE(pending) << pending.error().report();
    const auto outcome = pending->disposition == ca::Disposition::pending
                             ? authority->approve(pending->request, "bob")
                             : pending;
    EXPECT_TRUE(outcome) << outcome.error().report();
    return to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate).value().serial));
  }
  Buffer request(const Buffer& serial, std::optional<Buffer> nonce = {}) {
    const ca::CaKey& key = authority->current();
    const auto info = x509::parse_public_key_info(key.generation.public_key_info).value();
    const Buffer name = bench.provider().digest(x509::DigestAlgorithm::sha1, key.subject);
    const Buffer bits = bench.provider().digest(x509::DigestAlgorithm::sha1, info.key_bits);
    return x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {{name, bits, serial}}, std::move(nonce)});
  }
  static std::string get(std::string_view base64, std::string_view fields = "") {
    return fmt::format("GET /ocsp/{} HTTP/1.1\r\nHost: x\r\n{}\r\n", base64, fields);
  }
  static std::string post(Bytes request) {
    return fmt::format(
        "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: "
        "{}\r\n\r\n{}",
        request.size(), as_text(request));
  }
  static OcspCertStatus status_in(const RawAnswer& answer) {
    EXPECT_EQ(answer.status, 200U);
    const auto view = x509::parse_ocsp_response(as_bytes(answer.body));
    EXPECT_TRUE(view) << answer.body;
    EXPECT_EQ(view->status, x509::OcspResponseStatus::successful);
    return view->responses.at(0).status;
  }
  double answers_from(std::string_view where) {
    const std::string text = metrics.text();
    const std::string name = fmt::format("vouch_ocsp_answers_total{{from=\"{}\"}} ", where);
    const auto at = text.find(name);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size()));
  }

  ca::TestBench bench;
  const ca::Environment environment = bench.environment();
  std::shared_ptr<ca::LocalAuthority> authority;
  net::Metrics metrics;
  revocation::DatabaseOcspSource source{
      environment, [this] { return std::vector<std::shared_ptr<ca::LocalAuthority>>{authority}; }};
  std::shared_ptr<const OcspFace> face =
      std::make_shared<OcspFace>(source, bench.provider(), bench.clock(), metrics);
  std::unique_ptr<net::Server> server;
};

TEST_F(OcspFaceTest, PostIsAnsweredWithTheFieldsOfRfc5019) {
  const RawAnswer answer = client().ask(post(request(issue())));
  EXPECT_EQ(status_in(answer), OcspCertStatus::good);
  EXPECT_TRUE(answer.has("Content-Type: application/ocsp-response\r\n"));
  EXPECT_TRUE(answer.has("Cache-Control: max-age=3600, public, no-transform, must-revalidate\r\n"));
  const auto seconds = bench.clock().now().time_since_epoch().count();
  EXPECT_TRUE(answer.has("Last-Modified: " + net::format_http_date(seconds)));
  EXPECT_TRUE(answer.has("Expires: " + net::format_http_date(seconds + 8 * 3600)));
  EXPECT_TRUE(answer.has("ETag: \""));
}

// What clients and the proxies before them make of the base64.
TEST_F(OcspFaceTest, GetIsReadInEverySpelling) {
  std::string base64;
  Buffer asked;
  // One whose base64 has both of the characters that matter.
  for (int i = 0; i < 200 && (base64.find('/') == std::string::npos || base64.find('+') == std::string::npos);
       ++i) {
    asked = request(issue());
    base64 = base64_of(asked);
  }
  const auto replaced = [&](std::initializer_list<std::pair<char, std::string_view>> changes) {
    std::string out;
    for (const char c : base64) {
      const auto change =
          std::ranges::find_if(changes, [c](const auto& candidate) { return candidate.first == c; });
      if (change == changes.end())
        out += c;
      else
        out += change->second;
    }
    return out;
  };
  auto c = client();
  for (const std::string& spelling :
       {base64, replaced({{'+', "%2B"}, {'/', "%2F"}, {'=', "%3D"}}),
        replaced({{'+', "%2b"}, {'/', "%2f"}, {'=', "%3d"}}), replaced({{'+', "-"}, {'/', "_"}, {'=', ""}}),
        replaced({{'=', ""}}), replaced({{'+', "%252B"}, {'/', "%252F"}, {'=', "%253D"}})})
    EXPECT_EQ(status_in(c.ask(get(spelling))), OcspCertStatus::good) << spelling;
  EXPECT_EQ(answers_from("signer"), 1) << "all of them are one request";
  EXPECT_EQ(answers_from("cache"), 5);
}

TEST_F(OcspFaceTest, ARevocationIsInTheVeryNextAnswer) {
  const Buffer serial = issue();
  const std::string asked = get(base64_of(request(serial)));
  auto c = client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_in(c.ask(asked)), OcspCertStatus::good);
  EXPECT_EQ(answers_from("signer"), 1);
  // By another process: other connections to the same file.
  const auto others = std::move(store::sqlite::open(bench.home().database()).value());
  ASSERT_TRUE(others->commit([&](store::Transaction& t) {
    return t.revoke(authority->record().id,
                    {serial, bench.clock().now(), x509::CrlReason::certificate_hold, {}});
  }));
  EXPECT_EQ(status_in(c.ask(asked)), OcspCertStatus::revoked);
  ASSERT_TRUE(authority->release(serial, "bob"));
  EXPECT_EQ(status_in(c.ask(asked)), OcspCertStatus::good);
}

TEST_F(OcspFaceTest, OthersRevocationsCostNoNewSignature) {
  const std::string asked = get(base64_of(request(issue())));
  const Buffer other = issue();
  auto c = client();
  (void)c.ask(asked);
  ASSERT_TRUE(authority->revoke({other, x509::CrlReason::superseded, {}}, "bob"));
  EXPECT_EQ(status_in(c.ask(asked)), OcspCertStatus::good);
  EXPECT_EQ(answers_from("signer"), 1);
}

TEST_F(OcspFaceTest, ConditionalRequests) {
  const std::string base64 = base64_of(request(issue()));
  auto c = client();
  const RawAnswer first = c.ask(get(base64));
  const auto at = first.head.find("ETag: ") + 6;
  const std::string etag = first.head.substr(at, first.head.find("\r\n", at) - at);
  const RawAnswer second = c.ask(get(base64, "If-None-Match: " + etag + "\r\n"));
  EXPECT_EQ(second.status, 304U);
  EXPECT_TRUE(second.has("Cache-Control: max-age="));
  EXPECT_EQ(c.ask(get(base64, "If-None-Match: \"x\"\r\n")).status, 200U);
}

TEST_F(OcspFaceTest, NoncesAndErrorsAreNotForCaches) {
  auto c = client();
  const RawAnswer answer = c.ask(post(request(issue(), Buffer(32, 1))));
  EXPECT_EQ(status_in(answer), OcspCertStatus::good);
  EXPECT_TRUE(answer.has("Cache-Control: no-store"));
  const RawAnswer garbage = c.ask(post(Buffer(10, 1)));
  EXPECT_EQ(garbage.status, 200U);
  EXPECT_EQ(x509::parse_ocsp_response(as_bytes(garbage.body))->status,
            x509::OcspResponseStatus::malformed_request);
  EXPECT_TRUE(garbage.has("Cache-Control: no-store"));
}

TEST_F(OcspFaceTest, AnAnswerIsMadeAnewInHalfOfItsTime) {
  const std::string asked = get(base64_of(request(issue())));
  auto c = client();
  (void)c.ask(asked);
  bench.clock().advance(std::chrono::hours(3));
  (void)c.ask(asked);
  EXPECT_EQ(answers_from("signer"), 1);
  bench.clock().advance(std::chrono::hours(2));
  (void)c.ask(asked);
  EXPECT_EQ(answers_from("signer"), 2);
}

}  // namespace
}  // namespace vouch::api
