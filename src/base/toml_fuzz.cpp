// What the reader accepts is written and read again; then text is stable. (Not compared with the first
// value: the writer moves tables behind plain members, and NaN is not equal to itself.)
#include <cstdlib>

#include "base/bytes.hpp"
#include "base/value.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = vouch::parse_toml(vouch::as_text({data, size}), "fuzz");
  if (!value) return 0;
  const std::string text = vouch::to_toml(*value);
  const auto again = vouch::parse_toml(text, "again");
  if (!again) {
    // Written tables may be a little deeper in keys than what was read, never otherwise unreadable.
    if (again.error().code() != vouch::Errc::limit_exceeded) std::abort();
    return 0;
  }
  if (vouch::to_toml(*again) != text) std::abort();
  return 0;
}
