#include "cms/ber.hpp"

#include "asn1/der_writer.hpp"

namespace vouch::cms {
namespace {

using asn1::Tag;

// Where a BIT STRING's number of unused bits goes, before its first piece.
constexpr std::uint8_t kNoPiece = 0xff;
constexpr std::uint8_t kConstructed = 0x20, kClass = 0xc0, kNumber = 0x1f;

// Types that BER may send in pieces (X.690 8.6.4, 8.7.3, 8.23.6): the strings, by their universal numbers.
bool is_string(std::uint8_t number) {
  return number == 3 || number == 4 || number == 12 || (number >= 18 && number <= 22) ||
         (number >= 25 && number <= 30 && number != 29);
}

// Identifier and length octets of one value.
struct Header {
  std::uint8_t identifier = 0;
  bool indefinite = false;
  std::size_t length = 0;  // definite only
  bool constructed() const { return (identifier & kConstructed) != 0; }
  bool end_of_contents() const { return identifier == 0; }
};

class Converter {
 public:
  Converter(Bytes input, const BerLimits& limits) : input_(input), limits_(limits) {
    out_.reserve(input.size());
  }

  Result<Buffer> run() {
    if (input_.size() > limits_.octets)
      return make_error(Errc::limit_exceeded, "the message has {} octets, at most {} are read", input_.size(),
                        limits_.octets);
    TRY(value(input_.size(), 0));
    if (at_ != input_.size()) return bad("octets after the end of the message");
    return std::move(out_);
  }

 private:
  Error bad(std::string_view what) const {
    return make_error(Errc::malformed, "BER at offset {}: {}", at_, what);
  }

  // `end` bounds what may be read.
  Result<Header> header(std::size_t end) {
    if (end - at_ < 2) return bad("truncated before tag and length");
    Header out{input_[at_]};
    if ((out.identifier & kNumber) == kNumber) return bad("tag number above 30");
    const std::uint8_t first = input_[at_ + 1];
    std::size_t octets = 0;
    if (first == 0x80) {
      if (!out.constructed()) return bad("a primitive value of indefinite length");
      out.indefinite = true;
    } else if (first == 0xff) {
      return bad("reserved length octet");
    } else if (first > 0x80) {
      octets = first & 0x7f;
      if (end - at_ - 2 < octets) return bad("truncated inside the length");
      // X.690 8.1.3.5: leading zeros are allowed in BER.
      for (std::size_t i = 0; i < octets; ++i) {
        if (out.length >> 32 != 0) return bad("length above 4 GiB");
        out.length = out.length << 8 | input_[at_ + 2 + i];
      }
    } else {
      out.length = first;
    }
    if (out.length > end - at_ - 2 - octets) return bad("value runs past its container");
    if (out.end_of_contents() && (out.indefinite || out.length != 0)) return bad("tag 0 with contents");
    at_ += 2 + octets;
    return out;
  }

  // One value, appended to out_.
  Status value(std::size_t end, std::size_t depth) {
    const Header head = TRY(header(end));
    if (head.end_of_contents()) return bad("end of contents where a value should be");
    if (!head.constructed()) {
      asn1::append_header(out_, Tag(head.identifier), head.length);
      append(out_, input_.subspan(at_, head.length));
      at_ += head.length;
      return ok();
    }
    if (depth == limits_.depth)
      return make_error(Errc::limit_exceeded, "BER at offset {}: nested deeper than {}", at_, limits_.depth);
    const auto number = static_cast<std::uint8_t>(head.identifier & kNumber);
    if ((head.identifier & kClass) == 0 && is_string(number)) return string(head, number, end, depth);
    const std::size_t start = open();
    TRY(elements(head, end, [&](std::size_t limit) { return value(limit, depth + 1); }));
    close(head.identifier, start);
    return ok();
  }

  // Calls `element` for each element of a constructed value, and passes its end.
  template <class Element>
  Status elements(const Header& head, std::size_t end, Element&& element) {
    const std::size_t limit = head.indefinite ? end : at_ + head.length;
    while (head.indefinite || at_ < limit) {
      if (head.indefinite && limit - at_ >= 2 && input_[at_] == 0 && input_[at_ + 1] == 0) {
        at_ += 2;
        return ok();
      }
      TRY(element(limit));
    }
    return ok();
  }

  // A string in pieces becomes one piece.
  Status string(const Header& head, std::uint8_t number, std::size_t end, std::size_t depth) {
    const bool bits = number == 3;
    const std::size_t start = open();
    if (bits) out_.push_back(kNoPiece);
    TRY(pieces(head, number, start, end, depth));
    if (bits && out_[start] == kNoPiece) return bad("a BIT STRING of no pieces");
    close(number, start);
    return ok();
  }

  Status pieces(const Header& head, std::uint8_t number, std::size_t start, std::size_t end,
                std::size_t depth) {
    return elements(head, end, [&](std::size_t limit) -> Status {
      const Header piece = TRY(header(limit));
      // X.690 8.21.5, 8.23.6: character strings come in pieces that are OCTET STRINGs; many writers repeat
      // the string's own tag.
      const auto tag = static_cast<std::uint8_t>(piece.identifier & ~kConstructed);
      if (tag != number && !(tag == 4 && number != 3)) return bad("a piece of a string is of another type");
      if (piece.constructed()) {
        if (depth + 1 >= limits_.depth)
          return make_error(Errc::limit_exceeded, "BER at offset {}: nested deeper than {}", at_,
                            limits_.depth);
        return pieces(piece, number, start, limit, depth + 1);
      }
      Bytes contents = input_.subspan(at_, piece.length);
      if (number == 3) {
        // X.690 8.6.4: every piece but the last is of whole octets.
        if (contents.empty() || contents[0] > 7) return bad("a BIT STRING without its number of unused bits");
        if (out_[start] != 0 && out_[start] != kNoPiece)
          return bad("bits are left over in the middle of a BIT STRING");
        out_[start] = contents[0];
        contents = contents.subspan(1);
      }
      append(out_, contents);
      at_ += piece.length;
      return ok();
    });
  }

  // The length is known at the end, and then the header is put in front of the contents.
  std::size_t open() const { return out_.size(); }
  void close(std::uint8_t identifier, std::size_t start) {
    Buffer head;
    asn1::append_header(head, Tag(identifier), out_.size() - start);
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(start), head.begin(), head.end());
  }

  Bytes input_;
  const BerLimits& limits_;
  std::size_t at_ = 0;
  Buffer out_;
};

}  // namespace

Result<Buffer> to_der(Bytes ber, const BerLimits& limits) { return Converter(ber, limits).run(); }

Result<Buffer> join_octets(bool constructed, Bytes contents) {
  if (!constructed) return to_buffer(contents);
  Buffer out;
  for (asn1::Reader pieces(contents); !pieces.at_end();) append(out, TRY(pieces.expect_octet_string()));
  return out;
}

}  // namespace vouch::cms
