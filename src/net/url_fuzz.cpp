// Decoding never makes longer, encoding and decoding are inverse, and base64 survives its travel in a target.
#include <cstdlib>

#include "net/url.hpp"

using namespace vouch;
using namespace vouch::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const auto decoded = percent_decode(text);
  if (decoded && decoded->size() > text.size()) std::abort();
  const auto back = percent_decode(percent_encode(text));
  if (!back || *back != text) std::abort();
  if (const auto items = parse_query(text, Plus::blank); items && items->size() > kMaxQueryItems)
    std::abort();
  (void)raw_query_value(text, "message");
  if (const auto octets = decode_base64_in_target(text); octets && octets->size() > text.size()) std::abort();
  if (size > 0) {
    const std::string base64 = to_base64({data, size});
    for (const std::string& spelling :
         {base64, percent_encode(base64), percent_encode(percent_encode(base64))}) {
      const auto read = decode_base64_in_target(spelling);
      if (!read || !equal(*read, {data, size})) std::abort();
    }
  }
  return 0;
}
