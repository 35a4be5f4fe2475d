// A signed head that can be read says again what it said.
#include <cstdlib>

#include "ca/audit/audit_head.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = vouch::as_text({data, size});
  const auto checkpoint = vouch::ca::parse_checkpoint(text);
  if (!checkpoint) {
    if (checkpoint.error().message().empty()) std::abort();
    return 0;
  }
  const std::string start = fmt::format("{}\n{}\n", checkpoint->origin, checkpoint->size);
  if (!text.starts_with(start) || !text.starts_with(checkpoint->signed_text)) std::abort();
  if (checkpoint->root.size() != 32 || checkpoint->signatures.empty()) std::abort();
  for (const auto& signature : checkpoint->signatures)
    if (signature.name.empty() || signature.key_id.size() != 4 || signature.signature.empty()) std::abort();
  return 0;
}
