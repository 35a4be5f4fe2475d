#include "enroll/mdm/page_users.hpp"

#include <sys/stat.h>

#include "crypto/openssl/openssl.hpp"
#include "enroll/mdm/test_mdm.hpp"

namespace vouch::enroll::mdm {
namespace {

using testing::HasSubstr, testing::SizeIs;

class PageUsersTest : public testing::Test {
 protected:
  const std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  const TestFolder folder_;
  const fs::path file_ = page_users_file(folder_.path());
};

constexpr std::string_view kHash =
    "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$EoVSPZC4RYKB2CErwCmlipwgpfFn0T/z5ifD4UXaZJU";

TEST_F(PageUsersTest, APasswordIsKnownAgain) {
  const auto user = make_page_user(*provider_, "alice", "correct horse battery");
  ASSERT_TRUE(user) << user.error().report();
  EXPECT_TRUE(crypto::is_password(*provider_, user->password, "correct horse battery"));
  EXPECT_FALSE(crypto::is_password(*provider_, user->password, "correct horse batterz"));
  EXPECT_FALSE(crypto::is_password(*provider_, user->password, ""));
  const auto again = make_page_user(*provider_, "alice", "correct horse battery");
  EXPECT_NE(user->password.hash, again->password.hash) << "each has a salt of its own";
}

TEST_F(PageUsersTest, NamesAndPasswordsHaveAForm) {
  EXPECT_EQ(make_page_user(*provider_, "a:b", "correct horse battery").error().code(), Errc::usage);
  EXPECT_EQ(make_page_user(*provider_, "", "correct horse battery").error().code(), Errc::usage);
  EXPECT_EQ(make_page_user(*provider_, "alice", "short").error().code(), Errc::usage);
  EXPECT_TRUE(make_page_user(*provider_, "CORP\\mdm-service", "correct horse battery"));
}

TEST_F(PageUsersTest, TheFileIsForItsOwnerAlone) {
  EXPECT_THAT(read_page_users(file_).value(), SizeIs(0)) << "no file, no users";
  const auto user = make_page_user(*provider_, "alice", "correct horse battery").value();
  ASSERT_TRUE(write_page_users(file_, {user}));
  struct stat info{};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto read = read_page_users(file_);
  ASSERT_TRUE(read) << read.error().report();
  ASSERT_THAT(*read, SizeIs(1));
  EXPECT_TRUE(crypto::is_password(*provider_, read->front().password, "correct horse battery"));
  fs::permissions(file_, fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(read_page_users(file_).error().code(), Errc::denied);
}

TEST_F(PageUsersTest, WhatIsWrongInTheFileIsSaidByLine) {
  const std::string good = fmt::format("# comment\nalice:{}\n", kHash);
  EXPECT_THAT(parse_page_users(good).value(), SizeIs(1));
  EXPECT_THAT(parse_page_users(good + fmt::format("alice:{}\n", kHash)).error().summary(),
              HasSubstr("line 3: 'alice' is there twice"));
  for (const std::string_view bad : {"alice", "alice:secret", ":x"})
    EXPECT_FALSE(parse_page_users(bad)) << bad;
}

}  // namespace
}  // namespace vouch::enroll::mdm
