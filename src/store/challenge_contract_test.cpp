// What every backend does with challenges, their keys and wrong guesses.

#include <thread>

#include "store/test_backends.hpp"

namespace vouch::store {
namespace {

using sample::at;

class ChallengeContract : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    database_ = GetParam().open(folder_);
    ASSERT_TRUE(database_->commit([&](Transaction& t) -> Status {
      authority_ = TRY(t.insert_authority(sample::authority("First CA")));
      other_ = TRY(t.insert_authority(sample::authority("Other CA")));
      return ok();
    }));
  }
  ChallengeRecord record(std::uint8_t n) const {
    ChallengeRecord row;
    row.authority = authority_;
    row.kind = ChallengeKind::bound;
    row.token = Buffer(16, n);
    row.sealing_key = Buffer(8, 1);
    row.profile = "phones";
    row.template_name = "Device";
    row.device = "device-" + std::to_string(n);
    row.user = "ülice@corp.example";
    row.request_id = "r-1";
    row.sid = "S-1-5-21-1-2-3-1105";
    row.validity = 86'400;
    row.minter = "mdm";
    row.minted_by = "certificate:CA/Server/CN=mdm";
    row.minted_at = row.changed_at = at(0);
    row.expires_at = at(1000 + n);
    return row;
  }
  std::int64_t insert(const ChallengeRecord& row) {
    std::int64_t id = 0;
    EXPECT_TRUE(database_->commit([&](Transaction& t) -> Status {
      id = TRY(t.insert_challenge(row));
      return ok();
    }));
    return id;
  }
  std::unique_ptr<Snapshot> snapshot() { return std::move(database_->snapshot().value()); }
  std::vector<std::int64_t> ids(const ChallengeFilter& filter) {
    std::vector<std::int64_t> out;
    const auto rows = snapshot()->challenges(filter).value();
    for (const ChallengeRecord& row : rows) out.push_back(row.id);
    return out;
  }
  Status commit(const Database::Work& work) { return database_->commit(work); }

  sample::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
  AuthorityId authority_ = 0, other_ = 0;
};

TEST_P(ChallengeContract, KeepsARecordWhole) {
  ChallengeRecord row = record(1);
  row.id = insert(row);
  EXPECT_EQ(row.id, 1);
  EXPECT_EQ(snapshot()->challenge(1).value(), row);
  EXPECT_EQ(snapshot()->challenge_of_token(authority_, row.token).value(), row);
  EXPECT_EQ(snapshot()->challenge_of_token(other_, row.token).value(), std::nullopt);
  EXPECT_EQ(snapshot()->challenge_of_token(authority_, Buffer(16, 9)).value(), std::nullopt);
  EXPECT_EQ(snapshot()->challenge(2).error().code(), Errc::not_found);
}

TEST_P(ChallengeContract, ATokenIsUniqueInItsAuthority) {
  insert(record(1));
  EXPECT_EQ(commit([&](Transaction& t) -> Status {
              (void)TRY(t.insert_challenge(record(1)));
              return ok();
            })
                .error()
                .code(),
            Errc::conflict);
  ChallengeRecord elsewhere = record(1);
  elsewhere.authority = other_;
  EXPECT_EQ(insert(elsewhere), 2);
  elsewhere.authority = 99;
  EXPECT_EQ(commit([&](Transaction& t) -> Status {
              (void)TRY(t.insert_challenge(elsewhere));
              return ok();
            })
                .error()
                .code(),
            Errc::not_found);
}

TEST_P(ChallengeContract, ItsUseIsRememberedAndFoundByTheRequest) {
  ChallengeRecord row = record(1);
  row.id = insert(row);
  EXPECT_EQ(snapshot()->challenge_of_request(0).value(), std::nullopt);
  RequestId request = 0;
  row.state = ChallengeState::issued;
  row.request_hash = Buffer(32, 7);
  row.failures = 2;
  row.last_refusal = "SubjectNameMismatch";
  row.client = "192.0.2.7";
  row.changed_at = at(5);
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    request = TRY(t.insert_request(sample::request(authority_)));
    row.request = request;
    TRY(t.update_challenge(row));
    EXPECT_EQ(t.challenge(row.id).value(), row);  // its own writes
    return ok();
  }));
  EXPECT_EQ(snapshot()->challenge_of_request(request).value(), row);
  ChallengeRecord unknown = row;
  unknown.id = 99;
  EXPECT_EQ(commit([&](Transaction& t) { return t.update_challenge(unknown); }).error().code(),
            Errc::not_found);
}

