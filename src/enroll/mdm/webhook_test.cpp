#include "enroll/mdm/webhook.hpp"

#include "crypto/hmac.hpp"
#include "enroll/mdm/test_mdm.hpp"
#include "enroll/scep/test_device.hpp"

namespace vouch::enroll::mdm {
namespace {

using scep::CertRep, scep::FailInfo, scep::MessageType, scep::PkiStatus;
using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::Not,
    testing::SizeIs;

constexpr std::string_view kSecret = "a secret of the webhook";

class WebhookTest : public scep::ScepTest {
 protected:
  std::shared_ptr<const Webhook> webhook(const std::string& url,
                                         std::chrono::milliseconds patience = std::chrono::seconds(5)) {
    return Webhook::create({.id = "mdm",
                            .url = url,
                            .secret = to_buffer(as_bytes(kSecret)),
                            .bearer = "token",
                            .patience = patience},
                           bench.provider(), bench.bench().clock())
        .value();
  }
  void decide_by(const std::string& url, std::chrono::milliseconds patience = std::chrono::seconds(5)) {
    bench.profile.challenge = std::make_shared<WebhookPolicy>(webhook(url, patience));
  }
  std::shared_ptr<WebhookNotifier> notify(const std::string& url) {
    std::shared_ptr<Outbox> outbox =
        Outbox::open(folder_.path() / "outbox", {}, bench.provider(), bench.bench().clock()).value();
    auto notifier = std::make_shared<WebhookNotifier>(webhook(url), std::move(outbox));
    bench.profile.listeners = {notifier};
    return notifier;
  }
  // The HTTP status that a device gets.
  unsigned status_for(const scep::Device& from, std::string_view challenge) {
    return send(message(from, MessageType::pkcs_req, request(from, challenge)).message).status;
  }
  const TestFolder folder_;
};

TEST_F(WebhookTest, TheServiceIsAskedAsStepCaAsks) {
  TestServer server([](const Heard&) { return json(R"({"allow": true, "data": {"device": "d-7"}})"); });
  decide_by(server.url() + "/decide");
  const scep::Device phone = device("phone");
  const CertRep reply =
      exchange(phone, MessageType::pkcs_req, request(phone, "the challenge", {"DNS:phone.test"}));
  EXPECT_EQ(reply.attributes.status, PkiStatus::success) << said();
  ASSERT_THAT(server.heard(), SizeIs(1));
  const Heard heard = server.heard().front();
  EXPECT_EQ(heard.path, "/decide");
  EXPECT_EQ(heard.authorization, "Bearer token");
  EXPECT_EQ(heard.signature,
            to_hex(crypto::hmac_sha256(bench.provider(), as_bytes(kSecret), as_bytes(heard.body))));
  const Value body = heard.json();
  EXPECT_EQ(*body.find("provisionerName")->text(), "devices");
  EXPECT_EQ(*body.find("scepChallenge")->text(), "the challenge");
  EXPECT_EQ(*body.find("scepTransactionID")->text(), phone.transaction.text);
  EXPECT_FALSE(*body.find("isRenewal")->boolean());
  const Value& described = *body.find("x509CertificateRequest");
  EXPECT_EQ(*described.find("subject")->find("commonName")->text(), "phone");
  EXPECT_EQ(*described.find("dnsNames")->list_items()->front().text(), "phone.test");
  EXPECT_EQ(*described.find("publicKeyAlgorithm")->text(), "RSA");
  const Buffer raw = from_base64(*described.find("raw")->text()).value();
  EXPECT_TRUE(x509::parse_request(raw)) << "raw is the request";
}

TEST_F(WebhookTest, ANoIsAFailureWithTheServicesCode) {
  TestServer server([](const Heard&) {
    return json(R"({"allow": false, "error": {"code": "DeviceUnknown", "message": "no device d-8"}})");
  });
  decide_by(server.url());
  const scep::Device phone = device("phone");
  expect_failure(exchange(phone, MessageType::pkcs_req, request(phone, "wrong")), "DeviceUnknown",
                 FailInfo::bad_request);
  EXPECT_EQ(bench.events().back().received, "no device d-8");
  EXPECT_EQ(certificates(), 0u);
}

TEST_F(WebhookTest, ACodeThatIsNoWordIsReplaced) {
  TestServer server(
      [](const Heard&) { return json("{\"allow\": false, \"error\": {\"code\": \"a\\nb\"}}"); });
  decide_by(server.url());
  const scep::Device phone = device("phone");
  expect_failure(exchange(phone, MessageType::pkcs_req, request(phone, "x")), "WebhookDenied",
                 FailInfo::bad_request);
}

// Whatever is no clear yes lets nobody in; the device may come again.
TEST_F(WebhookTest, WithoutADecisionNobodyEnrols) {
  const scep::Device phone = device("phone");
  for (const std::string_view answer : {"", "yes", "[]", "{}", R"({"allow": "true"})", R"({"allow": 1})"}) {
    TestServer server([&](const Heard&) { return json(std::string(answer)); });
    decide_by(server.url());
    EXPECT_EQ(status_for(phone, "x"), 503u) << answer;
  }
  for (const unsigned status : {302u, 400u, 401u, 404u, 429u, 500u, 503u}) {
    TestServer server([&](const Heard&) { return json(R"({"allow": true})", status); });
    decide_by(server.url());
    EXPECT_EQ(status_for(phone, "x"), 503u) << status;
  }
  TestServer large(
      [](const Heard&) { return json(R"({"allow": true, "data": ")" + std::string(100'000, 'x') + "\"}"); });
  decide_by(large.url());
  EXPECT_EQ(status_for(phone, "x"), 503u);
  std::string gone;
  {
    const TestServer server([](const Heard&) { return json("{}"); });
    gone = server.url();
  }
  decide_by(gone);
  EXPECT_EQ(status_for(phone, "x"), 503u);
  EXPECT_EQ(certificates(), 0u);
}

TEST_F(WebhookTest, TheServiceHasItsTimeAndNoMore) {
  TestServer slow([](const Heard&) {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    return json(R"({"allow": true})");
  });
  decide_by(slow.url(), std::chrono::milliseconds(300));
  EXPECT_EQ(status_for(device("phone"), "x"), 503u);
}

TEST_F(WebhookTest, SettingsThatWouldGiveSecretsAwayAreRefused) {
  const auto create = [&](std::string url, Buffer secret) {
    return Webhook::create({.id = "mdm", .url = std::move(url), .secret = std::move(secret)},
                           bench.provider(), bench.bench().clock());
  };
  const Buffer secret = to_buffer(as_bytes(kSecret));
  EXPECT_TRUE(create("https://mdm.example.test/hook", secret));
  EXPECT_TRUE(create("http://localhost:8080/hook", secret));
  EXPECT_TRUE(create("http://[::1]/hook", secret));
  for (const std::string_view url :
       {"http://mdm.example.test/hook", "http://127.0.0.1@mdm.example.test/", "ftp://127.0.0.1/",
        "http://127.0.0.1.example.test/", "http://localhost.example.test", ""})
    EXPECT_EQ(create(std::string(url), secret).error().code(), Errc::usage) << url;
  EXPECT_EQ(create("https://mdm.example.test/hook", Buffer(15, 'x')).error().code(), Errc::usage);
}

TEST_F(WebhookTest, CertificatesAndRefusalsAreTold) {
  TestServer server([](const Heard&) { return json("{}"); });
  const auto notifier = notify(server.url());
  const scep::Device phone = device("phone");
  const Buffer certificate = enrol(phone);
  enrol(phone);  // asks again: told once
  const scep::Device thief = device("thief");
  (void)exchange(thief, MessageType::pkcs_req, request(thief, "wrong"));
  EXPECT_THAT(server.heard(), IsEmpty()) << "no device waits for it";
  ASSERT_TRUE(notifier->deliver());
  ASSERT_THAT(server.heard(), SizeIs(2));
  const Value success = server.heard()[0].json(), failure = server.heard()[1].json();
  EXPECT_EQ(*success.find("x509Certificate")->find("raw")->text(), to_base64(certificate));
  EXPECT_EQ(*success.find("scepTransactionID")->text(), phone.transaction.text);
  EXPECT_EQ(failure.find("x509Certificate"), nullptr);
  EXPECT_EQ(*failure.find("scepErrorCode")->integer(), -2147024810) << "ERROR_INVALID_PASSWORD as HRESULT";
  EXPECT_THAT(*failure.find("scepErrorDescription")->text(), HasSubstr("ChallengePasswordMismatch"));
}

TEST_F(WebhookTest, WhatCannotBeToldNowIsToldLater) {
  std::atomic<unsigned> status{503};
  TestServer server([&](const Heard&) { return json("{}", status); });
  const auto notifier = notify(server.url());
  enrol(device("phone"));
  const Status told = notifier->deliver();
  ASSERT_FALSE(told);
  EXPECT_THAT(told.error().summary(), HasSubstr("1 notifications wait"));
  status = 200;
  bench.bench().clock().advance(std::chrono::minutes(1));
  EXPECT_TRUE(notifier->deliver());
}

TEST(SafeTextTest, NothingOfOthersCanBreakALine) {
  EXPECT_EQ(safe_code("DeviceUnknown", "X"), "DeviceUnknown");
  EXPECT_EQ(safe_code("", "X"), "X");
  EXPECT_EQ(safe_code("a b", "X"), "X");
  EXPECT_EQ(safe_code(std::string(65, 'a'), "X"), "X");
  EXPECT_EQ(safe_sentence("one\r\ntwo\x1b[31m"), "one  two [31m");
  EXPECT_EQ(safe_sentence("\xff\xfe ok"), "   ok");
  EXPECT_EQ(safe_sentence(std::string(300, 'a')).size(), 255u);
  EXPECT_EQ(safe_sentence(std::string(254, 'a') + "ä"), std::string(254, 'a'))
      << "no character is cut in two";
}

}  // namespace
}  // namespace vouch::enroll::mdm
