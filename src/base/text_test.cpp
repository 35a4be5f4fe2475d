#include "base/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace vouch {
namespace {

// The table of well-formed sequences in the Unicode standard (3.9, table 3-7), at its edges.
TEST(Utf8Test, FollowsTheTableOfWellFormedSequences) {
  for (const char* good : {"\x01", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(utf8_character(good), std::string_view(good).size()) << good;
  for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                          "\xc2", "\xe1\x80", "\xf1\x80\x80", "\xc2\x41", "\xe1\x80\xc0"})
    EXPECT_EQ(utf8_character(bad), 0u) << bad;
  EXPECT_EQ(utf8_character(""), 0u);
}

TEST(EqualIgnoringCaseTest, FoldsTheLettersOfAsciiAndNoOther) {
  EXPECT_TRUE(equal_ignoring_case("DigitalSignature[@", "digitalsignature[@"));
  EXPECT_FALSE(equal_ignoring_case("@[`{", "`{@["));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("\xc3\x84", "\xc3\xa4")) << "A with diaeresis is no letter of ASCII";
}

TEST(NearestTest, FindsTypingMistakesAndNothingFarther) {
  constexpr std::array<std::string_view, 4> names{"validity", "subject", "key_usage", "ca"};
  EXPECT_EQ(nearest("valdity", names), "validity");
  EXPECT_EQ(nearest("Subject", names), "subject");
  EXPECT_EQ(nearest("keyusage", names), "key_usage");
  EXPECT_EQ(nearest("CA", names), "ca");
  EXPECT_EQ(nearest("ac", names), "ca") << "two letters swapped are one mistake";
  EXPECT_EQ(nearest("jsno", std::array<std::string_view, 2>{"join", "json"}), "json");
  EXPECT_EQ(nearest("quite_different", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(100000, 'x'), names), "");
}

}  // namespace
}  // namespace vouch
