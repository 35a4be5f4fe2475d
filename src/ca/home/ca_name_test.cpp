#include "ca/home/ca_name.hpp"

#include <gmock/gmock.h>

namespace vouch::ca {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct NameCase {
  const char* title;
  std::string name;
  const char* error;    // empty: accepted
  const char* warning;  // empty: none
};
void PrintTo(const NameCase& row, std::ostream* out) { *out << row.title; }
class CaNameTest : public testing::TestWithParam<NameCase> {};

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST_P(CaNameTest, IsJudged) {
  const NameCheck check = check_ca_name(GetParam().name, "pki1.corp.example", false);
  EXPECT_EQ(check.error.has_value(), *GetParam().error != 0);
  if (check.error) {
    EXPECT_THAT(std::string(check.error->message()), HasSubstr(GetParam().error));
    EXPECT_FALSE(check.error->hint().empty());
  }
  if (*GetParam().warning == 0)
    EXPECT_THAT(check.warnings, IsEmpty());
  else
    EXPECT_THAT(check.warnings, testing::ElementsAre(HasSubstr(GetParam().warning)));
}

INSTANTIATE_TEST_SUITE_P(Names, CaNameTest,
                         testing::Values(NameCase{"Plain", "Contoso Issuing CA 1", "", ""},
                                         NameCase{"Empty", "", "needs a name", ""},
                                         NameCase{"Latin64", std::string(64, 'a'), "", ""},
                                         NameCase{"Latin65", std::string(65, 'a'), "64", ""},
                                         NameCase{"Umlaut64", std::string(63, 'a') + "ä", "", ""},
                                         NameCase{"Mixed63", std::string(62, 'a') + "ω", "", ""},
                                         NameCase{"Mixed64", std::string(63, 'a') + "ω", "63", ""},
                                         NameCase{"GreekWithSpaces37", repeated("ωω ", 12) + "ω", "", ""},
                                         NameCase{"GreekWithSpaces38", repeated("ωω ", 12) + "ωω", "37", ""},
                                         NameCase{"Greek37", repeated("ω", 37), "", ""},
                                         NameCase{"Greek38", repeated("ω", 38), "37", ""},
                                         NameCase{"HostName", "PKI1", "this machine's name", ""},
                                         NameCase{"FullHostName", "pki1.corp.example", "this machine's name",
                                                  ""},
                                         NameCase{"Underscore", "Contoso_CA", "", "underscore"},
                                         NameCase{"Control", "Contoso\nCA", "control characters", ""},
                                         NameCase{"NotUtf8", "Contoso\xff", "UTF-8", ""},
                                         NameCase{"Space", " Contoso", "space", ""}),
                         [](const auto& row) { return row.param.title; });

// MS-WCCE 1.3.2.5: the standard's own example; it has 51 characters, so nothing is cut off.
TEST(SanitizedNameTest, TheStandardsExample) {
  const std::string name = "LongCAName(WithSpeci@#$%^Characters";
  EXPECT_EQ(sanitized_name(name), "LongCAName!0028WithSpeci@!0023$!0025!005eCharacters");
  EXPECT_EQ(shortened_name(name, kDirectoryName), sanitized_name(name));
}

// The whole table of MS-WCCE 3.1.1.4.1.1.2.
TEST(SanitizedNameTest, EveryDisallowedCharacterIsReplacedAndNoOther) {
  EXPECT_EQ(
      sanitized_name("!\"#%&'()*+,/:;<=>?[\\]^`{|}"),
      "!0021!0022!0023!0025!0026!0027!0028!0029!002a!002b!002c!002f!003a!003b!003c!003d!003e!003f!005b!005c"
      "!005d!005e!0060!007b!007c!007d");
  EXPECT_EQ(sanitized_name("\x10"), "!0010");
  EXPECT_EQ(sanitized_name("\x7f"), "!007f");
  EXPECT_EQ(sanitized_name("Äω"), "!00c4!03c9");
  EXPECT_EQ(sanitized_name("Contoso CA-1_a.b~$@"), "Contoso CA-1_a.b~$@");
}

// Computed by hand after MS-WCCE 3.1.1.4.1.1.1: "ab": 0x61; 0x61 << 1 | 0, + 0x62 = 0x124 = 292.
TEST(ShortenedNameTest, TheRestBecomesAHash) {
  EXPECT_EQ(shortened_name(std::string(51, 'x') + "ab", kDirectoryName), std::string(51, 'x') + "-00292");
  EXPECT_EQ(shortened_name(std::string(32, 'x') + "a", kTruncatedName), std::string(32, 'x') + "-00097");
  EXPECT_EQ(shortened_name(std::string(32, 'x'), kTruncatedName), std::string(32, 'x'));
}

// Sixteen 'z' (0x7a) make the sum rotate through bit 15; the number is from a program of its own in another
// language.
TEST(ShortenedNameTest, TheHashRotatesThroughSixteenBits) {
  EXPECT_EQ(shortened_name(std::string(51, 'x') + std::string(16, 'z'), kDirectoryName),
            std::string(51, 'x') + "-65535");
}

// A sequence that does not fit whole is cut off whole, and hashed whole.
TEST(ShortenedNameTest, NoHalfReplacementStaysAtTheEnd) {
  // 48 + "!0023" would end at 53: nothing of it stays. "!0023" is 0x21 0x30 0x30 0x32 0x33.
  EXPECT_EQ(shortened_name(std::string(48, 'x') + "#", kDirectoryName), std::string(48, 'x') + "-01255");
  EXPECT_EQ(shortened_name(std::string(46, 'x') + "#a", kDirectoryName),
            std::string(46, 'x') + "!0023-00097");
}

}  // namespace
}  // namespace vouch::ca
