// Any input as a line's file. Property: what is read and written comes out the same when it is read and
// written again.
#include <cstdlib>

#include "relying/crl_line.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  constexpr std::string_view kId = "0123456789abcdef0123456789abcdef";
  const auto line = relying::parse_line(kId, as_text(Bytes(data, size)));
  if (!line) return 0;
  const std::string written = relying::format_line(*line);
  const auto again = relying::parse_line(kId, written);
  if (!again || relying::format_line(*again) != written || again->highest != line->highest) std::abort();
  return 0;
}
