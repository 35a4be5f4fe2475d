#include "challenge/guess_limit.hpp"

#include <gtest/gtest.h>

namespace vouch::challenge {
namespace {

constexpr Time kStart{std::chrono::seconds{1'795'000'000}};
constexpr GuessRule kRule{3, std::chrono::seconds(60)};

TEST(GuessLimit, ClosesWhenFullAndOpensAgain) {
  Guesses guesses;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(is_full(guesses, kRule, kStart)) << i;
    guesses = with_one_more(guesses, kRule, kStart);
  }
  EXPECT_TRUE(is_full(guesses, kRule, kStart));
  EXPECT_TRUE(is_full(guesses, kRule, kStart + std::chrono::seconds(59)));
  EXPECT_EQ(opens_at(guesses, kRule, kStart), kStart + std::chrono::seconds(60));
  EXPECT_FALSE(is_full(guesses, kRule, kStart + std::chrono::seconds(60)));
  // One has leaked, so one more closes it again, and the next leaks a minute later.
  guesses = with_one_more(guesses, kRule, kStart + std::chrono::seconds(60));
  EXPECT_TRUE(is_full(guesses, kRule, kStart + std::chrono::seconds(119)));
  EXPECT_FALSE(is_full(guesses, kRule, kStart + std::chrono::seconds(120)));
}

TEST(GuessLimit, ForgetsEverythingAfterLongEnoughAndNothingWhenTheClockGoesBack) {
  Guesses guesses{3, kStart};
  EXPECT_EQ(leaked(guesses, kRule, kStart + std::chrono::hours(1)).level, 0U);
  EXPECT_EQ(leaked(guesses, kRule, kStart - std::chrono::hours(1)), guesses);
  EXPECT_TRUE(is_full(guesses, kRule, kStart - std::chrono::hours(1)));
}

TEST(GuessLimit, AnIpv6NetworkIsOneAddress) {
  EXPECT_EQ(address_scope("192.0.2.7"), "address 192.0.2.7");
  EXPECT_EQ(address_scope("::ffff:192.0.2.7"), "address 192.0.2.7");
  EXPECT_EQ(address_scope("2001:db8:1:2::7"), address_scope("2001:db8:1:2:ffff::1"));
  EXPECT_NE(address_scope("2001:db8:1:2::7"), address_scope("2001:db8:1:3::7"));
  EXPECT_EQ(address_scope("fe80::1%eth0"), address_scope("fe80::2"));
  EXPECT_NE(address_scope("phones"), profile_scope("phones"));
}

}  // namespace
}  // namespace vouch::challenge
