#include "base/bytes.hpp"

#include <gmock/gmock.h>

namespace vouch {
namespace {

using testing::HasSubstr;
using testing::StrEq;

// RFC 4648 section 10.
TEST(Base64Test, KnowsTheVectorsOfTheStandard) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(as_text(from_base64(encoded).value()), plain);
  }
}

TEST(Base64Test, SkipsWhiteSpaceOnly) {
  EXPECT_EQ(as_text(from_base64("Zm9v\r\nYm Fy\t").value()), "foobar");
  for (const char* bad :
       {"Zg=", "Zg", "Z", "Zg==Zg==", "Zh==", "Zm9=", "Z_-=", "=", "====", "Zm9v=", "Zm9v\x01"})
    EXPECT_FALSE(from_base64(bad)) << bad;
  EXPECT_FALSE(from_base64(std::string_view("Zm9v\0", 5)));
}

TEST(Base64Test, RoundTripsEveryOctetAtEveryOffset) {
  Buffer octets;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(octets)).value(), octets);
    octets.push_back(static_cast<std::uint8_t>(i * 37));
  }
}

TEST(Base64Test, EveryPlaceOfALongTextIsReadAlike) {
  Buffer octets(50);
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(i * 37);
  const std::string text = to_base64(octets);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(from_base64(text.substr(0, i) + "\r\n" + text.substr(i)).value(), octets) << i;
    std::string bad = text;
    bad[i] = '*';
    EXPECT_THAT(from_base64(bad).error().summary(), HasSubstr(fmt::format("position {}", i + 1)));
    EXPECT_EQ(from_base64(text.substr(0, i)).has_value(), i % 4 == 0) << i;
  }
}

TEST(HexTest, ReadsWhatPeoplePaste) {
  const Buffer expected{0x0a, 0xff, 0x00};
  for (const char* text : {"0aff00", "0AFF00", "0a:ff:00", "0a ff 00", " 0a\nff00 "})
    EXPECT_EQ(from_hex(text).value(), expected) << text;
  EXPECT_THAT(to_hex(expected), StrEq("0aff00"));
  EXPECT_TRUE(from_hex("").value().empty());
}

TEST(HexTest, SaysWhereItStopsBeingHex) {
  EXPECT_THAT(from_hex("0a0").error().summary(), HasSubstr("position 3"));
  EXPECT_THAT(from_hex("0x0a").error().summary(), HasSubstr("position 1"));
  EXPECT_FALSE(from_hex("a:b"));
}

TEST(EqualTest, ComparesLengthAndContent) {
  const Buffer a{1, 2, 3}, b{1, 2, 4}, prefix{1, 2};
  EXPECT_TRUE(equal_constant_time(a, Buffer(a)));
  EXPECT_FALSE(equal_constant_time(a, b));
  EXPECT_FALSE(equal_constant_time(a, prefix));
  EXPECT_FALSE(equal_constant_time({}, prefix));
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_TRUE(equal(a, Buffer(a)));
  EXPECT_FALSE(equal(a, prefix));
}

TEST(WipeTest, LeavesNothingBehind) {
  Buffer secret{1, 2, 3};
  wipe(secret);
  EXPECT_EQ(secret, (Buffer{0, 0, 0}));
  std::string text = "secret that is longer than the small-string buffer";
  const char* where = text.data();
  const std::size_t size = text.size();
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::string_view(where, size), std::string(size, '\0'));
}

TEST(WipeTest, OverwritesAndTakesAnEmptySpanThatPointsNowhere) {
  Buffer secret{1, 2, 3};
  wipe(secret);
  EXPECT_EQ(secret, Buffer(3, 0));
  wipe(std::span<std::uint8_t>());
}

}  // namespace
}  // namespace vouch
