#include "daemon/jobs.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "ca/test_fixture.hpp"

namespace vouch::daemon {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;

TEST(ClockJob, AClockThatWasSetBackIsFoundAlsoByANewStart) {
  ca::TestBench bench;
  ASSERT_NE(bench.make_root(), nullptr);
  const auto environment = bench.environment();
  const Job job = clock_job(environment);
  EXPECT_TRUE(job.run());
  bench.clock().advance(std::chrono::seconds(-30));
  EXPECT_TRUE(job.run()) << "a correction, no more";
  bench.clock().advance(std::chrono::hours(-2));
  const Status back = job.run();
  ASSERT_FALSE(back);
  EXPECT_THAT(back.error().summary(), HasSubstr("and was at 2026-11-18"));
  EXPECT_FALSE(clock_job(environment).run()) << "the audit log remembers";
  bench.clock().set(ca::kTestNow);
  EXPECT_TRUE(job.run());
}

TEST(DatabaseJob, ADatabaseInOrderIsGoodAndAFileSystemThatIsGoneIsNot) {
  ca::TestBench bench;
  const auto environment = bench.environment();
  EXPECT_TRUE(database_job(environment).run());
  fs::remove_all(bench.home().folder());
  EXPECT_FALSE(database_job(environment).run());
}

TEST(PublicationJob, PublishesWhatIsDue) {
  ca::TestBench bench;
  ASSERT_NE(bench.make_root(), nullptr);
  const auto environment = bench.environment();
  Health health({});
  OpenAuthorities authorities(environment, health);
  ASSERT_TRUE(authorities.open());
  EXPECT_TRUE(publication_job(authorities, health).run());
  const auto before = bench.database().snapshot().value()->crls(1).value().size();
  bench.clock().advance(std::chrono::hours(24 * 400));
  EXPECT_TRUE(publication_job(authorities, health).run());
  EXPECT_GT(bench.database().snapshot().value()->crls(1).value().size(), before);
}

TEST(SchedulerTest, AJobThatFailsOrThrowsIsAHealthStateAndHoldsUpNobody) {
  std::vector<std::string> told;
  std::mutex mutex;
  Health health([&](const std::string& sentence) {
    const std::scoped_lock lock(mutex);
    told.push_back(sentence);
  });
  std::atomic<int> good = 0, bad = 0;
  std::atomic<bool> mended = false;
  const auto wait_for = [](const auto& condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  };
  Scheduler scheduler(
      {{"good", std::chrono::hours(1), [&]() -> Status { return ++good, ok(); }},
       {"thrown", std::chrono::hours(1), []() -> Status { throw std::runtime_error("a defect"); }},
       {"bad", std::chrono::milliseconds(5),
        [&]() -> Status {
          ++bad;
          return mended ? ok() : Status(make_error(Errc::unavailable, "no disk"));
        }}},
      health);
  EXPECT_TRUE(wait_for([&] { return bad > 2 && good == 1; }));
  EXPECT_THAT(health.checks(), Contains(Field(&net::HealthCheck::detail, "a defect")));
  EXPECT_THAT(health.checks(), Contains(Field(&net::HealthCheck::detail, "no disk")));
  scheduler.hurry();
  EXPECT_TRUE(wait_for([&] { return good == 2; })) << "whatever its period says";
  mended = true;
  const int before = bad;
  EXPECT_TRUE(wait_for([&] { return bad > before + 1; }));
  scheduler.stop();
  EXPECT_THAT(told, testing::IsSupersetOf({"thrown: a defect", "bad: no disk", "bad is in order again"}));
  EXPECT_EQ(told.size(), 3U) << "a state that stays is told once";
}

}  // namespace
}  // namespace vouch::daemon
