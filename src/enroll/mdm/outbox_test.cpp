#include "enroll/mdm/outbox.hpp"

#include "crypto/openssl/openssl.hpp"
#include "enroll/mdm/test_mdm.hpp"

namespace vouch::enroll::mdm {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

class OutboxTest : public testing::Test {
 protected:
  std::unique_ptr<Outbox> open(OutboxLimits limits = {}) {
    return Outbox::open(folder_.path() / "outbox", limits, *provider_, clock_).value();
  }
  // Delivers to `arrived_` as long as the service is `up_`.
  Status deliver(Outbox& outbox) {
    return outbox.deliver([this](std::string_view message) -> Status {
      ++tries_;
      if (message == "bad") return make_error(Errc::denied, "never");
      if (!up_) return make_error(Errc::unavailable, "it is down");
      arrived_.emplace_back(message);
      return ok();
    });
  }
  const std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  const TestFolder folder_;
  ManualClock clock_{parse_time("2026-11-26T12:00:00Z").value()};
  std::vector<std::string> arrived_;
  bool up_ = true;
  int tries_ = 0;
};

TEST_F(OutboxTest, SendsInOrderAndOnce) {
  const auto outbox = open();
  for (const std::string_view text : {"one", "two"}) {
    ASSERT_TRUE(outbox->put(text));
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_TRUE(deliver(*outbox));
  EXPECT_TRUE(deliver(*outbox));
  EXPECT_THAT(arrived_, ElementsAre("one", "two"));
  EXPECT_TRUE(fs::is_empty(folder_.path() / "outbox"));
}

TEST_F(OutboxTest, KeepsWhatCannotBeSentOverARestart) {
  up_ = false;
  {
    const auto outbox = open();
    ASSERT_TRUE(outbox->put("one"));
    const Status told = deliver(*outbox);
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().summary(),
                HasSubstr("1 notifications wait, the oldest since 2026-11-26T12:00:00Z: it is down"));
  }
  up_ = true;
  const auto outbox = open();
  EXPECT_EQ(outbox->waiting(), 1u);
  EXPECT_TRUE(deliver(*outbox));
  EXPECT_THAT(arrived_, ElementsAre("one"));
}

TEST_F(OutboxTest, WaitsLongerAndLonger) {
  up_ = false;
  const auto outbox = open();
  ASSERT_TRUE(outbox->put("one"));
  for (int minute = 0; minute < 6 * 60; ++minute) {
    EXPECT_FALSE(deliver(*outbox)) << "the state stays bad in between";
    clock_.advance(std::chrono::minutes(1));
  }
  EXPECT_GT(tries_, 6);
  EXPECT_LT(tries_, 20);
  up_ = true;
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(deliver(*outbox));
}

TEST_F(OutboxTest, WhatIsNeverTakenDoesNotHoldUpTheRest) {
  const auto outbox = open();
  ASSERT_TRUE(outbox->put("bad"));
  clock_.advance(std::chrono::seconds(1));
  ASSERT_TRUE(outbox->put("good"));
  EXPECT_FALSE(deliver(*outbox)) << "that one was given up is said once";
  EXPECT_THAT(arrived_, ElementsAre("good"));
  EXPECT_TRUE(deliver(*outbox));
}

TEST_F(OutboxTest, GivesUpWhatIsTooOld) {
  up_ = false;
  const auto outbox = open();
  ASSERT_TRUE(outbox->put("one"));
  EXPECT_FALSE(deliver(*outbox));
  clock_.advance(std::chrono::hours(73));
  const Status told = deliver(*outbox);
  ASSERT_FALSE(told);
  EXPECT_THAT(told.error().summary(), HasSubstr("was given up"));
  EXPECT_EQ(outbox->waiting(), 0u);
}

TEST_F(OutboxTest, HasAnEnd) {
  const auto outbox = open({.most = 4});
  for (int n = 0; n < 2; ++n) EXPECT_TRUE(outbox->put("x"));
  EXPECT_FALSE(outbox->has_room_for_refusals());
  for (int n = 0; n < 2; ++n) EXPECT_TRUE(outbox->put("x"));
  EXPECT_EQ(outbox->put("x").error().code(), Errc::limit_exceeded);
}

}  // namespace
}  // namespace vouch::enroll::mdm
