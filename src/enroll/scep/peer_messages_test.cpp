// Messages that other programs made (testdata/scep/README.md), read and opened here.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "base/pem.hpp"
#include "crypto/openssl/openssl.hpp"
#include "enroll/scep/challenge.hpp"
#include "enroll/scep/envelope.hpp"
#include "enroll/scep/pki_message.hpp"
#include "enroll/scep/query.hpp"

namespace vouch::enroll::scep {
namespace {

class ScepPeerMessages : public testing::Test {
 protected:
  ScepPeerMessages() {
    DecryptionKey key;
    key.certificate = parse_pem(as_text(file("ra.pem"))).value().front().der;
    key.key = provider->load_private_key(file("ra.key"), {}).value()->decrypter().value();
    keys.push_back(std::move(key));
  }
  static Buffer file(const std::string& name) {
    std::ifstream in("testdata/scep/" + name, std::ios::binary);
    Buffer octets(std::istreambuf_iterator<char>(in), {});
    EXPECT_FALSE(octets.empty()) << "testdata/scep/" << name << " cannot be read";
    return octets;
  }
  // Verified, opened under this floor, and the request in it read.
  void expect_request(const PkiMessage& message, const Floor& floor, std::string_view subject) {
    ASSERT_TRUE(message.attributes_status.has_value()) << message.attributes_status.error().report();
    EXPECT_EQ(message.attributes.type, MessageType::pkcs_req);
    EXPECT_EQ(message.attributes.sender_nonce.size(), kNonceSize);
    const auto signer =
        verify_pki_message(*provider, message, {}, floor.md5 ? cms::Md5::accept : cms::Md5::refuse);
    ASSERT_TRUE(signer.has_value()) << signer.error().report();
    opened = open_envelope(*provider, message.content(), keys, floor).value();
    request = x509::parse_request(opened.content).value();
    EXPECT_EQ(x509::to_rfc4514(request.subject).value(), subject);
    EXPECT_EQ(challenge_of(request), "secret");
    const auto certificate = x509::parse_certificate(signer->certificate).value();
    EXPECT_TRUE(equal(certificate.public_key_info, request.public_key_info));
  }

  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  std::vector<DecryptionKey> keys;
  OpenedEnvelope opened;
  x509::RequestView request;
};

TEST_F(ScepPeerMessages, StrongSwan) {
  const PkiMessage message = read_pki_message(file("strongswan.der")).value();
  EXPECT_EQ(message.digest, crypto::DigestAlgorithm::sha256);
  EXPECT_EQ(message.attributes.transaction->text.size(), 40u) << "hexadecimal SHA-1";
  expect_request(message, {}, "CN=router,O=Vouch,C=KR");
  EXPECT_EQ(opened.cipher, crypto::ContentCipher::aes128_cbc);
  const x509::ExtensionView* type = request.find(x509::oid::kMsTemplateName);
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(x509::parse_template_name(type->value).value(), "ScepDevice");
}

TEST_F(ScepPeerMessages, Micromdm) {
  const PkiMessage message = read_pki_message(file("micromdm.der")).value();
  EXPECT_EQ(message.digest, crypto::DigestAlgorithm::sha1);
  EXPECT_EQ(open_envelope(*provider, message.content(), keys, {}).error().code(), Errc::unsupported);
  expect_request(message, {.single_des = true, .sha1 = true}, "CN=phone,OU=MDM,O=scep-client,C=US");
  EXPECT_EQ(opened.cipher, crypto::ContentCipher::des_cbc);
}

TEST_F(ScepPeerMessages, Certmonger) {
  const Buffer query = file("certmonger.query");
  const Query decoded = decode_query(net::Method::get, as_text(query), {}).value();
  EXPECT_EQ(decoded.operation, Operation::pki_operation);
  const PkiMessage message = read_pki_message(decoded.message).value();
  EXPECT_EQ(message.attributes.transaction->text.find_first_not_of("0123456789"), std::string::npos)
      << "decimal";
  expect_request(message, {}, "CN=host.vouch.test");
  EXPECT_EQ(opened.cipher, crypto::ContentCipher::aes256_cbc);
  // Its signer has version 1, no extensions, and a serial number longer than RFC 5280 allows.
  const auto signer = x509::parse_certificate(message.signed_data.certificates.front()).value();
  EXPECT_EQ(signer.version, 1u);
  EXPECT_GT(signer.serial.size(), 20u);
}

// BER of indefinite lengths with strings in pieces of 1,000 octets, and a seventh signed attribute.
TEST_F(ScepPeerMessages, Jscep) {
  const PkiMessage message = read_pki_message(file("jscep.ber")).value();
  EXPECT_EQ(message.digest, crypto::DigestAlgorithm::sha512);
  expect_request(message, {}, "O=Vouch,CN=jscep");
  EXPECT_EQ(opened.cipher, crypto::ContentCipher::aes128_cbc);
}

// What jscep sends where GetCACaps says nothing: MD5, single DES, GET with nothing escaped.
TEST_F(ScepPeerMessages, JscepWithoutCapabilities) {
  const Buffer query = file("jscep-md5.query");
  const PkiMessage message =
      read_pki_message(decode_query(net::Method::get, as_text(query), {}).value().message).value();
  EXPECT_EQ(message.digest, crypto::DigestAlgorithm::md5);
  EXPECT_EQ(verify_pki_message(*provider, message).error().code(), Errc::unsupported);
  EXPECT_EQ(check_digest({}, *message.digest).error().code(), Errc::unsupported);
  expect_request(message, {.single_des = true, .md5 = true}, "O=Vouch,CN=jscep");
  EXPECT_EQ(opened.cipher, crypto::ContentCipher::des_cbc);
}

TEST_F(ScepPeerMessages, OpensslStreams) {
  const OpenedEnvelope streamed = open_envelope(*provider, file("openssl-oaep.der"), keys, {}).value();
  EXPECT_EQ(streamed.transport, crypto::KeyTransport::rsa_oaep_sha256);
  EXPECT_EQ(x509::to_rfc4514(x509::parse_request(streamed.content).value().subject).value(),
            "CN=streamed,O=Vouch");
}

}  // namespace
}  // namespace vouch::enroll::scep
