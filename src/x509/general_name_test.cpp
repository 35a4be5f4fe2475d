#include "x509/general_name.hpp"

#include <gmock/gmock.h>

#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::HasSubstr;

Result<GeneralName> parse_one(Bytes der) {
  asn1::Reader reader(der);
  auto name = parse_general_name(reader);
  if (name && !reader.at_end()) return make_error(Errc::malformed, "something is left");
  return name;
}
Buffer encode_one(const GeneralName& name) {
  asn1::Writer out;
  encode_general_name(out, name);
  return std::move(out).take();
}

TEST(GeneralNameTest, BuildsTheOctetsThatOpensslBuilds) {
  std::vector<GeneralName> names = {
      GeneralName::dns("www.example.com"),
      GeneralName::dns("*.example.com"),
      GeneralName::ip("192.0.2.1").value(),
      GeneralName::ip("2001:db8::1").value(),
      GeneralName::email("alice@example.com"),
      GeneralName::uri("https://example.com/a"),
      GeneralName::from_text("RID:1.2.3.4").value(),
      GeneralName::directory(make_name({{oid::kCountry, "DE"}, {oid::kOrganization, "Contoso, Ltd"}})),
      GeneralName::upn("alice@corp.example"),
      GeneralName::pkinit("CORP.EXAMPLE", {"alice"})};
  EXPECT_EQ(to_hex(encode_general_names(names)), kOpensslNames);
  const auto parsed = parse_general_names(hex(kOpensslNames));
  ASSERT_TRUE(parsed) << parsed.error().summary();
  EXPECT_EQ(*parsed, names);
}

TEST(GeneralNameTest, PrintsAndReadsTheSameText) {
  const auto names = parse_general_names(hex(kOpensslNames)).value();
  const std::vector<std::string> expected = {
      "DNS:www.example.com",
      "DNS:*.example.com",
      "IP:192.0.2.1",
      "IP:2001:db8::1",
      "email:alice@example.com",
      "URI:https://example.com/a",
      "RID:1.2.3.4",
      R"(DirName:O=Contoso\, Ltd,C=DE)",
      "UPN:alice@corp.example",
      "otherName:1.3.6.1.5.2.2:#"
      "3024a00e1b0c434f52502e4558414d504c45a1123010a003020101a10930071b05616c696365"};
  ASSERT_EQ(names.size(), expected.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(names[i].to_text(), expected[i]);
    const auto again = GeneralName::from_text(expected[i]);
    ASSERT_TRUE(again) << again.error().summary();
    EXPECT_EQ(*again, names[i]);
  }
  // Prefixes in any case, and as openssl prints them.
  EXPECT_EQ(GeneralName::from_text("dns:a").value(), GeneralName::dns("a"));
  EXPECT_EQ(GeneralName::from_text("IP Address:192.0.2.1").value(), GeneralName::ip("192.0.2.1").value());
}

// Structures that this project does not look into pass through.
TEST(GeneralNameTest, KeepsX400AndEdiPartyNames) {
  for (const char* der : {"a3053003020101", "a507a1050c0374636b"}) {
    const auto name = parse_one(hex(der));
    ASSERT_TRUE(name) << der;
    EXPECT_EQ(to_hex(encode_one(*name)), der);
    EXPECT_EQ(GeneralName::from_text(name->to_text()).value(), *name);
  }
}

TEST(GeneralNameTest, RefusesWhatIsNoGeneralName) {
  for (const char* der : {
           "",                          // nothing
           "8900",                      // [9]
           "0c0161",                    // an untagged UTF8String
           "a2016100",                  // dNSName constructed
           "8000",                      // otherName primitive
           "8400",                      // directoryName primitive
           "8203c3bc2e",                // dNSName that is not ASCII: must be xn--
           "8101ff",                    // rfc822Name that is not ASCII
           "8601ff",                    // URI that is not ASCII
           "870301020304",              // something left over
           "8703010203",                // an address of three octets
           "8708c0000200ffffff00",      // with its mask: only in name constraints
           "a4020500",                  // directoryName without a Name
           "a400",                      // directoryName, empty
           "8800",                      // registeredID, empty
           "88028001",                  // registeredID, arc not minimal
           "a000",                      // otherName, empty
           "a00406022a03",              // otherName without value
           "a00606022a03a000",          // otherName with an empty value
           "a00a06022a03a00405000500",  // otherName with two values
           "a00a06022a03a00205000500",  // otherName with a third field
           "a00606022a030c00",          // otherName whose value is not in [0]
       })
    EXPECT_FALSE(parse_one(hex(der))) << der;
}

