#include "revocation/crl_times.hpp"

#include <algorithm>

namespace vouch::revocation {
namespace {

using namespace std::chrono_literals;

// By how much clocks may differ (AD CS: ClockSkewMinutes).
constexpr std::chrono::seconds kClockSkew = 10min;
constexpr std::chrono::seconds kLongestAutomaticOverlap = 12h;
// A publication a little before its time of day is the one of that day.
constexpr std::chrono::seconds kEarly = 30min;

// Times of day are for periods that span one.
bool has_time_of_day(const ca::AuthoritySettings& settings, std::chrono::seconds period) {
  return !settings.publish_at.empty() && period >= 24h;
}

// The last of the given times of day in (after, until]; `until` when there is none.
Time last_time_of_day(std::span<const std::chrono::minutes> times, Time after, Time until) {
  for (auto day = std::chrono::floor<std::chrono::days>(until); Time(day) + 24h > after;
       day -= std::chrono::days(1)) {
    std::optional<Time> last;
    for (const auto time : times)
      if (const Time at = Time(day) + time; at > after && at <= until && (!last || at > *last)) last = at;
    if (last) return *last;
  }
  return until;
}

Time first_time_of_day(std::span<const std::chrono::minutes> times, Time from) {
  const auto day = std::chrono::floor<std::chrono::days>(from);
  Time first = Time(day) + 48h;
  for (const auto time : times)
    for (const Time at : {Time(day) + time, Time(day) + 24h + time})
      if (at >= from) first = std::min(first, at);
  return first;
}

}  // namespace

std::chrono::seconds crl_overlap(std::chrono::seconds period, std::chrono::seconds configured, bool delta) {
  std::chrono::seconds overlap =
      configured != 0s ? configured : std::min(delta ? period : period / 10, kLongestAutomaticOverlap);
  overlap = std::max(overlap, kClockSkew * 3 / 2);
  return std::min(overlap, period) + kClockSkew;
}

CrlTimes crl_times(const ca::AuthoritySettings& settings, bool delta, Time now, Time key_end) {
  const Span span = delta ? settings.delta_period : settings.crl_period;
  const Span configured = delta ? settings.delta_overlap : settings.crl_overlap;
  CrlTimes times{now, add(now, span), {}};
  const std::chrono::seconds period = times.next_publish - now;
  const bool time_of_day = has_time_of_day(settings, period);
  if (time_of_day)
    times.next_publish = last_time_of_day(settings.publish_at, now + kEarly, times.next_publish + kEarly);
  times.next_update = times.next_publish +
                      crl_overlap(period, add(times.next_publish, configured) - times.next_publish, delta);
  // It ends at such a time as well: whoever is late finds out while nobody works.
  if (time_of_day) times.next_update = first_time_of_day(settings.publish_at, times.next_update);
  if (key_end > now) times.next_update = std::min(times.next_update, key_end);
  times.next_publish = std::min(times.next_publish, times.next_update);
  return times;
}

}  // namespace vouch::revocation