TEST_P(ChallengeContract, WhatFailsLeavesNothing) {
  ChallengeRecord row = record(1);
  row.id = insert(row);
  ASSERT_FALSE(commit([&](Transaction& t) -> Status {
    ChallengeRecord used = row;
    used.state = ChallengeState::issued;
    used.request = TRY(t.insert_request(sample::request(authority_)));
    TRY(t.update_challenge(used));
    (void)TRY(t.insert_challenge(record(2)));
    TRY(t.insert_challenge_key({Buffer(8, 1), authority_, "", {}, "file:x", "", at(0), "admin", {}, {}}));
    TRY(t.put_guesses({authority_, "address 192.0.2.7", 1, at(0)}));
    return make_error(Errc::denied, "no");
  }));
  EXPECT_EQ(snapshot()->challenge(row.id).value(), row);
  EXPECT_EQ(snapshot()->challenge_of_request(1).value(), std::nullopt);
  EXPECT_EQ(snapshot()->challenge_of_token(authority_, Buffer(16, 2)).value(), std::nullopt);
  EXPECT_TRUE(snapshot()->challenge_keys(authority_).value().empty());
  EXPECT_EQ(snapshot()->guesses(authority_, "address 192.0.2.7").value(), std::nullopt);
}

TEST_P(ChallengeContract, ListsByWhatIsAsked) {
  for (std::uint8_t n = 1; n <= 4; ++n) {
    ChallengeRecord row = record(n);
    if (n == 2) row.profile = "laptops";
    if (n == 3) row.kind = ChallengeKind::one_time;
    if (n == 4) row.state = ChallengeState::cancelled;
    insert(row);
  }
  using testing::ElementsAre;
  EXPECT_THAT(ids({}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(ids({.authority = other_}), ElementsAre());
  EXPECT_THAT(ids({.kind = ChallengeKind::one_time}), ElementsAre(3));
  EXPECT_THAT(ids({.state = ChallengeState::cancelled}), ElementsAre(4));
  EXPECT_THAT(ids({.profile = "laptops"}), ElementsAre(2));
  EXPECT_THAT(ids({.device = "device-1"}), ElementsAre(1));
  EXPECT_THAT(ids({.expires_from = at(1003)}), ElementsAre(3, 4));
  EXPECT_THAT(ids({.after = 2}), ElementsAre(3, 4));
  EXPECT_THAT(ids({.after = 1, .limit = 2}), ElementsAre(2, 3));
  EXPECT_EQ(snapshot()->last_challenge_of_key(authority_, Buffer(8, 1)).value(), at(1004));
  EXPECT_EQ(snapshot()->last_challenge_of_key(authority_, Buffer(8, 2)).value(), std::nullopt);
}

TEST_P(ChallengeContract, KeysStandInTheirOrderAndChange) {
  ChallengeKey first{Buffer(8, 2), authority_, "", {}, "file:a.secret", "", at(0), "admin", {}, {}};
  ChallengeKey second{
      Buffer(8, 1), authority_, "mdm", Buffer{0x30, 0x00}, "file:b.key", "profiles = []", at(1),
      "admin",      {},         {}};
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_challenge_key(first));
    return t.insert_challenge_key(second);
  }));
  EXPECT_EQ(commit([&](Transaction& t) { return t.insert_challenge_key(first); }).error().code(),
            Errc::conflict);
  first.retired_at = at(2);
  second.removed_at = at(3);
  second.rights = "profiles = [\"x\"]";
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.update_challenge_key(first));
    return t.update_challenge_key(second);
  }));
  EXPECT_THAT(snapshot()->challenge_keys(authority_).value(), testing::ElementsAre(first, second));
  EXPECT_TRUE(snapshot()->challenge_keys(other_).value().empty());
}

TEST_P(ChallengeContract, GuessesAreReplacedAndForgotten) {
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.put_guesses({authority_, "a", 1, at(0)}));
    TRY(t.put_guesses({authority_, "b", 1, at(10)}));
    return t.put_guesses({authority_, "a", 2, at(1)});
  }));
  EXPECT_EQ(snapshot()->guesses(authority_, "a").value()->level, 2U);
  EXPECT_EQ(snapshot()->guesses(other_, "a").value(), std::nullopt);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.forget_guesses(at(5)); }));
  EXPECT_EQ(snapshot()->guesses(authority_, "a").value(), std::nullopt);
  EXPECT_TRUE(snapshot()->guesses(authority_, "b").value());
}

// The rule that everything rests on: of many who come with one challenge at once, one has it.
TEST_P(ChallengeContract, OneOfManyWritersClaimsIt) {
  ChallengeRecord row = record(1);
  row.id = insert(row);
  std::atomic<int> won = 0;
  const auto claim = [&](std::uint8_t n) {
    const Status done = commit([&](Transaction& t) -> Status {
      ChallengeRecord now = TRY(t.challenge(row.id));
      if (now.state != ChallengeState::minted) return make_error(Errc::conflict, "used");
      now.state = ChallengeState::issued;
      now.request_hash = Buffer(32, n);
      now.request = TRY(t.insert_request(sample::request(authority_)));
      return t.update_challenge(now);
    });
    if (done) ++won;
  };
  {
    std::vector<std::jthread> threads;
    for (std::uint8_t n = 1; n <= 8; ++n) threads.emplace_back(claim, n);
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(snapshot()->requests({}).value().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Backends, ChallengeContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
