#include "crypto/remote/messages.hpp"

#include <gmock/gmock.h>

namespace vouch::crypto::remote {
namespace {

using testing::HasSubstr;

TEST(RemoteMessages, EveryRequestComesBackAsItWas) {
  const auto sign = parse_request(
      encode(Request(SignRequest{"file:ca.key", SignatureAlgorithm::ecdsa_sha384, Buffer{1, 2}})));
  ASSERT_TRUE(sign) << sign.error().report();
  const auto& value = std::get<SignRequest>(*sign);
  EXPECT_EQ(value.reference, "file:ca.key");
  EXPECT_EQ(value.algorithm, SignatureAlgorithm::ecdsa_sha384);
  EXPECT_EQ(value.tbs, (Buffer{1, 2}));

  const auto in_file = parse_request(encode(Request(SignRequest{"k", SignatureAlgorithm::ed25519, {}})));
  ASSERT_TRUE(in_file);
  EXPECT_FALSE(std::get<SignRequest>(*in_file).tbs);

  const auto decrypt =
      parse_request(encode(Request(DecryptRequest{"ra", KeyTransport::rsa_oaep_sha256, 16, Buffer(256, 7)})));
  ASSERT_TRUE(decrypt);
  EXPECT_EQ(std::get<DecryptRequest>(*decrypt).transport, KeyTransport::rsa_oaep_sha256);
  EXPECT_EQ(std::get<DecryptRequest>(*decrypt).key_size, 16u);
  EXPECT_EQ(std::get<DecryptRequest>(*decrypt).ciphertext, Buffer(256, 7));
}

TEST(RemoteMessages, AFailureKeepsItsCategoryAndHint) {
  const auto response = parse_response(
      encode(Response(make_error(Errc::unavailable, "token {} is gone", "HSM-1").with_hint("plug it in"))));
  ASSERT_TRUE(response);
  const Error& error = std::get<Error>(*response);
  EXPECT_EQ(error.code(), Errc::unavailable);
  EXPECT_EQ(error.message(), "token HSM-1 is gone");
  EXPECT_EQ(error.hint(), "plug it in");
}

TEST(RemoteMessages, TheTextsOfOthersAreBounded) {
  const auto refused = [](Bytes message) { return parse_request(message).error().summary(); };
  EXPECT_THAT(refused({}), HasSubstr("an empty message"));
  EXPECT_THAT(refused(Buffer(kMaxMessage + 1, 0x30)), HasSubstr("octets"));
  EXPECT_THAT(refused(encode(Request(DecryptRequest{"ra", KeyTransport::rsa_pkcs1, 65, {}}))),
              HasSubstr("65 octets"));
  EXPECT_THAT(refused(encode(Request(SignRequest{std::string(5000, 'x'), SignatureAlgorithm::ed25519, {}}))),
              HasSubstr("5000 octets"));
  // [5] {}
  EXPECT_THAT(refused(Buffer{0xa5, 0x00}), HasSubstr("no such request"));
  // sha1WithRSAEncryption
  const Buffer weak = from_hex(
                          "a114"
                          "0c0161"
                          "300d06092a864886f70d0101050500"
                          "0400")
                          .value();
  EXPECT_THAT(refused(weak), HasSubstr("nothing is signed with"));
}

}  // namespace
}  // namespace vouch::crypto::remote
