// The first octet chooses a parser, the rest is the value. Property: what is accepted encodes to the same
// octets, or, where extensions.hpp tolerates other forms, to DER that means the same.
#include <cstdlib>

#include "x509/extension_codecs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  if (size == 0) return 0;
  const auto& codecs = x509::extension_codecs();
  if (codecs[data[0] % codecs.size()].round_trip(Bytes(data + 1, size - 1)) == x509::RoundTrip::broken)
    std::abort();
  return 0;
}
