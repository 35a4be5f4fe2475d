#include "revocation/crl_targets.hpp"

#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Pauses, DoubleUpToTheLongest) {
  EXPECT_EQ(pause_after(0), seconds(0));
  EXPECT_EQ(pause_after(1), seconds(15));
  EXPECT_EQ(pause_after(2), seconds(30));
  EXPECT_EQ(pause_after(6), seconds(480));
  EXPECT_EQ(pause_after(7), kLongestPause);
  EXPECT_EQ(pause_after(4'000'000'000), kLongestPause);
}

// A CA with its own folder and a second one. What has to do with web servers is in
// daemon/publication_test.cpp.
class CrlTargets : public RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    fs::create_directories(second);
    set([&](ca::AuthoritySettings& s) {
      s.cdp = {{65, bench.home().published().string() + "/%3%8%9.crl"},
               {65, second.string() + "/%3%8%9.crl"}};
    });
  }

  const fs::path second = bench.home().folder() / "second";
  static constexpr const char* kPlace = "second/CRL Root.crl";
};

TEST_F(CrlTargets, AFolderThatIsGoneIsTriedInItsTurn) {
  publish();
  fs::remove_all(second);
  bench.clock().advance(seconds(60));
  const auto published = publish();
  EXPECT_THAT(published[0].failures, SizeIs(1));
  EXPECT_THAT(published[0].files, SizeIs(1)) << "the other has it";
  EXPECT_EQ(state_of(kPlace).failures, 1U);
  EXPECT_EQ(state_of(kPlace).record.number, published[0].record.number - 1) << "what it held";
  EXPECT_EQ(state_of(kPlace).last_success, bench.clock().now() - seconds(60));
  fs::create_directories(second);
  EXPECT_THAT(in_turn().copied, IsEmpty()) << "not before its pause is over";
  bench.clock().advance(seconds(15));
  EXPECT_THAT(in_turn().copied, SizeIs(1));
  EXPECT_EQ(read_file(second / "CRL Root.crl").value(), read_file(base_file()).value());
  EXPECT_TRUE(state_of(kPlace).is_good());
  EXPECT_EQ(last_number(), published[0].record.number) << "nothing was signed anew";
}

TEST_F(CrlTargets, SomebodyWhoAsksDoesNotHaveToWait) {
  fs::remove_all(second);
  publish();
  fs::create_directories(second);
  EXPECT_THAT(publish_what_is_due().copied, SizeIs(1));
  EXPECT_TRUE(state_of(kPlace).is_good());
}

TEST_F(CrlTargets, PausesGrowWhileItLasts) {
  fs::remove_all(second);
  publish();
  for (const int pause : {15, 30, 60, 120}) {
    EXPECT_EQ(state_of(kPlace).next_try, bench.clock().now() + seconds(pause));
    bench.clock().advance(seconds(pause - 1));
    EXPECT_THAT(in_turn().missed, IsEmpty());
    bench.clock().advance(seconds(1));
    EXPECT_THAT(in_turn().missed, SizeIs(1));
  }
}

TEST_F(CrlTargets, ARestartForgetsNothing) {
  fs::remove_all(second);
  publish();
  bench.clock().advance(seconds(15));
  in_turn();
  const TargetState before = state_of(kPlace);
  authority.reset();
  bench.reopen();
  authority = bench.open(kTestCa);
  const TargetState after = state_of(kPlace);
  EXPECT_EQ(after.failures, 2U);
  EXPECT_EQ(after.next_try, before.next_try);
  EXPECT_EQ(after.record.error, before.record.error);
  bench.clock().advance(seconds(20));
  EXPECT_THAT(in_turn().missed, IsEmpty()) << "its pause goes on";
}

TEST_F(CrlTargets, WhereNoFileTakesACrlNoNumberIsWasted) {
  set([](ca::AuthoritySettings& s) { s.cdp.erase(s.cdp.begin()); });  // the second folder is left
  fs::remove_all(second);
  EXPECT_THAT(in_turn().failures, SizeIs(1));
  const std::uint64_t number = last_number();
  for (int i = 0; i < 14; ++i) {
    bench.clock().advance(seconds(1));
    EXPECT_THAT(in_turn().failures, SizeIs(1)) << "it stays a failure while it rests";
  }
  EXPECT_EQ(last_number(), number);
  bench.clock().advance(seconds(1));
  EXPECT_THAT(in_turn().failures, SizeIs(1));
  EXPECT_EQ(last_number(), number + 1);
  fs::create_directories(second);
  bench.clock().advance(seconds(30));
  EXPECT_THAT(in_turn().published, SizeIs(1));
  EXPECT_TRUE(state_of(kPlace).is_good());
}

// Asked for by hand while no place took it, and nothing is due: the place lacks nothing, and is found good
// again by itself.
TEST_F(CrlTargets, APlaceRecoversFromACrlThatCameToBeNowhere) {
  set([](ca::AuthoritySettings& s) { s.cdp.erase(s.cdp.begin()); });
  const auto number = publish()[0].record.number;
  fs::rename(second, bench.home().folder() / "away");
  bench.clock().advance(seconds(60));
  EXPECT_FALSE(publish_crls(*authority, "bob"));
  EXPECT_EQ(state_of(kPlace).failures, 1U);
  fs::rename(bench.home().folder() / "away", second);
  bench.clock().advance(seconds(14));
  EXPECT_THAT(in_turn().copied, IsEmpty());
  bench.clock().advance(seconds(1));
  EXPECT_THAT(in_turn().copied, SizeIs(1));
  EXPECT_TRUE(state_of(kPlace).is_good());
  EXPECT_EQ(state_of(kPlace).record.number, number);
  EXPECT_THAT(in_turn().copied, IsEmpty());
}

TEST_F(CrlTargets, AClockThatWasSetBackMakesNoPauseLonger) {
  fs::remove_all(second);
  publish();
  bench.clock().advance(-std::chrono::hours(48));
  EXPECT_EQ(state_of(kPlace).next_try, bench.clock().now() + seconds(15));
}

}  // namespace
}  // namespace vouch::revocation
