// Times and spans: what is read prints and reads back as the same; adding a span never goes backwards.
#include <cstdlib>

#include "base/bytes.hpp"
#include "base/time.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto time = parse_time(text)) {
    const auto again = parse_time(format_time(*time));
    if (!again || *again != *time) std::abort();
  }
  if (const auto span = parse_span(text)) {
    const auto again = parse_span(format_span(*span));
    if (!again || !(*again == *span)) std::abort();
    const Time start = Time(std::chrono::sys_days(std::chrono::year(2024) / 2 / 29));
    if (add(start, *span) <= start) std::abort();
  }
  return 0;
}
