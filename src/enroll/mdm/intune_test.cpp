// The client of Intune's interface against the simulator, with a real CA behind the SCEP service.
#include "enroll/intune_simulator/simulator.hpp"
#include "enroll/mdm/intune_gate.hpp"
#include "enroll/mdm/intune_revocations.hpp"
#include "enroll/mdm/test_mdm.hpp"
#include "enroll/scep/test_device.hpp"

namespace vouch::enroll::mdm {
namespace {

using intune_simulator::ClientRegistration, intune_simulator::Simulator;
using scep::CertRep, scep::FailInfo, scep::MessageType, scep::PkiStatus;
using testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

class IntuneTest : public scep::ScepTest {
 protected:
  IntuneTest() {
    bench.bench().clock().set(SystemClock().now());
    start({.tenant = "contoso.test", .application = "app-1", .secret = "client secret"});
    connect({});
    use();
  }

  void start(ClientRegistration client) {
    server_.reset();
    simulator_ = std::make_unique<Simulator>(std::move(client), bench.provider(), bench.bench().clock());
    auto routes = std::make_shared<net::Router>();
    for (net::Route& route : simulator_->routes()) EXPECT_TRUE(routes->add(std::move(route)));
    net::ServerSettings settings;
    settings.threads = 1;
    settings.workers = 4;
    net::ListenerSettings listener;
    listener.name = "intune";
    listener.endpoint.address = net::Address::parse("127.0.0.1").value();
    listener.routes = std::move(routes);
    settings.listeners.push_back(std::move(listener));
    server_ = net::Server::start(std::move(settings)).value();
    url_ = fmt::format("http://127.0.0.1:{}", server_->address("intune").port());
    simulator_->reached_at(url_);
  }
  IntuneSettings settings() const {
    IntuneSettings out;
    out.tenant = "contoso.test";
    out.application = "app-1";
    out.secret = "client secret";
    out.login_url = out.graph_url = url_;
    out.caller = "vouch test";
    out.patience = std::chrono::seconds(5);
    return out;
  }
  void connect(std::optional<IntuneSettings> wanted) {
    connection_ =
        IntuneConnection::create(wanted.value_or(settings()), bench.provider(), bench.bench().clock())
            .value();
  }
  void use(IntuneGateSettings wanted = {}) {
    gate_ = std::make_shared<IntuneGate>(connection_, outbox("notifications"), std::move(wanted),
                                         bench.provider(), revoke());
    bench.profile.challenge = gate_;
    bench.profile.listeners = {gate_};
  }
  std::shared_ptr<Outbox> outbox(std::string_view name) {
    return Outbox::open(folder_.path() / name, {}, bench.provider(), bench.bench().clock()).value();
  }
  RevokeCertificate revoke() {
    return [this](Bytes serial) {
      return bench.authority().revoke({to_buffer(serial), x509::CrlReason::cessation_of_operation, {}},
                                      "manager");
    };
  }
  // Something under /simulator.
  Value control(std::string_view what, std::string body = {}) {
    net::FetchRequest request;
    request.url = fmt::format("{}/simulator/{}", url_, what);
    request.method = what == "state" ? "GET" : "POST";
    request.body = std::move(body);
    const auto response = fetcher_.fetch(request);
    if (!response || response->status != 200) {
      ADD_FAILURE() << what << (response ? std::string(as_text(response->body)) : response.error().report());
      return Value::table();
    }
    return parse_json(as_text(response->body)).value();
  }
  std::string challenge(std::string body = R"({"subject": "CN=phone,O=Vouch"})") {
    return *control("challenges", std::move(body)).find("challenge")->text();
  }
  void next(std::string_view operation, std::string_view answer) {
    control("next", fmt::format(R"({{"operation": "{}", {}}})", operation, answer));
  }
  std::vector<Value> recorded(std::string_view list) { return *control("state").find(list)->list_items(); }

  CertRep try_with(const scep::Device& from, std::string_view challenge, std::vector<std::string> san = {},
                   std::vector<x509::Extension> extensions = {}) {
    return exchange(from, MessageType::pkcs_req,
                    request(from, challenge, std::move(san), std::move(extensions)));
  }
  void expect_code(const CertRep& reply, std::string_view code) {
    expect_failure(reply, code, FailInfo::bad_request);
    EXPECT_EQ(reply.attributes.hresult, -2147024810) << "ERROR_INVALID_PASSWORD";
  }

