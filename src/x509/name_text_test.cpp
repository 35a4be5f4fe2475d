// RFC 4514 both ways. What openssl and python3-cryptography print for the same names is in the comments.
#include <gmock/gmock.h>

#include "x509/name.hpp"

namespace vouch::x509 {
namespace {

using asn1::Tag;
using testing::HasSubstr;

Buffer hex(std::string_view digits) { return from_hex(digits).value(); }

// RFC 4514 section 4, in the order of the text.
TEST(Rfc4514Test, ReadsAndPrintsTheExamplesOfTheStandard) {
  for (const char* text : {"UID=jsmith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net",
                           R"(CN=James \"Jim\" Smith\, III,DC=example,DC=net)",
                           R"(CN=Before\0DAfter,DC=example,DC=net)", "1.3.6.1.4.1.1466.0=#04024869"}) {
    const auto name = name_from_rfc4514(text);
    ASSERT_TRUE(name) << text << ": " << name.error().summary();
    EXPECT_EQ(to_rfc4514(*name), text);
  }
  const auto lucic = name_from_rfc4514(R"(CN=Lu\C4\8Di\C4\87)");
  ASSERT_TRUE(lucic);
  EXPECT_EQ(to_rfc4514(*lucic), "CN=Lučić");
}

// openssl req -new -utf8 -multivalue-rdn -subj '/DC=net/DC=example/C=DE/O=Contoso, Ltd/OU=#1 "best" <x>;y\\z/
//   CN= Web +UID=w1/emailAddress=a@b.example/serialNumber=42'. openssl (-nameopt RFC2253) prints the same,
//   except for the order within the relative name.
const char* const kHardName =
    "3081b931133011060a0992268993f22c64011916036e657431173015060a0992268993f22c64011916076578616d706c65310b30"
    "09060355"
    "040613024445311530130"
    "60355040a0c0c436f6e746f736f2c204c7464311a3018060355040b0c11233120226265737422203c783e3b795c7a3120300c060"
    "35504030c"
    "0520576562203010060a0992268993f22c6401010c027731311a301806092a864886f70d010901160b6140622e6578616d706c65"
    "310b3009"
    "060355040513023432";
const char* const kHardText =
    R"(serialNumber=42,emailAddress=a@b.example,CN=\ Web\ +UID=w1,OU=\#1 \"best\" \<x\>\;y\\z,O=Contoso\, Ltd,C=DE,)"
    "DC=example,DC=net";

TEST(Rfc4514Test, EscapesWhatOpensslEscapes) {
  EXPECT_EQ(to_rfc4514(hex(kHardName)).value(), kHardText);
  // Types and string types are those that openssl chose, so the octets are the same as well.
  EXPECT_EQ(encode_name(name_from_rfc4514(kHardText).value()), hex(kHardName));
}

// python3-cryptography; rfc4514_string() of it prints the same.
TEST(Rfc4514Test, PrintsTextBeyondAsciiAsItIs) {
  EXPECT_EQ(
      to_rfc4514(
          hex("306b310b3009060355040613024445311b301906035504080c12426164656e2d57c3bc727474656d6265726731"
              "0f300d060355040a1e06005a006f00eb3115301306035504030c0cd09bd183cc81d18720e282ac31173015060a"
              "0992268993f22c64011916076578616d706c65"))
          .value(),
      "DC=example,CN=Лу́ч €,O=Zoë,ST=Baden-Württemberg,C=DE");
}

TEST(Rfc4514Test, ReadsKeywordsInAnyCaseAndObjectIdentifiers) {
  const Name expected = make_name({{oid::kState, "x"}, {oid::kCommonName, "Web"}});
  for (const char* text : {"CN=Web,ST=x", "cn=Web,st=x", "commonName=Web,stateOrProvinceName=x",
                           "2.5.4.3=Web,S=x", "OID.2.5.4.3=Web,oid.2.5.4.8=x", "CN=#0c03576562,ST=#0C0178"}) {
    const auto name = name_from_rfc4514(text);
    ASSERT_TRUE(name) << text << ": " << name.error().summary();
    EXPECT_EQ(*name, expected) << text;
  }
  EXPECT_EQ(name_from_rfc4514("E=a@b").value(), make_name({{oid::kEmailAddress, "a@b"}}));
}

// RFC 2253 section 4: spaces around separators, semicolons, quoted values.
TEST(Rfc4514Test, ReadsTheFormsOfOlderTexts) {
  const Name expected =
      make_name({{oid::kOrganization, "Sue, Grabbit; and Runn"}, {oid::kCommonName, "L. Eagle"}});
  for (const char* text :
       {R"(CN=L. Eagle, O="Sue, Grabbit; and Runn")", R"(CN = L. Eagle ;O= "Sue, Grabbit; and Runn" )",
        R"(  CN=L. Eagle,O=Sue\, Grabbit\; and Runn  )", R"(CN="L. Eagle",O=Sue\2c Grabbit\3B and Runn)"}) {
    const auto name = name_from_rfc4514(text);
    ASSERT_TRUE(name) << text << ": " << name.error().summary();
    EXPECT_EQ(*name, expected) << text;
  }
  EXPECT_EQ(name_from_rfc4514(R"(CN="say \"hi\" \\")").value(),
            make_name({{oid::kCommonName, R"(say "hi" \)"}}));
}

TEST(Rfc4514Test, EscapedSpacesBelongToTheValue) {
  EXPECT_EQ(name_from_rfc4514(R"(CN=\ a \ )").value(), make_name({{oid::kCommonName, " a  "}}));
  EXPECT_EQ(to_rfc4514(make_name({{oid::kCommonName, " a  "}})), R"(CN=\ a \ )");
  EXPECT_EQ(to_rfc4514(make_name({{oid::kCommonName, " "}})), R"(CN=\ )");
  EXPECT_EQ(to_rfc4514(make_name({{oid::kCommonName, "# #"}})), R"(CN=\# #)");
}

TEST(Rfc4514Test, AnEmptyTextIsTheEmptyNameAndAnEmptyValueIsAValue) {
  EXPECT_TRUE(name_from_rfc4514("").value().empty());
  EXPECT_TRUE(name_from_rfc4514("  ").value().empty());
  EXPECT_EQ(to_rfc4514(Name{}), "");
  EXPECT_EQ(name_from_rfc4514("CN=,O=").value(),
            make_name({{oid::kOrganization, ""}, {oid::kCommonName, ""}}));
}

// A name cannot rewrite the line of a log or of a terminal that it is printed in.
TEST(Rfc4514Test, WhatActsOnATerminalPrintsAsHexPairs) {
  using namespace std::string_literals;
  const auto printed = [](const std::string& text) {
    return to_rfc4514(make_name({{oid::kCommonName, text}}));
  };
  EXPECT_EQ(printed("a\0b"s), R"(CN=a\00b)");
  EXPECT_EQ(printed("a\nb\x1b[31m"), R"(CN=a\0Ab\1B[31m)");
  EXPECT_EQ(printed("\x7f\u009b"), R"(CN=\7F\C2\9B)");
  EXPECT_EQ(printed("evil\u202egpj.exe"), R"(CN=evil\E2\80\AEgpj.exe)");
  const std::string all = "a\0\n\x1b\x7f\u009b\u202e"s;
  EXPECT_EQ(name_from_rfc4514(printed(all)).value(), make_name({{oid::kCommonName, all}}));
}

// 2.4: values of types that have no keyword, and those that are no text, stand in hex, with their tag.
TEST(Rfc4514Test, PrintsHexWhereThereIsNoText) {
  const Name name{{{{Oid{1, 2, 3}, Tag::utf8_string, hex("61")}},
                   {{oid::kCommonName, Tag::utf8_string, hex("ff")}},
                   {{oid::kOrganization, Tag::sequence, hex("0500")}}}};
  EXPECT_EQ(to_rfc4514(name), "O=#30020500,CN=#0c01ff,1.2.3=#0c0161");
  EXPECT_EQ(name_from_rfc4514(to_rfc4514(name)).value(), name);
}

TEST(Rfc4514Test, SortsWhatStandsTogetherInOneRelativeName) {
  EXPECT_EQ(
      encode_name(name_from_rfc4514("UID=u1+CN=x+OU=Sales").value()),
      hex("302c312a300806035504030c0178300c060355040b0c0553616c65733010060a0992268993f22c6401010c027531"));
}

struct Refused {
  const char* name;
  const char* text;
  const char* message;
};
void PrintTo(const Refused& row, std::ostream* out) { *out << row.name; }

class RefusedNameText : public testing::TestWithParam<Refused> {};

TEST_P(RefusedNameText, SaysWhereAndWhy) {
  const auto name = name_from_rfc4514(GetParam().text);
  ASSERT_FALSE(name) << to_rfc4514(*name);
  EXPECT_EQ(name.error().code(), Errc::malformed);
  EXPECT_THAT(name.error().summary(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Rfc4514, RefusedNameText,
    testing::Values(Refused{"NoType", "=x", "character 1: expected an attribute type"},
                    Refused{"OnlyAType", "CN", "character 3: expected '='"},
                    Refused{"UnknownType", "O=a,XY=b", "character 5: unknown attribute type 'XY'"},
                    Refused{"BadOid", "1.2.=x", "'1.2.' is not an object identifier"},
                    Refused{"TrailingComma", "CN=a,", "character 6: expected an attribute type"},
                    Refused{"DoubleComma", "CN=a,,O=b", "character 6: expected an attribute type"},
                    Refused{"TrailingPlus", "CN=a+", "expected an attribute type"},
                    Refused{"OpensslSlashes", "/CN=a", "character 1: expected an attribute type"},
                    Refused{"LoneBackslash", "CN=a\\", "ends after '\\'"},
                    Refused{"BadEscape", "CN=a\\x", "two hexadecimal digits"},
                    Refused{"HalfAHexPair", "CN=a\\4", "two hexadecimal digits"},
                    Refused{"RawQuote", "CN=a\"b", "'\"' must be written '\\\"'"},
                    Refused{"RawLess", "CN=a<b", "'<' must be written"},
                    Refused{"NoEndQuote", "CN=\"a", "has no end"},
                    Refused{"TextAfterQuote", "CN=\"a\"b", "after a quoted value"},
                    Refused{"HexOdd", "CN=#0c0", "two hexadecimal digits"},
                    Refused{"HexEmpty", "CN=#", "not the DER of one value"},
                    Refused{"HexTwoValues", "CN=#05000500", "not the DER of one value"},
                    Refused{"HexTruncated", "CN=#0c05", "not the DER of one value"},
                    Refused{"TextAfterHex", "CN=#0500 x", "after a hex value"},
                    Refused{"NotUtf8", "CN=\\ff", "character 4: the value is not UTF-8"},
                    Refused{"NotUtf8Raw", "CN=a\xc3", "not UTF-8"}),
    [](const auto& row) { return row.param.name; });

TEST(Rfc4514Test, ReadingIsBounded) {
  std::string many = "CN=a";
  for (int i = 0; i < 64; ++i) many += ",CN=a";
  EXPECT_EQ(name_from_rfc4514(many).error().code(), Errc::limit_exceeded);
  std::string wide = "CN=a";
  for (int i = 0; i < 16; ++i) wide += "+CN=a";
  EXPECT_EQ(name_from_rfc4514(wide).error().code(), Errc::limit_exceeded);
  EXPECT_EQ(name_from_rfc4514("CN=" + std::string(70'000, 'x')).error().code(), Errc::limit_exceeded);
  EXPECT_EQ(name_from_rfc4514("CN=" + std::string(1'000'000, 'x')).error().code(), Errc::limit_exceeded);
  // The longest text of a name that parse_name takes can be read back.
  const Name controls = make_name({{oid::kCommonName, std::string(65'000, '\x01')}});
  EXPECT_EQ(name_from_rfc4514(to_rfc4514(controls)).value(), controls);
}

// Every prefix and every changed character of a difficult text is read or refused; what is read prints to a
// text that reads as the same name.
TEST(Rfc4514Test, EveryVariantOfAHardTextIsReadOrRefused) {
  const std::string seed = std::string(kHardText) + R"(,1.2.3=#0c0161,CN="a, b" ; O=\C3\BC)";
  std::size_t variants = 0, read = 0;
  const auto check = [&](const std::string& text) {
    ++variants;
    const auto name = name_from_rfc4514(text);
    if (!name) return;
    ++read;
    const std::string printed = to_rfc4514(*name);
    const auto again = name_from_rfc4514(printed);
    ASSERT_TRUE(again) << printed;
    EXPECT_EQ(to_rfc4514(*again), printed) << text;
    EXPECT_TRUE(names_match(*name, *again)) << text;
  };
  for (std::size_t i = 0; i <= seed.size(); ++i) check(seed.substr(0, i));
  for (std::size_t i = 0; i < seed.size(); ++i)
    for (int c = 0; c < 256; c += 3) {
      std::string text = seed;
      text[i] = static_cast<char>(c);
      check(text);
    }
  EXPECT_GE(variants, 10'000u);
  EXPECT_GE(read, 1'000u);
}

}  // namespace
}  // namespace vouch::x509
