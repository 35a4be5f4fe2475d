#include "ca/gathering.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using std::chrono::milliseconds;

Submission named(std::string name) {
  Submission submission;
  submission.requester = std::move(name);
  return submission;
}

// Says who asked, so that a thread can see whether the outcome is its own.
std::vector<Result<Outcome>> echo(std::span<const Submission> batch) {
  std::vector<Result<Outcome>> outcomes;
  for (const Submission& each : batch) {
    Outcome outcome;
    outcome.message = each.requester;
    outcomes.emplace_back(std::move(outcome));
  }
  return outcomes;
}

TEST(Gathering, EveryThreadGetsItsOwnOutcomeAndBatchesAreShared) {
  constexpr int kThreads = 32, kEach = 200;
  Gathering gathering;
  std::atomic<int> batches = 0, at_once = 0, most = 0, wrong = 0;
  const auto carry_out = [&](std::span<const Submission> batch) {
    ++batches;
    most = std::max<int>(most, ++at_once);
    std::this_thread::sleep_for(milliseconds(1));
    --at_once;
    return echo(batch);
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string name = fmt::format("{}.{}", t, i);
          const auto outcome = gathering.submit(named(name), carry_out);
          if (!outcome || outcome->message != name) ++wrong;
        }
      });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(most, 2);
  EXPECT_LT(batches, kThreads * kEach / 2);
}

TEST(Gathering, AFailureReachesEveryoneOfItsBatchAndNobodyAfterwards) {
  Gathering gathering;
  std::atomic<bool> breaks = true;
  const auto carry_out = [&](std::span<const Submission> batch) {
    std::this_thread::sleep_for(milliseconds(5));
    if (breaks) throw std::runtime_error("no memory");
    return echo(batch);
  };
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] { failed += gathering.submit(named("x"), carry_out) ? 0 : 1; });
  }
  EXPECT_EQ(failed, 8);
  breaks = false;
  EXPECT_TRUE(gathering.submit(named("y"), carry_out));
}

TEST(Gathering, TheSameTransactionFromManyThreadsIsOneCertificate) {
  TestBench bench;
  InitOptions options = bench.root_options();
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  const auto authority = bench.open("Test Root");
  ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  Submission submission;
  submission.request = bench.request("CN=www.example.test", {"DNS:www.example.test"});
  submission.template_name = "WebServer";
  submission.requester = "alice";
  submission.transaction = "T1";
  std::vector<Result<Outcome>> outcomes(16, Result<Outcome>(Outcome()));
  {
    std::vector<std::jthread> threads;
    for (auto& outcome : outcomes) threads.emplace_back([&] { outcome = authority->submit(submission); });
  }
  const auto settled = authority->submit(submission);
  ASSERT_TRUE(settled && settled->disposition == Disposition::issued);
  for (const auto& outcome : outcomes) {
    ASSERT_TRUE(outcome) << outcome.error().report();
    EXPECT_EQ(outcome->request, settled->request);
    // Who comes while it is being signed is told so.
    EXPECT_TRUE(outcome->disposition == Disposition::issuing || outcome->certificate == settled->certificate)
        << outcome->message;
  }
}

}  // namespace
}  // namespace vouch::ca
