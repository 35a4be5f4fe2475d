#include "asn1/der_writer.hpp"

#include <gmock/gmock.h>

namespace vouch::asn1 {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string written(const std::function<void(Writer&)>& write) {
  Writer out;
  write(out);
  return to_hex(out.bytes());
}

TEST(WriterTest, IntegersTakeTheFewestOctets) {
  EXPECT_EQ(written([](Writer& w) { w.integer(0); }), "020100");
  EXPECT_EQ(written([](Writer& w) { w.integer(127); }), "02017f");
  EXPECT_EQ(written([](Writer& w) { w.integer(128); }), "02020080");
  EXPECT_EQ(written([](Writer& w) { w.integer(UINT64_MAX); }), "020900ffffffffffffffff");
  EXPECT_EQ(written([](Writer& w) { w.unsigned_integer(Buffer{0, 0, 0x80}); }), "02020080");
  EXPECT_EQ(written([](Writer& w) { w.unsigned_integer({}); }), "020100");
}

// X.690 11.2.2; keyUsage of RFC 5280 4.2.1.3 as openssl writes it.
TEST(WriterTest, NamedBitsDropTrailingZeros) {
  EXPECT_EQ(written([](Writer& w) { w.named_bits(0); }), "030100");
  EXPECT_EQ(written([](Writer& w) { w.named_bits(1 << 0); }), "03020780");
  EXPECT_EQ(written([](Writer& w) { w.named_bits(1 << 5 | 1 << 6); }), "03020106");
  EXPECT_EQ(written([](Writer& w) { w.named_bits(1 << 8); }), "0303070080");
  EXPECT_EQ(written([](Writer& w) { w.named_bits(1 << 0 | 1 << 8); }), "0303078080");
}

TEST(WriterTest, TimesChangeTheirTypeIn2050) {
  EXPECT_EQ(written([](Writer& w) { w.time(parse_time("2049-12-31T23:59:59Z").value()); }),
            "170d" + to_hex(as_bytes("491231235959Z")));
  EXPECT_EQ(written([](Writer& w) { w.time(parse_time("2050-01-01").value()); }),
            "180f" + to_hex(as_bytes("20500101000000Z")));
  EXPECT_EQ(written([](Writer& w) { w.time(parse_time("1949-12-31").value()); }),
            "180f" + to_hex(as_bytes("19491231000000Z")));
}

TEST(WriterTest, LongScopesGetLongLengths) {
  for (std::size_t size : {0u, 127u, 128u, 255u, 256u, 65535u, 65536u}) {
    Writer out;
    out.octet_string_of([&] { out.raw(Buffer(size, 7)); });
    Reader reader(out.bytes());
    EXPECT_EQ(reader.expect_octet_string()->size(), size);
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(out.bytes().size(), size + header_size(size));
  }
}

TEST(WriterTest, SetsAreSorted) {
  EXPECT_EQ(to_hex(sorted_set_of({Buffer{2, 1, 5}, Buffer{2, 1, 3}, Buffer{1, 1, 0}})), "010100020103020105");
}

// What the writer makes the reader reads, and refuses when a single rule of DER is broken.
TEST(ReaderAndWriterTest, AgreeOnEveryType) {
  const Time time = parse_time("2026-11-23T10:20:30Z").value();
  Writer out;
  out.boolean(true);
  out.integer(42);
  out.oid(Oid{2, 5, 4, 3});
  out.bit_string(Buffer{0xa0}, 5);
  out.null();
  out.time(time);
  out.generalized_time(time);
  Reader reader(out.bytes());
  EXPECT_TRUE(reader.expect_boolean().value());
  EXPECT_EQ(reader.expect_uint64().value(), 42u);
  EXPECT_EQ(reader.expect_oid().value(), (Oid{2, 5, 4, 3}));
  const BitString bits = reader.expect_bit_string().value();
  EXPECT_TRUE(bits.bit(0) && !bits.bit(1) && bits.bit(2) && !bits.bit(3) && !bits.bit(99));
  EXPECT_TRUE(reader.expect_null());
  EXPECT_EQ(reader.expect_time().value(), time);
  EXPECT_EQ(reader.expect_time().value(), time);
  EXPECT_TRUE(reader.finish());
}

struct Broken {
  const char* name;
  const char* hex;
  const char* message;
};
void PrintTo(const Broken& row, std::ostream* out) { *out << row.name; }
class BrokenValueTest : public testing::TestWithParam<Broken> {};

TEST_P(BrokenValueTest, IsRefusedAndTheReaderStays) {
  const Buffer der = from_hex(GetParam().hex).value();
  Reader reader(der);
  std::string message;
  switch (Tag(der[0])) {
    case Tag::boolean:
      message = reader.expect_boolean().error().summary();
      break;
    case Tag::integer:
      message = reader.expect_uint64().error().summary();
      break;
    case Tag::bit_string:
      message = reader.expect_bit_string().error().summary();
      break;
    case Tag::null:
      message = reader.expect_null().error().summary();
      break;
    default:
      message = reader.expect_time().error().summary();
      break;
  }
  EXPECT_THAT(message, HasSubstr(GetParam().message));
  EXPECT_EQ(reader.offset(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Der, BrokenValueTest,
    testing::Values(Broken{"BooleanOne", "010101", "neither 00 nor FF"},
                    Broken{"BooleanLong", "0102ffff", "not one octet"},
                    Broken{"IntegerEmpty", "0200", "empty INTEGER"},
                    Broken{"IntegerPadded", "0202007f", "not minimal"},
                    Broken{"IntegerPaddedNegative", "0202ff80", "not minimal"},
                    Broken{"IntegerNegative", "0201ff", "negative"},
                    Broken{"IntegerWide", "020901000000000000000a", "above 64 bits"},
                    Broken{"BitsEmpty", "0300", "empty BIT STRING"},
                    Broken{"BitsPadding", "03020801", "impossible padding"},
                    Broken{"BitsNoOctets", "030101", "impossible padding"},
                    Broken{"BitsDirty", "03020101", "padding is not zero"},
                    Broken{"NullFull", "050100", "NULL with contents"},
                    Broken{"UtcWithoutSeconds", "170b323631313233313032305a", "YYMMDDHHMMSSZ"},
                    Broken{"UtcWithOffset", "17113236313132333130323033302b30313030", "YYMMDDHHMMSSZ"},
                    Broken{"UtcMonth13", "170d3236313332333130323033305a", "no such date"},
                    Broken{"UtcFebruary30", "170d3236303233303130323033305a", "no such date"},
                    Broken{"UtcHour24", "170d3236313132333234323033305a", "no such date"},
                    Broken{"UtcLetters", "170d3236313132333130323078305a", "no such date"},
                    Broken{"GeneralizedFraction", "181132303236313132333130323033302e355a",
                           "YYYYMMDDHHMMSSZ"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace vouch::asn1
