#include "x509/name.hpp"

#include <gmock/gmock.h>

#include "asn1/der_writer.hpp"

namespace vouch::x509 {
namespace {

using asn1::Tag;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Buffer hex(std::string_view digits) { return from_hex(digits).value(); }

// openssl asn1parse -genconf: C as PrintableString, L as T61String (Latin-1), O as BMPString, CN as
// UniversalString, x500UniqueIdentifier as BIT STRING.
const Buffer kAllStringTypes =
    hex("306b310b3009060355040613024445310f300d060355040714065afc7269636831173015060355040a1e0e0160006b006f00"
        "64006100"
        "2020ac3125302306035504031c1c000000530000006d000000690000006c00000065000000200001f600310b300906035504"
        "2d0302"
        "0001");

// A name of one attribute, whose value stands as given.
Buffer one_attribute(Tag tag, Bytes value) {
  return encode_name({{{NameAttribute{oid::kCommonName, tag, to_buffer(value)}}}});
}

TEST(NameTest, EveryStringTypeReadsAsUtf8AndEncodesToTheSameOctets) {
  const auto name = parse_name(kAllStringTypes);
  ASSERT_TRUE(name) << name.error().summary();
  ASSERT_EQ(name->rdns.size(), 5u);
  EXPECT_EQ(name->rdns[0][0].text().value(), "DE");
  EXPECT_EQ(name->rdns[1][0].text().value(), "Zürich");
  EXPECT_EQ(name->rdns[2][0].text().value(), "Škoda €");
  EXPECT_EQ(name->rdns[3][0].text().value(), "Smile 😀");
  EXPECT_EQ(name->rdns[4][0].text().error().code(), Errc::malformed) << "a BIT STRING is no text";
  EXPECT_EQ(encode_name(*name), kAllStringTypes);
}

TEST(NameTest, AnEmptyNameIsAnEmptySequence) {
  const auto name = parse_name(hex("3000"));
  ASSERT_TRUE(name);
  EXPECT_TRUE(name->empty());
  EXPECT_EQ(encode_name(Name{}), hex("3000"));
}

// python3-cryptography: Name([RelativeDistinguishedName([CN=x, UID=u1, OU=Sales])])
TEST(NameTest, KeepsTheOrderOfARelativeNameWithSeveralAttributes) {
  const Buffer der =
      hex("302c312a300806035504030c0178300c060355040b0c0553616c65733010060a0992268993f22c6401010c027531");
  const auto name = parse_name(der);
  ASSERT_TRUE(name);
  ASSERT_EQ(name->rdns.size(), 1u);
  ASSERT_EQ(name->rdns[0].size(), 3u);
  EXPECT_EQ(name->rdns[0][2].type, oid::kUid);
  EXPECT_EQ(encode_name(*name), der);
}

// A SET OF that is not sorted is not DER, but names with one were signed and must be compared as signed.
TEST(NameTest, AnUnsortedSetIsReadAndKept) {
  const Buffer der =
      hex("302c312a3010060a0992268993f22c6401010c027531300c060355040b0c0553616c6573300806035504030c0178");
  EXPECT_EQ(encode_name(parse_name(der).value()), der);
}

TEST(NameTest, RefusesWhatIsNoName) {
  for (const char* der : {
           "",                                    // nothing
           "3100",                                // a SET
           "30023100",                            // an empty relative name
           "30003000",                            // two names
           "300d310b300906035504061302444500",    // something behind it
           "300b3009300706035504030500",          // a SEQUENCE where the SET belongs
           "300831063004060355",                  // truncated
           "30093107300506035504030500",          // attribute longer than its SET
           "3009310730050603550403",              // an attribute without value
           "300f310d300b06035504031301780c0178",  // an attribute with two values
       })
    EXPECT_FALSE(parse_name(hex(der))) << der;
}

TEST(NameTest, IsBounded) {
  const NameAttribute attribute = make_attribute(oid::kCommonName, "x");
  Name name;
  name.rdns.assign(64, {attribute});
  EXPECT_TRUE(parse_name(encode_name(name)));
  name.rdns.assign(65, {attribute});
  EXPECT_EQ(parse_name(encode_name(name)).error().code(), Errc::limit_exceeded);
  name.rdns.assign(1, RelativeName(16, attribute));
  EXPECT_TRUE(parse_name(encode_name(name)));
  name.rdns.assign(1, RelativeName(17, attribute));
  EXPECT_EQ(parse_name(encode_name(name)).error().code(), Errc::limit_exceeded);
  name = make_name({{oid::kCommonName, std::string(65'000, 'x')}});
  EXPECT_TRUE(parse_name(encode_name(name)));
  name = make_name({{oid::kCommonName, std::string(65'536, 'x')}});
  EXPECT_EQ(parse_name(encode_name(name)).error().code(), Errc::limit_exceeded);
}

// RFC 5280 appendix A.1 and 4.1.2.4.
TEST(NameTest, MakesTheStringTypeThatTheAttributeWants) {
  EXPECT_EQ(make_attribute(oid::kCountry, "DE").string_type, Tag::printable_string);
  EXPECT_EQ(make_attribute(oid::kSerialNumber, "42").string_type, Tag::printable_string);
  EXPECT_EQ(make_attribute(oid::kDnQualifier, "a-b").string_type, Tag::printable_string);
  EXPECT_EQ(make_attribute(oid::kDomainComponent, "example").string_type, Tag::ia5_string);
  EXPECT_EQ(make_attribute(oid::kEmailAddress, "a@b.example").string_type, Tag::ia5_string);
  EXPECT_EQ(make_attribute(oid::kCommonName, "Root").string_type, Tag::utf8_string);
  EXPECT_EQ(make_attribute(oid::kCountry, "Côte").string_type, Tag::utf8_string) << "still readable";
  EXPECT_EQ(make_attribute(oid::kDomainComponent, "bücher").string_type, Tag::utf8_string);
}

TEST(NameTest, ValuesComeMostSpecificFirst) {
  const Name name = make_name(
      {{oid::kDomainComponent, "net"}, {oid::kDomainComponent, "example"}, {oid::kCommonName, "Web"}});
  EXPECT_THAT(values_of(name, oid::kDomainComponent), ElementsAre("example", "net"));
  EXPECT_THAT(values_of(name, oid::kCountry), IsEmpty());
}

struct Value {
  const char* name;
  Tag type;
  const char* octets;
  const char* text;  // nullptr: refused
};
void PrintTo(const Value& row, std::ostream* out) { *out << row.name; }

class StringTypeTest : public testing::TestWithParam<Value> {};

TEST_P(StringTypeTest, IsReadOrRefused) {
  const Value& row = GetParam();
  const Buffer octets = hex(row.octets);
  const auto text = string_to_utf8(row.type, octets);
  ASSERT_EQ(text.has_value(), row.text != nullptr);
  if (text) {
    EXPECT_EQ(*text, row.text);
  } else {
    EXPECT_EQ(text.error().code(), Errc::malformed);
  }
  // Whatever the octets are, the name as a whole can be read, kept and printed.
  const Buffer der = one_attribute(row.type, octets);
  const auto name = parse_name(der);
  ASSERT_TRUE(name);
  EXPECT_EQ(encode_name(*name), der);
  EXPECT_EQ(to_rfc4514(*name).starts_with("CN=#"), row.text == nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Name, StringTypeTest,
    testing::Values(
        Value{"Utf8", Tag::utf8_string, "c3bc", "ü"},
        Value{"Utf8FourOctets", Tag::utf8_string, "f09f9880", "😀"},
        Value{"Utf8Truncated", Tag::utf8_string, "c3", nullptr},
        Value{"Utf8Overlong", Tag::utf8_string, "c0af", nullptr},
        Value{"Utf8OverlongThree", Tag::utf8_string, "e0809f", nullptr},
        Value{"Utf8Surrogate", Tag::utf8_string, "eda080", nullptr},
        Value{"Utf8AboveUnicode", Tag::utf8_string, "f4908080", nullptr},
        Value{"Utf8LoneContinuation", Tag::utf8_string, "80", nullptr},
        Value{"Printable", Tag::printable_string, "41422d31", "AB-1"},
        // "*.a@b_" is no PrintableString, but certificates have it
        Value{"PrintableWithStarAndAt", Tag::printable_string, "2a2e6140625f", "*.a@b_"},
        Value{"PrintableWithHighOctet", Tag::printable_string, "c3", nullptr},
        Value{"TeletexIsLatin1", Tag::teletex_string, "e4f6fc", "äöü"},
        Value{"Ia5", Tag::ia5_string, "6140", "a@"}, Value{"Ia5High", Tag::ia5_string, "80", nullptr},
        Value{"Numeric", Tag::numeric_string, "3120", "1 "},
        Value{"NumericLetter", Tag::numeric_string, "3161", nullptr},
        Value{"Visible", Tag::visible_string, "7e", "~"},
        Value{"VisibleControl", Tag::visible_string, "0a", nullptr},
        Value{"VisibleDelete", Tag::visible_string, "7f", nullptr},
        Value{"Bmp", Tag::bmp_string, "20ac", "€"}, Value{"BmpOdd", Tag::bmp_string, "20ac00", nullptr},
        Value{"BmpSurrogatePair", Tag::bmp_string, "d83dde00", nullptr},
        Value{"BmpLoneSurrogate", Tag::bmp_string, "dc00", nullptr},
        Value{"Universal", Tag::universal_string, "0001f600", "😀"},
        Value{"UniversalTooShort", Tag::universal_string, "01f600", nullptr},
        Value{"UniversalAboveUnicode", Tag::universal_string, "00110000", nullptr},
        Value{"UniversalSurrogate", Tag::universal_string, "0000d800", nullptr},
        Value{"OctetString", Tag::octet_string, "41", nullptr}, Value{"Empty", Tag::utf8_string, "", ""}),
    [](const auto& row) { return row.param.name; });

TEST(StringTypeTest2, BmpHasNoPlaceForSupplementaryCharacters) {
  EXPECT_EQ(utf8_to_bmp("A€"), hex("004120ac"));
  EXPECT_EQ(utf8_to_bmp("😀!"), hex("fffd0021"));
  EXPECT_EQ(utf8_to_bmp("\xff"), hex("fffd"));
}

// RFC 5280 7.1.
TEST(NamesMatchTest, IgnoresCaseSpaceAndStringType) {
  const auto utf8 = [](std::string_view text) { return make_name({{oid::kOrganization, text}}); };
  EXPECT_TRUE(names_match(utf8("Contoso Ltd"), utf8("  CONTOSO \t  ltd ")));
  EXPECT_FALSE(names_match(utf8("Contoso Ltd"), utf8("ContosoLtd")));
  EXPECT_TRUE(names_match(utf8("ÄRGER Žluť ΑΘΗΝΑΣ МОСКВА Հայ"), utf8("ärger žluŤ αθηνας москва հԱՅ")));
  EXPECT_FALSE(names_match(utf8("İ"), utf8("i"))) << "Turkish dotted I folds to nothing else";
  EXPECT_TRUE(names_match(utf8("a\u00a0b"), utf8("A b"))) << "no-break space is space (RFC 4518 2.2)";
  EXPECT_TRUE(names_match(utf8(" "), utf8("")));

  Name printable = utf8("CONTOSO ltd");
  printable.rdns[0][0].string_type = Tag::printable_string;
  EXPECT_TRUE(names_match(printable, utf8("Contoso Ltd")));
  EXPECT_NE(printable, utf8("CONTOSO ltd")) << "== compares what is encoded";

  const auto bmp = parse_name(one_attribute(Tag::bmp_string, utf8_to_bmp("Zürich"))).value();
  const auto teletex = parse_name(one_attribute(Tag::teletex_string, hex("5afc72696368"))).value();
  EXPECT_TRUE(names_match(bmp, teletex));
}

// RFC 4518: NFKC, full case folding, characters that map to nothing, characters that are prohibited.
TEST(NamesMatchTest, ComparesStringsInTheirNormalizedForm) {
  const auto utf8 = [](std::string_view text) { return make_name({{oid::kCommonName, text}}); };
  EXPECT_TRUE(names_match(utf8("ﬁsh"), utf8("FISH"))) << "a ligature";
  EXPECT_TRUE(names_match(utf8("Straße"), utf8("STRASSE")));
  EXPECT_TRUE(names_match(utf8("e\u0301cole"), utf8("\u00c9COLE"))) << "a combining accent";
  EXPECT_TRUE(names_match(utf8("Con\u00adtoso"), utf8("contoso"))) << "a soft hyphen is nothing";
  EXPECT_TRUE(names_match(utf8("\uff21\uff22"), utf8("ab"))) << "full-width letters";
  EXPECT_FALSE(names_match(utf8("a\ue000"), utf8("A\ue000"))) << "private use is prohibited: octets decide";
  EXPECT_TRUE(names_match(utf8("a\ue000"), utf8("a\ue000")));
}

TEST(ComparisonKeyTest, IsEqualExactlyForNamesThatMatchAndBeginsLikeItsSubtrees) {
  const auto key = [](std::string_view text) { return comparison_key(name_from_rfc4514(text).value()); };
  EXPECT_EQ(key("CN=Web,O=Acme  Ltd"), key("cn=WEB,o=acme ltd"));
  EXPECT_EQ(key("CN=a+OU=b"), key("OU=b+CN=a"));
  EXPECT_NE(key("CN=a,OU=b"), key("OU=b,CN=a"));
  EXPECT_NE(key("CN=ab"), key("CN=a"));
  EXPECT_TRUE(key("CN=Web,OU=x,O=Acme").starts_with(key("OU=X,O=acme")));
  EXPECT_FALSE(key("O=Acme2").starts_with(key("O=Acme")));
  EXPECT_FALSE(key("O=Acme+OU=x").starts_with(key("O=Acme")));
  EXPECT_EQ(comparison_key(Name{}), "");
  // A text of one type is not the bare octets of another whose identifier is the beginning of the first.
  const Name common_name{{{{{2, 5, 4, 3}, asn1::Tag::utf8_string, {'a'}}}}};
  const Name octets{{{{{2, 5, 4}, asn1::Tag::bit_string, {0, 'a'}}}}};
  EXPECT_NE(comparison_key(common_name), comparison_key(octets));
}

TEST(NamesMatchTest, ComparesDomainComponentsAndMailAddressesWithoutCase) {
  const auto name = [](std::string_view dc, std::string_view mail) {
    return make_name({{oid::kDomainComponent, dc}, {oid::kEmailAddress, mail}});
  };
  EXPECT_TRUE(names_match(name("EXAMPLE", "Alice@Example.COM"), name("example", "alice@example.com")));
  EXPECT_FALSE(names_match(name("example", "alice@example.com"), name("example", "bob@example.com")));
}

TEST(NamesMatchTest, OrderCountsBetweenRelativeNamesButNotWithinOne) {
  const NameAttribute cn = make_attribute(oid::kCommonName, "a"),
                      ou = make_attribute(oid::kOrganizationalUnit, "a");
  EXPECT_FALSE(names_match({{{cn}, {ou}}}, {{{ou}, {cn}}}));
  EXPECT_TRUE(names_match({{{cn, ou}}}, {{{ou, cn}}}));
  EXPECT_FALSE(names_match({{{cn, cn, ou}}}, {{{cn, ou, ou}}})) << "each attribute matches once";
  EXPECT_FALSE(names_match({{{cn}}}, {{{cn}, {ou}}}));
  EXPECT_FALSE(names_match({{{cn}}}, {{{cn, ou}}}));
  EXPECT_FALSE(names_match({{{cn}}}, {{{ou}}})) << "the types must be the same";
  EXPECT_TRUE(names_match(Name{}, Name{}));
}

TEST(NamesMatchTest, ComparesWhatIsNoTextByItsOctets) {
  const auto name = [](const char* octets) {
    return parse_name(one_attribute(Tag::bit_string, hex(octets))).value();
  };
  EXPECT_TRUE(names_match(name("0041"), name("0041")));
  EXPECT_FALSE(names_match(name("0041"), name("0061")));
  EXPECT_FALSE(names_match(parse_name(one_attribute(Tag::utf8_string, hex("ff"))).value(),
                           parse_name(one_attribute(Tag::utf8_string, hex("fe"))).value()));
}

}  // namespace
}  // namespace vouch::x509
