#pragma once
// BER turned into DER (ITU-T X.690), as far as CMS needs it: senders that stream write indefinite lengths and
// strings in pieces (RFC 5652 section 2 allows BER), and the strict reader of `asn1` reads neither.

#include "base/bytes.hpp"

namespace vouch::cms {

struct BerLimits {
  std::size_t octets = std::size_t{16} << 20;
  std::size_t depth = 48;  // a CRL in a SignedData stands some 20 deep
};

// One BER value and nothing after it, with definite lengths in the fewest octets and strings in one piece.
//
// What is not changed, because signatures are over what was sent: the order of a SET OF, the contents of
// primitive values (an INTEGER with needless zeros, BOOLEAN 01) and of OCTET STRINGs. So the result is DER in
// form, and the reader judges the rest. A string under an IMPLICIT context tag ([0] of encryptedContent)
// cannot be told from other constructed values here: it stays a constructed value whose elements are OCTET
// STRINGs in one piece each, and whoever knows its type joins them (join_octets).
//
// Fails with `malformed`, or `limit_exceeded`.
Result<Buffer> to_der(Bytes ber, const BerLimits& limits = {});

// The octets of a string under an IMPLICIT tag: `contents` of the primitive form, or of the constructed form
// as to_der leaves it.
Result<Buffer> join_octets(bool constructed, Bytes contents);

}  // namespace vouch::cms
