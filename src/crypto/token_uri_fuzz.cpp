// A PKCS #11 URI. Property: what is read is printed so that it reads as the same.
#include <cstdlib>

#include "crypto/token_uri.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  const auto uri = crypto::parse_token_uri(as_text(Bytes(data, size)));
  if (!uri) return 0;
  const std::string text = crypto::format_token_uri(*uri);
  if (text.size() > 4096) return 0;  // percent-encoding makes it longer than what is read
  const auto again = crypto::parse_token_uri(text);
  if (!again || *again != *uri || crypto::format_token_uri(*again) != text) std::abort();
  return 0;
}
