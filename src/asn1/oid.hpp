#pragma once
// Oid: an object identifier as a small value. It holds the contents octets of its DER, inline.

#include <array>
#include <compare>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace vouch::asn1 {

class Oid {
 public:
  // Longer ones do not occur in PKIX (a UUID arc needs 21 octets) and are refused: an OID of kilobytes
  // costs quadratic time to print (CVE-2023-2650).
  static constexpr std::size_t kMaxOctets = 39;

  constexpr Oid() = default;
  // For constants: Oid{2, 5, 29, 15}. The arcs must fit; a constant that does not, does not compile.
  constexpr Oid(std::initializer_list<std::uint64_t> arcs) {
    auto it = arcs.begin();
    std::uint64_t first = *it++ * 40;
    first += *it++;
    append_arc(first);
    while (it != arcs.end()) append_arc(*it++);
  }
  // From contents octets (X.690 8.19). Fails with `malformed` or `limit_exceeded`.
  static Result<Oid> from_contents(Bytes contents);
  // From "1.2.840.113549". Fails with `malformed`.
  static Result<Oid> parse(std::string_view dotted);

  constexpr Bytes contents() const { return Bytes(octets_.data(), size_); }
  std::string dotted() const;
  constexpr bool empty() const { return size_ == 0; }

  friend constexpr bool operator==(const Oid& a, const Oid& b) = default;
  friend constexpr auto operator<=>(const Oid& a, const Oid& b) = default;

 private:
  constexpr void append_arc(std::uint64_t arc) {
    int groups = 1;
    for (std::uint64_t rest = arc >> 7; rest != 0; rest >>= 7) ++groups;
    for (int i = groups - 1; i >= 0; --i)
      octets_.at(size_++) = static_cast<std::uint8_t>((arc >> (7 * i) & 0x7f) | (i != 0 ? 0x80u : 0u));
  }

  std::array<std::uint8_t, kMaxOctets> octets_{};
  std::uint8_t size_ = 0;
};

}  // namespace vouch::asn1