  const TestFolder folder_;
  net::Fetcher fetcher_{net::FetchSettings{}};
  std::unique_ptr<Simulator> simulator_;
  std::unique_ptr<net::Server> server_;
  std::string url_;
  std::shared_ptr<IntuneConnection> connection_;
  std::shared_ptr<IntuneGate> gate_;
};

TEST_F(IntuneTest, ARequestIsValidatedAndItsCertificateTold) {
  const scep::Device phone = device("phone");
  const std::string secret = challenge(
      R"({"subject": "CN=phone,O=Vouch", "alternative_names": ["DNS:phone.test"], "key_bits": 2048})");
  const CertRep reply = try_with(phone, secret, {"DNS:phone.test"});
  ASSERT_EQ(reply.attributes.status, PkiStatus::success) << said();
  const auto successes = recorded("successes");
  ASSERT_THAT(successes, SizeIs(1));
  const x509::CertificateView certificate = x509::parse_certificate(reply.certificates.front()).value();
  EXPECT_EQ(*successes[0].find("transactionId")->text(), phone.transaction.text);
  EXPECT_EQ(*successes[0].find("callerInfo")->text(), "vouch test");
  EXPECT_EQ(from_hex(*successes[0].find("certificateSerialNumber")->text()).value(),
            to_buffer(x509::serial_octets(certificate.serial)));
  EXPECT_EQ(from_hex(*successes[0].find("certificateThumbprint")->text()).value(),
            bench.provider().digest(crypto::DigestAlgorithm::sha1, reply.certificates.front()));
  EXPECT_THAT(*successes[0].find("certificateExpirationDateUtc")->text(), testing::EndsWith(".000Z"));
  // The same again gets the same, and nobody is told twice.
  EXPECT_EQ(try_with(phone, secret, {"DNS:phone.test"}).certificates, reply.certificates);
  EXPECT_THAT(recorded("successes"), SizeIs(1));
  EXPECT_THAT(recorded("validations"), SizeIs(1));
}

TEST_F(IntuneTest, EveryCodeOfTheInterfaceIsAFailure) {
  const scep::Device phone = device("phone");
  const auto refused = [&](std::string_view code, const std::string& secret,
                           std::vector<std::string> san = {}, std::vector<x509::Extension> extensions = {}) {
    SCOPED_TRACE(code);
    expect_code(try_with(device_with(phone.key, "phone"), secret, std::move(san), std::move(extensions)),
                code);
  };
  const auto flawed = [&](std::string_view flaw) {
    return challenge(fmt::format(R"({{"flaw": "{}"}})", flaw));
  };
  const auto usage = [](std::uint16_t bits) {
    return x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(bits));
  };
  const auto purposes = [](const x509::Oid& purpose) {
    return x509::make_extension(x509::oid::kExtendedKeyUsage, false,
                                x509::encode_extended_key_usage({purpose}));
  };
  refused("ChallengePasswordMissing", "");
  refused("ChallengeDecodingError", "no base64!");
  refused("ChallengeDecryptionError", to_base64(Buffer(64, 7)));
  refused("ChallengeDeserializationError", flawed("format"));
  refused("SignatureValidationFailed", flawed("signature"));
  refused("SigningCertThumbprintMismatch", flawed("certificate"));
  refused("ChallengeInvalidTimestamp", flawed("future"));
  refused("ChallengeExpired", flawed("expired"));
  refused("BadCertificateRequestIdInChallenge", flawed("request"));
  refused("BadDeviceIdInChallenge", flawed("device"));
  refused("BadUserIdInChallenge", flawed("user"));
  const Value unassigned = control("challenges", "{}");
  control("unassign", fmt::format(R"({{"request": "{}"}})", *unassigned.find("request")->text()));
  refused("ScepProfileNoLongerTargetedToTheClient", *unassigned.find("challenge")->text());
  refused("AadKeyIdentifierListMissing", challenge(R"({"registered_key": true, "device": "a"})"));
  control("keys", R"({"device": "b", "sha256": "00"})");
  refused("RegisteredKeyMismatch", challenge(R"({"registered_key": true, "device": "b"})"));
  refused("SubjectNameMismatch", challenge(R"({"subject": "CN=tablet"})"));
  refused("SubjectAltNameMissing", challenge(R"({"alternative_names": ["UPN:alice@contoso.test"]})"));
  refused("SubjectAltNameMismatch", challenge(R"({"alternative_names": ["DNS:phone.test"]})"),
          {"DNS:phone.test", "DNS:admin.test"});
  refused("KeyUsageMismatch", challenge(R"({"key_usage": ["digitalSignature"]})"), {},
          {usage(x509::key_encipherment)});
  refused("EnhancedKeyUsageMissing", challenge(R"({"extended_key_usage": ["1.3.6.1.5.5.7.3.2"]})"));
  refused("EnhancedKeyUsageMismatch", challenge(R"({"extended_key_usage": ["1.3.6.1.5.5.7.3.2"]})"), {},
          {purposes(x509::oid::kServerAuth)});
  refused("KeyLengthMismatch", challenge(R"({"key_bits": 4096})"));
  // What a request that this service has read and verified cannot bring about, and what is new to it.
  for (const std::string_view code : {"CertificateRequestDecodingFailed", "SubjectNameMissing", "Unknown"}) {
    next("validateRequest", fmt::format(R"("code": "{}")", code));
    refused(code, "x");
  }
  next("validateRequest", R"("code": "InventedTomorrow")");
  refused("Unknown", "x");
  EXPECT_THAT(bench.events().back().received, HasSubstr("as it was told"));
  EXPECT_THAT(intune_codes(), SizeIs(24));
  EXPECT_EQ(certificates(), 0u);
  EXPECT_TRUE(gate_->deliver());
  EXPECT_THAT(recorded("failures"), IsEmpty()) << "the service knows its own verdicts";
}

TEST_F(IntuneTest, WithoutAVerdictNobodyEnrols) {
  const scep::Device phone = device("phone");
  const std::string secret = challenge();
  for (const int status : {400, 403, 404, 429, 500, 503}) {
    next("validateRequest", fmt::format(R"("status": {})", status));
    EXPECT_EQ(send(message(phone, MessageType::pkcs_req, request(phone, secret)).message).status, 503u)
        << status;
  }
  EXPECT_EQ(certificates(), 0u);
  EXPECT_FALSE(connection_->health()) << "the state says so";
  EXPECT_EQ(try_with(phone, secret).attributes.status, PkiStatus::success) << said();
}

TEST_F(IntuneTest, ACertificateThatTheServiceDoesNotTakeIsRevoked) {
  const scep::Device phone = device("phone");
  const std::string secret = challenge();
  next("successNotification", R"("code": "ChallengeExpired")");
  const CertRep reply = try_with(phone, secret);
  expect_failure(reply, "NotificationRefused", FailInfo::bad_request);
  EXPECT_EQ(reply.attributes.hresult, static_cast<std::int32_t>(0x800710E0)) << "ERROR_REQUEST_REFUSED";
  ASSERT_EQ(certificates(), 1u);
  expect_failure(try_with(phone, secret), "CertificateRevoked", FailInfo::bad_request);
  ASSERT_TRUE(gate_->deliver());
  const auto failures = recorded("failures");
  ASSERT_FALSE(failures.empty());
  EXPECT_THAT(*failures[0].find("errorDescription")->text(), HasSubstr("NotificationRefused"));
  EXPECT_EQ(*failures[0].find("hResult")->integer(), static_cast<std::int32_t>(0x800710E0));
}

TEST_F(IntuneTest, ACertificateThatCannotBeToldIsNotHandedOutYet) {
  const scep::Device phone = device("phone");
  const std::string secret = challenge();
  next("successNotification", R"("status": 503)");
  EXPECT_EQ(send(message(phone, MessageType::pkcs_req, request(phone, secret)).message).status, 503u);
  EXPECT_EQ(certificates(), 1u);
  EXPECT_EQ(try_with(phone, secret).attributes.status, PkiStatus::success) << said();
  EXPECT_EQ(certificates(), 1u) << "the same one";
  EXPECT_THAT(recorded("successes"), SizeIs(1));
}

TEST_F(IntuneTest, WhereNobodyWaitsTheCertificateIsRevokedLater) {
  use({.wait_for_notification = false});
  next("successNotification", R"("code": "Unknown")");
  const scep::Device phone = device("phone");
  const std::string secret = challenge();
  ASSERT_EQ(try_with(phone, secret).attributes.status, PkiStatus::success) << said();
  EXPECT_FALSE(gate_->deliver()) << "the health state says so";
  expect_failure(try_with(phone, secret), "CertificateRevoked", FailInfo::bad_request);
}

TEST_F(IntuneTest, ARefusalOfTheAuthorityIsTold) {
  const scep::Device phone = device("phone");
  const std::string secret = challenge("{}");
  // The template allows no such key.
  const scep::Device small = device("phone", "ec:P-521");
  const CertRep reply = exchange(small, MessageType::pkcs_req, request(small, secret), secret);
  EXPECT_EQ(reply.attributes.status, PkiStatus::failure);
  ASSERT_TRUE(gate_->deliver());
  const auto failures = recorded("failures");
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(*failures[0].find("transactionId")->text(), small.transaction.text);
}

TEST_F(IntuneTest, ARenewalNeedsAChallengeUnlessItIsSaidOtherwise) {
  const scep::Device phone = device("phone");
  const Buffer certificate = try_with(phone, challenge()).certificates.front();
  const scep::Device again = renewing(phone, certificate, "phone");
  expect_code(exchange(again, MessageType::renewal_req, request(again, "")), "ChallengePasswordMissing");
  use({.renewals_without_challenge = true});
  const scep::Device third = renewing(phone, certificate, "phone");
  EXPECT_EQ(exchange(third, MessageType::renewal_req, request(third, "")).attributes.status,
            PkiStatus::success)
      << said();
}

TEST_F(IntuneTest, TokensAreKeptAndFetchedAnewWhenTheyAreTakenBack) {
  ASSERT_EQ(try_with(device("phone"), challenge()).attributes.status, PkiStatus::success) << said();
  control("forget-tokens");
  EXPECT_EQ(try_with(device("phone"), challenge()).attributes.status, PkiStatus::success) << said();
  bench.bench().clock().advance(std::chrono::hours(2));
  EXPECT_EQ(try_with(device("phone"), challenge()).attributes.status, PkiStatus::success) << said();
}

TEST_F(IntuneTest, AWrongSecretIsSaidInTheLogAndNotToTheDevice) {
  IntuneSettings wrong = settings();
  wrong.secret = "another";
  connect(wrong);
  use();
  const scep::Device phone = device("phone");
  const net::Response response = send(message(phone, MessageType::pkcs_req, request(phone, "x")).message);
  EXPECT_EQ(response.status, 503u);
  const Status health = connection_->health();
  ASSERT_FALSE(health);
  EXPECT_THAT(health.error().summary(), HasSubstr("the client secret is wrong"));
  EXPECT_THAT(response.body.view(), testing::Not(HasSubstr("secret")));
}

TEST_F(IntuneTest, ACertificateProvesTheApplicationToo) {
  const auto key = bench.rsa_key();
  const Buffer subject = x509::encode_name(x509::make_name({{x509::oid::kCommonName, "vouch"}}));
  const Buffer certificate =
      scep::make_self_signed(bench.provider(), *signer_of(*key), subject, bench.bench().clock().now())
          .value();
  start({.tenant = "contoso.test", .application = "app-1", .secret = {}, .certificate = certificate});
  IntuneSettings wanted = settings();
  wanted.secret.clear();
  wanted.certificate = certificate;
  wanted.key = to_buffer(as_bytes(key->to_pem({}).value()));
  connect(wanted);
  use();
  EXPECT_EQ(try_with(device("phone"), challenge()).attributes.status, PkiStatus::success) << said();
  wanted.key = to_buffer(as_bytes(bench.rsa_key()->to_pem({}).value()));
  EXPECT_EQ(IntuneConnection::create(wanted, bench.provider(), bench.bench().clock()).error().code(),
            Errc::usage);
}

TEST_F(IntuneTest, SettingsAreChecked) {
  const auto refused = [&](const std::function<void(IntuneSettings&)>& change) {
    IntuneSettings changed = settings();
    change(changed);
    return IntuneConnection::create(changed, bench.provider(), bench.bench().clock()).error().code();
  };
  EXPECT_EQ(refused([](auto& s) { s.tenant.clear(); }), Errc::usage);
  EXPECT_EQ(refused([](auto& s) { s.secret.clear(); }), Errc::usage);
  EXPECT_EQ(refused([](auto& s) { s.login_url = "http://login.example.test"; }), Errc::usage);
  EXPECT_EQ(refused([](auto& s) { s.validation_url = "http://intune.example.test"; }), Errc::usage);
}

TEST_F(IntuneTest, WhatTheServiceWantsRevokedIsRevokedAndReported) {
  const CertRep reply = try_with(device("phone"), challenge());
  const x509::CertificateView certificate = x509::parse_certificate(reply.certificates.front()).value();
  const std::string serial = to_hex(x509::serial_octets(certificate.serial));
  const auto queue = [&](std::string_view number, std::string_view issuer = {}) {
    control("revocations", fmt::format(R"({{"serialNumber": "{}", "issuerName": "{}"}})", number, issuer));
  };
  const std::string issuer = x509::to_rfc4514(certificate.issuer).value();
  queue(serial, issuer);
  queue(serial, issuer);
  queue("0102030405060708");
  queue("no number");
  queue(serial, "CN=Somebody Else");
  const IntuneRevocations worker(connection_, outbox("results"),
                                 {.batch = 2, .issuer_name = to_buffer(certificate.issuer)}, revoke());
  const Status done = worker.run();
  ASSERT_TRUE(done) << done.error().report();
  const auto results = recorded("results");
  ASSERT_THAT(results, SizeIs(5));
  const std::string_view expected[] = {"None", "ConflictError", "CertificateNotFoundError",
                                       "ParameterDataInvalidError", "CertificateNotFoundError"};
  for (std::size_t n = 0; n < std::size(expected); ++n) {
    EXPECT_EQ(*results[n].find("errorCode")->text(), expected[n]) << n;
    EXPECT_EQ(*results[n].find("succeeded")->boolean(), n == 0) << n;
  }
  const auto record = bench.bench()
                          .database()
                          .snapshot()
                          .value()
                          ->certificate(x509::serial_octets(certificate.serial))
                          .value();
  EXPECT_TRUE(record.revocation.has_value());
  EXPECT_EQ(*control("state").find("revocations_waiting")->integer(), 0);
}

TEST_F(IntuneTest, AnAccountThatMayNotRevokeIsReportedAsThat) {
  control("revocations", R"({"serialNumber": "0102"})");
  const IntuneRevocations worker(connection_, outbox("results"), {}, [](Bytes) -> Status {
    return make_error(Errc::denied, "intune:contoso is no manager");
  });
  ASSERT_TRUE(worker.run());
  EXPECT_EQ(*recorded("results")[0].find("errorCode")->text(), "AuthenticationException");
}

// A certificate that is revoked and whose result did not arrive is reported after a restart, not revoked
// again.
TEST_F(IntuneTest, ResultsSurviveARestart) {
  const CertRep reply = try_with(device("phone"), challenge());
  const x509::CertificateView certificate = x509::parse_certificate(reply.certificates.front()).value();
  control("revocations",
          fmt::format(R"({{"serialNumber": "{}"}})", to_hex(x509::serial_octets(certificate.serial))));
  next("uploadRevocationResults", R"("status": 503)");
  EXPECT_FALSE(IntuneRevocations(connection_, outbox("results"), {}, revoke()).run());
  EXPECT_THAT(recorded("results"), IsEmpty());
  ASSERT_TRUE(IntuneRevocations(connection_, outbox("results"), {}, revoke()).run());
  ASSERT_THAT(recorded("results"), SizeIs(1));
  EXPECT_EQ(*recorded("results")[0].find("errorCode")->text(), "None");
}

TEST(IntuneTextTest, AnswersOfTheServiceAreReadWithCare) {
  const auto parse = [](std::string_view text) {
    return parse_revocation_requests(parse_json(text).value());
  };
  EXPECT_THAT(parse(R"({"value": []})").value(), IsEmpty());
  EXPECT_EQ(parse(R"({"value": [{"requestContext": "a", "serialNumber": "01"}, {"serialNumber": "02"}, 7]})")
                .value()
                .size(),
            1u);
  EXPECT_FALSE(parse("{}"));
  EXPECT_FALSE(parse(R"({"value": true})"));
  std::string many = R"({"value": [)";
  for (int n = 0; n < 501; ++n) many += n == 0 ? "1" : ",1";
  EXPECT_FALSE(parse(many + "]}"));
}

}  // namespace
}  // namespace vouch::enroll::mdm
