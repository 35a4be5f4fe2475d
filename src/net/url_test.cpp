#include "net/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vouch::net {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(PercentDecoding, DecodesOnce) {
  EXPECT_EQ(percent_decode("a%2Fb%2fc%25").value(), "a/b/c%");
  EXPECT_EQ(percent_decode("%2525").value(), "%25");
  EXPECT_EQ(percent_decode("a+b").value(), "a+b");
  EXPECT_EQ(percent_decode("a+b", Plus::blank).value(), "a b");
  EXPECT_EQ(percent_decode("%00").value(), std::string(1, '\0'));
}

TEST(PercentDecoding, RefusesHalfAnEscape) {
  for (const char* bad : {"%", "%2", "%zz", "a%2", "%-1", "% 1"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(PercentDecoding, EncodesEverythingButUnreserved) {
  EXPECT_EQ(percent_encode("aZ9-._~ /+\xff"), "aZ9-._~%20%2F%2B%FF");
}

TEST(Query, ItemsInOrder) {
  EXPECT_THAT(
      parse_query("operation=GetCACaps&message=My%20CA&&flag&=x").value(),
      ElementsAre(Pair("operation", "GetCACaps"), Pair("message", "My CA"), Pair("flag", ""), Pair("", "x")));
  EXPECT_TRUE(parse_query("").value().empty());
  EXPECT_FALSE(parse_query("a=%2"));
  std::string many;
  for (std::size_t i = 0; i <= kMaxQueryItems; ++i) many += "a=1&";
  EXPECT_EQ(parse_query(many).error().code(), Errc::limit_exceeded);
}

TEST(Query, RawValueIgnoresCaseOfTheName) {
  EXPECT_EQ(raw_query_value("Operation=PKIOperation&MESSAGE=a%2Bb", "message"), "a%2Bb");
  EXPECT_EQ(raw_query_value("operation=PKIOperation", "message"), "");
}

// 0xfb 0xff 0xfe 0x00 is "+//+AA==": every character that somebody spells differently.
TEST(Base64InTarget, EverySpelling) {
  const Buffer expected{0xfb, 0xff, 0xfe, 0x00};
  for (const char* spelling : {"+//+AA==", "%2B%2F%2F%2BAA%3D%3D", "%2b%2f%2f%2bAA%3d%3d", "+//+AA",
                               " // AA==", "-__-AA", "-__-AA==", "%252B%252F%252F%252BAA%253D%253D",
                               "+//+\r\nAA==\n", "+//%2B%0D%0AAA%3D%3D%0A", "+//+AA===", "%2B//+AA="})
    EXPECT_EQ(decode_base64_in_target(spelling).value(), expected) << spelling;
}

TEST(Base64InTarget, RefusesTheRest) {
  for (const char* bad : {"", "=", "A", "AAAAA", "AA==AA", "A*==", "%", "%00", "AA%zz", "\xc3\xa4"})
    EXPECT_FALSE(decode_base64_in_target(bad)) << bad;
}

}  // namespace
}  // namespace vouch::net
