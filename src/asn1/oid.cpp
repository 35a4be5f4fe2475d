#include "asn1/oid.hpp"

#include <algorithm>
#include <charconv>

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

Result<Oid> Oid::parse(std::string_view dotted) {
  const auto bad = [&] { return make_error(Errc::malformed, "'{}' is not an object identifier", dotted); };
  std::vector<std::uint64_t> arcs;
  for (std::size_t position = 0; position <= dotted.size();) {
    const std::size_t dot = std::min(dotted.find('.', position), dotted.size());
    const std::string_view digits = dotted.substr(position, dot - position);
    std::uint64_t arc = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), arc);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return bad();
    arcs.push_back(arc);
    position = dot + 1;
  }
  if (arcs.size() < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39)) return bad();
  if (arcs[1] > UINT64_MAX - 80) return bad();
  std::size_t octets = 0;
  for (std::uint64_t arc : arcs)
    for (octets += 1; arc >>= 7;) ++octets;
  if (octets > kMaxOctets) return bad();
  Oid oid;
  oid.append_arc(arcs[0] * 40 + arcs[1]);
  for (std::size_t i = 2; i < arcs.size(); ++i) oid.append_arc(arcs[i]);
  return oid;
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
