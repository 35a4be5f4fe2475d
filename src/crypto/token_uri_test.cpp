#include "crypto/token_uri.hpp"

#include <gmock/gmock.h>

namespace vouch::crypto {
namespace {

using testing::HasSubstr;

// Examples of RFC 7512 section 3.
TEST(TokenUri, ReadsTheExamplesOfTheRfc) {
  const TokenUri uri =
      parse_token_uri(
          "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;"
          "model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial="
          "?pin-source=file:/etc/token_pin")
          .value();
  EXPECT_EQ(uri.token, "The Software PKCS#11 Softtoken");
  EXPECT_EQ(uri.manufacturer, "Snake Oil, Inc.");
  EXPECT_EQ(uri.model, "1.0");
  EXPECT_EQ(uri.serial, "");
  EXPECT_EQ(uri.object, "my-certificate");
  EXPECT_EQ(uri.type, "cert");
  EXPECT_EQ(to_hex(uri.id), "69953e5cf4bdec91");
  EXPECT_EQ(uri.pin_source, "file:/etc/token_pin");

  const TokenUri key = parse_token_uri(
                           "pkcs11:object=my-sign-key;type=private;slot-id=327"
                           "?module-name=mypkcs11")
                           .value();
  EXPECT_EQ(key.slot_id, 327u);
  EXPECT_EQ(key.module_name, "mypkcs11");
  EXPECT_EQ(parse_token_uri("pkcs11:").value(), TokenUri{});
  EXPECT_EQ(parse_token_uri("pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token"
                            "%20Library;library-version=1.23")
                .value()
                .library_version,
            "1.23");
}

TEST(TokenUri, PrintsWhatItReadsAgain) {
  TokenUri uri;
  uri.token = "CA keys; really?";
  uri.object = "Wurzel-Zertifikat \xc3\xa4";
  uri.id = {0x00, 0x01, 'a', 0xff};
  uri.slot_id = 7;
  uri.type = "private";
  uri.module_path = "/usr/lib/softhsm/libsofthsm2.so";
  uri.pin_source = "file:/etc/a&b";
  const std::string text = format_token_uri(uri);
  EXPECT_EQ(text,
            "pkcs11:token=CA%20keys%3B%20really%3F;slot-id=7;object=Wurzel-Zertifikat%20%C3%A4;"
            "id=%00%01%61%FF;type=private?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/"
            "a%26b");
  EXPECT_EQ(parse_token_uri(text).value(), uri);
}

TEST(TokenUri, SeparatesAttributesAfterAColon) {
  TokenUri uri;
  uri.token = "odd:";
  uri.object = "key:";
  uri.module_path = "/m:";
  uri.pin_source = "/p";
  const std::string text = format_token_uri(uri);
  EXPECT_EQ(text, "pkcs11:token=odd:;object=key:?module-path=/m:&pin-source=/p");
  EXPECT_EQ(parse_token_uri(text).value(), uri);
}

TEST(TokenUri, NeverTakesAPin) {
  for (const char* text : {"pkcs11:token=t?pin-value=1234", "pkcs11:token=t;pin-value=1234"}) {
    const auto refused = parse_token_uri(text);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::denied);
    EXPECT_THAT(refused.error().report(), HasSubstr("--pin-file"));
    EXPECT_THAT(refused.error().report(), testing::Not(HasSubstr("1234")));
  }
}

TEST(TokenUri, RefusesWhatIsNone) {
  const auto code = [](std::string_view text) {
    const auto uri = parse_token_uri(text);
    return uri ? std::optional<Errc>() : uri.error().code();
  };
  EXPECT_EQ(code("file:x"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:token"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:=x"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:token=a;token=b"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:token=a b"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:token=%4"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:token=%4g"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:token=a%00"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:slot-id=0x1"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:type=key"), Errc::malformed);
  EXPECT_EQ(code("pkcs11:colour=red"), Errc::unsupported);
  EXPECT_EQ(code("pkcs11:token=a?colour=red"), std::nullopt);  // RFC 7512 2.5: ignored in the query
  EXPECT_EQ(code("pkcs11:token=" + std::string(5000, 'a')), Errc::limit_exceeded);
  EXPECT_EQ(code("pkcs11:token=a;"), std::nullopt);
}

}  // namespace
}  // namespace vouch::crypto
