#include "asn1/oid.hpp"

#include <algorithm>

namespace vouch::asn1 {

Result<Oid> Oid::from_contents(Bytes contents) {
  if (contents.empty()) return make_error(Errc::malformed, "empty OBJECT IDENTIFIER");
  if (contents.size() > kMaxOctets)
    return make_error(Errc::limit_exceeded, "OBJECT IDENTIFIER of {} octets, at most {} are read",
                      contents.size(), kMaxOctets);
  if (contents.back() & 0x80) return make_error(Errc::malformed, "OBJECT IDENTIFIER ends inside an arc");
  bool at_start = true;
  for (std::uint8_t octet : contents) {
    // X.690 8.19.2: an arc in the fewest octets, so none starts with 0x80.
    if (at_start && octet == 0x80) return make_error(Errc::malformed, "OBJECT IDENTIFIER arc not minimal");
    at_start = (octet & 0x80) == 0;
  }
  Oid oid;
  std::ranges::copy(contents, oid.octets_.begin());
  oid.size_ = static_cast<std::uint8_t>(contents.size());
  return oid;
}

namespace {

// Appends one arc, written in decimal and increased by `offset`, in base 128. Arcs may be wider than 64 bits
// (2.25.UUID).
bool append_decimal_arc(Buffer& out, std::string_view digits, unsigned offset) {
  constexpr std::size_t kMaxDigits = 90;  // more than Oid::kMaxOctets can hold
  if (digits.empty() || digits.size() > kMaxDigits || (digits.size() > 1 && digits[0] == '0')) return false;
  std::vector<unsigned> groups{0};  // the lowest first
  const auto multiply_add = [&](unsigned factor, unsigned carry) {
    for (unsigned& group : groups) {
      carry += group * factor;
      group = carry & 0x7f;
      carry >>= 7;
    }
    for (; carry != 0; carry >>= 7) groups.push_back(carry & 0x7f);
  };
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return false;
    multiply_add(10, static_cast<unsigned>(digit - '0'));
  }
  multiply_add(1, offset);
  for (std::size_t i = groups.size(); i-- > 0;)
    out.push_back(static_cast<std::uint8_t>(groups[i] | (i != 0 ? 0x80u : 0u)));
  return true;
}

}  // namespace

Result<Oid> Oid::parse(std::string_view dotted) {
  const auto bad = [&] { return make_error(Errc::malformed, "'{}' is not an object identifier", dotted); };
  // X.690 8.19.4: the first two arcs share one number, 40·a + b, where b is below 40 unless a is 2.
  if (dotted.size() < 3 || dotted[0] < '0' || dotted[0] > '2' || dotted[1] != '.') return bad();
  const auto first = static_cast<unsigned>(dotted[0] - '0');
  Buffer contents;
  unsigned offset = first * 40;
  for (std::size_t position = 2; position <= dotted.size();) {
    const std::size_t dot = std::min(dotted.find('.', position), dotted.size());
    if (!append_decimal_arc(contents, dotted.substr(position, dot - position), offset)) return bad();
    if (position == 2 && first < 2 && (contents.size() != 1 || contents[0] >= offset + 40)) return bad();
    if (contents.size() > kMaxOctets) return bad();
    offset = 0;
    position = dot + 1;
  }
  return from_contents(contents);
}

std::string Oid::dotted() const {
  std::string out;
  // Arcs may be wider than 64 bits (2.25.UUID), so the digits are kept in base 10^9.
  constexpr std::uint64_t kBase = 1'000'000'000;
  std::vector<std::uint64_t> limbs{0};
  bool first = true;
  for (std::uint8_t octet : contents()) {
    std::uint64_t carry = octet & 0x7fu;
    for (std::uint64_t& limb : limbs) {
      limb = limb * 128 + carry;
      carry = limb / kBase;
      limb %= kBase;
    }
    if (carry != 0) limbs.push_back(carry);
    if (octet & 0x80) continue;
    if (first) {
      // X.690 8.19.4: the first two arcs share one number, 40·a + b with a at most 2.
      const std::uint64_t top = limbs.size() > 1 ? 2 : std::min<std::uint64_t>(limbs[0] / 40, 2);
      out = fmt::format("{}", top);
      std::uint64_t borrow = top * 40;
      for (std::uint64_t& limb : limbs) {
        if (limb >= borrow) {
          limb -= borrow;
          borrow = 0;
          break;
        }
        limb += kBase - borrow;
        borrow = 1;
      }
      while (limbs.size() > 1 && limbs.back() == 0) limbs.pop_back();
      first = false;
    }
    out += fmt::format(".{}", limbs.back());
    for (std::size_t i = limbs.size() - 1; i-- > 0;) out += fmt::format("{:09}", limbs[i]);
    limbs.assign(1, 0);
  }
  return out;
}

}  // namespace vouch::asn1
