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

// BIT STRING with named bits 0 to 8: bit n becomes 1 << n. DER drops trailing zero bits (X.690 11.2.2), but
// trusted roots keep them (Trustwave Global ECC: 03 03 07 06 00), and so do smaller programs (03 05 00 b0 00
// 00 00).
inline Result<std::uint16_t> parse_flags(const asn1::BitString& bits) {
  constexpr std::size_t kFlags = 9, kMaxOctets = 4;
  if (bits.octets.size() > kMaxOctets)
    return make_error(Errc::malformed, "flags in {} octets, two are enough", bits.octets.size());
  std::uint16_t flags = 0;
  for (std::size_t n = 0; n < bits.octets.size() * 8; ++n) {
    if (!bits.bit(n)) continue;
    if (n >= kFlags)
      return make_error(Errc::malformed, "flag {} is set, the last one defined is {}", n, kFlags - 1);
    flags = static_cast<std::uint16_t>(flags | 1u << n);
  }
  return flags;
}

}  // namespace vouch::x509
