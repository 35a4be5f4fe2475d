#include "cms/ber.hpp"

#include <algorithm>

#include "cms/test_messages.hpp"

namespace vouch::cms {
namespace {

std::string der_of(std::string_view ber) {
  const auto der = to_der(hex(ber));
  return der ? to_hex(*der) : std::string(name(der.error().code()));
}

TEST(Ber, LeavesDerAsItIs) {
  for (const char* file : {"signed-rsa.der", "signed-two.der", "signed-certtool.der",
                           "enveloped-password.der", "certificates.p7b"}) {
    const Buffer der = test_file(file);
    EXPECT_EQ(to_der(der).value(), der) << file;
  }
}

// X.690 8.1.3, 8.7.3, 8.6.4.
TEST(Ber, TurnsEachFormIntoItsDer) {
  EXPECT_EQ(der_of("3080 020105 0000"), "3003020105") << "indefinite length";
  EXPECT_EQ(der_of("30820003 020105"), "3003020105") << "length in too many octets";
  EXPECT_EQ(der_of("3083000003 020105"), "3003020105");
  EXPECT_EQ(der_of("2480 040161 04026263 0000"), "0403616263") << "OCTET STRING in pieces";
  EXPECT_EQ(der_of("2407 040161 04026263"), "0403616263");
  EXPECT_EQ(der_of("2480 2480 040161 0000 2404 04026263 0000"), "0403616263") << "pieces in pieces";
  EXPECT_EQ(der_of("2400"), "0400");
  EXPECT_EQ(der_of("2380 030200ab 030204c0 0000"), "030304abc0") << "BIT STRING in pieces";
  EXPECT_EQ(der_of("2380 030204c0 030200ab 0000"), "malformed") << "bits left over in the middle";
}

TEST(Ber, KeepsStringsUnderImplicitTagsForJoining) {
  const Buffer der = to_der(hex("a080 2480 040161 0000 04026263 0000")).value();
  EXPECT_EQ(to_hex(der), "a00704016104026263");
  EXPECT_EQ(to_hex(join_octets(true, Bytes(der).subspan(2)).value()), "616263");
  EXPECT_EQ(to_hex(join_octets(false, Bytes(der).subspan(2)).value()), "04016104026263");
  EXPECT_FALSE(join_octets(true, hex("020105")).has_value());
}

// The order of a SET OF is what was signed.
TEST(Ber, SortsNothing) { EXPECT_EQ(der_of("3180 020109 020101 0000"), "3106020109020101"); }

TEST(Ber, RefusesWhatIsNotOneValue) {
  for (const char* ber : {"", "30", "3080", "3080020105", "308002010500", "0480610000", "30050201050",
                          "30ff00", "0500 00", "3080 0000 00", "0000", "3002 0000", "2480 020105 0000",
                          "1f8101 00", "3085010000000000", "308900000000000000000000"}) {
    std::string digits(ber);
    std::erase(digits, ' ');
    if (digits.size() % 2 != 0) digits.pop_back();
    const auto der = to_der(hex(digits));
    ASSERT_FALSE(der.has_value()) << ber << " became " << to_hex(*der);
    EXPECT_EQ(der.error().code(), Errc::malformed) << ber;
  }
}

TEST(Ber, IsBoundedInSizeAndDepth) {
  EXPECT_EQ(to_der(Buffer(100, 0), {.octets = 99}).error().code(), Errc::limit_exceeded);
  for (const auto& [open, close] :
       {std::pair<std::string_view, std::string_view>{"3080", "0000"}, {"2480", "0000"}}) {
    Buffer deep;
    for (int i = 0; i < 1'000'000; ++i) append(deep, hex(open));
    EXPECT_EQ(to_der(deep).error().code(), Errc::limit_exceeded);
    Buffer fits;
    for (int i = 0; i < 48; ++i) append(fits, hex(open));
    for (int i = 0; i < 48; ++i) append(fits, hex(close));
    EXPECT_TRUE(to_der(fits).has_value()) << open;
  }
}

// A length that doubles as a bomb: many small values, none of which grows the output beyond the input.
TEST(Ber, NeverGrows) {
  for (const char* file : {"signed-stream.ber", "signed-keyid.ber", "enveloped-stream.ber"}) {
    const Buffer ber = test_file(file);
    const Buffer der = to_der(ber).value();
    EXPECT_LT(der.size(), ber.size()) << file;
    EXPECT_EQ(to_der(der).value(), der) << file;
  }
}

TEST(Ber, EveryTruncationIsRefused) {
  const Buffer ber = test_file("signed-stream.ber");
  for (std::size_t size = 0; size < ber.size(); ++size)
    EXPECT_FALSE(to_der(Bytes(ber).first(size)).has_value()) << size;
}

}  // namespace
}  // namespace vouch::cms
