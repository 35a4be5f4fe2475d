#pragma once
// How a place is asked what it has: as relying parties ask, with bounds of time and size, several at once.

#include <functional>
#include <span>

#include "diagnose/report.hpp"
#include "net/fetch.hpp"

namespace vouch::diagnose {

constexpr std::size_t kAtOnce = 8;  // so that 40 silent servers cost a minute, and not seven

struct Download {
  Buffer body;
  std::int64_t milliseconds = 0;
  Judgement judgement{};  // Unable to download, or not checked (an ldap URL); OK: look at the body
};
Download get(net::Fetcher& fetcher, const std::string& url, std::size_t most,
             std::chrono::milliseconds patience);
Download post(net::Fetcher& fetcher, const std::string& url, std::string_view content_type, Bytes body,
              std::size_t most, std::chrono::milliseconds patience);

// Runs all of them, at most kAtOnce at the same time.
void run_together(std::span<const std::function<void()>> tasks);

}  // namespace vouch::diagnose
