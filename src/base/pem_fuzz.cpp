// Blocks that are read are written and read again as the same blocks; any octets survive being wrapped.
#include <cstdlib>

#include "base/pem.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  if (const auto blocks = parse_pem(as_text(input))) {
    for (const PemBlock& block : *blocks) {
      const auto again = parse_pem(to_pem(block.label, block.der));
      if (!again || again->size() != 1 || again->front().label != block.label ||
          again->front().der != block.der)
        std::abort();
    }
  }
  const auto wrapped = parse_pem(to_pem("DATA", input));
  if (!wrapped || wrapped->size() != 1 || !equal(wrapped->front().der, input)) std::abort();
  (void)pem_or_der(input, "CERTIFICATE", {"CERTIFICATE"});
  return 0;
}
