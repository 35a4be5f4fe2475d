// One-time and shared passwords in the place of a challenge, and how guessing them is limited.
#include "ca/test_challenges.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;
using testing::Not;

class ChallengePasswordTest : public ChallengeTest {};

TEST_F(ChallengePasswordTest, AOneTimePasswordIsGoodForOneRequest) {
  const auto password = mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm");
  ASSERT_TRUE(password) << password.error().report();
  EXPECT_THAT(std::string(password->text.text()), testing::MatchesRegex("[0-9A-F]{16}"));
  EXPECT_EQ(password->record.expires_at, kTestNow + std::chrono::minutes(60));
  const Buffer der = request();
  EXPECT_EQ(reason(request({sid_extension("S-1-5-21-1-2-3-500")}), password->text.text()),
            "SecurityIdentifierMismatch");
  const Outcome first = submit(der, password->text.text());
  ASSERT_EQ(first.disposition, Disposition::issued) << first.message;
  EXPECT_EQ(submit(der, password->text.text()).certificate, first.certificate);
  EXPECT_EQ(reason(request(), password->text.text()), "ChallengeReused");
  const auto old = mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm");
  bench.clock().advance(std::chrono::minutes(61));
  EXPECT_EQ(reason(request(), old->text.text()), "ChallengeExpired");
}

TEST_F(ChallengePasswordTest, WhoComesSecondAtTheSameTimeWasApprovedByNobody) {
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "approval", "true", "admin"));
  Grant manager;
  manager.principal = kAccount;
  manager.role = Role::manager;
  ASSERT_DONE(grant_role(bench.environment(), manager, "admin"));
  const Minted minted = mint();
  std::vector<Submission> both;
  for (int i = 0; i < 2; ++i) {
    both.push_back(submission(request(), minted.text.text()));  // each with a key of its own
    both.back().approve = true;
  }
  const auto outcomes = authority->submit(both);
  ASSERT_TRUE(outcomes[0] && outcomes[1]);
  EXPECT_EQ(outcomes[0]->disposition, Disposition::issued) << outcomes[0]->message;
  EXPECT_EQ(outcomes[1]->disposition, Disposition::denied) << outcomes[1]->message;
  const auto state = bench.database().snapshot().value();
  EXPECT_EQ(state->request(outcomes[0]->request)->resolver, kAccount);
  EXPECT_EQ(state->request(outcomes[1]->request)->resolver, "");
  const std::string second = fmt::format("request {} ", outcomes[1]->request);
  EXPECT_THAT(audit_text(), HasSubstr("request.submit " + second));
  EXPECT_THAT(audit_text(), Not(HasSubstr("request.approve " + second)));
}

TEST_F(ChallengePasswordTest, SoManyPasswordsAreOpenAtOnce) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm"));
  EXPECT_EQ(mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm").error().code(),
            Errc::limit_exceeded);
  EXPECT_TRUE(mint_password(bench.environment(), kCa, {.profile = "laptops"}, "mdm"));
  bench.clock().advance(std::chrono::minutes(61));
  EXPECT_TRUE(mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm"));
}

TEST_F(ChallengePasswordTest, ASinglePasswordServesEveryDeviceOfItsProfile) {
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  EXPECT_EQ(reason(request(), "correct horse battery"), "");
  EXPECT_EQ(reason(bench.request("CN=b.corp.example", {"DNS:b.corp.example"}), "correct horse battery"), "");
  EXPECT_EQ(reason(request(), "correct horse batter"), "ChallengePasswordMismatch");
  Submission elsewhere = submission(request(), "correct horse battery");
  elsewhere.challenge->profile = "laptops";
  EXPECT_EQ(reason(elsewhere), "ChallengePasswordMismatch");
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "another one entirely", "admin"));
  EXPECT_EQ(reason(request(), "correct horse battery"), "ChallengePasswordMismatch");
  EXPECT_EQ(reason(bench.request("CN=c.corp.example", {"DNS:c.corp.example"}), "another one entirely"), "");
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "", "admin"));
  EXPECT_EQ(reason(request(), "another one entirely"), "ChallengePasswordMismatch");
}

TEST_F(ChallengePasswordTest, GuessesAreLimitedByAddressAndRecover) {
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(reason(request(), fmt::format("wrong password {}", i)), "ChallengePasswordMismatch");
  EXPECT_EQ(reason(request(), "correct horse battery"), "ChallengeGuessLimit");
  // Another address is not closed, nor are bound challenges, which nobody guesses.
  Submission elsewhere = submission(request(), "correct horse battery");
  elsewhere.challenge->client = "192.0.2.8";
  EXPECT_EQ(reason(elsewhere), "");
  EXPECT_EQ(reason(bench.request("CN=phone-7.corp.example,O=Corp", {"DNS:phone-7.corp.example"}),
                   mint().text.text()),
            "");
  bench.clock().advance(std::chrono::seconds(60));
  EXPECT_EQ(reason(bench.request("CN=d.corp.example", {"DNS:d.corp.example"}), "correct horse battery"), "");
  EXPECT_THAT(audit_text(), HasSubstr("rule=ChallengeGuessLimit"));
}

TEST_F(ChallengePasswordTest, GuessesAreLimitedByProfileFromManyAddresses) {
  for (int i = 0; i < 100; ++i) {
    Submission s = submission(request(), fmt::format("wrong password {}", i));
    s.challenge->client = fmt::format("192.0.2.{}", i);
    EXPECT_EQ(reason(s), "ChallengePasswordMismatch");
  }
  Submission s = submission(request(), "wrong password");
  s.challenge->client = "198.51.100.1";
  EXPECT_EQ(reason(s), "ChallengeGuessLimit");
  s.challenge->profile = "laptops";
  EXPECT_EQ(reason(s), "ChallengePasswordMismatch");
}

}  // namespace
}  // namespace vouch::ca
