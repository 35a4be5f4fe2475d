#include "relying/gateway/gateway.hpp"

#include <unistd.h>

#include "base/pem.hpp"
#include "net/test_net.hpp"
#include "net/url.hpp"
#include "relying/gateway/ask.hpp"
#include "validate/test_pki.hpp"

namespace vouch::relying {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using validate::test::kNow, validate::test::TestPki;

// A gateway behind a real server, over TCP for proxies and over a Unix socket; the CRL of its CA is at hand.
class GatewayTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vouch-gateway.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    TrustedIssuer trusted;
    trusted.certificate = root;
    trusted.source = "list";
    party = std::make_unique<RelyingParty>(pki.provider(), clock,
                                           std::make_shared<const TrustList>(std::vector{trusted}),
                                           RelyingPartySettings{.cache = cache});
    CrlOffer offer;
    offer.url = "http://pki.test/root.crl";
    offer.now = kNow;
    offer.signers = {root};
    const auto crl = pki.crl({.issuer = "Root", .revoked = {{bad_serial, x509::CrlReason::key_compromise}}});
    const auto taken = cache->put(to_buffer(crl->head().view.whole), offer);
    ASSERT_TRUE(taken) << taken.error().report();
    ASSERT_FALSE(taken->finding) << validate::message_of(*taken->finding);
    const auto routes = net::table(gateway.routes());
    net::ServerSettings settings;
    settings.listeners.push_back(
        {.name = "http", .endpoint = net::loopback(), .routes = routes, .tls = nullptr});
    settings.listeners.push_back({.name = "local",
                                  .endpoint = {.kind = net::Endpoint::Kind::local, .path = socket()},
                                  .routes = routes,
                                  .tls = nullptr});
    settings.threads = 1;
    settings.workers = 2;
    server = net::Server::start(std::move(settings)).value();
  }
  void TearDown() override {
    server.reset();
    fs::remove_all(folder);
  }
  fs::path socket() const { return folder / "gateway.sock"; }

  net::RawAnswer proxy(std::string_view path, std::string_view fields) {
    net::RawClient client(server->address("http"));
    return client.ask(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", path, fields));
  }
  net::RawAnswer nginx(const validate::CertificatePtr& certificate, std::string_view query = "",
                       std::string_view more = "") {
    const std::string pem = net::percent_encode(to_pem("CERTIFICATE", certificate->der()));
    return proxy(fmt::format("/v1/auth/nginx{}", query), fmt::format("X-Client-Cert: {}\r\n{}", pem, more));
  }
  Asked question(const validate::CertificatePtr& certificate) const {
    Asked asked;
    asked.client = "test";
    asked.question.chain = {to_buffer(certificate->der())};
    return asked;
  }

  static constexpr std::uint64_t bad_serial = 66;
  TestPki pki;
  ManualClock clock{kNow};
  const validate::CertificatePtr root = pki.ca("Root");
  const validate::CertificatePtr alice =
      pki.make({.subject = "alice",
                .issuer = "Root",
                .ca = false,
                .purposes = {x509::oid::kClientAuth},
                .names = {x509::GeneralName::upn("alice@corp.test"), x509::GeneralName::dns("alice.test")}});
  const validate::CertificatePtr bob = pki.make({.subject = "bob",
                                                 .issuer = "Root",
                                                 .ca = false,
                                                 .purposes = {x509::oid::kClientAuth},
                                                 .serial = bad_serial});
  std::shared_ptr<CrlCache> cache = make_memory_cache(pki.provider());
  std::unique_ptr<RelyingParty> party;
  net::Metrics metrics;
  DecisionLog log;
  Trace trace{1 << 20};
  Gateway gateway{
      {.decide = [this](const Question& asked,
                        const Profile& profile) { return party->decide(asked, profile); },
       .profile = [](std::string_view name) { return shipped_profile(name.empty() ? "logon" : name); },
       .status = [this] { return party->status(); },
       .is_administrator = [this](const net::LocalUser& user) { return user.uid == administrator; },
       .clock = clock,
       .metrics = metrics,
       .log = log,
       .trace = trace}};
  std::uint32_t administrator = ::geteuid();
  fs::path folder;
  std::unique_ptr<net::Server> server;
};

TEST_F(GatewayTest, NginxIsToldWhoComesIn) {
  const auto answer = nginx(alice, "?purpose=client");
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_TRUE(answer.has("X-Vouch-Decision: accepted"));
  EXPECT_TRUE(answer.has("X-Vouch-Subject: CN=alice"));
  EXPECT_TRUE(answer.has("X-Vouch-Upn: alice@corp.test"));
  EXPECT_TRUE(answer.has("X-Vouch-San: UPN:alice@corp.test, DNS:alice.test"));
  EXPECT_TRUE(answer.has("X-Vouch-Unseen-Until: 2026-06-08T00:00:00Z"));
}

