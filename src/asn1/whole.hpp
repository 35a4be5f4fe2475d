#pragma once
// How most messages begin: one SEQUENCE, and nothing behind it.

#include "asn1/der_reader.hpp"

namespace vouch::asn1 {

// A reader of its fields. Fails with `malformed` when something is left behind the SEQUENCE.
inline Result<Reader> whole_sequence(Bytes der) {
  Reader outer(der);
  Reader fields = TRY(outer.expect_sequence());
  TRY(outer.finish());
  return fields;
}

}  // namespace vouch::asn1
