// A template that is read is written, read again and equal; and what is read passes the template compiler.
#include <cstdlib>

#include "policy/certificate_template.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const auto value = policy::parse_template(text, "fuzz");
  if (value) {
    if (!policy::check_template(*value)) std::abort();
    const auto again = policy::parse_template(policy::format_template(*value), "again");
    if (!again || !(*again == *value)) std::abort();
  }
  // "key=value" as `template set` takes it.
  static const auto shipped = policy::shipped_templates();
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || size == 0) return 0;
  const auto& base = shipped[data[size - 1] % shipped.size()];
  if (const auto changed = policy::with_setting(base, text.substr(0, equals), text.substr(equals + 1)))
    if (!policy::check_template(*changed)) std::abort();
  return 0;
}
