// kill -9 while eight threads issue: what was answered is there, and what was not is whole or absent.

#include <gmock/gmock.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "store/sample_records.hpp"
#include "store/sqlite/process.hpp"
#include "store/sqlite/sqlite.hpp"

namespace vouch::store::sqlite {
namespace {

using testing::IsEmpty;

// A pipe on which the child tells, number by number, which certificates were answered. A write of four octets
// to a pipe is whole or absent (PIPE_BUF).
class AnswerPipe {
 public:
  AnswerPipe() {
    if (::pipe(ends_) != 0) std::abort();
  }
  AnswerPipe(const AnswerPipe&) = delete;
  AnswerPipe& operator=(const AnswerPipe&) = delete;
  ~AnswerPipe() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  void tell(std::uint32_t n) const {
    if (::write(ends_[1], &n, sizeof n) != sizeof n) ::_exit(3);
  }
  // By the reader, so that the end of the child is the end of the pipe.
  void close_writing_end() { ::close(std::exchange(ends_[1], -1)); }
  std::optional<std::uint32_t> next() const {
    std::uint32_t n = 0;
    return ::read(ends_[0], &n, sizeof n) == sizeof n ? std::optional(n) : std::nullopt;
  }

 private:
  int ends_[2] = {-1, -1};
};

// Issues until it is killed.
int issue_without_end(const fs::path& file, const AnswerPipe& answers, std::uint32_t first) {
  const auto database = sqlite::open(file);
  if (!database) return 1;
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (std::uint32_t n = first + i;; n += 8) {
        if (!sample::issue(**database, 1, n)) ::_exit(2);
        if (n % 5 == 0 &&
            !(*database)->commit([&](Transaction& t) { return t.revoke(1, sample::revocation(n)); }))
          ::_exit(2);
        answers.tell(n);
      }
    });
  threads.clear();
  return 0;
}

TEST(CrashTest, WhatWasAnsweredBeforeAKillIsThereAfterIt) {
  const sample::TemporaryFolder folder;
  const fs::path file = folder / "vouch.db";
  ASSERT_TRUE(std::move(sqlite::open(file).value())->commit([](Transaction& t) -> Status {
    (void)TRY(t.insert_authority(sample::authority("First CA")));
    return ok();
  }));
  std::mt19937 random(20'261'123);
  std::size_t answered_in_all = 0, orphans_in_all = 0;
  for (std::uint32_t round = 0; round < 12; ++round) {
    std::vector<std::uint32_t> answered;
    {
      AnswerPipe answers;
      ChildProcess child([&] { return issue_without_end(file, answers, round * 1'000'000); });
      answers.close_writing_end();
      // Kills come after a random number of answers, so that none hits a child that has done nothing.
      const std::size_t enough = 1 + random() % 400;
      while (answered.size() < enough) {
        const auto n = answers.next();
        ASSERT_TRUE(n) << "the child ended by itself";
        answered.push_back(*n);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      child.kill();
      while (const auto n = answers.next()) answered.push_back(*n);
    }
    answered_in_all += answered.size();

    const auto database = std::move(sqlite::open(file, {.create = false}).value());
    ASSERT_THAT(database->check().value(), IsEmpty());
    const auto snapshot = std::move(database->snapshot().value());
    for (const std::uint32_t n : answered) {
      const auto certificate = snapshot->certificate(sample::serial(n));
      ASSERT_TRUE(certificate) << n;
      EXPECT_EQ(certificate->signature, sample::signature(n));
      EXPECT_EQ(certificate->tbs, sample::certificate(1, 1, n).tbs);
      EXPECT_EQ(certificate->revocation.has_value(), n % 5 == 0);
      EXPECT_EQ(snapshot->request(certificate->request).value().disposition,
                n % 5 == 0 ? Disposition::revoked : Disposition::issued);
    }
    // Intents of the killed process are whole and can be finished.
    const auto orphans = snapshot->orphans(1).value();
    orphans_in_all += orphans.size();
    for (const CertificateRecord& orphan : orphans) {
      EXPECT_FALSE(orphan.tbs.empty());
      EXPECT_TRUE(database->commit(
          [&](Transaction& t) { return t.complete_intent(orphan.request, sample::signature(0)); }));
    }
    EXPECT_THAT(database->snapshot().value()->orphans(1).value(), IsEmpty());
    const Counts counts = database->snapshot().value()->counts().value();
    EXPECT_EQ(counts.requests, counts.certificates);
  }
  EXPECT_GT(answered_in_all, 12u);
  EXPECT_GT(orphans_in_all, 0u) << "no kill came between the two steps: the test does not test";
}

}  // namespace
}  // namespace vouch::store::sqlite
