// What comes out of an opened envelope. Property: what is read is written again octet by octet where it is
// DER.
#include <cstdlib>

#include "enroll/scep/challenge.hpp"
#include "enroll/scep/envelope.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_inner(Bytes input) {
  if (const auto names = parse_issuer_and_subject(input))
    require(equal(encode_issuer_and_subject(*names), input));
  if (const auto serial = parse_issuer_and_serial(input))
    require(equal(encode_issuer_and_serial(*serial), input));
  if (const auto request = x509::parse_request(input)) {
    const auto challenge = challenge_of(*request);
    require(!challenge || (!challenge->empty() && challenge->front() != ' ' && challenge->back() != '\0'));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_inner({data, size});
  return 0;
}
