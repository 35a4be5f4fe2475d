// Batches: who is answered with whom, and what happens to those whom nobody answers.
#include "net/together.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <stdexcept>
#include <thread>

#include "net/worker_pool.hpp"

namespace vouch::net {
namespace {

using testing::Contains;
using testing::ElementsAre;

// A handler that answers with the path, and waits for leave when the path says so.
class TogetherTest : public testing::Test {
 protected:
  std::shared_ptr<Together> make() {
    return std::make_shared<Together>([this](std::span<const Request* const> requests) {
      std::vector<Response> responses;
      bool waits = false;
      for (const Request* request : requests) {
        if (request->path == "/throw") throw std::runtime_error("x");
        waits |= request->path == "/wait";
        responses.push_back(text_response(200, std::string(request->path)));
      }
      std::unique_lock lock(mutex_);
      batches_.push_back(requests.size());
      changed_.notify_all();
      if (waits) changed_.wait(lock, [&] { return leave_; });
      return responses;
    });
  }
  // What the answer will be.
  std::future<Response> post(Together& together, std::string_view path) {
    auto request = std::make_shared<Request>();
    request->path = path;
    auto promise = std::make_shared<std::promise<Response>>();
    auto answer = promise->get_future();
    taken_ = together.try_post(*pool_, {request.get(), [request, promise](Response response) {
                                          promise->set_value(std::move(response));
                                        }});
    return answer;
  }
  void wait_for_batches(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() >= count; });
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    leave_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> batches_;
  bool leave_ = false, taken_ = false;
  std::unique_ptr<WorkerPool> pool_ = std::make_unique<WorkerPool>(4, 16);
};

TEST_F(TogetherTest, WhatWaitsWhileCallsAreUnderWayIsAnsweredByOne) {
  const auto together = make();
  std::vector<std::future<Response>> answers;
  for (std::size_t i = 1; i <= 3; ++i) {
    answers.push_back(post(*together, "/wait"));
    wait_for_batches(i);
  }
  for (const char* path : {"/a", "/b", "/c"}) answers.push_back(post(*together, path));
  let_go();
  std::vector<std::string> bodies;
  for (auto& answer : answers) bodies.emplace_back(answer.get().body.view());
  EXPECT_THAT(bodies, ElementsAre("/wait", "/wait", "/wait", "/a", "/b", "/c")) << "each has its own answer";
  EXPECT_THAT(batches_, ElementsAre(1, 1, 1, 3));
}

TEST_F(TogetherTest, OfManyThatWaitABatchTakesHalf) {
  const auto together = make();
  std::vector<std::future<Response>> answers;
  for (std::size_t i = 1; i <= 3; ++i) {
    answers.push_back(post(*together, "/wait"));
    wait_for_batches(i);
  }
  for (int i = 0; i < 400; ++i) answers.push_back(post(*together, "/a"));
  let_go();
  for (auto& answer : answers) EXPECT_EQ(answer.get().status, 200u);
  ASSERT_GT(batches_.size(), 6u);
  // Which of the three comes first is chance, and so is the order in which they say what they have.
  EXPECT_EQ(std::ranges::max(batches_), 128u) << "no batch is larger";
  EXPECT_THAT(batches_, Contains(24)) << "of few that wait, 24 are taken";
}

TEST_F(TogetherTest, ALoneRequestWaitsForNobody) {
  const auto together = make();
  EXPECT_EQ(post(*together, "/a").get().body.view(), "/a");
  EXPECT_EQ(post(*together, "/b").get().body.view(), "/b");
}

TEST_F(TogetherTest, ADefectIsAnAnswerToAllAndTheNextIsServed) {
  const auto together = make();
  EXPECT_EQ(post(*together, "/throw").get().status, 500u);
  EXPECT_EQ(post(*together, "/a").get().status, 200u);
}

TEST_F(TogetherTest, WhatAPoolDoesNotTakeIsNotKept) {
  const auto together = make();
  pool_->stop();
  const auto dropped = post(*together, "/a");
  EXPECT_FALSE(taken_);
  pool_ = std::make_unique<WorkerPool>(1, 16);
  EXPECT_EQ(post(*together, "/b").get().body.view(), "/b");
  EXPECT_THAT(batches_, ElementsAre(1));
}

TEST_F(TogetherTest, ADroppedJobGivesItsPlaceBack) {
  const auto together = make();
  pool_ = std::make_unique<WorkerPool>(1, 16);
  std::promise<void> leave;
  ASSERT_TRUE(pool_->try_post([&] { leave.get_future().wait(); }));
  const auto one = post(*together, "/a"), two = post(*together, "/b");
  std::jthread stopping([&] { pool_->stop(); });
  while (pool_->waiting() != 0) std::this_thread::yield();
  leave.set_value();
  stopping.join();
  pool_ = std::make_unique<WorkerPool>(1, 16);
  EXPECT_EQ(post(*together, "/c").get().body.view(), "/c");
}

TEST_F(TogetherTest, ManyThreadsGetTheirOwnAnswers) {
  const auto together = make();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> clients;
    for (int t = 0; t < 8; ++t)
      clients.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const std::string path = fmt::format("/{}/{}", t, i);
          Request request;
          request.path = path;
          std::promise<std::string> answer;
          ASSERT_TRUE(together->try_post(*pool_, {&request, [&](Response response) {
                                                    answer.set_value(std::string(response.body.view()));
                                                  }}));
          if (answer.get_future().get() == path) ++good;
        }
      });
  }
  EXPECT_EQ(good, 1600);
}

}  // namespace
}  // namespace vouch::net
