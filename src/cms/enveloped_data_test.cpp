#include "cms/enveloped_data.hpp"

#include <gmock/gmock.h>

#include "cms/test_messages.hpp"

namespace vouch::cms {
namespace {

using testing::HasSubstr;

class EnvelopedData : public CmsTest {
 protected:
  EnvelopedData()
      : decrypter_(provider().load_private_key(test_file("recipient.key"), {}).value()->decrypter().value()),
        certificate_(test_certificate("recipient.pem")),
        content_(test_file("content.txt")) {}
  Result<Buffer> open(Bytes der) const {
    return open_enveloped_data(provider(), TRY(parse_enveloped_data(der)), *decrypter_, certificate_);
  }
  std::unique_ptr<crypto::Decrypter> decrypter_;
  Buffer certificate_, content_;
};

TEST_F(EnvelopedData, OpensWhatOpensslEncrypts) {
  for (const char* file :
       {"enveloped-aes256.der", "enveloped-stream.ber", "enveloped-des3.der", "enveloped-keyid.der",
        "enveloped-oaep.der", "enveloped-oaep256.der", "enveloped-two.der"}) {
    const auto content = open(test_message(file));
    ASSERT_TRUE(content.has_value()) << file << ": " << content.error().report();
    EXPECT_EQ(*content, content_) << file;
  }
}

TEST_F(EnvelopedData, OpensWithAPassword) {
  const Buffer der = test_message("enveloped-password.der");
  const auto view = parse_enveloped_data(der).value();
  EXPECT_EQ(open_enveloped_data(provider(), view, "open sesame").value(), content_);
  EXPECT_EQ(open_enveloped_data(provider(), view, "open barley").error().code(), Errc::denied);
  EXPECT_EQ(open(der).error().code(), Errc::not_found);
}

TEST_F(EnvelopedData, SaysForWhomAMessageIs) {
  const Buffer der = test_message("enveloped-aes256.der");
  const auto view = parse_enveloped_data(der).value();
  const auto result = open_enveloped_data(provider(), view, *decrypter_, test_certificate("other.pem"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::not_found);
  EXPECT_THAT(std::string(result.error().message()), HasSubstr("CN=other"));
  EXPECT_THAT(std::string(result.error().message()), HasSubstr("CN=recipient"));
  EXPECT_EQ(open_enveloped_data(provider(), view, "password").error().code(), Errc::not_found);
}

// Wrong key, wrong padding and damaged content read alike.
TEST_F(EnvelopedData, TellsNoFailureFromAnother) {
  const Buffer good = test_message("enveloped-aes256.der");
  const auto view = parse_enveloped_data(good).value();
  const auto message_of = [](const Result<Buffer>& result) {
    return result ? std::string("opened") : std::string(result.error().message());
  };
  std::set<std::string> messages;
  std::size_t opened = 0;
  for (const std::size_t octet : {0u, 100u, 200u}) {
    Buffer bad = good;
    bad[static_cast<std::size_t>(view.recipients[0].encrypted_key.data() - good.data()) + 255 - octet] ^= 1;
    const auto result = open(bad);
    // A wrong content key leaves valid padding once in 256 times.
    if (result)
      ++opened;
    else
      messages.insert(message_of(result));
  }
  EXPECT_LE(opened, 1u);
  Buffer bad = good;
  bad.back() ^= 1;
  messages.insert(message_of(open(bad)));
  EXPECT_EQ(messages, (std::set<std::string>{"the message does not open with this key"}));
}

TEST_F(EnvelopedData, OpensWhatItEncrypts) {
  const auto recipient = x509::parse_certificate(certificate_).value();
  using crypto::ContentCipher, crypto::KeyTransport;
  for (const auto cipher : {ContentCipher::aes128_cbc, ContentCipher::aes192_cbc, ContentCipher::aes256_cbc,
                            ContentCipher::des_ede3_cbc})
    for (const auto transport :
         {KeyTransport::rsa_pkcs1, KeyTransport::rsa_oaep_sha1, KeyTransport::rsa_oaep_sha256})
      for (const bool by_key : {false, true}) {
        const RecipientInput to{by_key ? key_identifier_of(recipient).value() : identifier_of(recipient),
                                recipient.public_key_info, transport};
        const EnvelopedDataInput input{oid::kData, content_, cipher};
        const Buffer message = encode_enveloped_data(provider(), input, std::span(&to, 1)).value();
        EXPECT_EQ(to_der(message).value(), message) << "it is DER";
        const auto opened = open(message);
        ASSERT_TRUE(opened.has_value()) << opened.error().report();
        EXPECT_EQ(*opened, content_);
      }
}

TEST_F(EnvelopedData, OpensWhatItEncryptsForAPassword) {
  const PasswordInput password{"open sesame", 1000};
  for (const auto cipher : {crypto::ContentCipher::aes128_cbc, crypto::ContentCipher::aes256_cbc,
                            crypto::ContentCipher::des_ede3_cbc}) {
    const EnvelopedDataInput input{oid::kData, content_, cipher};
    const Buffer message = encode_enveloped_data(provider(), input, {}, std::span(&password, 1)).value();
    const auto view = parse_enveloped_data(message).value();
    EXPECT_EQ(to_hex(view.version), "03");
    EXPECT_EQ(open_enveloped_data(provider(), view, "open sesame").value(), content_);
    EXPECT_FALSE(open_enveloped_data(provider(), view, "").has_value());
  }
}

TEST_F(EnvelopedData, OpensSingleDesForWhoeverAsksForIt) {
  const auto recipient = x509::parse_certificate(certificate_).value();
  const RecipientInput to{identifier_of(recipient), recipient.public_key_info};
  const EnvelopedDataInput input{oid::kData, content_, crypto::ContentCipher::des_cbc};
  const Buffer message = encode_enveloped_data(provider(), input, std::span(&to, 1)).value();
  const auto view = parse_enveloped_data(message).value();
  EXPECT_EQ(content_cipher_of(view).value(), crypto::ContentCipher::des_cbc);
  EXPECT_EQ(open(message).error().code(), Errc::unsupported);
  EXPECT_EQ(open_enveloped_data(provider(), view, *decrypter_, certificate_, BrokenCiphers::accept).value(),
            content_);
}

TEST_F(EnvelopedData, RefusesWhatItCannotDo) {
  EXPECT_EQ(encode_enveloped_data(provider(), {oid::kData, content_}, {}).error().code(), Errc::usage);
  const auto ec = generate("ec:P-256");
  const RecipientInput to{identifier_of(x509::parse_certificate(certificate_).value()),
                          ec->public_key_info()};
  EXPECT_EQ(encode_enveloped_data(provider(), {oid::kData, content_}, std::span(&to, 1)).error().code(),
            Errc::unsupported);
  const Buffer signed_message = test_file("signed-rsa.der");
  EXPECT_EQ(parse_enveloped_data(signed_message).error().code(), Errc::not_found);
}

TEST_F(EnvelopedData, EveryTruncationIsRefused) {
  const Buffer der = test_message("enveloped-two.der");
  for (std::size_t size = 0; size < der.size(); ++size)
    EXPECT_FALSE(parse_enveloped_data(Bytes(der).first(size)).has_value()) << size;
}

}  // namespace
}  // namespace vouch::cms
