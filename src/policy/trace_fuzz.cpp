// Traces come from the database, which may be damaged: what is read is written as the same text.
#include <cstdlib>

#include "base/bytes.hpp"
#include "policy/trace.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto trace = policy::parse_trace(as_text({data, size}));
  if (!trace) return 0;
  const auto again = policy::parse_trace(policy::format_trace(*trace));
  if (!again || *again != *trace) std::abort();
  (void)policy::explain_trace(*trace);
  (void)to_json(policy::describe_trace(*trace));
  return 0;
}
