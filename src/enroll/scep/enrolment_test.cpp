#include <thread>

#include "ca/challenges.hpp"
#include "enroll/scep/test_device.hpp"

namespace vouch::enroll::scep {
namespace {

using crypto::ContentCipher, crypto::KeyTransport;

class ScepEnrolment : public ScepTest {};

TEST_F(ScepEnrolment, GivesACertificateInEveryLayoutOfKeys) {
  for (const auto& [layout, change] : std::map<std::string, std::function<void()>>{
           {"one RA certificate", [] {}},
           {"two RA certificates", [&] { bench.set_ra_keys(RaLayout::two); }},
           {"the CA's own", [&] { bench.set_ca_keys(); }}}) {
    change();
    const Device router = device("router");
    const Buffer certificate = enrol(router, {"DNS:router.vouch.test"});
    ASSERT_FALSE(certificate.empty()) << layout;
    const auto view = x509::parse_certificate(certificate).value();
    EXPECT_TRUE(equal(view.public_key_info, router.key->public_key_info()));
    EXPECT_EQ(x509::to_rfc4514(view.subject).value(), "CN=router,O=Vouch");
  }
}

TEST_F(ScepEnrolment, AnswersInTheWayThatItIsAsked) {
  for (const auto cipher : {ContentCipher::aes128_cbc, ContentCipher::aes192_cbc, ContentCipher::aes256_cbc,
                            ContentCipher::des_ede3_cbc})
    for (const auto transport :
         {KeyTransport::rsa_pkcs1, KeyTransport::rsa_oaep_sha1, KeyTransport::rsa_oaep_sha256}) {
      const Device router = device("router");
      const MadeRequest made = message(router, MessageType::pkcs_req, request(router), cipher, transport);
      const net::Response response = send(made.message);
      EXPECT_EQ(read(router, response, made.nonce).attributes.status, PkiStatus::success) << said();
      const PkiMessage reply = read_pki_message(as_bytes(response.body.view())).value();
      EXPECT_EQ(reply.digest, crypto::DigestAlgorithm::sha256);
      EXPECT_EQ(reply.signer().signature_algorithm.algorithm, x509::oid::kRsaEncryption);
      const auto envelope = cms::parse_enveloped_data(reply.content()).value();
      EXPECT_EQ(cms::content_cipher_of(envelope).value(), cipher);
      ASSERT_EQ(envelope.recipients.size(), 1u);
      EXPECT_EQ(cms::key_transport_of(envelope.recipients.front()).value(), transport);
    }
}

TEST_F(ScepEnrolment, MirrorsTheDigestAndSendsAFreshNonce) {
  Device router = device("router");
  router.identity.signer = router.key->signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha512).value();
  const MadeRequest made = message(router, MessageType::pkcs_req, request(router));
  const PkiMessage first = read_pki_message(as_bytes(send(made.message).body.view())).value();
  const PkiMessage second = read_pki_message(as_bytes(send(made.message).body.view())).value();
  EXPECT_EQ(first.digest, crypto::DigestAlgorithm::sha512);
  EXPECT_EQ(first.attributes.recipient_nonce, made.nonce);
  EXPECT_EQ(first.attributes.sender_nonce.size(), kNonceSize);
  EXPECT_NE(first.attributes.sender_nonce, made.nonce) << "a reflected nonce proves nothing";
  EXPECT_NE(first.attributes.sender_nonce, second.attributes.sender_nonce);
}

TEST_F(ScepEnrolment, RefusesSingleDesUnlessTheProfileIsLegacy) {
  const Device old = device("old");
  const MadeRequest made = message(old, MessageType::pkcs_req, request(old), ContentCipher::des_cbc);
  expect_failure(read(old, send(made.message), made.nonce), "AlgorithmRefused", FailInfo::bad_alg);
  EXPECT_THAT(said(), HasSubstr("DES-CBC is too weak"));
  bench.profile.floor.single_des = true;
  const net::Response response = send(made.message);
  EXPECT_EQ(read(old, response, made.nonce).attributes.status, PkiStatus::success) << said();
  EXPECT_TRUE(bench.events().back().legacy);
  const PkiMessage reply = read_pki_message(as_bytes(response.body.view())).value();
  EXPECT_EQ(cms::content_cipher_of(cms::parse_enveloped_data(reply.content()).value()).value(),
            ContentCipher::des_cbc);
}

TEST_F(ScepEnrolment, RefusesTripleDesWhereTheProfileIsStrict) {
  bench.profile.floor.triple_des = false;
  const Device phone = device("phone");
  const MadeRequest made = message(phone, MessageType::pkcs_req, request(phone), ContentCipher::des_ede3_cbc);
  expect_failure(read(phone, send(made.message), made.nonce), "AlgorithmRefused", FailInfo::bad_alg);
}

TEST_F(ScepEnrolment, AnswersAnEllipticCurveClientUnderItsChallenge) {
  const Device sensor = device("sensor", "ec:P-256");
  const CertRep reply = exchange(sensor, MessageType::pkcs_req, request(sensor), "secret");
  EXPECT_EQ(reply.attributes.status, PkiStatus::success) << said();
  ASSERT_EQ(reply.certificates.size(), 1u);
  // Without a challenge the certificate could not be delivered: it must not be issued.
  const Device mute = device("mute", "ec:P-256");
  const std::uint64_t before = certificates();
  expect_failure(exchange(mute, MessageType::pkcs_req, request(mute, "")), "KeyCannotReceive",
                 FailInfo::bad_alg);
  EXPECT_EQ(certificates(), before);
}

TEST_F(ScepEnrolment, OpensWhatWasEncryptedForAnEarlierCertificate) {
  const Device router = device("router");
  const MadeRequest made = message(router, MessageType::pkcs_req, request(router));
  bench.set_ra_keys(RaLayout::one);
  EXPECT_EQ(read(router, send(made.message), made.nonce).attributes.status, PkiStatus::success) << said();
}

TEST_F(ScepEnrolment, RefusesWhatIsForAnotherService) {
  const Device router = device("router"), other = device("other");
  const MadeRequest made = make_request(bench.provider(), router.identity,
                                        {.type = MessageType::pkcs_req,
                                         .transaction = router.transaction,
                                         .content = request(router),
                                         .recipient = other.identity.certificate})
                               .value();
  expect_failure(read(router, send(made.message), made.nonce), "RecipientUnknown",
                 FailInfo::bad_message_check);
}

TEST_F(ScepEnrolment, RefusesAWrongAMissingAndADoubleChallenge) {
  const Device router = device("router");
  expect_failure(exchange(router, MessageType::pkcs_req, request(router, "Secret")),
                 "ChallengePasswordMismatch", FailInfo::bad_request);
  expect_failure(exchange(router, MessageType::pkcs_req, request(router, "secret!")),
                 "ChallengePasswordMismatch", FailInfo::bad_request);
  expect_failure(exchange(router, MessageType::pkcs_req, request(router, "")), "ChallengePasswordMissing",
                 FailInfo::bad_request);
  const auto signer = signer_of(*router.key);
  asn1::Writer password;
  password.string(asn1::Tag::utf8_string, "secret");
  const Buffer info = x509::encode_request_info({router.subject,
                                                 router.key->public_key_info(),
                                                 {},
                                                 {{x509::oid::kChallengePassword, password.bytes()},
                                                  {x509::oid::kChallengePassword, password.bytes()}}});
  const Buffer twice =
      x509::encode_request(info, x509::encode(signer->algorithm()), signer->sign(info).value());
  expect_failure(exchange(router, MessageType::pkcs_req, twice), "ChallengeDecodingError",
                 FailInfo::bad_request);
  EXPECT_EQ(certificates(), 0u);
  for (const Event& event : bench.events())
    EXPECT_THAT(event.code + event.detail + event.expected + event.received, Not(HasSubstr("ecret")));
  EXPECT_FALSE(enrol(router).empty()) << "a refusal does not use up the transaction";
}

TEST_F(ScepEnrolment, TakesAChallengeWithPadding) {
  const Device router = device("router");
  const CertRep reply =
      exchange(router, MessageType::pkcs_req, request(router, std::string_view("secret\0\0", 8)));
  EXPECT_EQ(reply.attributes.status, PkiStatus::success) << said();
}

TEST_F(ScepEnrolment, RefusesARequestForAnotherKey) {
  const Device router = device("router"), victim = device("victim");
  expect_failure(exchange(router, MessageType::pkcs_req, request(victim)), "KeyMismatch",
                 FailInfo::bad_request);
}

TEST_F(ScepEnrolment, TheSameRequestAgainGetsTheSameCertificate) {
  const Device router = device("router");
  const Buffer csr = request(router);
  const CertRep first = exchange(router, MessageType::pkcs_req, csr);
  const CertRep second = exchange(router, MessageType::pkcs_req, csr);
  ASSERT_EQ(first.certificates.size(), 1u);
  EXPECT_EQ(first.certificates, second.certificates);
  // Another request under the same transaction is not answered with the first one's certificate.
  expect_failure(exchange(router, MessageType::pkcs_req, request(router, "secret", {"DNS:other.vouch.test"})),
                 "TransactionReused", FailInfo::bad_request);
  revoke(first.certificates.front());
  expect_failure(exchange(router, MessageType::pkcs_req, csr), "CertificateRevoked", FailInfo::bad_request);
}

TEST_F(ScepEnrolment, TheSameMessageManyTimesAtOnceGivesOneCertificate) {
  const Device router = device("router");
  const MadeRequest made = message(router, MessageType::pkcs_req, request(router));
  const auto responder = bench.responder();
  std::mutex mutex;
  std::set<Buffer> got;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n) {
        net::Request http;
        http.method = net::Method::post;
        http.query = "operation=PKIOperation";
        http.body = as_text(made.message);
        const CertRep reply = read(router, responder->answer(http), made.nonce);
        EXPECT_NE(reply.attributes.status, PkiStatus::failure);
        const std::scoped_lock lock(mutex);
        got.insert(reply.certificates.empty() ? Buffer() : reply.certificates.front());
      }
    });
  for (std::thread& thread : threads) thread.join();
  got.erase(Buffer());  // who came while the certificate was being signed was told to wait
  EXPECT_EQ(got.size(), 1u);
  EXPECT_EQ(certificates(), 1u);
}

