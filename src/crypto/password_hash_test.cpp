#include "crypto/password_hash.hpp"

#include <gmock/gmock.h>

#include "crypto/openssl/openssl.hpp"

namespace vouch::crypto {
namespace {

const std::shared_ptr<const Provider> provider = openssl::make_provider();

// Python: hashlib.scrypt(b"correct horse battery", salt=b"saltsaltsaltsalt", n=16, r=8, p=1, dklen=32), in
// the form that passlib and others use.
constexpr std::string_view kOfPasslib =
    "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$EoVSPZC4RYKB2CErwCmlipwgpfFn0T/z5ifD4UXaZJU";

TEST(PasswordHashTest, TheFormIsThatOfOthers) {
  const auto hash = parse_password_hash(kOfPasslib);
  ASSERT_TRUE(hash) << hash.error().report();
  EXPECT_EQ(format_password_hash(*hash), kOfPasslib);
  EXPECT_TRUE(is_password(*provider, *hash, "correct horse battery"));
}

TEST(PasswordHashTest, APasswordIsVerifiedAndNotKept) {
  const PassphraseCost cheap{4, 8, 1};
  const auto hash = hash_password(*provider, "correct horse battery", cheap).value();
  EXPECT_THAT(format_password_hash(hash), testing::StartsWith("$scrypt$ln=4,r=8,p=1$"));
  EXPECT_THAT(format_password_hash(hash), testing::Not(testing::HasSubstr("horse")));
  EXPECT_TRUE(is_password(*provider, hash, "correct horse battery"));
  EXPECT_FALSE(is_password(*provider, hash, "correct horse batterz"));
  EXPECT_FALSE(is_password(*provider, hash, ""));
  EXPECT_NE(hash_password(*provider, "correct horse battery", cheap)->salt, hash.salt);
  EXPECT_EQ(hash_password(*provider, "short", cheap).error().code(), Errc::usage);
  EXPECT_EQ(hash_password(*provider, std::string(1'025, 'x'), cheap).error().code(), Errc::usage);
}

TEST(PasswordHashTest, WhatIsNoHashOrCostsTooMuchIsRefused) {
  for (const std::string_view bad :
       {"", "secret", "$md5$ln=4,r=8,p=1$c2FsdHNhbHQ$AAAA", "$scrypt$ln=15,r=8$AAAA$AAAA",
        "$scrypt$ln=40,r=8,p=1$AAAA$AAAA", "$scrypt$ln=23,r=64,p=1$c2FsdHNhbHQ$AAAA",
        "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHQ$AAAA"})
    EXPECT_FALSE(parse_password_hash(bad)) << bad;
}

}  // namespace
}  // namespace vouch::crypto
