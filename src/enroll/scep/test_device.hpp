#pragma once
// A device that enrols with a ScepBench, for the tests of this room.

#include "enroll/scep/oids.hpp"
#include "enroll/scep/test_service.hpp"

namespace vouch::enroll::scep {

using testing::HasSubstr, testing::IsEmpty, testing::Not;

struct Device {
  std::shared_ptr<crypto::PrivateKey> key;
  ClientIdentity identity;
  Buffer subject;
  TransactionId transaction;
};

class ScepTest : public testing::Test {
 protected:
  Device device(std::string_view name, std::string_view key_spec = "rsa:2048") {
    return device_with(bench.provider().generate(crypto::parse_key_spec(key_spec).value()).value(), name);
  }
  Device device_with(std::shared_ptr<crypto::PrivateKey> key, std::string_view name) {
    Device out;
    out.key = std::move(key);
    out.subject = x509::encode_name(
        x509::make_name({{x509::oid::kOrganization, "Vouch"}, {x509::oid::kCommonName, name}}));
    out.identity.signer = signer_of(*out.key);
    if (auto decrypter = out.key->decrypter()) out.identity.decrypter = std::move(*decrypter);
    out.identity.certificate =
        make_self_signed(bench.provider(), *out.identity.signer, out.subject, bench.bench().clock().now())
            .value();
    out.transaction = transaction_id_of(bench.provider(), out.key->public_key_info());
    return out;
  }
  // The device with a new key, that signs with the certificate it has.
  Device renewing(const Device& old, const Buffer& certificate, std::string_view name) {
    Device out = device(name);
    out.identity = old.identity;
    out.identity.certificate = certificate;
    return out;
  }
  static std::shared_ptr<const crypto::Signer> signer_of(const crypto::PrivateKey& key) {
    const auto info = x509::parse_public_key_info(key.public_key_info()).value();
    return key.signer(crypto::signature_algorithm_for({info.type, info.bits, false}, {}).value()).value();
  }
  Buffer request(const Device& from, std::string_view challenge = "secret", std::vector<std::string> san = {},
                 std::vector<x509::Extension> extensions = {}) {
    std::vector<x509::GeneralName> names;
    for (const std::string& text : san) names.push_back(x509::GeneralName::from_text(text).value());
    if (!names.empty())
      extensions.push_back(
          x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names)));
    return make_certification_request(*signer_of(*from.key), {from.subject, extensions, challenge}).value();
  }
  MadeRequest message(const Device& from, MessageType type, Bytes content,
                      crypto::ContentCipher cipher = crypto::ContentCipher::aes256_cbc,
                      crypto::KeyTransport transport = crypto::KeyTransport::rsa_pkcs1) {
    return make_request(bench.provider(), from.identity,
                        {type, from.transaction, content, bench.encryption_certificate(), cipher, transport})
        .value();
  }
  net::Response send(Bytes octets) {
    return ask("operation=PKIOperation", net::Method::post, as_text(octets));
  }
  net::Response ask(std::string_view query, net::Method method = net::Method::get,
                    std::string_view body = {}) {
    net::Request http;
    http.method = method;
    http.path = "/scep/devices";
    http.query = query;
    http.body = body;
    return bench.responder()->answer(http);
  }
  CertRep read(const Device& from, const net::Response& response, const Buffer& nonce,
               std::string_view password = {}) {
    EXPECT_EQ(response.status, 200u) << response.body.view();
    EXPECT_EQ(response.content_type, "application/x-pki-message");
    const std::vector<Buffer> signers{bench.keys().signing_certificate};
    auto reply = read_cert_rep(bench.provider(), from.identity, as_bytes(response.body.view()),
                               {from.transaction, nonce, signers, password});
    if (!reply) ADD_FAILURE() << reply.error().report();
    return reply ? std::move(*reply) : CertRep();
  }
  CertRep exchange(const Device& from, MessageType type, Bytes content, std::string_view password = {}) {
    const MadeRequest made = message(from, type, content);
    return read(from, send(made.message), made.nonce, password);
  }
  Buffer enrol(const Device& from, std::vector<std::string> san = {}) {
    const CertRep reply = exchange(from, MessageType::pkcs_req, request(from, "secret", std::move(san)));
    EXPECT_EQ(reply.attributes.status, PkiStatus::success) << reply.attributes.fail_info_text << said();
    return reply.certificates.empty() ? Buffer() : reply.certificates.front();
  }
  // The last event, for messages.
  std::string said() {
    const std::vector<Event> events = bench.events();
    if (events.empty()) return "nothing";
    const Event& last = events.back();
    return fmt::format("{} expected={} received={} detail={}", last.code, last.expected, last.received,
                       last.detail);
  }
  void expect_failure(const CertRep& reply, std::string_view code, FailInfo info) {
    EXPECT_EQ(reply.attributes.status, PkiStatus::failure);
    EXPECT_EQ(reply.attributes.fail_info, info) << said();
    EXPECT_THAT(reply.attributes.fail_info_text, testing::StartsWith(std::string(code) + ": ")) << said();
    EXPECT_TRUE(reply.attributes.hresult.has_value());
    EXPECT_TRUE(reply.certificates.empty());
    EXPECT_EQ(bench.events().back().code, code);
  }
  std::uint64_t certificates() {
    return bench.bench().database().snapshot().value()->counts().value().certificates;
  }
  void revoke(const Buffer& certificate) {
    const Bytes serial = x509::serial_octets(x509::parse_certificate(certificate).value().serial);
    ASSERT_TRUE(bench.authority().revoke({to_buffer(serial), x509::CrlReason::superseded, {}}, "manager"));
  }

  ScepBench bench;
};

}  // namespace vouch::enroll::scep
