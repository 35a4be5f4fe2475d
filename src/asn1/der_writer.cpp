#include "asn1/der_writer.hpp"

#include "asn1/der_cursor.hpp"

namespace vouch::asn1 {

void append_header(Buffer& out, Tag tag, std::size_t length) {
  out.push_back(static_cast<std::uint8_t>(tag));
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
    return;
  }
  const std::size_t octets = header_size(length) - 2;
  out.push_back(static_cast<std::uint8_t>(0x80 | octets));
  for (std::size_t i = octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
}

std::size_t Writer::open(Tag tag) {
  out_.push_back(static_cast<std::uint8_t>(tag));
  out_.push_back(0);  // length, patched by close()
  return out_.size();
}

void Writer::close(std::size_t start) {
  const std::size_t length = out_.size() - start;
  if (length < 0x80) {
    out_[start - 1] = static_cast<std::uint8_t>(length);
    return;
  }
  const std::size_t octets = header_size(length) - 2;
  out_[start - 1] = static_cast<std::uint8_t>(0x80 | octets);
  out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(start), octets, 0);
  for (std::size_t i = 0; i < octets; ++i)
    out_[start + i] = static_cast<std::uint8_t>(length >> (8 * (octets - 1 - i)));
}

void Writer::primitive(Tag tag, Bytes value) {
  append_header(out_, tag, value.size());
  append(out_, value);
}

void Writer::boolean(bool value) {
  const std::uint8_t octet = value ? 0xff : 0x00;
  primitive(Tag::boolean, Bytes(&octet, 1));
}

void Writer::integer(std::uint64_t value) {
  std::uint8_t octets[8];
  for (std::size_t i = 0; i < 8; ++i) octets[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  unsigned_integer(octets);
}

void Writer::unsigned_integer(Bytes magnitude) {
  while (!magnitude.empty() && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  const bool sign_octet = magnitude.empty() || (magnitude[0] & 0x80);
  append_header(out_, Tag::integer, magnitude.size() + (sign_octet ? 1 : 0));
  if (sign_octet) out_.push_back(0);
  append(out_, magnitude);
}

void Writer::enumerated(std::uint8_t value) { primitive(Tag::enumerated, Bytes(&value, 1)); }

void Writer::bit_string(Bytes octets, std::uint8_t unused_bits) {
  append_header(out_, Tag::bit_string, octets.size() + 1);
  out_.push_back(unused_bits);
  append(out_, octets);
}

void Writer::named_bits(std::uint32_t flags, Tag tag) {
  Buffer contents{0};
  for (unsigned bit = 0; bit < 32; ++bit) {
    if (!(flags >> bit & 1)) continue;
    contents.resize(2 + bit / 8);
    contents.back() = static_cast<std::uint8_t>(contents.back() | 0x80u >> (bit % 8));
    contents[0] = static_cast<std::uint8_t>(7 - bit % 8);
  }
  primitive(tag, contents);
}

void Writer::time(Time time) {
  const std::size_t start = out_.size();
  out_.resize(start + time_size(time));
  Cursor(out_.data() + start).time(time);
}

void Writer::generalized_time(Time time) {
  const std::size_t start = out_.size();
  out_.resize(start + kGeneralizedTimeSize);
  Cursor(out_.data() + start).generalized_time(time);
}

Buffer sorted_set_of(std::vector<Buffer> elements) {
  std::ranges::sort(elements);
  Buffer out;
  for (const Buffer& element : elements) append(out, element);
  return out;
}

}  // namespace vouch::asn1
