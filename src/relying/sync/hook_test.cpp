#include "relying/sync/hook.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "base/files.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr;

class HookTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vouch-hook.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string path(std::string_view name) const { return (folder / name).string(); }
  fs::path folder;
};

TEST_F(HookTest, WordsArriveAsTheyAre) {
  // A shell would take the word apart and expand it.
  const std::string word = "a b;$HOME*'\"";
  ASSERT_TRUE(run_hook({.words = {"/bin/sh", "-c", "printf %s \"$1\" >\"$2\"", "x", word, path("out")}}));
  EXPECT_EQ(as_text(read_file(path("out")).value()), word);
}

TEST_F(HookTest, TheEnvironmentIsItsOwn) {
  ::setenv("VOUCH_TEST_SECRET", "secret", 1);
  const Status done = run_hook({.words = {"/bin/sh", "-c", "env >\"$1\"", "x", path("out")},
                                .variables = {{"VOUCH_CRLSYNC_NAME", "nginx"}}});
  ::unsetenv("VOUCH_TEST_SECRET");
  ASSERT_TRUE(done) << done.error().report();
  const std::string seen(as_text(read_file(path("out")).value()));
  EXPECT_THAT(seen, HasSubstr("VOUCH_CRLSYNC_NAME=nginx"));
  EXPECT_THAT(seen, testing::Not(HasSubstr("secret")));
}

TEST_F(HookTest, AFailureTellsItsLastLine) {
  const Status done = run_hook({.words = {"/bin/sh", "-c", "echo first; echo unit not found >&2; exit 5"}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::unavailable);
  EXPECT_THAT(done.error().message(), HasSubstr("ended with status 5: unit not found"));
}

TEST_F(HookTest, ASignalIsTold) {
  const Status done = run_hook({.words = {"/bin/sh", "-c", "kill -9 $$"}});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message(), HasSubstr("was ended by signal 9"));
}

TEST_F(HookTest, ADaemonThatItStartsHoldsUpNobody) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(run_hook({.words = {"/bin/sh", "-c", "sleep 30 & echo $! >\"$1\"", "x", path("pid")}}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  ::kill(static_cast<pid_t>(std::stol(std::string(as_text(read_file(path("pid")).value())))), SIGKILL);
}

TEST_F(HookTest, AProgramThatIsNotThere) {
  const Status done = run_hook({.words = {path("nothing")}});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().report(), HasSubstr(path("nothing")));
}

TEST_F(HookTest, WhoeverHangsIsKilledWithItsChildren) {
  const auto start = std::chrono::steady_clock::now();
  const Status done =
      run_hook({.words = {"/bin/sh", "-c", "sleep 60 & echo $! >\"$1\"; wait", "x", path("pid")},
                .patience = std::chrono::milliseconds(500)});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  const auto child = static_cast<pid_t>(std::stol(std::string(as_text(read_file(path("pid")).value()))));
  // The kernel takes a moment; an orphan that nobody has collected yet is no longer running either.
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    const auto state = read_file(fmt::format("/proc/{}/stat", child));
    gone = !state || as_text(*state).find(") Z ") != std::string_view::npos;
    if (!gone) ::usleep(20'000);
  }
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace vouch::relying
