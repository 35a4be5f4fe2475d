#include "ca/inf.hpp"

#include <gmock/gmock.h>

namespace vouch::ca {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<Inf> parse(std::string_view text) { return parse_inf(as_bytes(text), "x.inf"); }
std::string error_of(std::string_view text) {
  const auto inf = parse(text);
  return inf ? "" : std::string(inf.error().message());
}

TEST(InfTest, SectionsKeysCommentsAndQuotes) {
  const auto inf = parse(
      "; a comment with an odd \" quote\r\n"
      "[Version] ; of the file\r\n"
      "Signature= \"$Windows NT$\"\r\n"
      "\r\n"
      "[ certsrv_SERVER ]\r\n"
      "  Key =  two words ; and a comment\r\n"
      "List = a, \"b, c\" ,d\r\n"
      "Quoted = \"say \"\"hello\"\"; not a comment\"\r\n"
      "Empty =\r\n"
      "URL = ldap:///CN=a?b=c,d\r\n");
  ASSERT_TRUE(inf) << inf.error().report();
  EXPECT_EQ(inf->find("VERSION")->entries[0].value, "$Windows NT$");
  const InfSection& server = *inf->find("Certsrv_Server");
  EXPECT_EQ(server.line, 5);
  EXPECT_EQ(server.entries[0].value, "two words");
  EXPECT_EQ(server.entries[0].line, 6);
  EXPECT_THAT(server.entries[1].fields, ElementsAre("a", "b, c", "d"));
  EXPECT_EQ(server.entries[2].value, "say \"hello\"; not a comment");
  EXPECT_THAT(server.entries[3].fields, ElementsAre());
  EXPECT_EQ(server.entries[4].value, "ldap:///CN=a?b=c,d");
}

TEST(InfTest, RepeatedKeysStayAndRepeatedSectionsAreOne) {
  const auto inf = parse("[A]\nURL=1\nURL=2\n[B]\nx=y\n[a]\nurl=3\n");
  ASSERT_TRUE(inf);
  EXPECT_EQ(inf->sections.size(), 2u);
  EXPECT_EQ(inf->find("A")->entries.size(), 3u);
}

TEST(InfTest, ContinueLinesGoOn) {
  const auto inf = parse("[A]\nNotice = \"first \"\n_continue_ = \"second\"\nL = a, b\n_Continue_ = c, d\n");
  ASSERT_TRUE(inf);
  EXPECT_EQ(inf->find("A")->entries[0].value, "first second");
  EXPECT_THAT(inf->find("A")->entries[1].fields, ElementsAre("a", "bc", "d"));
}

TEST(InfTest, StringsAreReplacedAndOtherPercentSignsStay) {
  const auto inf = parse(
      "[A]\n%oid% = %NAME%!\nURL = http://%1/%3%20x%8%9.crl\nTwo = 100%%\nL = %name%, b\n"
      "[Strings]\nname = \"a;b\"\noid = 1.2.3\n");
  ASSERT_TRUE(inf);
  const auto& entries = inf->find("A")->entries;
  EXPECT_EQ(entries[0].key, "1.2.3");
  EXPECT_EQ(entries[0].value, "a;b!");
  EXPECT_EQ(entries[1].value, "http://%1/%3%20x%8%9.crl");
  EXPECT_EQ(entries[2].value, "100%");
  EXPECT_THAT(entries[3].fields, ElementsAre("a;b", "b"));
}

std::string utf16(std::u16string_view text, bool big_endian) {
  std::string out;
  for (const char16_t c : text) {
    const char high = static_cast<char>(c >> 8), low = static_cast<char>(c & 0xff);
    out += big_endian ? std::string{high, low} : std::string{low, high};
  }
  return out;
}

TEST(InfTest, EveryEncodingOfWindowsEditorsIsRead) {
  const std::u16string_view text = u"\xfeff[A]\r\nName = K\u00f6ln \U0001d11e\r\n";
  for (const std::string& octets : {std::string("[A]\r\nName = K\xc3\xb6ln \xf0\x9d\x84\x9e\r\n"),
                                    std::string("\xef\xbb\xbf[A]\r\nName = K\xc3\xb6ln \xf0\x9d\x84\x9e\r\n"),
                                    utf16(text, false), utf16(text, true)}) {
    const auto inf = parse(octets);
    ASSERT_TRUE(inf) << inf.error().report();
    EXPECT_EQ(inf->find("A")->entries.at(0).value, "K\xc3\xb6ln \xf0\x9d\x84\x9e");
  }
}

TEST(InfTest, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_THAT(error_of("a=b\n"), HasSubstr("x.inf:1: 'a=b' stands before"));
  EXPECT_THAT(error_of("[A]\n\nnonsense\n"), HasSubstr("x.inf:3: 'nonsense' is neither"));
  EXPECT_THAT(error_of("[A\n"), HasSubstr("x.inf:1: a section's name is not closed"));
  EXPECT_THAT(error_of("[A] b\n"), HasSubstr("x.inf:1: there is more behind"));
  EXPECT_THAT(error_of("[]\n"), HasSubstr("x.inf:1: a section without a name"));
  EXPECT_THAT(error_of("[A]\n=b\n"), HasSubstr("x.inf:2: there is no key"));
  EXPECT_THAT(error_of("[A]\nb=\"c\n"), HasSubstr("x.inf:2: a quotation mark is not closed"));
  EXPECT_THAT(error_of("[A]\n_continue_=b\n"), HasSubstr("x.inf:2: _continue_ has nothing"));
  EXPECT_THAT(error_of("[A]\nb=\xff\n"), HasSubstr("x.inf:2: the text is neither UTF-8"));
  EXPECT_THAT(error_of(std::string("[A]\nb=\0\n", 8)), HasSubstr("x.inf:2: a control character"));
  EXPECT_THAT(error_of("\xff\xfe["), HasSubstr("odd length"));
  EXPECT_THAT(error_of(utf16(u"\xfeff[A]\n\xd800=b\n", true)), HasSubstr("x.inf:2: half a UTF-16"));
}

TEST(InfTest, SizesAreBounded) {
  EXPECT_THAT(error_of(std::string(300 << 10, '\n')), HasSubstr("octets"));
  EXPECT_THAT(error_of(std::string(20'000, '\n')), HasSubstr("lines"));
  std::string many = "[A]\n", sections, bomb = "[Strings]\na=" + std::string(60'000, 'x') + "\n[A]\nb=";
  for (int i = 0; i < 5000; ++i) many += "a=b\n";
  for (int i = 0; i < 300; ++i) sections += fmt::format("[s{}]\n", i);
  for (int i = 0; i < 5000; ++i) bomb += "%a%";
  EXPECT_THAT(error_of(many), HasSubstr("entries"));
  EXPECT_THAT(error_of(sections), HasSubstr("sections"));
  EXPECT_THAT(error_of(bomb + "\n"), HasSubstr("too long"));
}

}  // namespace
}  // namespace vouch::ca
