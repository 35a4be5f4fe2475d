#include "enroll/scep/limited_guesses.hpp"

#include <gmock/gmock.h>

#include "crypto/openssl/openssl.hpp"

namespace vouch::enroll::scep {
namespace {

class ScepGuesses : public testing::Test {
 protected:
  // "" when it is let through.
  std::string verdict(std::optional<std::string> password, std::string_view client = "192.0.2.7",
                      bool is_renewal = false) {
    const x509::RequestView request{};
    const auto judged = policy_.check({.profile = "devices",
                                       .transaction = "t",
                                       .client = client,
                                       .password = password,
                                       .request = request,
                                       .is_renewal = is_renewal});
    EXPECT_TRUE(judged) << judged.error().report();
    EXPECT_EQ(judged->allowed, judged->code.empty());
    return judged->code;
  }

  ManualClock clock_{Time(std::chrono::seconds(1'795'000'000))};
  LimitedGuesses policy_{StaticPassword::create(crypto::openssl::make_provider(), "secret").value(), clock_};
};

TEST_F(ScepGuesses, AnAddressIsClosedAfterTenAndOpensByItself) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(verdict("guess"), "ChallengePasswordMismatch");
  EXPECT_EQ(verdict("guess"), "ChallengeGuessLimit");
  EXPECT_EQ(verdict("secret"), "ChallengeGuessLimit") << "nothing is looked at";
  EXPECT_EQ(verdict("secret", "192.0.2.8"), "") << "others are let through";
  EXPECT_EQ(verdict({}, "192.0.2.7", true), "") << "a renewal shows no password";
  clock_.advance(std::chrono::seconds(60));
  EXPECT_EQ(verdict("secret"), "");
  EXPECT_EQ(verdict("guess"), "ChallengePasswordMismatch");
  EXPECT_EQ(verdict("guess"), "ChallengeGuessLimit");
}

TEST_F(ScepGuesses, ManyAddressesCloseTheProfile) {
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(verdict("guess", fmt::format("2001:db8:{:x}::1", i)), "ChallengePasswordMismatch");
  EXPECT_EQ(verdict("secret", "2001:db8:ffff::1"), "ChallengeGuessLimit");
  clock_.advance(std::chrono::seconds(6));
  EXPECT_EQ(verdict("secret", "2001:db8:ffff::1"), "");
}

TEST_F(ScepGuesses, AnIPv6NetworkIsOne) {
  for (int i = 0; i < 10; ++i) (void)verdict("guess", fmt::format("2001:db8::{:x}", i));
  EXPECT_EQ(verdict("secret", "2001:db8::ffff"), "ChallengeGuessLimit");
  EXPECT_EQ(verdict("secret", "2001:db8:0:1::1"), "");
}

TEST_F(ScepGuesses, NoPasswordIsNoGuess) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(verdict({}), "ChallengePasswordMissing");
  EXPECT_EQ(verdict("secret"), "");
}

}  // namespace
}  // namespace vouch::enroll::scep
