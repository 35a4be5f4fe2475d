// Certificates out of PEM, DER and p7b: each that comes out can be parsed.
#include <cstdlib>

#include "ca/setup/certificate_files.hpp"
#include "x509/certificate.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto certificates = ca::read_certificates({data, size});
  if (!certificates) return 0;
  if (certificates->empty()) std::abort();
  for (const Buffer& each : *certificates)
    if (!x509::parse_certificate(each)) std::abort();
  return 0;
}
