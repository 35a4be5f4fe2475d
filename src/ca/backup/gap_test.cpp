#include "ca/backup/gap.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "ca/local_authority.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using x509::CrlReason;

class GapTest : public testing::Test {
 protected:
  void SetUp() override {
    InitOptions options = bench.root_options("Gap Root");
    options.automatic_issuance = true;
    ASSERT_TRUE(init(bench.environment(), options));
    authority = bench.open("Gap Root");
    ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  }
  Submission submission() {
    Submission s;
    s.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
    s.template_name = "WebServer";
    s.requester = "alice";
    return s;
  }
  Buffer issue() {
    const auto outcome = authority->submit(submission());
    EXPECT_TRUE(outcome) << outcome.error().report();
    if (!outcome) return {};
    return to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
  }
  Status revoke(const Buffer& serial, CrlReason reason = CrlReason::key_compromise) {
    return authority->revoke({serial, reason, {}}, "bob");
  }
  // What an administrator does who copies vouch.db: as good as a backup, and as old.
  fs::path copy() {
    const fs::path file = bench.home().folder() / fmt::format("copy-{}.db", ++copies);
    const auto done = bench.database().copy_to(file);
    EXPECT_TRUE(done) << done.error().report();
    return file;
  }
  void restart() {
    authority.reset();
    bench.reopen();
    authority = bench.open("Gap Root");
  }
  void put_back(const fs::path& file) {
    authority.reset();
    bench.close();
    fs::remove(bench.home().database().string() + "-wal");
    fs::remove(bench.home().database().string() + "-shm");
    fs::rename(file, bench.home().database());
    restart();
  }
  std::optional<store::RevocationRecord> revocation(const Buffer& serial) {
    return bench.database().snapshot().value()->certificate(serial).value().revocation;
  }

  // A request that is to be issued, as it stands before the key has signed.
  store::CertificateRecord insert_intent() {
    const auto id = authority->record().id;
    store::CertificateRecord certificate;
    EXPECT_TRUE(bench.database().commit([&](store::Transaction& t) -> Status {
      store::RequestRecord request;
      request.authority = id;
      request.disposition = Disposition::issued;
      certificate.request = TRY(t.insert_request(request));
      certificate.authority = id;
      certificate.serial = Buffer(18, 0x22);
      certificate.not_after = kTestNow + std::chrono::days(10);
      certificate.tbs = {0x30, 0x00};
      certificate.signature_algorithm = {0x30, 0x00};
      return t.insert_intent(certificate);
    }));
    return certificate;
  }

  TestBench bench;
  std::unique_ptr<LocalAuthority> authority;
  int copies = 0;
};

TEST_F(GapTest, WithoutARestoreThereIsNone) {
  const Buffer gone = issue(), held = issue();
  ASSERT_TRUE(revoke(gone));
  ASSERT_TRUE(revoke(held, CrlReason::certificate_hold));
  ASSERT_TRUE(authority->release(held, "bob"));
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
  EXPECT_FALSE(issue().empty());
  EXPECT_EQ(accept_gap(bench.environment(), "Gap Root", "alice").error().code(), Errc::not_found);
}

TEST_F(GapTest, AnOldDatabaseStopsEverythingTheWorldWouldSeeAndNothingElse) {
  const Buffer known = issue();
  const fs::path backup = copy();
  const Buffer lost = issue();
  ASSERT_TRUE(revoke(known));
  put_back(backup);
  ASSERT_NE(authority->gap(), nullptr);
  EXPECT_THAT(authority->gap()->certificates, SizeIs(1));
  EXPECT_THAT(authority->gap()->revocations, SizeIs(1));
  for (const Status& refused :
       {Status(authority->submit(submission()).error()), Status(authority->approve(1, "bob").error()),
        Status(authority->deny(1, "bob", "no").error()), revoke(known), authority->release(known, "bob"),
        Status(authority->sign_subordinate({}, {}, "bob").error())}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::conflict);
    EXPECT_THAT(refused.error().message(), HasSubstr("1 certificate, 1 revocation"));
    EXPECT_THAT(refused.error().hint(), HasSubstr("accept-gap"));
  }
  EXPECT_TRUE(authority->retrieve(1));
  EXPECT_TRUE(authority->chain());
}

