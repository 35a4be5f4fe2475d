#pragma once
// What the extension parsers share: bounds, lists, flags, and errors that name the extension. Internal to
// this room.

#include <limits>
#include <string_view>
#include <vector>

#include "asn1/der_writer.hpp"
#include "x509/general_name.hpp"

namespace vouch::x509 {

// A list of 4,096 long names fits; no certificate is larger than this anyway.
inline constexpr std::size_t kMaxExtensionOctets = std::size_t{1} << 20;
// Elements of a list of purposes, policies, attributes: real ones have a dozen.
inline constexpr std::size_t kMaxElements = 256;
// Elements of a list that is about names: name constraints of large enterprises have hundreds.
inline constexpr std::size_t kMaxNameElements = 4096;

// Reads a whole extension value with `parse(Reader&)`: nothing may be left over, and an error says which
// extension it was.
template <class Parse>
auto read_extension(std::string_view name, Bytes value, Parse&& parse)
    -> decltype(parse(std::declval<asn1::Reader&>())) {
  if (value.size() > kMaxExtensionOctets)
    return make_error(Errc::limit_exceeded, "the {} extension has {} octets, at most {} are read", name,
                      value.size(), kMaxExtensionOctets);
  asn1::Reader reader(value);
  auto result = parse(reader);
  if (result) {
    if (Status left = reader.finish(); !left)
      return std::move(left.error()).context(fmt::format("reading the {} extension", name));
  }
  return std::move(result).context("reading the {} extension", name);
}

// SEQUENCE SIZE (1..MAX) OF T: from its contents, each element with `parse(Reader&)`.
template <class Parse>
auto read_elements(asn1::Reader contents, std::size_t max, Parse&& parse)
    -> Result<std::vector<typename decltype(parse(contents))::value_type>> {
  std::vector<typename decltype(parse(contents))::value_type> elements;
  if (contents.at_end()) return make_error(Errc::malformed, "a list without elements");
  while (!contents.at_end()) {
    if (elements.size() == max)
      return make_error(Errc::limit_exceeded, "a list of more than {} elements", max);
    elements.push_back(TRY(parse(contents)));
  }
  return elements;
}

// A whole extension that is such a SEQUENCE.
template <class Parse>
auto read_list_extension(std::string_view name, Bytes value, std::size_t max, Parse&& parse) {
  return read_extension(name, value,
                        [&](asn1::Reader& reader) -> decltype(read_elements(reader, max, parse)) {
                          const asn1::Reader contents = TRY(reader.expect_sequence());
                          return read_elements(contents, max, parse);
                        });
}

template <class Body>
Buffer written(Body&& body) {
  asn1::Writer out;
  body(out);
  return std::move(out).take();
}

inline Result<std::uint32_t> to_uint32(std::uint64_t number) {
  if (number > std::numeric_limits<std::uint32_t>::max())
    return make_error(Errc::limit_exceeded, "the number {} is above 32 bits", number);
  return static_cast<std::uint32_t>(number);
}

// [n] IMPLICIT INTEGER OPTIONAL
inline Result<std::optional<std::uint32_t>> optional_uint32(asn1::Reader& reader, std::uint8_t n) {
  const std::size_t at = reader.offset();
  const auto contents = TRY(reader.optional(asn1::context(n)));
  if (!contents) return std::optional<std::uint32_t>();
  return std::optional(TRY(to_uint32(TRY(asn1::parse_uint64(*contents, at)))));
}

// The contents of an INTEGER under a tag of its own.
inline void write_integer(asn1::Writer& out, asn1::Tag tag, std::uint64_t value) {
  asn1::Writer number;
  number.integer(value);
  asn1::Reader reader(number.bytes());
  if (const auto contents = reader.expect_integer()) out.primitive(tag, *contents);
}

// BIT STRING with named bits: bit n becomes 1 << n. X.690 11.2.2: no trailing zero bits; so two encodings
// never mean the same flags.
inline Result<std::uint16_t> parse_flags(const asn1::BitString& bits, unsigned max_bit) {
  std::uint16_t flags = 0;
  const std::size_t count = bits.octets.size() * 8 - bits.unused_bits;
  if (count > max_bit + 1)
    return make_error(Errc::malformed, "{} flags, only {} are defined", count, max_bit + 1);
  for (std::size_t n = 0; n < count; ++n)
    if (bits.bit(n)) flags = static_cast<std::uint16_t>(flags | 1u << n);
  if (count > 0 && !bits.bit(count - 1))
    return make_error(Errc::malformed, "flags with trailing zero bits (X.690 11.2.2)");
  return flags;
}

}  // namespace vouch::x509
