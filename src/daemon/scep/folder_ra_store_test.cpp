// The registration authority's own host: keys in a folder, certificates from an authority that it asks.
#include <gmock/gmock.h>

#include <sys/stat.h>

#include "ca/test_fixture.hpp"
#include "daemon/scep/ra_keys.hpp"

namespace vouch::daemon::scep {
namespace {

using testing::HasSubstr;

class FolderRaKeys : public testing::Test {
 protected:
  FolderRaKeys() : authority_(bench_.make_root()) {}
  fs::path folder() const { return bench_.home().folder() / "ra"; }
  std::unique_ptr<RaKeys> keys(const fs::path& in) {
    return std::make_unique<RaKeys>(std::make_unique<FolderRaStore>(in, bench_.provider()),
                                    RaKeys::Context{bench_.provider(), bench_.clock(), "ra1", {}},
                                    [this](Bytes request, const std::string& name) -> Result<ca::Outcome> {
                                      asked_.push_back(to_buffer(request));
                                      if (waits_)
                                        return ca::Outcome{.request = 7,
                                                           .disposition = ca::Disposition::pending};
                                      return authority_->issue_to_service(request, name);
                                    });
  }

  ca::TestBench bench_;
  std::unique_ptr<ca::LocalAuthority> authority_;
  const RaConfiguration configuration_;
  bool waits_ = false;
  std::vector<Buffer> asked_;
};

TEST_F(FolderRaKeys, IssuesFindsAndSharesThem) {
  const auto one = keys(folder());
  ASSERT_TRUE(one->maintain(configuration_));
  const auto states = one->states().value();
  ASSERT_EQ(states.size(), 2u);
  for (const auto& entry : fs::directory_iterator(folder())) {
    if (entry.path().extension() != ".key") continue;
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
  // Another process on the same folder; and another host, which is given them.
  EXPECT_EQ(keys(folder())->keys().value()->signing_certificate, one->keys().value()->signing_certificate);
  const auto other = keys(bench_.home().folder() / "other");
  EXPECT_FALSE(other->keys());
  for (const RaState& state : states)
    ASSERT_TRUE(other->take(*one->key(state).value(), state.kept.certificate));
  for (const RaState& state : states)
    ASSERT_TRUE(other->take(*one->key(state).value(), state.kept.certificate));
  EXPECT_EQ(other->states().value().size(), 2u);
  EXPECT_EQ(other->keys().value()->decryption.front().certificate,
            one->keys().value()->decryption.front().certificate);
}

TEST_F(FolderRaKeys, AKeyThatOthersCanReadIsNotUsed) {
  ASSERT_TRUE(keys(folder())->maintain(configuration_));
  for (const auto& entry : fs::directory_iterator(folder())) {
    if (entry.path().extension() == ".key") {
      ASSERT_EQ(::chmod(entry.path().c_str(), 0640), 0);
    }
  }
  const auto used = keys(folder())->keys();
  ASSERT_FALSE(used);
  EXPECT_THAT(used.error().report(), HasSubstr("chmod 0600"));
}

TEST_F(FolderRaKeys, WhatWaitsForApprovalIsAskedForAgainAfterARestartToo) {
  waits_ = true;
  const Status waiting = keys(folder())->maintain(configuration_);
  ASSERT_FALSE(waiting);
  EXPECT_THAT(waiting.error().report(), HasSubstr("request 7 for it waits for approval"));
  EXPECT_FALSE(keys(folder())->maintain(configuration_));
  ASSERT_EQ(asked_.size(), 4u) << "both certificates, each time";
  EXPECT_EQ(asked_[2], asked_[0]);
  EXPECT_EQ(asked_[3], asked_[1]);
  waits_ = false;
  EXPECT_TRUE(keys(folder())->maintain(configuration_));
  ASSERT_EQ(asked_.size(), 6u);
  EXPECT_EQ(asked_[4], asked_[0]);
  EXPECT_EQ(asked_[5], asked_[1]);
  EXPECT_EQ(std::ranges::distance(fs::directory_iterator(folder())), 4);  // two keys, two certificates
}

TEST_F(FolderRaKeys, ARenewalThatFailsIsNoFaultForALongTime) {
  const auto one = keys(folder());
  ASSERT_TRUE(one->maintain(configuration_));
  waits_ = true;
  bench_.clock().advance(std::chrono::hours(24 * 500));  // two thirds of two years are over
  EXPECT_TRUE(one->maintain(configuration_));
  bench_.clock().advance(std::chrono::hours(24 * 130));
  const Status late = one->maintain(configuration_);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().report(), HasSubstr("waits for approval"));
}

}  // namespace
}  // namespace vouch::daemon::scep
