#include "enroll/mdm/sign_in.hpp"

#include "crypto/openssl/openssl.hpp"
#include "enroll/mdm/test_mdm.hpp"

namespace vouch::enroll::mdm {
namespace {

using std::chrono::minutes, std::chrono::seconds;

std::string basic(std::string_view text) { return "Basic " + to_base64(as_bytes(text)); }

TEST(BasicTest, IsReadAsRfc7617Says) {
  // RFC 7617 2.
  const auto aladdin = parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  ASSERT_TRUE(aladdin) << aladdin.error().report();
  EXPECT_EQ(aladdin->user, "Aladdin");
  EXPECT_EQ(aladdin->password.text(), "open sesame");
  EXPECT_EQ(parse_basic(basic("a:b:c"))->password.text(), "b:c") << "the password may have colons";
  EXPECT_EQ(parse_basic("bAsIc " + to_base64(as_bytes("a:b")))->user, "a");
}

TEST(BasicTest, EverythingElseIsRefused) {
  EXPECT_EQ(parse_basic("NTLM TlRMTVNTUAAB").error().code(), Errc::unsupported);
  EXPECT_EQ(parse_basic("Basic").error().code(), Errc::malformed);
  EXPECT_EQ(parse_basic(basic("nocolon")).error().code(), Errc::malformed);
  EXPECT_EQ(parse_basic("Basic !!!!").error().code(), Errc::malformed);
  EXPECT_EQ(parse_basic("Basic " + std::string(5'000, 'A')).error().code(), Errc::limit_exceeded);
}

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

class SignInTest : public testing::Test {
 protected:
  SignInTest() {
    const fs::path file = page_users_file(folder_.path());
    EXPECT_TRUE(write_page_users(file, {make_page_user(*provider_, "mdm", "correct horse battery").value()}));
    sign_in_ = std::make_unique<SignIn>(*provider_, clock_, file);
  }
  SignIn::Answer try_it(std::string_view credentials, std::string_view address = "192.0.2.1") {
    return sign_in_->check(basic(credentials), net::Address::parse(address).value()).value().answer;
  }
  const std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  const TestFolder folder_;
  ManualClock clock_{parse_time("2026-11-26T12:00:00Z").value()};
  std::unique_ptr<SignIn> sign_in_;
};

TEST_F(SignInTest, TheRightPasswordGetsIn) {
  const auto outcome =
      sign_in_->check(basic("mdm:correct horse battery"), net::Address::parse("192.0.2.1").value());
  ASSERT_TRUE(outcome) << outcome.error().report();
  EXPECT_EQ(outcome->answer, SignIn::Answer::granted);
  EXPECT_EQ(outcome->user, "mdm");
  EXPECT_EQ(try_it("mdm:wrong"), SignIn::Answer::refused);
  EXPECT_EQ(try_it("nobody:correct horse battery"), SignIn::Answer::refused);
  EXPECT_EQ(try_it(":"), SignIn::Answer::refused);
}

TEST_F(SignInTest, WhoHasNotSignedInIsAskedAndNotCounted) {
  const net::Address client = net::Address::parse("192.0.2.1").value();
  for (int n = 0; n < 20; ++n) {
    EXPECT_EQ(sign_in_->check("", client)->answer, SignIn::Answer::asked);
    EXPECT_EQ(sign_in_->check("Negotiate YIIB", client)->answer, SignIn::Answer::asked);
  }
  EXPECT_EQ(try_it("mdm:correct horse battery"), SignIn::Answer::granted);
}

TEST_F(SignInTest, WhoGuessesHasToWait) {
  for (int n = 0; n < 10; ++n) EXPECT_EQ(try_it("mdm:wrong"), SignIn::Answer::refused);
  EXPECT_EQ(try_it("mdm:correct horse battery"), SignIn::Answer::limited)
      << "not even the right one is looked at";
  EXPECT_EQ(try_it("mdm:correct horse battery", "192.0.2.2"), SignIn::Answer::granted)
      << "others are not locked out";
  clock_.advance(minutes(11));
  EXPECT_EQ(try_it("mdm:correct horse battery"), SignIn::Answer::granted);
}

TEST_F(SignInTest, AFileThatOthersCanReadLetsNobodyIn) {
  fs::permissions(page_users_file(folder_.path()), fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(sign_in_->check(basic("mdm:correct horse battery"), net::Address::parse("192.0.2.1").value())
                .error()
                .code(),
            Errc::denied);
}

}  // namespace
}  // namespace vouch::enroll::mdm
