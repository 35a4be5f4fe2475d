#include "net/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>

namespace vouch::net {
namespace {

TEST(WorkerPool, RunsEverythingThatItTook) {
  std::atomic<int> done = 0;
  int taken = 0;
  {
    WorkerPool pool(4, 1'000);
    for (int i = 0; i < 500; ++i) taken += pool.try_post([&] { ++done; }) ? 1 : 0;
    while (done < taken) std::this_thread::yield();
  }
  EXPECT_EQ(taken, 500);
  EXPECT_EQ(done, taken);
}

TEST(WorkerPool, AFullQueueTakesNothing) {
  WorkerPool pool(1, 2);
  std::promise<void> release;
  std::promise<void> began;
  ASSERT_TRUE(pool.try_post([&, wait = release.get_future()]() mutable {
    began.set_value();
    wait.wait();
  }));
  began.get_future().wait();
  EXPECT_TRUE(pool.try_post([] {}));
  EXPECT_TRUE(pool.try_post([] {}));
  EXPECT_FALSE(pool.try_post([] {}));
  EXPECT_EQ(pool.waiting(), 2u);
  release.set_value();
}

TEST(WorkerPool, StoppingFinishesWhatRunsAndDropsWhatWaits) {
  WorkerPool pool(1, 10);
  std::promise<void> release, began;
  bool finished = false, dropped_ran = false;
  ASSERT_TRUE(pool.try_post([&, wait = release.get_future()]() mutable {
    began.set_value();
    wait.wait();
    finished = true;
  }));
  began.get_future().wait();
  ASSERT_TRUE(pool.try_post([&] { dropped_ran = true; }));
  std::jthread stops([&] { pool.stop(); });
  while (pool.waiting() != 0) std::this_thread::yield();
  release.set_value();
  stops.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(dropped_ran);
  EXPECT_FALSE(pool.try_post([] {}));
}

// With time between the jobs for a worker to lie down again, a few of the eight do all of them.
TEST(WorkerPool, WhoWorkedLastWorksNext) {
  WorkerPool pool(8, 10);
  std::set<std::thread::id> workers;
  for (int i = 0; i < 24; ++i) {
    std::promise<std::thread::id> who;
    ASSERT_TRUE(pool.try_post([&] { who.set_value(std::this_thread::get_id()); }));
    workers.insert(who.get_future().get());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_LE(workers.size(), 4u);
}

}  // namespace
}  // namespace vouch::net
