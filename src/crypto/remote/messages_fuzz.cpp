// Messages of the signer process: either side may be in the hands of an attacker, and what is read comes back
// as the same octets.
#include <cstdlib>

#include "crypto/remote/messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  using namespace vouch::crypto::remote;
  const Bytes input(data, size);
  if (const auto request = parse_request(input)) {
    const Buffer again = encode(*request);
    const auto same = parse_request(again);
    if (!same || encode(*same) != again) std::abort();
  }
  if (const auto response = parse_response(input)) {
    const Buffer again = encode(*response);
    if (again.size() <= kMaxMessage && !parse_response(again)) std::abort();
  }
  return 0;
}