TEST_F(ScepEnrolment, ADenialByARuleIsTriedAgainAndOneByAPersonStays) {
  ASSERT_TRUE(
      ca::withdraw_template(bench.bench().environment(), bench.authority().record().id, "ScepDevice"));
  const Device router = device("router");
  const Buffer csr = request(router);
  expect_failure(exchange(router, MessageType::pkcs_req, csr), "template.published", FailInfo::bad_request);
  ASSERT_TRUE(ca::publish_template(bench.bench().environment(), bench.authority().record().id, "ScepDevice"));
  bench.profile.challenge_approves = false;
  EXPECT_EQ(exchange(router, MessageType::pkcs_req, csr).attributes.status, PkiStatus::pending) << said();
  ASSERT_TRUE(bench.authority().deny(bench.events().back().request, "manager", "not ours"));
  expect_failure(exchange(router, MessageType::pkcs_req, csr), "RequestDenied", FailInfo::bad_request);
  expect_failure(exchange(router, MessageType::pkcs_req, csr), "RequestDenied", FailInfo::bad_request);
}

TEST_F(ScepEnrolment, WaitsForAPersonAndIsPolledByEitherMessage) {
  bench.profile.challenge_approves = false;
  const Device router = device("router");
  const Buffer csr = request(router);
  const Buffer poll = encode_issuer_and_subject(
      {x509::parse_certificate(bench.chain().front()).value().subject, router.subject});
  EXPECT_EQ(exchange(router, MessageType::pkcs_req, csr).attributes.status, PkiStatus::pending) << said();
  EXPECT_EQ(exchange(router, MessageType::cert_poll, poll).attributes.status, PkiStatus::pending);
  const Device stranger = device("router");
  expect_failure(exchange(stranger, MessageType::cert_poll, poll), "TransactionUnknown",
                 FailInfo::bad_cert_id);
  const Device other = device("other");
  expect_failure(
      exchange(router, MessageType::cert_poll, encode_issuer_and_subject({other.subject, other.subject})),
      "TransactionUnknown", FailInfo::bad_cert_id);
  EXPECT_EQ(bench.events().back().expected, "CN=router,O=Vouch");
  ASSERT_TRUE(bench.authority().approve(bench.events().front().request, "manager"));
  const CertRep polled = exchange(router, MessageType::cert_poll, poll);
  EXPECT_EQ(polled.attributes.status, PkiStatus::success) << said();
  EXPECT_EQ(exchange(router, MessageType::pkcs_req, csr).certificates, polled.certificates);
}

