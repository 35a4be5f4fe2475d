#pragma once
// Writes DER. Lengths are filled in when a scope closes, so callers describe structure only:
//
//   Writer out;
//   out.sequence([&] { out.oid(oid::kCrlNumber); out.octet_string(value); });
//   return std::move(out).take();

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "asn1/der_reader.hpp"

namespace vouch::asn1 {

class Writer {
 public:
  template <class Body>
  void constructed(Tag tag, Body&& body) {
    const std::size_t start = open(tag);
    body();
    close(start);
  }
  template <class Body>
  void sequence(Body&& body) {
    constructed(Tag::sequence, std::forward<Body>(body));
  }
  template <class Body>
  void set(Body&& body) {
    constructed(Tag::set, std::forward<Body>(body));
  }
  // An OCTET STRING whose contents are themselves DER, as extension values are.
  template <class Body>
  void octet_string_of(Body&& body) {
    constructed(Tag::octet_string, std::forward<Body>(body));
  }

  void primitive(Tag tag, Bytes value);
  void boolean(bool value);
  void integer(std::uint64_t value);
  // INTEGER from unsigned big-endian octets: leading zeros are dropped, a sign octet is added if needed.
  void unsigned_integer(Bytes magnitude);
  void enumerated(std::uint8_t value);
  void null() { primitive(Tag::null, {}); }
  void oid(const Oid& oid) { primitive(Tag::oid, oid.contents()); }
  void octet_string(Bytes value) { primitive(Tag::octet_string, value); }
  void bit_string(Bytes octets, std::uint8_t unused_bits = 0);
  // A BIT STRING with named bits (X.690 11.2.2): trailing zero bits are dropped. Bit 0 is the lowest bit of
  // `flags`.
  void named_bits(std::uint32_t flags, Tag tag = Tag::bit_string);
  void string(Tag tag, std::string_view text) { primitive(tag, as_bytes(text)); }
  // RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 (and before 1950).
  void time(Time time);
  void generalized_time(Time time);
  // DER that was encoded elsewhere.
  void raw(Bytes der) { append(out_, der); }

  const Buffer& bytes() const { return out_; }
  Buffer take() && { return std::move(out_); }
  void reserve(std::size_t octets) { out_.reserve(octets); }

 private:
  std::size_t open(Tag tag);
  void close(std::size_t start);

  Buffer out_;
};

// Octets that the identifier and length of a value of `length` octets take.
constexpr std::size_t header_size(std::size_t length) {
  std::size_t octets = 2;
  if (length >= 0x80)
    for (std::size_t rest = length; rest != 0; rest >>= 8) ++octets;
  return octets;
}
// Appends identifier and length; the caller appends `length` octets of contents.
void append_header(Buffer& out, Tag tag, std::size_t length);

// Sorts the elements of a SET OF as DER demands (X.690 11.6).
Buffer sorted_set_of(std::vector<Buffer> elements);

}  // namespace vouch::asn1
