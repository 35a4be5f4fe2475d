// What the reader accepts is written, read again and equal; and one line says the same as many.
#include <cstdlib>

#include "base/bytes.hpp"
#include "base/value.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = vouch::parse_json(vouch::as_text({data, size}));
  if (!value) return 0;
  for (int indent : {0, 2}) {
    const auto again = vouch::parse_json(vouch::to_json(*value, indent));
    if (!again || !(*again == *value)) std::abort();
  }
  return 0;
}
