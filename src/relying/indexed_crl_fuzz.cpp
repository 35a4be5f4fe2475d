// Any input as a CRL, indexed and walked. Property: the two refuse the same, with the same reason where a CRL
// is unusable, and say the same of every serial and issuer on the list and of their neighbours.
#include <cstdio>
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"
#include "relying/test_same_crl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  static const auto provider = crypto::openssl::make_provider();
  const Bytes der(data, size);
  const auto listed = validate::parse_crl_in_memory(*provider, der, "fuzz");
  const auto indexed = relying::build_crl_index(*provider, {der, nullptr}, "fuzz", 1);
  if (listed.has_value() != indexed.has_value()) std::abort();
  if (!listed) return 0;
  if (const std::string what = relying::test::difference(**listed, **indexed, 30); !what.empty()) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::abort();
  }
  return 0;
}
