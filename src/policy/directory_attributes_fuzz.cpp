// Attributes as lines of "name: value", repeated names adding values. What becomes a template is written and
// read again, and then stays as it is.
#include <algorithm>
#include <cstdlib>

#include "policy/directory_attributes.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = as_text({data, size});
  std::vector<policy::DirectoryAttribute> attributes;
  while (!text.empty() && attributes.size() < 64) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = std::min(line.find(": "), line.size());
    const std::string name(line.substr(0, colon));
    const std::string value(line.substr(std::min(colon + 2, line.size())));
    const auto known = std::ranges::find(attributes, name, &policy::DirectoryAttribute::name);
    if (known == attributes.end())
      attributes.push_back({name, {value}});
    else
      known->values.push_back(value);
  }
  const auto value = policy::from_attributes(attributes);
  if (!value) return 0;
  (void)policy::check_template(*value);
  const auto written = policy::to_attributes(*value);
  const auto again = policy::from_attributes(written);
  if (!again || policy::to_attributes(*again) != written) std::abort();
  return 0;
}