TEST_F(GatewayTest, NginxIsToldWhyNot) {
  const auto answer = nginx(bob);
  EXPECT_EQ(answer.status, 403u);
  EXPECT_TRUE(answer.has("X-Vouch-Decision: refused"));
  EXPECT_TRUE(answer.has("X-Vouch-Code: 500171"));
  EXPECT_TRUE(answer.has("X-Vouch-Name: revocation.revoked"));
  EXPECT_THAT(answer.body, HasSubstr("AADSTS500171"));
  EXPECT_EQ(proxy("/v1/auth/nginx", "").status, 401u);
  // Another proxy's field, sent by the client itself.
  EXPECT_EQ(proxy("/v1/auth/nginx", fmt::format("Client-Cert: :{}:\r\n", to_base64(alice->der()))).status,
            401u);
  EXPECT_EQ(proxy("/v1/auth/nginx", "X-Client-Cert: rubbish\r\n").status, 403u);
  EXPECT_EQ(nginx(alice, "?profile=nothing").status, 403u);
  EXPECT_EQ(nginx(alice, "?purpose=server").status, 403u);
  EXPECT_EQ(nginx(alice, "?purpose=client&upn=alice%40corp.test").status, 200u);
  EXPECT_TRUE(nginx(alice, "?purpose=client&upn=root%40corp.test").has("X-Vouch-Name: name.upn_mismatch"));
}

TEST_F(GatewayTest, JsonForWhoeverAsksForIt) {
  const auto answer = nginx(bob, "", "Accept: application/json\r\n");
  EXPECT_EQ(answer.status, 403u);
  const auto value = parse_json(answer.body);
  ASSERT_TRUE(value) << answer.body;
  EXPECT_EQ(*value->find("code")->integer(), 500171);
}

TEST_F(GatewayTest, EnvoyAsksWithThePathOfTheRequest) {
  const std::string field = fmt::format("X-Forwarded-Client-Cert: Hash=x;Cert=\"{}\"\r\n",
                                        net::percent_encode(to_pem("CERTIFICATE", alice->der())));
  EXPECT_EQ(proxy("/v1/auth/envoy/any/path?profile=none", field).status, 200u)
      << "the query is the visitor's";
  EXPECT_EQ(proxy("/v1/auth/envoy", field).status, 200u);
  EXPECT_EQ(proxy("/v1/auth/envoy/", "").status, 401u);
}

TEST_F(GatewayTest, FieldsCannotBeBroken) {
  EXPECT_EQ(field_text("CN=a\r\nX-Evil: 1"), "CN=a%0D%0AX-Evil: 1");
  EXPECT_EQ(field_text("100% Größe"), "100%25 Gr%C3%B6%C3%9Fe");
  EXPECT_LE(field_text(std::string(5000, 'x')).size(), 1024u);
}

TEST_F(GatewayTest, AHelperAsksOverTheSocket) {
  GatewayClient client(socket());
  EXPECT_TRUE(client.is_gateway());
  const auto good = client.ask(question(alice));
  ASSERT_TRUE(good) << good.error().report();
  EXPECT_TRUE(good->accepted);
  const auto bad = client.ask(question(bob));
  ASSERT_TRUE(bad) << bad.error().report();
  EXPECT_FALSE(bad->accepted);
  EXPECT_EQ(bad->code, 500171u);
  EXPECT_EQ(bad->name, "revocation.revoked");
  Asked wrong = question(alice);
  wrong.profile = "nothing";
  const auto refused = client.ask(wrong);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().report(), HasSubstr("nothing"));
  const auto nobody = GatewayClient(folder / "none.sock").ask(question(alice));
  ASSERT_FALSE(nobody);
  EXPECT_THAT(nobody.error().report(), HasSubstr("none.sock"));
}

TEST_F(GatewayTest, DecisionsAreCountedLoggedAndTraced) {
  GatewayClient client(socket());
  ASSERT_TRUE(client.trace(Value::table().set("on", true).set("seconds", 60).set("refused_only", true)));
  (void)nginx(alice);
  (void)client.ask(question(bob));
  EXPECT_THAT(
      metrics.text(),
      HasSubstr("vouch_gateway_decisions_total{result=\"refused\",code=\"500171\",profile=\"logon\"} 1"));
  const auto lines = client.decisions({.accepted = false});
  ASSERT_TRUE(lines) << lines.error().report();
  ASSERT_EQ(lines->size(), 1u);
  EXPECT_THAT(lines->front(),
              AllOf(HasSubstr("500171"), HasSubstr("CN=bob"), HasSubstr("\"client\": \"test\"")));
  const Value traced = client.trace({}).value();
  EXPECT_TRUE(*traced.find("on")->boolean());
  ASSERT_EQ(traced.find("records")->list_items()->size(), 1u);
  EXPECT_THAT(to_json(traced), HasSubstr("revocation.revoked"));
  EXPECT_TRUE(client.clear_trace().value().find("records")->list_items()->empty());
  clock.advance(std::chrono::seconds(61));
  EXPECT_FALSE(*client.trace({}).value().find("on")->boolean());
  EXPECT_FALSE(client.trace(Value::table().set("on", "yes")));
}

TEST_F(GatewayTest, LogAndTraceAreForTheAdministrator) {
  for (const std::string_view path : {"/v1/status", "/v1/decisions", "/v1/trace"})
    EXPECT_EQ(proxy(path, "").status, 403u) << path << " over TCP";
  EXPECT_TRUE(GatewayClient(socket()).status());
  administrator = ::geteuid() + 1;
  const auto refused = GatewayClient(socket()).status();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
}

}  // namespace
}  // namespace vouch::relying
