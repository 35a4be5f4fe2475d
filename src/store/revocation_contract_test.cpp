// Revocations, and their changes.

#include "store/test_database_contract.hpp"

namespace vouch::store {
namespace {

using sample::at;
using testing::ElementsAre;
using testing::IsEmpty;
using x509::CrlReason;

class RevocationContract : public DatabaseContract {};

// --- revocation ---

TEST_P(RevocationContract, RevokingChangesTheCertificateTheRequestAndTheList) {
  const RequestId id = issue(1);
  RevocationRecord revocation = sample::revocation(1);
  revocation.invalidity_date = at(-100);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, revocation); }));
  EXPECT_EQ(disposition(id), Disposition::revoked);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, revocation);
  EXPECT_EQ(snapshot()->certificate_of_request(id).value().revocation, revocation);
  std::size_t visited = 0;
  ASSERT_TRUE(snapshot()->for_each_revoked(authority_, 3, at(0), [&](const Snapshot::RevokedEntry& entry) {
    ++visited;
    EXPECT_EQ(to_buffer(entry.serial), sample::serial(1));
    EXPECT_EQ(entry.revoked_at, revocation.revoked_at);
    EXPECT_EQ(entry.reason, CrlReason::key_compromise);
    EXPECT_EQ(entry.invalidity_date, at(-100));
    return ok();
  }));
  EXPECT_EQ(visited, 1u);
}

TEST_P(RevocationContract, ARevocationIsForGoodAndNothingOfItMoves) {
  issue(1);
  ASSERT_TRUE(revoke(1));
  for (const CrlReason reason :
       {CrlReason::superseded, CrlReason::certificate_hold, CrlReason::key_compromise})
    EXPECT_FAILS(revoke(1, reason), Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::conflict);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, sample::revocation(1));
}

TEST_P(RevocationContract, AHoldIsLiftedAndMayComeAgain) {
  const RequestId id = issue(1);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  EXPECT_EQ(disposition(id), Disposition::revoked);
  EXPECT_FAILS(revoke(1, CrlReason::certificate_hold), Errc::conflict);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }));
  EXPECT_EQ(disposition(id), Disposition::issued);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, std::nullopt);
  EXPECT_THAT(revoked_serials(), IsEmpty());
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::not_found);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  EXPECT_EQ(disposition(id), Disposition::revoked);
}

TEST_P(RevocationContract, AHoldTurnedIntoAnotherReasonKeepsItsDate) {
  issue(1);
  RevocationRecord hold = sample::revocation(1, CrlReason::certificate_hold);
  hold.invalidity_date = at(-7);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, hold); }));
  RevocationRecord later = sample::revocation(1, CrlReason::key_compromise);
  later.revoked_at = at(9000);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, later); }));
  RevocationRecord expected = hold;
  expected.reason = CrlReason::key_compromise;
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, expected);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::conflict);
}

TEST_P(RevocationContract, TurningAHoldMayTellSinceWhenTheKeyWasInDoubt) {
  issue(1);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  RevocationRecord later = sample::revocation(1, CrlReason::key_compromise);
  later.invalidity_date = at(-50);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, later); }));
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation->invalidity_date, at(-50));
}

TEST_P(RevocationContract, OnlySignedCertificatesOfThisAuthorityAreRevoked) {
  const AuthorityId other = add_authority("Other CA");
  issue(1);
  add_intent(2);
  EXPECT_FAILS(revoke(99), Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.revoke(other, sample::revocation(1)); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(other, sample::serial(1)); }), Errc::not_found);
  EXPECT_FAILS(revoke(2), Errc::conflict);
  EXPECT_FAILS(revoke(1, CrlReason::remove_from_crl), Errc::usage);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::not_found);
  EXPECT_THAT(revoked_serials(), IsEmpty());
}

TEST_P(RevocationContract, TheListOfAKeyIsInSerialOrderAndHoldsWhatIsNotExpired) {
  const auto add = [&](std::uint32_t n, std::uint16_t key_index, std::int64_t end) {
    CertificateRecord record = sample::certificate(add_request(), authority_, n);
    record.key_index = key_index;
    record.not_after = at(end);
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      TRY(t.insert_intent(record));
      TRY(t.complete_intent(record.request, sample::signature(n)));
      return t.revoke(authority_, sample::revocation(n));
    }));
  };
  add(0xffffffff, 3, 100);
  add(5, 3, 200);
  add(0x80000000, 3, 300);
  add(7, 2, 300);
  add(8, 4, 300);
  EXPECT_THAT(revoked_serials(3),
              ElementsAre(sample::serial(5), sample::serial(0x80000000), sample::serial(0xffffffff)));
  EXPECT_THAT(revoked_serials(3, at(100)),
              ElementsAre(sample::serial(5), sample::serial(0x80000000), sample::serial(0xffffffff)));
  EXPECT_THAT(revoked_serials(3, at(101)), ElementsAre(sample::serial(5), sample::serial(0x80000000)));
  EXPECT_THAT(revoked_serials(3, at(301)), IsEmpty());
  EXPECT_THAT(revoked_serials(2), ElementsAre(sample::serial(7)));
  EXPECT_THAT(revoked_serials(4), ElementsAre(sample::serial(8)));
  EXPECT_THAT(revoked_serials(5), IsEmpty());
}

