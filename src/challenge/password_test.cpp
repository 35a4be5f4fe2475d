#include "challenge/password.hpp"

#include <gmock/gmock.h>

#include <set>

#include "crypto/openssl/openssl.hpp"

namespace vouch::challenge {
namespace {

const std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();

TEST(OneTimePassword, LooksLikeThoseOfNdesAndIsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string password = make_password(*provider).value();
    EXPECT_THAT(password, testing::MatchesRegex("[0-9A-F]+"));
    EXPECT_EQ(password.size(), 16U);
    EXPECT_TRUE(seen.insert(password).second);
  }
  EXPECT_EQ(make_password(*provider, 32).value().size(), 32U);
  EXPECT_FALSE(make_password(*provider, 8));
  EXPECT_FALSE(make_password(*provider, 65));
}

TEST(OneTimePassword, IsFoundUnderItsProfileOnly) {
  const Buffer token = password_token(*provider, "phones", "0123456789ABCDEF");
  EXPECT_EQ(token.size(), 32U);
  EXPECT_EQ(password_token(*provider, "phones", "0123456789ABCDEF"), token);
  EXPECT_NE(password_token(*provider, "laptops", "0123456789ABCDEF"), token);
  EXPECT_NE(password_token(*provider, "phones|0123", "456789ABCDEF"), token);
}

TEST(SinglePassword, IsVerifiedAndNotKept) {
  const std::string verifier = make_verifier(*provider, "correct horse battery").value();
  EXPECT_THAT(verifier, testing::Not(testing::HasSubstr("horse")));
  EXPECT_THAT(verifier, testing::StartsWith("$scrypt$ln=14,r=8,p=1$"));
  EXPECT_TRUE(matches(*provider, verifier, "correct horse battery").value());
  EXPECT_FALSE(matches(*provider, verifier, "correct horse batterz").value());
  EXPECT_FALSE(matches(*provider, verifier, "").value());
  EXPECT_NE(make_verifier(*provider, "correct horse battery").value(), verifier);  // its own salt
  EXPECT_FALSE(make_verifier(*provider, "short"));
}

TEST(SinglePassword, DamagedRecordsAreErrors) {
  for (const char* record : {"", "$scrypt$", "$scrypt$ln=14,r=8,p=1$00"})
    EXPECT_FALSE(matches(*provider, record, "correct horse battery")) << record;
}

}  // namespace
}  // namespace vouch::challenge
