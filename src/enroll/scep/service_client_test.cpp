// The client against the service, over HTTP: what it asks, whom it trusts, what it says when something is
// wrong.
#include "enroll/scep/service_client.hpp"

#include "enroll/scep/explain.hpp"
#include "enroll/scep/service_trust.hpp"
#include "enroll/scep/test_device.hpp"
#include "enroll/scep/test_server.hpp"

namespace vouch::enroll::scep {
namespace {

class ScepServiceClient : public ScepTest {
 protected:
  ServiceClient client(std::string_view path = "/scep/devices") {
    if (!server) server = TestServer::start(bench).value();
    return ServiceClient::create(std::make_shared<net::Fetcher>(net::FetchSettings{}),
                                 fmt::format("http://127.0.0.1:{}{}", server->port(), path))
        .value();
  }
  Result<TrustedService> judge(const ServiceTrust& trust) {
    return judge_service(bench.provider(), client().certificates().value(), trust,
                         bench.bench().clock().now());
  }
  Buffer sha256(Bytes der) { return bench.provider().digest(crypto::DigestAlgorithm::sha256, der); }

  std::unique_ptr<TestServer> server;
};

TEST_F(ScepServiceClient, EnrolsByGetAndByPost) {
  ServiceClient service = client();
  const Capabilities said = service.capabilities().value();
  EXPECT_TRUE(said.has("postpkioperation"));
  EXPECT_TRUE(said.has_aes() && said.has_post() && said.has_sha256());
  const auto trusted = judge({.fingerprint = sha256(bench.chain().front()), .authorities = {}}).value();
  for (const auto transport : {Transport::get, Transport::post, Transport::by_capabilities}) {
    const Device router = device("router");
    const Buffer csr = request(router);
    RequestInput input;
    input.transaction = router.transaction;
    input.content = csr;
    input.recipient = trusted.encryption;
    const auto reply =
        scep::exchange(bench.provider(), service, transport, router.identity, input, trusted.signers);
    ASSERT_TRUE(reply) << reply.error().report();
    EXPECT_EQ(reply->attributes.status, PkiStatus::success);
  }
}

TEST_F(ScepServiceClient, ReadsCapabilitiesAsTheyAreWritten) {
  const Capabilities said = read_capabilities("AES\r\n sha-256 \n\nSCEPStandard");
  EXPECT_THAT(said.words, testing::ElementsAre("AES", "sha-256", "SCEPStandard"));
  EXPECT_TRUE(said.has_post());
  EXPECT_FALSE(read_capabilities("").has_aes());
}

TEST_F(ScepServiceClient, TrustsWhatWasKnownBefore) {
  bench.set_ra_keys(RaLayout::two);
  const Buffer root = bench.chain().front();
  for (const ServiceTrust& trust :
       {ServiceTrust{.fingerprint = sha256(root), .authorities = {}},
        ServiceTrust{.fingerprint = bench.provider().digest(crypto::DigestAlgorithm::sha1, root),
                     .authorities = {}},
        ServiceTrust{.fingerprint = {}, .authorities = {root}}}) {
    const auto trusted = judge(trust);
    ASSERT_TRUE(trusted) << trusted.error().report();
    EXPECT_EQ(trusted->encryption, bench.encryption_certificate());
    EXPECT_EQ(trusted->signers.size(), 3u);
    EXPECT_EQ(trusted->ca, root);
    EXPECT_FALSE(trusted->why.empty());
  }
  // The registration authority's own: nothing is known about the CA then.
  const auto pinned =
      judge({.fingerprint = sha256(bench.encryption_certificate()), .authorities = {}}).value();
  EXPECT_THAT(pinned.signers, testing::ElementsAre(bench.encryption_certificate()));
  EXPECT_TRUE(pinned.ca.empty());
  EXPECT_TRUE(judge({}).value().why.empty());
  EXPECT_EQ(judge({.fingerprint = {}, .authorities = {}, .channel = true}).value().why, "TLS");
}

// A CA that answers by itself, and whose certificate does not say that it may.
TEST_F(ScepServiceClient, EncryptsForTheCaWhereThereIsNobodyElse) {
  bench.set_ca_keys();
  bench.profile.mode = Profile::Mode::ca;
  const auto trusted = judge({.fingerprint = sha256(bench.chain().front()), .authorities = {}}).value();
  EXPECT_EQ(trusted.encryption, bench.chain().front());
  EXPECT_THAT(trusted.signers, testing::ElementsAre(bench.chain().front()));
}

TEST_F(ScepServiceClient, RefusesWhatNothingVouchesFor) {
  EXPECT_EQ(judge({.fingerprint = Buffer(32, 7), .authorities = {}}).error().code(), Errc::denied);
  const Device other = device("other");
  EXPECT_EQ(judge({.fingerprint = {}, .authorities = {other.identity.certificate}}).error().code(),
            Errc::denied);
  bench.set_ra_keys(RaLayout::two);
  EXPECT_THAT(
      judge({.fingerprint = sha256(bench.keys().signing_certificate), .authorities = {}}).error().report(),
      HasSubstr("messages are not encrypted for"));
}

TEST_F(ScepServiceClient, ReadsFingerprintsAsPeopleCopyThem) {
  const std::string digits = "0123456789abcdef0123456789ABCDEF01234567";
  EXPECT_EQ(parse_fingerprint(digits).value().size(), 20u);
  EXPECT_EQ(parse_fingerprint("\xe2\x80\x8e"
                              "01:23 45 67-89abcdef0123456789ABCDEF01234567")
                .value(),
            from_hex(digits).value());
  EXPECT_EQ(parse_fingerprint("0123").error().code(), Errc::usage);
  EXPECT_EQ(parse_fingerprint(digits + "zz").error().code(), Errc::usage);
}

TEST_F(ScepServiceClient, SaysWhatTheServerSays) {
  EXPECT_EQ(ServiceClient::create(nullptr, "ftp://ca.example").error().code(), Errc::usage);
  ServiceClient nobody = client("/scep/nobody");
  EXPECT_THAT(nobody.capabilities().error().report(), HasSubstr("HTTP status 404"));
  ServiceClient service = client();
  EXPECT_THAT(service.send(Buffer(300, 1), Transport::post).error().report(), HasSubstr("HTTP status 400"));
  bench.keys_out_of_reach = true;
  const Device router = device("router");
  EXPECT_EQ(service.send(message(router, MessageType::pkcs_req, request(router)).message, Transport::post)
                .error()
                .code(),
            Errc::unavailable);
}

// What is said of a message never has its challenge, whoever's key is at hand.
TEST_F(ScepServiceClient, ExplainsMessagesWithoutTheChallenge) {
  const Device router = device("router");
  const MadeRequest made = message(router, MessageType::pkcs_req, request(router, "open sesame"));
  const ExplainKeys keys{bench.keys().decryption, {}, {}};
  const Value explained = explain_message(bench.provider(), made.message, keys);
  EXPECT_EQ(*explained.find("message_type")->text(), "PKCSReq");
  EXPECT_EQ(*explained.find("signature")->text(), "valid");
  EXPECT_EQ(*explained.find("content")->find("kind")->text(), "request");
  EXPECT_THAT(to_json(explained) + to_text(explained), Not(HasSubstr("sesame")));
  EXPECT_THAT(to_text(explained), HasSubstr("CN=router,O=Vouch"));
  const net::Response response = send(made.message);
  const Value reply = explain_message(bench.provider(), as_bytes(response.body.view()), {});
  EXPECT_EQ(*reply.find("status")->text(), "FAILURE");
  EXPECT_EQ(*reply.find("content")->find("kind")->text(), "nothing");
  EXPECT_FALSE(explain_message(bench.provider(), Buffer(9, 9), {}).find("error")->is_null());
}

}  // namespace
}  // namespace vouch::enroll::scep