TEST_P(RevocationContract, TheWalkStopsAtTheFirstFailureAndMayAskOtherThings) {
  for (std::uint32_t n = 1; n <= 5; ++n) {
    issue(n);
    ASSERT_TRUE(revoke(n));
  }
  int visited = 0;
  const auto view = snapshot();
  const Status status =
      view->for_each_revoked(authority_, 3, at(0), [&](const Snapshot::RevokedEntry& entry) -> Status {
        TRY(view->certificate(entry.serial));
        std::size_t inner = 0;
        TRY(view->for_each_revoked(authority_, 3, at(0), [&](const Snapshot::RevokedEntry&) {
          ++inner;
          return ok();
        }));
        EXPECT_EQ(inner, 5u);
        if (++visited == 3) return make_error(Errc::limit_exceeded, "enough");
        return ok();
      });
  EXPECT_FAILS(status, Errc::limit_exceeded);
  EXPECT_EQ(visited, 3);
  EXPECT_EQ(revoked_serials().size(), 5u);
}

// --- changes of revocations ---

struct Changed {
  std::uint32_t n = 0;
  CrlReason reason{};
  std::uint64_t changed = 0;
  bool released = false;
  std::uint64_t held_since = 0;
  bool operator==(const Changed&) const = default;
};
void PrintTo(const Changed& c, std::ostream* out) {
  *out << c.n << " reason " << static_cast<int>(c.reason) << " by " << c.changed
       << (c.released ? " released since " : " ") << c.held_since;
}

std::vector<Changed> changes_after(const Snapshot& snapshot, AuthorityId authority, std::uint64_t after,
                                   std::uint16_t key_index = 3) {
  std::vector<Changed> changes;
  EXPECT_TRUE(
      snapshot.for_each_changed(authority, key_index, after, [&](const Snapshot::ChangedEntry& entry) {
        std::uint32_t n = 0;
        for (std::size_t i = 0; i < 4; ++i) n = n << 8 | entry.serial[i];
        EXPECT_EQ(to_buffer(entry.serial), sample::serial(n));
        EXPECT_EQ(entry.not_after, at(1'000'000));
        EXPECT_EQ(entry.revoked_at, at(500));
        changes.push_back({n, entry.reason, entry.changed, entry.released, entry.held_since});
        return ok();
      }));
  return changes;
}

TEST_P(RevocationContract, ChangesOfRevocationsAreNumberedAndFoundFromANumberOn) {
  for (std::uint32_t n = 1; n <= 4; ++n) issue(n);
  EXPECT_EQ(snapshot()->last_change(authority_).value(), 0u);
  EXPECT_THAT(changes_after(*snapshot(), authority_, 0), IsEmpty());
  ASSERT_TRUE(revoke(3));
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  ASSERT_TRUE(revoke(2, CrlReason::superseded));
  EXPECT_EQ(snapshot()->last_change(authority_).value(), 3u);
  EXPECT_THAT(changes_after(*snapshot(), authority_, 0),
              ElementsAre(Changed{3, CrlReason::key_compromise, 1},
                          Changed{1, CrlReason::certificate_hold, 2}, Changed{2, CrlReason::superseded, 3}));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 2), ElementsAre(Changed{2, CrlReason::superseded, 3}));
  // A hold that becomes final is a change of its own, and stands where it happened.
  ASSERT_TRUE(revoke(1, CrlReason::ca_compromise));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 2),
              ElementsAre(Changed{2, CrlReason::superseded, 3}, Changed{1, CrlReason::ca_compromise, 4}));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 4), IsEmpty());
  EXPECT_THAT(changes_after(*snapshot(), authority_, 0, 1), IsEmpty()) << "another key";
  EXPECT_THAT(changes_after(*snapshot(), add_authority("Other CA"), 0), IsEmpty());
  EXPECT_FAILS(revoke(2), Errc::conflict);
  EXPECT_EQ(snapshot()->last_change(authority_).value(), 4u) << "what was refused takes no number";
}

TEST_P(RevocationContract, ALiftedHoldIsAChangeThatRemembersSinceWhenItMayStandOnACrl) {
  for (std::uint32_t n = 1; n <= 2; ++n) issue(n);
  const auto release = [&](std::uint32_t n) {
    return commit([&](Transaction& t) { return t.release(authority_, sample::serial(n)); });
  };
  Changed lifted{1, CrlReason::remove_from_crl, 2, true, 1};
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));  // 1
  ASSERT_TRUE(release(1));                              // 2
  EXPECT_THAT(changes_after(*snapshot(), authority_, 1), ElementsAre(lifted));
  ASSERT_TRUE(revoke(2));                               // 3
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));  // 4: held again: no longer a release
  EXPECT_THAT(
      changes_after(*snapshot(), authority_, 1),
      ElementsAre(Changed{2, CrlReason::key_compromise, 3}, Changed{1, CrlReason::certificate_hold, 4}));
  ASSERT_TRUE(release(1));  // 5: a CRL from between 1 and 2 has it still
  lifted.changed = 5;
  EXPECT_THAT(changes_after(*snapshot(), authority_, 1),
              ElementsAre(Changed{2, CrlReason::key_compromise, 3}, lifted));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 4), ElementsAre(lifted));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 5), IsEmpty());
}

TEST_P(RevocationContract, AVisitorOfChangesMayStop) {
  for (std::uint32_t n = 1; n <= 3; ++n) {
    issue(n);
    ASSERT_TRUE(revoke(n));
  }
  int visited = 0;
  EXPECT_FAILS(snapshot()->for_each_changed(authority_, 3, 0,
                                            [&](const Snapshot::ChangedEntry&) -> Status {
                                              if (++visited == 2)
                                                return make_error(Errc::limit_exceeded, "enough");
                                              return ok();
                                            }),
               Errc::limit_exceeded);
  EXPECT_EQ(visited, 2);
}

INSTANTIATE_TEST_SUITE_P(Backends, RevocationContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
