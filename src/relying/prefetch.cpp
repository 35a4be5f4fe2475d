#include "relying/prefetch.hpp"

#include <algorithm>

namespace vouch::relying {

std::optional<PrefetchWindow> prefetch_window(const x509::CrlView& crl, std::chrono::seconds shortest) {
  const auto* extension = crl.find(x509::oid::kMsNextPublish);
  if (extension == nullptr || !crl.next_update) return std::nullopt;
  const auto publish = x509::parse_next_publish(extension->value);
  if (!publish || *publish >= *crl.next_update) return std::nullopt;
  const std::chrono::seconds period = *crl.next_update - *publish;
  const PrefetchWindow window{*publish + period / 10, *crl.next_update - period / 20};
  if (window.end - window.begin <= shortest) return std::nullopt;
  return window;
}

Time prefetch_moment(const PrefetchWindow& window, Time now, std::uint64_t random) {
  const Time begin = std::max(window.begin, now);
  if (begin >= window.end) return window.end;
  const auto seconds = static_cast<std::uint64_t>((window.end - begin).count());
  return begin + std::chrono::seconds(random % seconds);
}

}  // namespace vouch::relying
