#include "asn1/der_reader.hpp"

namespace vouch::asn1 {
namespace {

Error bad(std::size_t offset, std::string_view what) {
  return make_error(Errc::malformed, "DER at offset {}: {}", offset, what);
}

// The digits of a time, from `position`; -1 when one is no digit.
int two_digits(Bytes text, std::size_t position) {
  const int high = text[position] - '0', low = text[position + 1] - '0';
  return high < 0 || high > 9 || low < 0 || low > 9 ? -1 : high * 10 + low;
}

// MMDDHHMMSSZ from `position` on.
Result<Time> rest_of_time(Bytes text, std::size_t position, int year, std::size_t offset) {
  const int month = two_digits(text, position), day = two_digits(text, position + 2);
  const int hour = two_digits(text, position + 4), minute = two_digits(text, position + 6);
  const int second = two_digits(text, position + 8);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (month < 1 || day < 1 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59)
    return bad(offset, "no such date or time of day");
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

Result<Tlv> Reader::next() {
  const Bytes rest = input_.subspan(position_);
  if (rest.size() < 2) return bad(offset(), "truncated before tag and length");
  if ((rest[0] & 0x1f) == 0x1f) return bad(offset(), "tag number above 30");

  std::size_t length = rest[1];
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7f;
    // X.690 10.1: definite form, in the fewest octets.
    if (octets == 0) return bad(offset(), "indefinite length");
    if (octets > 4) return bad(offset(), "length above 4 GiB");
    if (rest.size() < 2 + octets) return bad(offset(), "truncated inside the length");
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | rest[2 + i];
    if (length < 0x80 || length >> (8 * (octets - 1)) == 0) return bad(offset(), "length not minimal");
    header += octets;
  }
  if (length > rest.size() - header) return bad(offset(), "value runs past its container");

  position_ += header + length;
  return Tlv{Tag(rest[0]), rest.subspan(header, length), rest.first(header + length)};
}

Result<Tlv> Reader::expect_tlv(Tag tag) {
  const std::size_t start = position_;
  const Tlv tlv = TRY(next());
  if (tlv.tag != tag) {
    position_ = start;
    return make_error(Errc::malformed, "DER at offset {}: expected tag 0x{:02x}, found 0x{:02x}", offset(),
                      unsigned(tag), unsigned(tlv.tag));
  }
  return tlv;
}

Result<Bytes> Reader::expect(Tag tag) {
  // What is there nearly always: the tag that is expected, a length of one octet.
  const std::size_t left = input_.size() - position_;
  if (const std::uint8_t* at = input_.data() + position_;
      left >= 2 && Tag(at[0]) == tag && at[1] < 0x80 && at[1] <= left - 2 && (at[0] & 0x1f) != 0x1f) {
    position_ += 2U + at[1];
    return Bytes(at + 2, at[1]);
  }
  return TRY(expect_tlv(tag)).value;
}

Result<Reader> Reader::expect_constructed(Tag tag) {
  const Bytes value = TRY(expect(tag));
  return Reader(value, offset() - value.size());
}

Result<std::optional<Bytes>> Reader::optional(Tag tag) {
  if (peek() != tag) return std::optional<Bytes>();
  return std::optional<Bytes>(TRY(expect(tag)));
}

Result<std::optional<Reader>> Reader::optional_constructed(Tag tag) {
  if (peek() != tag) return std::optional<Reader>();
  return std::optional<Reader>(TRY(expect_constructed(tag)));
}

// Reads the contents of the next element with `parse`; the reader moves only if that succeeds.
template <class Parse>
auto Reader::value_of(Tag tag, Parse&& parse) -> decltype(parse(Bytes(), std::size_t())) {
  const std::size_t start = position_;
  const Bytes contents = TRY(expect(tag));
  auto value = parse(contents, base_ + start);
  if (!value) position_ = start;
  return value;
}

Result<bool> Reader::expect_boolean() {
  return value_of(Tag::boolean, [](Bytes contents, std::size_t at) -> Result<bool> {
    if (contents.size() != 1) return bad(at, "BOOLEAN is not one octet");
    if (contents[0] != 0x00 && contents[0] != 0xff) return bad(at, "BOOLEAN is neither 00 nor FF");
    return contents[0] != 0;
  });
}

Result<bool> Reader::optional_boolean_default_false() {
  if (peek() != Tag::boolean) return false;
  return expect_boolean();
}

Result<Bytes> Reader::expect_integer() { return value_of(Tag::integer, parse_integer); }
Result<std::uint64_t> Reader::expect_uint64() { return value_of(Tag::integer, parse_uint64); }
Result<BitString> Reader::expect_bit_string() { return value_of(Tag::bit_string, parse_bit_string); }
Result<Time> Reader::expect_generalized_time() {
  return value_of(Tag::generalized_time, parse_generalized_time);
}

Result<Time> Reader::expect_time() {
  if (peek() == Tag::generalized_time) return expect_generalized_time();
  return value_of(Tag::utc_time, parse_utc_time);
}

Result<Oid> Reader::expect_oid() {
  return value_of(Tag::oid, [](Bytes contents, std::size_t at) -> Result<Oid> {
    return Oid::from_contents(contents).context("reading DER at offset {}", at);
  });
}

Status Reader::expect_null() {
  return value_of(Tag::null, [](Bytes contents, std::size_t at) -> Status {
    if (!contents.empty()) return bad(at, "NULL with contents");
    return ok();
  });
}

Status Reader::finish() const {
  if (at_end()) return ok();
  return bad(offset(), "unexpected element after the last field");
}

Result<BitString> parse_bit_string(Bytes contents, std::size_t offset) {
  if (contents.empty()) return bad(offset, "empty BIT STRING");
  const std::uint8_t unused = contents[0];
  if (unused > 7 || (unused != 0 && contents.size() == 1))
    return bad(offset, "BIT STRING with impossible padding");
  // X.690 11.2.1: padding bits are zero.
  if (unused != 0 && (contents.back() & ((1u << unused) - 1)) != 0)
    return bad(offset, "BIT STRING padding is not zero");
  return BitString{contents.subspan(1), unused};
}

Result<Bytes> parse_integer(Bytes contents, std::size_t offset) {
  if (contents.empty()) return bad(offset, "empty INTEGER");
  // X.690 8.3.2: the first nine bits are neither all zero nor all one.
  if (contents.size() > 1 &&
      ((contents[0] == 0x00 && !(contents[1] & 0x80)) || (contents[0] == 0xff && (contents[1] & 0x80))))
    return bad(offset, "INTEGER not minimal");
  return contents;
}

Result<std::uint64_t> parse_uint64(Bytes contents, std::size_t offset) {
  Bytes value = TRY(parse_integer(contents, offset));
  if (value[0] & 0x80) return bad(offset, "negative INTEGER");
  if (value.size() > 1 && value[0] == 0) value = value.subspan(1);
  if (value.size() > 8) return bad(offset, "INTEGER above 64 bits");
  std::uint64_t number = 0;
  for (std::uint8_t octet : value) number = number << 8 | octet;
  return number;
}

Result<Time> parse_utc_time(Bytes contents, std::size_t offset) {
  if (contents.size() != 13 || contents[12] != 'Z') return bad(offset, "UTCTime is not YYMMDDHHMMSSZ");
  const int year = two_digits(contents, 0);
  if (year < 0) return bad(offset, "no such date or time of day");
  // RFC 5280 4.1.2.5.1: 00 to 49 are 20YY.
  return rest_of_time(contents, 2, year < 50 ? 2000 + year : 1900 + year, offset);
}

Result<Time> parse_generalized_time(Bytes contents, std::size_t offset) {
  if (contents.size() != 15 || contents[14] != 'Z')
    return bad(offset, "GeneralizedTime is not YYYYMMDDHHMMSSZ");
  const int century = two_digits(contents, 0), year = two_digits(contents, 2);
  if (century < 0 || year < 0) return bad(offset, "no such date or time of day");
  return rest_of_time(contents, 4, century * 100 + year, offset);
}

}  // namespace vouch::asn1