TEST_F(GapTest, AcceptingKeepsTheLostSerialsAndWhatWasRevoked) {
  const Buffer known = issue();
  const fs::path backup = copy();
  const Buffer lost = issue(), lost_and_revoked = issue();
  ASSERT_TRUE(revoke(known, CrlReason::key_compromise));
  ASSERT_TRUE(revoke(lost_and_revoked, CrlReason::superseded));
  bench.clock().advance(std::chrono::hours(1));
  put_back(backup);
  const auto gap = accept_gap(bench.environment(), "Gap Root", "alice");
  ASSERT_TRUE(gap) << gap.error().report();
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
  EXPECT_EQ(revocation(known)->reason, CrlReason::key_compromise);
  EXPECT_EQ(revocation(known)->revoked_at, kTestNow);
  EXPECT_EQ(revocation(lost_and_revoked)->reason, CrlReason::superseded);
  const auto snapshot = bench.database().snapshot().value();
  const auto record = snapshot->certificate(lost).value();
  EXPECT_TRUE(record.lost());
  EXPECT_THAT(record.der(), IsEmpty());
  EXPECT_EQ(snapshot->request(record.request)->disposition, Disposition::foreign);
  EXPECT_THAT(bench.database().check().value(), IsEmpty());
  // A lost certificate can be revoked like any other.
  EXPECT_TRUE(revoke(lost));
  EXPECT_FALSE(issue().empty());
}

// The older the backup, the larger the gap, also after one was accepted.
TEST_F(GapTest, AnEvenOlderBackupIsRecognisedAfterOneWasAccepted) {
  const fs::path oldest = copy();
  (void)issue();
  const fs::path newer = copy();
  (void)issue();
  put_back(newer);
  ASSERT_TRUE(accept_gap(bench.environment(), "Gap Root", "alice"));
  restart();
  (void)issue();
  put_back(oldest);
  ASSERT_NE(authority->gap(), nullptr);
  EXPECT_THAT(authority->gap()->certificates, SizeIs(3));
}

TEST_F(GapTest, ReplayBringsEverythingBack) {
  const Buffer known = issue(), held = issue();
  ASSERT_TRUE(revoke(held, CrlReason::certificate_hold));
  const fs::path backup = copy();
  const Buffer lost = issue();
  ASSERT_TRUE(revoke(known));
  ASSERT_TRUE(authority->release(held, "bob"));
  const fs::path later = copy();
  put_back(backup);
  ASSERT_NE(authority->gap(), nullptr);
  const auto replayed = bench.database().replay(later);
  ASSERT_TRUE(replayed) << replayed.error().report();
  EXPECT_EQ(replayed->certificates, 1u);
  EXPECT_EQ(replayed->requests, 1u);
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
  EXPECT_TRUE(revocation(known));
  EXPECT_FALSE(revocation(held));
  EXPECT_FALSE(bench.database().snapshot().value()->certificate(lost)->der().empty());
  EXPECT_THAT(bench.database().check().value(), IsEmpty());
}

TEST_F(GapTest, ReplayRefusesADatabaseThatWentAnotherWay) {
  (void)issue();
  const fs::path backup = copy();
  (void)issue();
  const fs::path later = copy();
  put_back(backup);
  ASSERT_TRUE(accept_gap(bench.environment(), "Gap Root", "alice"));
  const auto replayed = bench.database().replay(later);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code(), Errc::conflict);
  EXPECT_THAT(replayed.error().message(), HasSubstr("do not share their past"));
}

// The orders that a crash may leave. The database is ahead of the fence, never behind it.
TEST_F(GapTest, AnIntentWithoutItsFenceLineIsFinishedAndAnnounced) {
  const store::CertificateRecord certificate = insert_intent();
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
  EXPECT_EQ(authority->repaired(), 1u);
  bool announced = false;
  ASSERT_TRUE(authority->fence().read(
      "", [&](const FenceEvent& event) { announced = announced || event.serial == certificate.serial; }));
  EXPECT_TRUE(announced);
}

TEST_F(GapTest, AFenceLineOfAnAbandonedIntentIsNoGap) {
  const store::CertificateRecord certificate = insert_intent();
  ASSERT_TRUE(authority->fence().record(std::array{FenceEvent::issued(certificate)}));
  ASSERT_TRUE(bench.database().commit(
      [&](store::Transaction& t) { return t.abandon_intent(certificate.request, "the key is gone"); }));
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
}

