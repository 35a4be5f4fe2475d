#include "base/time.hpp"

#include <charconv>
#include <optional>

namespace vouch {
namespace {

using std::chrono::days, std::chrono::hours, std::chrono::minutes, std::chrono::seconds;

// Reads exactly `width` digits at `position`.
std::optional<int> digits(std::string_view text, std::size_t position, std::size_t width) {
  if (text.size() < position + width) return std::nullopt;
  int value = 0;
  for (std::size_t i = position; i < position + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

Error bad_time(std::string_view text) {
  return make_error(Errc::malformed, "'{}' is not a time", text)
      .with_hint("write UTC as 2026-11-23T10:00:00Z or 2026-11-23");
}

constexpr int kMaxYears = 1000;  // beyond what X.509 can express; keeps the arithmetic far from overflow

}  // namespace

std::chrono::sys_time<std::chrono::milliseconds> SystemClock::now_milliseconds() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string format_time(Time time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

Result<Time> parse_time(std::string_view text) {
  std::string_view rest = text;
  if (rest.ends_with('Z')) rest.remove_suffix(1);
  const auto year = digits(rest, 0, 4), month = digits(rest, 5, 2), day = digits(rest, 8, 2);
  if (!year || !month || !day || rest[4] != '-' || rest[7] != '-') return bad_time(text);
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(unsigned(*month)),
                                         std::chrono::day(unsigned(*day))};
  if (!date.ok()) return bad_time(text);
  int hour = 0, minute = 0, second = 0;
  if (rest.size() > 10) {
    const auto h = digits(rest, 11, 2), m = digits(rest, 14, 2);
    if ((rest[10] != 'T' && rest[10] != ' ') || !h || !m || rest[13] != ':') return bad_time(text);
    hour = *h;
    minute = *m;
    if (rest.size() > 16) {
      const auto s = digits(rest, 17, 2);
      if (rest.size() != 19 || !s || rest[16] != ':') return bad_time(text);
      second = *s;
    }
    if (hour > 23 || minute > 59 || second > 59) return bad_time(text);
  }
  return Time(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) + seconds(second);
}

Result<Span> parse_span(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::optional<Span> span;
  if (error == std::errc() && number > 0) {
    const auto fixed = [&](seconds one, int most) {
      if (number <= most) span = Span{0, one * number};
    };
    if (unit == "y" && number <= kMaxYears) span = Span{12 * number, seconds(0)};
    if (unit == "mo" && number <= 12 * kMaxYears) span = Span{number, seconds(0)};
    if (unit == "w") fixed(days(7), 53 * kMaxYears);
    if (unit == "d") fixed(days(1), 366 * kMaxYears);
    if (unit == "h") fixed(hours(1), 24 * 366 * kMaxYears);
    if (unit == "m") fixed(minutes(1), 60 * 24 * 366 * kMaxYears);
    if (unit == "s") fixed(seconds(1), 2'000'000'000);
  }
  if (!span)
    return make_error(Errc::malformed, "'{}' is not a span of time", text)
        .with_hint("a number and a unit: 20y, 18mo, 2w, 90d, 8h, 30m or 45s");
  return *span;
}

std::string format_span(Span span) {
  if (span.months != 0 && span.seconds == seconds(0))
    return span.months % 12 == 0 ? fmt::format("{}y", span.months / 12) : fmt::format("{}mo", span.months);
  const auto count = span.seconds.count();
  if (span.months != 0) return fmt::format("{}mo+{}s", span.months, count);
  if (count % 604800 == 0) return fmt::format("{}w", count / 604800);
  if (count % 86400 == 0) return fmt::format("{}d", count / 86400);
  if (count % 3600 == 0) return fmt::format("{}h", count / 3600);
  if (count % 60 == 0) return fmt::format("{}m", count / 60);
  return fmt::format("{}s", count);
}

Time add(Time start, Span span) {
  const auto day = std::chrono::floor<days>(start);
  std::chrono::year_month_day date(day);
  date += std::chrono::months(span.months);
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return Time(std::chrono::sys_days(date)) + (start - day) + span.seconds;
}

}  // namespace vouch
