#include "store/group_commit.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>

namespace vouch::store {
namespace {

const Database::Work kNothing = [](Transaction&) { return ok(); };

TEST(GroupCommitTest, WhatArrivesDuringACommitSharesTheNextOne) {
  constexpr int kThreads = 16;
  std::vector<std::size_t> groups;
  std::atomic<int> arrived{0};
  GroupCommit* self = nullptr;
  GroupCommit group([&](std::span<GroupCommit::Member* const> members) {
    groups.push_back(members.size());
    // The first group lasts until all others have come, so the second must hold them all.
    if (groups.size() == 1)
      while (arrived < kThreads) std::this_thread::yield();
    if (groups.size() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(self->leading());
  });
  self = &group;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        ++arrived;
        EXPECT_TRUE(group.commit(kNothing));
      });
  }
  std::size_t total = 0;
  for (const std::size_t size : groups) total += size;
  EXPECT_EQ(total, 16u);
  EXPECT_LE(groups.size(), 8u) << "sixteen commits in a row would be sixteen syncs";
  EXPECT_FALSE(group.leading());
}

TEST(GroupCommitTest, EachMemberGetsItsOwnAnswer) {
  GroupCommit group([&](std::span<GroupCommit::Member* const> members) {
    for (GroupCommit::Member* member : members) {
      member->result = Error(Errc::conflict, std::to_string(reinterpret_cast<std::uintptr_t>(&member->work)));
    }
  });
  std::vector<std::jthread> threads;
  for (int i = 0; i < 32; ++i)
    threads.emplace_back([&] {
      const Database::Work work = kNothing;
      for (int n = 0; n < 200; ++n) {
        const Status status = group.commit(work);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().message(), std::to_string(reinterpret_cast<std::uintptr_t>(&work)));
      }
    });
}

TEST(GroupCommitTest, NoTwoGroupsRunAtOnceAndTheTidyingIsBetweenThem) {
  std::atomic<int> inside{0}, tidied{0}, groups{0};
  GroupCommit group(
      [&](std::span<GroupCommit::Member* const>) {
        EXPECT_EQ(++inside, 1);
        ++groups;
        --inside;
      },
      [&] {
        EXPECT_EQ(++inside, 1);
        ++tidied;
        --inside;
      });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 500; ++n) EXPECT_TRUE(group.commit(kNothing));
      });
  }
  EXPECT_EQ(tidied, groups);
}

TEST(GroupCommitTest, MoreThanAGroupHoldsAreTakenInTurn) {
  constexpr std::size_t kThreads = 300;
  std::size_t largest = 0, total = 0;
  std::latch all(kThreads);
  GroupCommit group([&](std::span<GroupCommit::Member* const> members) {
    if (total == 0) {
      all.wait();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    largest = std::max(largest, members.size());
    total += members.size();
  });
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        all.count_down();
        EXPECT_TRUE(group.commit(kNothing));
      });
  }
  EXPECT_EQ(total, kThreads);
  EXPECT_LE(largest, 256u);
}

TEST(GroupCommitTest, CommitInsideAWorkIsAnErrorAndNoDeadlock) {
  GroupCommit* self = nullptr;
  Status inner = ok();
  GroupCommit group([&](std::span<GroupCommit::Member* const>) { inner = self->commit(kNothing); });
  self = &group;
  EXPECT_TRUE(group.commit(kNothing));
  ASSERT_FALSE(inner);
  EXPECT_EQ(inner.error().code(), Errc::internal);
}

}  // namespace
}  // namespace vouch::store
