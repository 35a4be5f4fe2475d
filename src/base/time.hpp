#pragma once
// Points in time, their text forms, spans such as "20y", and the clock that is passed in.

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace vouch {

// UTC, whole seconds: the resolution of X.509.
using Time = std::chrono::sys_seconds;

// Where domain code gets the time from, so that a test can hold it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::sys_time<std::chrono::milliseconds> now_milliseconds() const = 0;
  Time now() const { return std::chrono::floor<std::chrono::seconds>(now_milliseconds()); }
};

class SystemClock final : public Clock {
 public:
  std::chrono::sys_time<std::chrono::milliseconds> now_milliseconds() const override;
};

// A clock that stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start) : now_(start) {}
  std::chrono::sys_time<std::chrono::milliseconds> now_milliseconds() const override { return now_; }
  void set(Time time) { now_ = time; }
  void advance(std::chrono::seconds by) { now_ += by; }

 private:
  std::chrono::sys_time<std::chrono::milliseconds> now_;
};

// RFC 3339 in UTC: "2026-11-23T10:00:00Z".
std::string format_time(Time time);
// Accepts what format_time prints, a date alone ("2026-11-23"), and "YYYY-MM-DD HH:MM[:SS]"; always UTC.
Result<Time> parse_time(std::string_view text);

// A span in calendar units, as people write validity: "20y", "18mo", "2w", "90d", "8h", "30m", "45s".
// Years and months follow the calendar (29 February becomes 28 February), the rest are fixed.
struct Span {
  int months = 0;
  std::chrono::seconds seconds{0};
  bool operator==(const Span&) const = default;
};
Result<Span> parse_span(std::string_view text);
std::string format_span(Span span);
Time add(Time start, Span span);

}  // namespace vouch
