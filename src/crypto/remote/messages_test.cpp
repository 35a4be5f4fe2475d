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

TEST(RemoteMessages, SeveralTextsAndTheirSignaturesComeBackAsTheyWere) {
  const auto request = parse_request(encode(
      Request(SignAllRequest{"file:ca.key", SignatureAlgorithm::ecdsa_sha256, {Buffer{1}, Buffer{2, 3}}})));
  ASSERT_TRUE(request) << request.error().report();
  const auto& all = std::get<SignAllRequest>(*request);
  EXPECT_EQ(all.reference, "file:ca.key");
  EXPECT_EQ(all.tbs, (std::vector<Buffer>{{1}, {2, 3}}));

  const auto response = parse_response(encode(Response(
      Signatures{Buffer{9, 9}, make_error(Errc::denied, "not that").with_hint("another"), Buffer{8}})));
  ASSERT_TRUE(response) << response.error().report();
  const auto& signatures = std::get<Signatures>(*response);
  ASSERT_EQ(signatures.size(), 3u);
  EXPECT_EQ(signatures[0].value(), (Buffer{9, 9}));
  EXPECT_EQ(signatures[1].error().code(), Errc::denied);
  EXPECT_EQ(signatures[1].error().message(), "not that");
  EXPECT_EQ(signatures[1].error().hint(), "another");
  EXPECT_EQ(signatures[2].value(), Buffer{8});
}

TEST(RemoteMessages, TheFailuresOfAWholeMessageFitIntoOne) {
  const Error longest =
      make_error(Errc::denied, "{}", std::string(9'000, 'm')).with_hint(std::string(9'000, 'h'));
  const Buffer message = encode(Response(Signatures(kMaxTogether, longest)));
  EXPECT_LE(message.size(), kMaxMessage);
  const auto response = parse_response(message);
  ASSERT_TRUE(response) << response.error().report();
  EXPECT_EQ(std::get<Signatures>(*response).back().error().code(), Errc::denied);
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
  const auto several = [](std::size_t count) {
    return encode(
        Request(SignAllRequest{"k", SignatureAlgorithm::ed25519, std::vector<Buffer>(count, Buffer{1})}));
  };
  EXPECT_THAT(refused(several(kMaxTogether + 1)), HasSubstr("more than 32"));
  EXPECT_THAT(refused(several(0)), HasSubstr("nothing to be signed"));
  EXPECT_THAT(parse_response(encode(Response(Signatures(kMaxTogether + 1, Buffer{1})))).error().summary(),
              HasSubstr("more than 32"));
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
