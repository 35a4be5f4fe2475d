#include "enroll/scep/responder.hpp"

#include <algorithm>

#include "enroll/scep/test_device.hpp"

namespace vouch::enroll::scep {
namespace {

class Module final : public ChallengePolicy {
 public:
  Result<ChallengeVerdict> check(const ChallengeQuestion&) const override {
    return make_error(Errc::unavailable, "the webhook does not answer");
  }
  bool is_module() const override { return true; }
};

class ScepResponder : public ScepTest {
 protected:
  std::vector<Buffer> given() {
    return cms::certificates_of(as_bytes(ask("operation=GetCACert&message=default").body.view())).value();
  }
  // A PKCSReq with these attributes beside a good content.
  CertRep with_attributes(const Device& from, MessageAttributes attributes, const Buffer& nonce) {
    PkiMessageInput input;
    const cms::RecipientInput to{
        cms::identifier_of(x509::parse_certificate(bench.encryption_certificate()).value()),
        x509::parse_certificate(bench.encryption_certificate()).value().public_key_info};
    const Buffer csr = request(from);
    const Buffer envelope =
        cms::encode_enveloped_data(bench.provider(), {.content = csr}, std::span(&to, 1)).value();
    input.attributes = std::move(attributes);
    input.content = envelope;
    input.signer = from.identity.signer.get();
    input.signer_certificate = from.identity.certificate;
    input.certificates = {from.identity.certificate};
    return read(from, send(encode_pki_message(bench.provider(), input).value()), nonce);
  }
};

TEST_F(ScepResponder, TellsWhatItCanDo) {
  const net::Response response = ask("operation=GetCACaps&message=x");
  EXPECT_THAT(response.content_type, testing::StartsWith("text/plain"));
  EXPECT_EQ(response.body.view(),
            "AES\nDES3\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-384\nSHA-512\n");
  bench.profile.floor = {.triple_des = false, .single_des = true, .sha1 = true};
  bench.profile.renewal.allowed = false;
  EXPECT_EQ(ask("operation=GetCACaps").body.view(),
            "AES\nPOSTPKIOperation\nSCEPStandard\nSHA-1\nSHA-256\nSHA-384\nSHA-512\n");
  bench.profile.capabilities = "POSTPKIOperation\n";
  EXPECT_EQ(ask("operation=GetCACaps").body.view(), "POSTPKIOperation\n");
}

TEST_F(ScepResponder, GivesItsCertificatesFirst) {
  EXPECT_EQ(ask("operation=GetCACert").content_type, "application/x-x509-ca-ra-cert");
  EXPECT_EQ(given(), (std::vector<Buffer>{bench.keys().signing_certificate, bench.chain().front()}));
  bench.set_ra_keys(RaLayout::two);
  EXPECT_EQ(given(), (std::vector<Buffer>{bench.keys().signing_certificate, bench.encryption_certificate(),
                                          bench.chain().front()}));
  bench.profile.include_root = false;
  EXPECT_EQ(given().back(), bench.chain().front()) << "a root that issues itself stays";
  bench.set_ca_keys();
  bench.profile.mode = Profile::Mode::ca;
  const net::Response response = ask("operation=GetCACert");
  EXPECT_EQ(response.content_type, "application/x-x509-ca-cert");
  EXPECT_EQ(to_buffer(as_bytes(response.body.view())), bench.chain().front());
}

TEST_F(ScepResponder, GivesTheNextCertificateUnderASignature) {
  EXPECT_EQ(ask("operation=GetNextCACert").status, 404u);
  Surroundings surroundings = bench.surroundings();
  const Buffer next = device("Next Root").identity.certificate;
  surroundings.rollover = [&]() -> std::optional<Rollover> {
    return Rollover{{next}, bench.keys().signing_certificate, bench.keys().signers.front()};
  };
  const auto responder = Responder::create(surroundings, bench.profile).value();
  net::Request http;
  http.method = net::Method::get;
  http.query = "operation=GetNextCACert&message=x";
  const net::Response response = responder->answer(http);
  EXPECT_EQ(response.content_type, "application/x-x509-next-ca-cert");
  const auto outer = cms::parse_signed_data(as_bytes(response.body.view())).value();
  const auto reports = cms::verify_signers(bench.provider(), outer);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports.front().status.has_value());
  EXPECT_EQ(cms::certificates_of(*outer.content).value(), std::vector<Buffer>{next});
  http.query = "operation=GetCACaps";
  EXPECT_THAT(std::string(responder->answer(http).body.view()), HasSubstr("GetNextCACert\n"));
}

TEST_F(ScepResponder, AnswersABrowserAsNdesDoes) {
  EXPECT_EQ(ask("").status, 200u);
  EXPECT_THAT(std::string(ask("").body.view()), HasSubstr("Network Device Enrollment Service"));
  bench.profile.challenge = std::make_shared<Module>();
  EXPECT_EQ(ask("").status, 403u);
  EXPECT_EQ(ask("").notes.substatus, 0u);
  EXPECT_EQ(ask("operation=GetCACaps").status, 200u);
  EXPECT_EQ(ask("operation=Nonsense").status, 400u);
  EXPECT_EQ(ask("operation=PKIOperation&message=AAAA").status, 400u);
}

TEST_F(ScepResponder, AsksToTryAgainWhenSomethingIsOutOfReach) {
  const Device router = device("router");
  const MadeRequest made = message(router, MessageType::pkcs_req, request(router));
  bench.keys_out_of_reach = true;
  EXPECT_EQ(send(made.message).status, 503u);
  bench.keys_out_of_reach = false;
  bench.profile.challenge = std::make_shared<Module>();
  const net::Response response = send(made.message);
  EXPECT_EQ(response.status, 503u);
  ASSERT_EQ(response.fields.size(), 1u);
  EXPECT_EQ(response.fields.front().first, "Retry-After");
  EXPECT_EQ(certificates(), 0u);
}

TEST_F(ScepResponder, NobodyEnrolsWithoutAPolicy) {
  bench.profile.challenge = nullptr;
  EXPECT_EQ(Responder::create(bench.surroundings(), bench.profile).error().code(), Errc::usage);
  EXPECT_EQ(StaticPassword::create(crypto::openssl::make_provider(), "").error().code(), Errc::usage);
}

TEST_F(ScepResponder, MissesAttributesAndUnknownTypes) {
  const Device router = device("router");
  const Buffer nonce(16, 7);
  MessageAttributes all;
  all.type = MessageType::pkcs_req;
  all.transaction = router.transaction;
  all.sender_nonce = nonce;
  MessageAttributes some = all;
  some.type.reset();
  expect_failure(with_attributes(router, some, nonce), "AttributeMissing", FailInfo::bad_message_check);
  some = all;
  some.type = MessageType(99);
  expect_failure(with_attributes(router, some, nonce), "MessageTypeUnknown", FailInfo::bad_request);
  some.type = MessageType::cert_rep;
  expect_failure(with_attributes(router, some, nonce), "MessageTypeUnknown", FailInfo::bad_request);
  EXPECT_EQ(with_attributes(router, all, nonce).attributes.status, PkiStatus::success) << said();
}

TEST_F(ScepResponder, RefusesAChangedMessage) {
  const Device router = device("router");
  MadeRequest made = message(router, MessageType::pkcs_req, request(router));
  const PkiMessage parsed = read_pki_message(made.message).value();
  const auto offset = static_cast<std::size_t>(parsed.signer().signature.data() - parsed.der.data());
  made.message[offset] ^= 1;
  expect_failure(read(router, send(made.message), made.nonce), "SignatureInvalid",
                 FailInfo::bad_message_check);
}

// The reply with zeros for its nonce and its signature, which are new each time.
Buffer without_what_is_fresh(Bytes reply) {
  const PkiMessage parsed = read_pki_message(reply).value();
  Buffer out = parsed.der;
  const auto blank = [&](Bytes part) {
    std::fill_n(out.begin() + (part.data() - parsed.der.data()), part.size(), std::uint8_t{0});
  };
  blank(parsed.signer().signature);
  blank(cms::find(parsed.signer().signed_attributes, oid::kSenderNonce)->values);
  return out;
}

// Whoever changes somebody's ciphertext, or guesses at the padding of the key, sees one answer.
TEST_F(ScepResponder, AnswersEveryUnreadableEnvelopeAlike) {
  const Device router = device("router");
  const Buffer csr = request(router);
  std::set<Buffer> shapes;
  const x509::CertificateView recipient = x509::parse_certificate(bench.encryption_certificate()).value();
  const cms::RecipientInput to{cms::identifier_of(recipient), recipient.public_key_info};
  const auto ask_with = [&](Buffer envelope) {
    PkiMessageInput input;
    input.attributes.type = MessageType::pkcs_req;
    input.attributes.transaction = router.transaction;
    input.attributes.sender_nonce = Buffer(16, 7);
    input.content = envelope;
    input.signer = router.identity.signer.get();
    input.signer_certificate = router.identity.certificate;
    input.certificates = {router.identity.certificate};
    const net::Response response = send(encode_pki_message(bench.provider(), input).value());
    shapes.insert(without_what_is_fresh(as_bytes(response.body.view())));
    return read(router, response, input.attributes.sender_nonce);
  };
  const auto sealed = [&](Bytes content) {
    return cms::encode_enveloped_data(bench.provider(), {.content = content}, std::span(&to, 1)).value();
  };
  const Buffer good = sealed(csr);
  const auto view = cms::parse_enveloped_data(good).value();
  const auto key_at = static_cast<std::size_t>(view.recipients.front().encrypted_key.data() - good.data());
  std::set<std::string> texts;
  const auto note = [&](Buffer envelope) {
    const CertRep reply = ask_with(std::move(envelope));
    expect_failure(reply, "EnvelopeInvalid", FailInfo::bad_message_check);
    texts.insert(reply.attributes.fail_info_text + std::to_string(reply.attributes.hresult.value_or(0)));
  };
  for (std::size_t i = 0; i < 8; ++i) {
    Buffer changed = good;
    changed[key_at + i * 17] ^= 1;  // PKCS #1 padding of the key
    note(std::move(changed));
    changed = good;
    changed[changed.size() - 1 - i] ^= 1;  // padding of the content
    note(std::move(changed));
    changed = good;
    changed[changed.size() - 33 - i] ^= 1;  // the request's signature
    note(std::move(changed));
  }
  note(sealed(to_buffer(as_bytes(std::string_view("no request at all")))));
  Buffer other_signature = csr;
  other_signature.back() ^= 1;
  note(sealed(other_signature));
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_EQ(shapes.size(), 1u) << "replies differ in more than nonce and signature";
}

// RFC 5652 5.4: signed is the set in the order of DER, whatever order it is sent in.
TEST_F(ScepResponder, VerifiesAttributesThatAreSentInAnotherOrder) {
  const Device router = device("router");
  MadeRequest made = message(router, MessageType::pkcs_req, request(router));
  const PkiMessage parsed = read_pki_message(made.message).value();
  const Bytes sent = parsed.signer().signed_attributes_der;
  const auto offset = static_cast<std::size_t>(sent.data() - parsed.der.data());
  asn1::Reader outer(sent);
  asn1::Reader attributes(outer.next().value().value);
  Buffer reversed;
  while (!attributes.at_end()) {
    const Bytes one = attributes.next().value().whole;
    reversed.insert(reversed.begin(), one.begin(), one.end());
  }
  ASSERT_EQ(parsed.der, made.message);
  std::ranges::copy(
      reversed, made.message.begin() + static_cast<std::ptrdiff_t>(offset + sent.size() - reversed.size()));
  ASSERT_NE(parsed.der, made.message);
  EXPECT_EQ(read(router, send(made.message), made.nonce).attributes.status, PkiStatus::success) << said();
}

// The capture of certnanny/sscep issue 59: version 1, content 00, no certificates, signer by issuer and
// serial, and these attributes. failInfoText is what RFC 8894 adds.
TEST_F(ScepResponder, FailsInTheShapeOfNdes) {
  bench.profile.bare_replies = true;
  const Device router = device("router");
  const MadeRequest made = message(router, MessageType::pkcs_req, request(router, "wrong"));
  const PkiMessage reply = read_pki_message(as_bytes(send(made.message).body.view())).value();
  EXPECT_EQ(to_hex(reply.signed_data.version), "01");
  EXPECT_EQ(reply.signed_data.content_type, cms::oid::kData);
  EXPECT_EQ(to_hex(reply.content()), "00");
  EXPECT_TRUE(reply.signed_data.certificates.empty());
  EXPECT_TRUE(reply.signer().signer.key_identifier.empty());
  EXPECT_EQ(reply.signer().signature_algorithm.algorithm, x509::oid::kRsaEncryption);
  std::vector<std::string> types;
  std::map<std::string, std::string> values;
  for (const cms::AttributeView& attribute : reply.signer().signed_attributes) {
    types.push_back(attribute.type.dotted());
    values[types.back()] = to_hex(attribute.values);
  }
  EXPECT_EQ(values["2.16.840.1.113733.1.9.2"], "130133");  // PrintableString "3"
  EXPECT_EQ(values["2.16.840.1.113733.1.9.3"], "130132");
  EXPECT_EQ(values["2.16.840.1.113733.1.9.4"], "130132");
  EXPECT_EQ(values["1.3.6.1.4.1.311.21.33"], "130b" + to_hex(as_bytes(std::string_view("-2147024810"))));
  EXPECT_EQ(values["2.16.840.1.113733.1.9.6"], "0410" + to_hex(made.nonce));
  // In the capture's order, which is DER's; transactionID and failInfoText are as long as they are.
  std::erase(types, "1.3.6.1.5.5.7.24.1");
  EXPECT_THAT(types, testing::ElementsAre(
                         "2.16.840.1.113733.1.9.2", "2.16.840.1.113733.1.9.3", "2.16.840.1.113733.1.9.4",
                         "1.2.840.113549.1.9.3", "1.3.6.1.4.1.311.21.33", "2.16.840.1.113733.1.9.5",
                         "2.16.840.1.113733.1.9.6", "1.2.840.113549.1.9.4", "2.16.840.1.113733.1.9.7"));
}

TEST_F(ScepResponder, HasTheRoutesOfNdesAndItsOwn) {
  net::Router router;
  auto routes = scep_routes({bench.responder()}).value();
  for (net::Route& route : routes) ASSERT_TRUE(router.add(std::move(route)));
  for (const std::string_view path :
       {"/scep", "/scep/", "/scep/devices", "/scep/devices/pkiclient.exe", "/certsrv/mscep/mscep.dll",
        "/CertSrv/mscep/MSCEP.dll/pkiclient.exe", "/cgi-bin/pkiclient.exe"}) {
    EXPECT_NE(router.find(net::Method::get, path).route, nullptr) << path;
    EXPECT_NE(router.find(net::Method::post, path).route, nullptr) << path;
  }
  EXPECT_EQ(router.find(net::Method::get, "/scep/others").route, nullptr);
  EXPECT_EQ(scep_routes({bench.responder(), bench.responder()}).error().code(), Errc::conflict);
}

}  // namespace
}  // namespace vouch::enroll::scep