// The host that got the message first died between handing it in and approving it.
TEST_F(ScepEnrolment, WhatAnotherHostLeftHalfDoneIsFinishedByTheSameRequest) {
  const Device router = device("router");
  const Buffer csr = request(router), wrong = request(router, "wrong");
  bench.profile.challenge_approves = false;
  EXPECT_EQ(exchange(router, MessageType::pkcs_req, csr).attributes.status, PkiStatus::pending) << said();
  const ca::RequestId id = bench.events().back().request;
  bench.profile.challenge_approves = true;
  const CertRep reply = exchange(router, MessageType::pkcs_req, csr);
  EXPECT_EQ(reply.attributes.status, PkiStatus::success) << said();
  EXPECT_EQ(bench.events().back().request, id);
  EXPECT_EQ(exchange(router, MessageType::pkcs_req, csr).certificates, reply.certificates);
  EXPECT_NE(exchange(router, MessageType::pkcs_req, wrong).attributes.status, PkiStatus::success);
}

TEST_F(ScepEnrolment, AnEllipticCurveClientPollsUnderItsChallenge) {
  bench.profile.challenge_approves = false;
  const Device sensor = device("sensor", "ec:P-256");
  EXPECT_EQ(exchange(sensor, MessageType::pkcs_req, request(sensor), "secret").attributes.status,
            PkiStatus::pending);
  ASSERT_TRUE(bench.authority().approve(bench.events().front().request, "manager"));
  const CertRep polled = exchange(sensor, MessageType::cert_poll,
                                  encode_issuer_and_subject({sensor.subject, sensor.subject}), "secret");
  EXPECT_EQ(polled.certificates.size(), 1u) << said();
}

