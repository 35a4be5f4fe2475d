#pragma once
// When a CRL is fetched before it is needed. A CA that says when it publishes next (Next CRL Publish,
// Microsoft 311.21.4) lets clients fetch between then and nextUpdate, each at a random moment, so that they
// do not all come at once. The figures are those of Windows (certificate-revocation-list-semantics).

#include <optional>

#include "validate/crl.hpp"

namespace vouch::relying {

struct PrefetchWindow {
  Time begin{}, end{};
  bool operator==(const PrefetchWindow&) const = default;
};

// From a tenth of the time between publication and nextUpdate to a twentieth before its end. None without
// Next CRL Publish or nextUpdate, and none that is not longer than `shortest`.
std::optional<PrefetchWindow> prefetch_window(const x509::CrlView& crl, std::chrono::seconds shortest);

// A moment of what is left of the window, uniform in `random`; its end when nothing is left.
Time prefetch_moment(const PrefetchWindow& window, Time now, std::uint64_t random);

}  // namespace vouch::relying
