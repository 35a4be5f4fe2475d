// A location that is read is printed, read again and equal; what a list takes expands to a path that stays
// absolute or to a URL without blanks and controls; and the stored lists of URLs are read back as they were.
#include <algorithm>
#include <cstdlib>

#include "ca/settings/locations.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto issued = ca::parse_issued_locations(text)) {
    const auto again = ca::parse_issued_locations(ca::format_issued_locations(*issued));
    if (!again || !(*again == *issued)) std::abort();
  }
  const auto location = ca::parse_location(text);
  if (!location) return 0;
  const auto again = ca::parse_location(ca::format_location(*location));
  if (!again || !(*again == *location)) std::abort();
  const ca::LocationVariables variables{"h.example", "h",  "../a CA/\n\"<>",         3,
                                        2,           true, "CN=Configuration,DC=x y"};
  for (const ca::LocationList list : {ca::LocationList::cdp, ca::LocationList::aia}) {
    if (!ca::check_location(list, *location)) continue;
    const auto expanded = ca::expand(*location, variables);
    if (!expanded) std::abort();
    if (ca::is_file(*location) ? !expanded->starts_with('/') : std::ranges::any_of(*expanded, [](char c) {
          return c <= 0x20 || c == 0x7f;
        }))
      std::abort();
  }
  return 0;
}
