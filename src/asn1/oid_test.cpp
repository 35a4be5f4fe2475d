#include "asn1/oid.hpp"

#include <gmock/gmock.h>

namespace vouch::asn1 {
namespace {

using testing::HasSubstr;

// Contents octets from `openssl asn1parse -genstr OID:…`.
TEST(OidTest, EncodesAndPrintsTheSameNumbers) {
  struct Row {
    const char* dotted;
    const char* hex;
  };
  for (const auto& [dotted, hex] :
       {Row{"2.5.29.15", "551d0f"}, Row{"1.2.840.113549.1.1.11", "2a864886f70d01010b"},
        Row{"1.3.6.1.4.1.311.21.10", "2b060104018237150a"}, Row{"2.999.1", "883701"},
        Row{"0.9.2342.19200300.100.1.25", "0992268993f22c640119"}, Row{"1.39", "4f"}, Row{"2.40", "78"},
        Row{"0.0", "00"},
        // A UUID arc is wider than 64 bits (X.667 7).
        Row{"2.25.340282366920938463463374607431768211455", "6983ffffffffffffffffffffffffffffffffff7f"}}) {
    const auto from_octets = Oid::from_contents(from_hex(hex).value());
    ASSERT_TRUE(from_octets) << dotted;
    EXPECT_EQ(from_octets->dotted(), dotted);
    const auto from_text = Oid::parse(dotted);
    ASSERT_TRUE(from_text) << dotted;
    EXPECT_EQ(to_hex(from_text->contents()), hex);
    EXPECT_EQ(*from_text, *from_octets);
  }
  EXPECT_EQ((Oid{2, 5, 29, 15}), Oid::parse("2.5.29.15").value());
}

TEST(OidTest, RefusesWhatIsNoOid) {
  for (const char* text :
       {"", "1", "1.", ".1", "1..2", "3.1", "1.40", "1.2.x", "1.2.-3", "1.2 ", "01.2", "1.02", "1.2.",
        "1.100000000000000000000",
        // one arc of 40 octets
        "1.2.118571099379011784113736688648896417641748464297615937576404566024103044751294464"})
    EXPECT_FALSE(Oid::parse(text)) << text;
  EXPECT_THAT(Oid::from_contents({}).error().summary(), HasSubstr("empty"));
  EXPECT_THAT(Oid::from_contents(Buffer{0x55, 0x9d}).error().summary(), HasSubstr("ends inside an arc"));
  EXPECT_THAT(Oid::from_contents(Buffer{0x55, 0x80, 0x01}).error().summary(), HasSubstr("not minimal"));
  EXPECT_EQ(Oid::from_contents(Buffer(40, 1)).error().code(), Errc::limit_exceeded);
}

}  // namespace
}  // namespace vouch::asn1