TEST(GeneralNameTest, AnAddressInANameConstraintHasItsMask) {
  const auto parse = [](std::string_view digits) {
    const Buffer der = hex(digits);
    asn1::Reader reader(der);
    return parse_general_name_of_constraint(reader);
  };
  EXPECT_EQ(parse("8708c0000200ffffff00").value(), GeneralName::ip_range("192.0.2.0/24").value());
  EXPECT_EQ(parse("8708c0000200ffffff00").value().to_text(), "IP:192.0.2.0/255.255.255.0");
  EXPECT_FALSE(parse("8704c0000201"));
  EXPECT_TRUE(parse("820c2e6578616d706c652e636f6d"));
}

TEST(GeneralNameTest, ReadsRangesWithPrefixOrMask) {
  const auto range = [](std::string_view text) { return to_hex(GeneralName::ip_range(text).value().value); };
  EXPECT_EQ(range("192.0.2.0/24"), "c0000200ffffff00");
  EXPECT_EQ(range("10.0.0.0/255.0.0.0"), "0a000000ff000000");
  EXPECT_EQ(range("10.64.0.0/11"), "0a400000ffe00000");
  EXPECT_EQ(range("0.0.0.0/0"), "0000000000000000");
  EXPECT_EQ(range("192.0.2.1/32"), "c0000201ffffffff");
  EXPECT_EQ(range("2001:db8::/33"), "20010db8000000000000000000000000ffffffff800000000000000000000000");
  EXPECT_EQ(range("2001:db8::/ffff:ffff::"),
            "20010db8000000000000000000000000ffffffff000000000000000000000000");
  for (const char* text : {"192.0.2.1", "192.0.2.0/33", "::/129", "192.0.2.0/ffff::", "192.0.2.0/", "/24",
                           "x/24", "192.0.2.0/-1", "192.0.2.0/24x"})
    EXPECT_FALSE(GeneralName::ip_range(text)) << text;
}

TEST(GeneralNameTest, RefusesTextThatNamesNothing) {
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, "www.example.com"s, "DNS:"s, "XYZ:a"s, "IP:192.0.2"s, "IP:192.0.2.1\0x"s, "IP:1.2.3.4/24"s,
        "DNS:bücher.example"s, "email:a\nb"s, "UPN:\xff"s, "RID:x"s, "RID:1.2.x"s, "DirName:x"s,
        "otherName:1.2"s, "otherName:1.2:#"s, "otherName:1.2:#0c"s, "otherName:1.2:0c00"s,
        "otherName:1.2:#05000500"s, "X400:00"s})
    EXPECT_EQ(GeneralName::from_text(text).error().code(), Errc::malformed) << text;
}

TEST(GeneralNameTest, AUpnIsAUtf8StringThatAPersonCanType) {
  using namespace std::string_literals;
  EXPECT_EQ(GeneralName::upn("jürgen@corp.example").as_upn(), "jürgen@corp.example");
  EXPECT_EQ(GeneralName::upn("").as_upn(), std::nullopt);
  EXPECT_EQ(GeneralName::upn("alice\0@corp"s).as_upn(), std::nullopt);
  EXPECT_EQ(GeneralName::upn("\xff").as_upn(), std::nullopt);
  EXPECT_EQ(GeneralName::email("alice@corp.example").as_upn(), std::nullopt);
  GeneralName printable = GeneralName::upn("alice");
  printable.value[0] = 0x13;
  EXPECT_EQ(printable.as_upn(), std::nullopt);
  GeneralName other = GeneralName::upn("alice");
  other.other_type = oid::kPkinitSan;
  EXPECT_EQ(other.as_upn(), std::nullopt);
}

// The zero octet that once passed for the end of a name (CVE-2009-2408) stands in the text.
TEST(GeneralNameTest, TextShowsControlCharactersInHex) {
  using namespace std::string_literals;
  EXPECT_EQ(GeneralName::dns("bank.example\0.evil.example"s).to_text(),
            R"(DNS:bank.example\00.evil.example)");
  EXPECT_EQ(GeneralName::uri("http://a\n\x1b[2J").to_text(), R"(URI:http://a\0A\1B[2J)");
}

TEST(GeneralNamesTest, AreOneTo4096) {
  EXPECT_EQ(parse_general_names(hex("3000")).error().code(), Errc::malformed);
  std::vector<GeneralName> names(4096, GeneralName::dns("a"));
  EXPECT_TRUE(parse_general_names(encode_general_names(names)));
  names.push_back(names[0]);
  EXPECT_EQ(parse_general_names(encode_general_names(names)).error().code(), Errc::limit_exceeded);
  const auto broken = parse_general_names(hex("30058200870100"));
  EXPECT_THAT(broken.error().summary(), HasSubstr("general name 2"));
}

}  // namespace
}  // namespace vouch::x509
