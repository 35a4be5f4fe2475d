#include "revocation/crl_times.hpp"

#include <gtest/gtest.h>

namespace vouch::revocation {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

// A tenth of the period and at most twelve hours; of a delta the whole period. Never less than 15 minutes,
// never more than the period; ten minutes for the clocks come on top.
TEST(CrlTimesTest, TheOverlapIsWhatAdCsDocuments) {
  EXPECT_EQ(crl_overlap(days(7), 0s, false), 12h + 10min) << "16.8 hours are more than twelve";
  EXPECT_EQ(crl_overlap(days(3), 0s, false), 7h + 12min + 10min);
  EXPECT_EQ(crl_overlap(1h, 0s, false), 15min + 10min) << "six minutes are too few";
  EXPECT_EQ(crl_overlap(10min, 0s, false), 10min + 10min) << "not longer than the period";
  EXPECT_EQ(crl_overlap(days(1), 0s, true), 12h + 10min);
  EXPECT_EQ(crl_overlap(4h, 0s, true), 4h + 10min);
  EXPECT_EQ(crl_overlap(days(180), days(14), false), days(14) + 10min)
      << "what is set has no limit of twelve hours";
  EXPECT_EQ(crl_overlap(days(1), days(2), false), days(1) + 10min);
  EXPECT_EQ(crl_overlap(days(7), 1min, false), 15min + 10min);
}

Time at(std::string_view text) { return parse_time(text).value(); }
constexpr Time kForever = Time(days(40'000));

ca::AuthoritySettings weekly() {
  ca::AuthoritySettings settings;
  settings.crl_overlap = Span{};
  settings.delta_period = Span{0, days(1)};
  return settings;
}

TEST(CrlTimesTest, WithoutTimesOfDayEverythingCountsFromNow) {
  const CrlTimes base = crl_times(weekly(), false, at("2026-11-25 14:30"), kForever);
  EXPECT_EQ(base.this_update, at("2026-11-25 14:30"));
  EXPECT_EQ(base.next_publish, at("2026-12-02 14:30"));
  EXPECT_EQ(base.next_update, at("2026-12-03 02:40"));
  const CrlTimes delta = crl_times(weekly(), true, at("2026-11-25 14:30"), kForever);
  EXPECT_EQ(delta.next_publish, at("2026-11-26 14:30"));
  EXPECT_EQ(delta.next_update, at("2026-11-27 02:40"));
}

TEST(CrlTimesTest, TimesOfDayAreWhenCrlsComeAndWhenTheyEnd) {
  ca::AuthoritySettings settings = weekly();
  settings.publish_at = {2h};
  // By hand, at noon: the next one on schedule comes no later than a week from now, at night.
  CrlTimes base = crl_times(settings, false, at("2026-11-25 12:00"), kForever);
  EXPECT_EQ(base.next_publish, at("2026-12-02 02:00"));
  EXPECT_EQ(base.next_update, at("2026-12-03 02:00")) << "14:10 would be in working hours";
  // By the timer, a little late and a little early: it stays a week.
  EXPECT_EQ(crl_times(settings, false, at("2026-11-25 02:00:20"), kForever).next_publish,
            at("2026-12-02 02:00"));
  EXPECT_EQ(crl_times(settings, false, at("2026-11-25 01:55"), kForever).next_publish,
            at("2026-12-02 02:00"));
  const CrlTimes delta = crl_times(settings, true, at("2026-11-25 02:00:20"), kForever);
  EXPECT_EQ(delta.next_publish, at("2026-11-26 02:00"));
  EXPECT_EQ(delta.next_update, at("2026-11-27 02:00"));
  settings.publish_at = {2h, 22h};
  base = crl_times(settings, false, at("2026-11-25 23:00"), kForever);
  EXPECT_EQ(base.next_publish, at("2026-12-02 22:00"));
  EXPECT_EQ(base.next_update, at("2026-12-03 22:00"));
}

TEST(CrlTimesTest, AShortPeriodKeepsItsPaceWhateverTheTimeOfDay) {
  ca::AuthoritySettings settings = weekly();
  settings.publish_at = {2h};
  settings.delta_period = Span{0, 4h};
  const CrlTimes delta = crl_times(settings, true, at("2026-11-25 09:00"), kForever);
  EXPECT_EQ(delta.next_publish, at("2026-11-25 13:00"));
  EXPECT_EQ(delta.next_update, at("2026-11-25 17:10"));
}

TEST(CrlTimesTest, NoCrlOutlivesTheCertificateThatVerifiesIt) {
  const CrlTimes base = crl_times(weekly(), false, at("2026-11-25 14:30"), at("2026-11-28"));
  EXPECT_EQ(base.next_update, at("2026-11-28"));
  EXPECT_EQ(base.next_publish, at("2026-11-28"));
}

}  // namespace
}  // namespace vouch::revocation
