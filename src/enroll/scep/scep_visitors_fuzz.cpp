// A W3C access log. Properties: whoever is told of asked something, at a time that the log has, and no more
// is told of than there are lines.
#include <algorithm>
#include <cstdlib>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "enroll/scep/visitors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  std::string_view text = as_text({data, size});
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  enroll::scep::VisitorLog log;
  while (!text.empty()) log.take(take_until(text, '\n'));
  const auto visitors = log.visitors();
  if (visitors.size() + log.unreadable() > lines) std::abort();
  for (const enroll::scep::Visitor& visitor : visitors) {
    const std::uint64_t asked =
        visitor.capabilities + visitor.certificates + visitor.messages + visitor.unanswered;
    if (asked == 0 || asked > lines || visitor.client.empty() || visitor.first > visitor.last) std::abort();
    if (visitor.unanswered == 0 && visitor.last_status != 0) std::abort();
  }
  return 0;
}