// The authority, which judges the challenge, keeps none of it.
TEST_F(ScepEnrolment, AnEllipticCurveClientPollsUnderAChallengeThatTheAuthorityJudged) {
  ASSERT_TRUE(ca::set_single_password(bench.bench().environment(), "Device Root", "devices", "battery staple",
                                      "admin"));
  bench.profile.challenge = std::make_shared<const AuthorityChallenge>(false);
  bench.profile.challenge_approves = false;
  ASSERT_TRUE(ca::set_in_template(bench.bench().environment(), "ScepDevice", "approval", "true", "admin"));
  const Device sensor = device("sensor", "ec:P-256");
  EXPECT_EQ(exchange(sensor, MessageType::pkcs_req, request(sensor, "battery staple"), "battery staple")
                .attributes.status,
            PkiStatus::pending)
      << said();
  const auto record =
      bench.bench().database().snapshot().value()->request(bench.events().front().request).value();
  EXPECT_EQ(as_text(record.request).find("battery"), std::string_view::npos);
  for (const auto& [name, value] : record.attributes)
    EXPECT_EQ(value.find("battery"), std::string::npos) << name;
  ASSERT_TRUE(bench.authority().approve(record.id, "manager"));
  bench.set_ra_keys(RaLayout::two);  // renewed meanwhile
  const CertRep polled =
      exchange(sensor, MessageType::cert_poll, encode_issuer_and_subject({sensor.subject, sensor.subject}),
               "battery staple");
  EXPECT_EQ(polled.certificates.size(), 1u) << said();
}

TEST_F(ScepEnrolment, ChoosesTheTemplateByNameAndByKeyUsage) {
  bench.profile.templates = {
      .signature = "ScepDevice", .encryption = "Nonexistent", .by_name = {"WebServer"}};
  const auto usage = [&](std::uint16_t bits) {
    const Device router = device("router");
    const auto extension = x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(bits));
    return exchange(router, MessageType::pkcs_req, request(router, "secret", {}, {extension}));
  };
  const auto named = [&](std::string_view name) {
    const Device router = device("router");
    const auto extension =
        x509::make_extension(x509::oid::kMsTemplateName, false, x509::encode_template_name(name));
    return exchange(router, MessageType::pkcs_req, request(router, "secret", {}, {extension}));
  };
  EXPECT_EQ(usage(x509::digital_signature).attributes.status, PkiStatus::success) << said();
  expect_failure(usage(x509::key_encipherment), "template.known", FailInfo::bad_request);
  expect_failure(usage(x509::digital_signature | x509::key_encipherment), "TemplateRefused",
                 FailInfo::bad_request);
  expect_failure(named("WebServer"), "template.published", FailInfo::bad_request);
  expect_failure(named("SubCA"), "TemplateRefused", FailInfo::bad_request);
  EXPECT_EQ(bench.events().back().received, "SubCA");
  EXPECT_EQ(named("ScepDevice").attributes.status, PkiStatus::success) << said();
}

}  // namespace
}  // namespace vouch::enroll::scep
