// Any input as BER. Properties: the result grows by no more than longer length octets at each depth, and
// turning it once more changes nothing.
#include <cstdlib>

#include "cms/ber.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  const auto der = cms::to_der(Bytes(data, size));
  if (!der) return 0;
  if (der->size() > size + 2 * cms::BerLimits().depth) std::abort();
  const auto again = cms::to_der(*der);
  if (!again || *again != *der) std::abort();
  return 0;
}
