#pragma once
// Takes a message apart into its decoded fields and writes it again with our builders: names, times,
// algorithms, keys, entries and the value of every extension that we know are decoded and encoded. Where a
// builder cannot say what stands in the message (version 1, a negative serial), the writer is used, but the
// fields are still decoded ones.

#include <string_view>

#include "base/bytes.hpp"

namespace vouch::conformance {

enum class Kind { certificate, tbs_certificate, crl, request, ocsp_request, ocsp_response };
std::string_view to_string(Kind kind);

enum class Verdict {
  same,     // read, and written again as the same octets
  differs,  // read, but written differently; `why` names the field
  refused,  // not read; `why` is the error
};
std::string_view to_string(Verdict verdict);

struct Outcome {
  Verdict verdict = Verdict::same;
  std::string why;
};
Outcome round_trip(Kind kind, Bytes der);

// Only reads the message itself, not the values of its extensions.
Status read_only(Kind kind, Bytes der);

}  // namespace vouch::conformance