TEST_F(GapTest, ARevocationWithoutItsFenceLineIsNoGap) {
  const Buffer serial = issue();
  ASSERT_TRUE(bench.database().commit([&](store::Transaction& t) {
    return t.revoke(authority->record().id, {serial, kTestNow, CrlReason::superseded, {}});
  }));
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
}

TEST_F(GapTest, AReleaseThatReachedOnlyTheFenceIsNoGap) {
  const Buffer serial = issue();
  ASSERT_TRUE(revoke(serial, CrlReason::certificate_hold));
  ASSERT_TRUE(authority->fence().record(std::array{FenceEvent::release(serial)}));
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
  EXPECT_TRUE(revocation(serial));
  EXPECT_TRUE(authority->release(serial, "bob"));
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
}

TEST_F(GapTest, AHoldThatBecameFinalMayNotComeBackAsAHold) {
  const Buffer serial = issue();
  ASSERT_TRUE(revoke(serial, CrlReason::certificate_hold));
  const fs::path backup = copy();
  ASSERT_TRUE(revoke(serial, CrlReason::key_compromise));
  put_back(backup);
  ASSERT_NE(authority->gap(), nullptr);
  EXPECT_THAT(authority->gap()->revocations, SizeIs(1));
  ASSERT_TRUE(accept_gap(bench.environment(), "Gap Root", "alice"));
  EXPECT_EQ(revocation(serial)->reason, CrlReason::key_compromise);
}

TEST_F(GapTest, ACrlNumberOfTheFenceIsNeverGivenAgain) {
  ASSERT_TRUE(authority->fence().record(std::array{[] {
    store::CrlRecord record;
    record.number = 41;
    return FenceEvent::crl(record);
  }()}));
  restart();
  ASSERT_NE(authority->gap(), nullptr);
  EXPECT_EQ(authority->gap()->crl_number, 41u);
  ASSERT_TRUE(accept_gap(bench.environment(), "Gap Root", "alice"));
  EXPECT_EQ(bench.database().snapshot().value()->last_crl_number(authority->record().id).value(), 41u);
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
}

TEST_F(GapTest, ADamagedFenceStopsTheCaUntilTheLossIsAccepted) {
  (void)issue();
  (void)issue();
  Buffer text = read_file(authority->fence().file()).value();
  text[text.size() - 100] ^= 1;
  ASSERT_TRUE(write_file_atomic(authority->fence().file(), text, 0600));
  restart();
  ASSERT_FALSE(authority->fence_status());
  EXPECT_THAT(authority->fence_status().error().message(), HasSubstr("unreadable line"));
  ASSERT_TRUE(accept_gap(bench.environment(), "Gap Root", "alice"));
  restart();
  EXPECT_EQ(authority->gap(), nullptr);
}

// Marks make a start cheap: what was compared once is not compared again.
TEST_F(GapTest, ManyLinesAreComparedOnce) {
  std::vector<FenceEvent> events;
  store::CertificateRecord certificate;
  certificate.serial = issue();
  certificate.not_after = kTestNow + std::chrono::days(10);
  events.assign(5000, FenceEvent::issued(certificate));
  ASSERT_TRUE(authority->fence().record(events));
  restart();
  const std::string mark =
      bench.database().snapshot().value()->mark(fence_mark_name(authority->record().id)).value();
  EXPECT_FALSE(mark.empty());
  const auto comparison = compare_with_fence(bench.environment(), authority->record(), authority->fence());
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->lines, 0u);
}

TEST_F(GapTest, ManyThreadsAtOnceLeaveNoGap) {
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([this] {
        for (int n = 0; n < 20; ++n) {
          const auto outcome =
              authority->submit(submission());  // with a new key: the last one is compromised
          ASSERT_TRUE(outcome) << outcome.error().report();
          const Buffer serial =
              to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
          EXPECT_TRUE(revoke(serial, CrlReason::certificate_hold));
          EXPECT_TRUE(n % 2 == 0 ? authority->release(serial, "bob") : revoke(serial));
        }
      });
  }
  restart();
  EXPECT_EQ(authority->gap(), nullptr) << authority->gap()->text();
}

}  // namespace
}  // namespace vouch::ca
