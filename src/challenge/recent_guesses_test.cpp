#include "challenge/recent_guesses.hpp"

#include <gtest/gtest.h>

namespace vouch::challenge {
namespace {

using std::chrono::minutes, std::chrono::seconds;

TEST(RecentGuessesTest, OneIsForgottenAfterEachMinute) {
  const Time start = parse_time("2026-11-26T12:00:00Z").value();
  RecentGuesses recent({3, minutes(1)});
  for (int n = 0; n < 2; ++n) recent.add("a", start);
  EXPECT_EQ(recent.wait("a", start), seconds(0));
  recent.add("a", start + seconds(20));
  EXPECT_EQ(recent.wait("a", start + seconds(20)), seconds(40));
  EXPECT_EQ(recent.wait("b", start + seconds(20)), seconds(0));
  EXPECT_EQ(recent.wait("a", start + minutes(1)), seconds(0));
  recent.add("a", start + minutes(1));
  EXPECT_EQ(recent.wait("a", start + minutes(1)), minutes(1));
  EXPECT_EQ(recent.wait("a", start - minutes(10)), seconds(0))
      << "a clock that was set back locks nobody out";
  recent.forget("a");
  EXPECT_EQ(recent.wait("a", start + minutes(1)), seconds(0));
}

TEST(RecentGuessesTest, ForgetsTheOldestWhenThereAreTooMany) {
  const Time start = parse_time("2026-11-26T12:00:00Z").value();
  RecentGuesses recent({1, minutes(10)}, 2);
  recent.add("first", start);
  recent.add("second", start + seconds(1));
  recent.add("third", start + seconds(2));
  EXPECT_EQ(recent.wait("first", start + seconds(2)), seconds(0));
  EXPECT_GT(recent.wait("second", start + seconds(2)), seconds(0));
  EXPECT_GT(recent.wait("third", start + seconds(2)), seconds(0));
}

}  // namespace
}  // namespace vouch::challenge
