#include "base/time.hpp"

#include <gmock/gmock.h>

namespace vouch {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Time at(std::string_view text) { return parse_time(text).value(); }

// Seconds since 1970 as `date -u -d TEXT +%s` prints them.
TEST(TimeTest, AgreesWithTheCalendarOfTheSystem) {
  const std::pair<std::string_view, std::int64_t> vectors[] = {
      {"1970-01-01T00:00:00Z", 0},          {"2026-11-23T10:00:00Z", 1795428000},
      {"2000-02-29T23:59:59Z", 951868799},  {"1949-12-31T23:59:59Z", -631152001},
      {"2050-01-01T00:00:00Z", 2524608000}, {"9999-12-31T23:59:59Z", 253402300799}};
  for (const auto& [text, seconds] : vectors) {
    EXPECT_EQ(at(text).time_since_epoch().count(), seconds) << text;
    EXPECT_EQ(format_time(Time(std::chrono::seconds(seconds))), text);
  }
}

TEST(TimeTest, ReadsTheShorterForms) {
  EXPECT_EQ(at("2026-11-23"), at("2026-11-23T00:00:00Z"));
  EXPECT_EQ(at("2026-11-23 10:30"), at("2026-11-23T10:30:00Z"));
  EXPECT_EQ(at("2026-11-23 10:30:15"), at("2026-11-23T10:30:15Z"));
}

TEST(TimeTest, RefusesWhatIsNoTime) {
  for (const char* bad :
       {"", "2026", "2026-13-01", "2026-02-29", "2026-00-10", "2026-11-23T24:00:00Z", "2026-11-23T10",
        "2026-11-23T10:60:00Z", "2026-11-23T10:00:60Z", "2026-11-23X10:00:00Z", "2026/11/23",
        "2026-11-23T10:00:00+01:00", "2026-11-23T10:00:00.5Z", "26-11-23", "-026-11-23", "2026-11-2a",
        "2026-11-23T10:00:00ZZ"})
    EXPECT_FALSE(parse_time(bad)) << bad;
  EXPECT_THAT(std::string(parse_time("soon").error().hint()), HasSubstr("2026-11-23"));
}

TEST(SpanTest, ReadsEveryUnit) {
  EXPECT_EQ(parse_span("20y").value(), (Span{240, 0s}));
  EXPECT_EQ(parse_span("18mo").value(), (Span{18, 0s}));
  EXPECT_EQ(parse_span("2w").value(), (Span{0, 336h}));
  EXPECT_EQ(parse_span("90d").value(), (Span{0, 2160h}));
  EXPECT_EQ(parse_span("8h").value(), (Span{0, 8h}));
  EXPECT_EQ(parse_span("30m").value(), (Span{0, 30min}));
  EXPECT_EQ(parse_span("45s").value(), (Span{0, 45s}));
}

TEST(SpanTest, RefusesWhatIsNoSpan) {
  for (const char* bad : {"", "y", "0d", "-1d", "1", "1 d", "1.5h", "1D", "2001y", "99999999999999999999s",
                          "1d2h", "+1d", "8784001h"})
    EXPECT_FALSE(parse_span(bad)) << bad;
}

TEST(SpanTest, PrintsTheLargestUnitThatFits) {
  for (const char* text : {"20y", "18mo", "2w", "90d", "8h", "30m", "45s", "1y", "1000y"})
    EXPECT_EQ(format_span(parse_span(text).value()), text);
  EXPECT_EQ(format_span(parse_span("24mo").value()), "2y");
  EXPECT_EQ(format_span(parse_span("14d").value()), "2w");
  EXPECT_EQ(format_span(parse_span("168h").value()), "1w");
}

TEST(SpanTest, YearsAndMonthsFollowTheCalendar) {
  EXPECT_EQ(add(at("2024-02-29"), Span{12, 0s}), at("2025-02-28"));
  EXPECT_EQ(add(at("2024-02-29"), Span{48, 0s}), at("2028-02-29"));
  EXPECT_EQ(add(at("2026-01-31 10:15"), Span{1, 0s}), at("2026-02-28 10:15"));
  EXPECT_EQ(add(at("2026-12-31"), Span{2, 1h}), at("2027-02-28 01:00"));
  EXPECT_EQ(add(at("2026-11-23"), Span{0, 24h}), at("2026-11-24"));
}

TEST(ClockTest, StandsStillUntilItIsMoved) {
  ManualClock clock(at("2026-11-23"));
  EXPECT_EQ(clock.now(), at("2026-11-23"));
  clock.advance(90s);
  EXPECT_EQ(clock.now(), at("2026-11-23 00:01:30"));
  clock.set(at("2030-01-01"));
  EXPECT_EQ(clock.now(), at("2030-01-01"));
}

}  // namespace
}  // namespace vouch
