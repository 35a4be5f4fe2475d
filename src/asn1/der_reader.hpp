#pragma once
// A zero-copy reader for DER (ITU-T X.690). It never allocates on success and never copies: every
// value it hands out points into the caller's buffer. It checks form (lengths, minimal integers,
// boolean values, padding bits, digits of times), never meaning: a serial of 21 octets passes here.
//
//   Reader input(der);
//   Reader sequence = TRY(input.expect_sequence());
//   const Bytes serial = TRY(sequence.expect_integer());
//   TRY(sequence.finish());

#include <cstdint>
#include <optional>

#include "asn1/oid.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"

namespace vouch::asn1 {

// The identifier octet. Tag numbers above 30 do not occur in PKIX and are refused.
enum class Tag : std::uint8_t {
  boolean = 0x01,
  integer = 0x02,
  bit_string = 0x03,
  octet_string = 0x04,
  null = 0x05,
  oid = 0x06,
  enumerated = 0x0a,
  utf8_string = 0x0c,
  numeric_string = 0x12,
  printable_string = 0x13,
  teletex_string = 0x14,
  ia5_string = 0x16,
  utc_time = 0x17,
  generalized_time = 0x18,
  visible_string = 0x1a,
  general_string = 0x1b,
  universal_string = 0x1c,
  bmp_string = 0x1e,
  sequence = 0x30,
  set = 0x31,
};
// [n] IMPLICIT of a primitive type, and [n] EXPLICIT or IMPLICIT of a constructed one.
constexpr Tag context(std::uint8_t n) { return Tag(0x80 | n); }
constexpr Tag context_constructed(std::uint8_t n) { return Tag(0xa0 | n); }
constexpr bool is_constructed(Tag tag) { return (static_cast<std::uint8_t>(tag) & 0x20) != 0; }

struct Tlv {
  Tag tag{};
  Bytes value;  // contents octets
  Bytes whole;  // identifier, length and contents octets
};

struct BitString {
  Bytes octets;
  std::uint8_t unused_bits = 0;  // in the last octet; DER wants them zero
  // Bit 0 is the most significant bit of the first octet (X.680 22.2). Absent bits are zero.
  bool bit(std::size_t n) const { return n / 8 < octets.size() && (octets[n / 8] >> (7 - n % 8) & 1) != 0; }
};

// Reads the elements of one constructed value from front to back.
//
//   expect   the next element must have this tag
//   optional it may; otherwise nothing is consumed
//   finish   nothing may be left
//
// All fail with `malformed` and the offset from the start of the outermost buffer; a failed read does
// not move the reader.
class Reader {
 public:
  explicit Reader(Bytes input) : input_(input) {}

  bool at_end() const { return position_ == input_.size(); }
  // Offset of the next octet from the start of the outermost buffer, for messages.
  std::size_t offset() const { return base_ + position_; }
  // What has not been read yet.
  Bytes rest() const { return input_.subspan(position_); }
  // The identifier of the next element, if there is one.
  std::optional<Tag> peek() const {
    return at_end() ? std::nullopt : std::optional<Tag>(Tag(input_[position_]));
  }

  Result<Tlv> next();
  Result<Tlv> expect_tlv(Tag tag);
  Result<Bytes> expect(Tag tag);
  Result<Reader> expect_constructed(Tag tag);
  Result<Reader> expect_sequence() { return expect_constructed(Tag::sequence); }
  Result<std::optional<Bytes>> optional(Tag tag);
  Result<std::optional<Reader>> optional_constructed(Tag tag);

  Result<bool> expect_boolean();
  // BOOLEAN DEFAULT FALSE. An encoded FALSE is read as well: real certificates carry it
  // (X.690 11.5 forbids it), and refusing it protects nobody.
  Result<bool> optional_boolean_default_false();
  // INTEGER contents, minimal, with the sign octet if there is one.
  Result<Bytes> expect_integer();
  Result<std::uint64_t> expect_uint64();
  Result<Oid> expect_oid();
  Result<BitString> expect_bit_string();
  Result<Bytes> expect_octet_string() { return expect(Tag::octet_string); }
  // UTCTime or GeneralizedTime in the form of RFC 5280 4.1.2.5: seconds, no fraction, Z.
  Result<Time> expect_time();
  Result<Time> expect_generalized_time();
  Status expect_null();
  Status finish() const;

 private:
  Reader(Bytes input, std::size_t base) : input_(input), base_(base) {}
  template <class Parse>
  auto value_of(Tag tag, Parse&& parse) -> decltype(parse(Bytes(), std::size_t()));

  Bytes input_;
  std::size_t position_ = 0;
  std::size_t base_ = 0;
};

// For values under IMPLICIT tags, whose contents the caller has at hand. `offset` is for messages.
Result<BitString> parse_bit_string(Bytes contents, std::size_t offset = 0);
Result<Bytes> parse_integer(Bytes contents, std::size_t offset = 0);
Result<std::uint64_t> parse_uint64(Bytes contents, std::size_t offset = 0);
Result<Time> parse_utc_time(Bytes contents, std::size_t offset = 0);
Result<Time> parse_generalized_time(Bytes contents, std::size_t offset = 0);

}  // namespace vouch::asn1
