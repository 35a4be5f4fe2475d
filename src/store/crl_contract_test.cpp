// CRLs, their shards, and where they are found.

#include "store/test_database_contract.hpp"

namespace vouch::store {
namespace {

using sample::at;
using testing::ElementsAre;
using testing::IsEmpty;
using x509::CrlReason;

class CrlContract : public DatabaseContract {};

// --- CRLs ---

TEST_P(CrlContract, TheNewestPublishedCrlsOfAKey) {
  const auto insert = [&](std::uint64_t number, bool delta, std::uint16_t key_index, bool published) {
    CrlRecord record = sample::crl(authority_, number);
    record.delta = delta;
    record.key_index = key_index;
    if (delta) record.base_number = 1;
    record.last_change = number + 7;
    record.scope = sample::octets({0x30, 0x00});
    if (published) record.sha256 = Buffer(32, 1);
    EXPECT_TRUE(commit([&](Transaction& t) { return t.insert_crl(record); }));
    return record;
  };
  const CrlRecord base = insert(1, false, 1, true), delta = insert(2, true, 1, true);
  insert(3, false, 2, true);
  const CrlRecord newer = insert(4, false, 1, true);
  insert(5, false, 1, false);
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, false, 9).value(), ElementsAre(newer, base));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, false, 1).value(), ElementsAre(newer));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, true, 9).value(), ElementsAre(delta));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 7, false, 9).value(), IsEmpty());
  EXPECT_THAT(snapshot()->changes_on_crls(authority_, 1, 2).value(), ElementsAre(9u, 11u, 12u))
      << "the unpublished one counts too";
  EXPECT_THAT(snapshot()->changes_on_crls(authority_, 7, 0).value(), IsEmpty());
}

TEST_P(CrlContract, CrlNumbersOnlyRise) {
  const AuthorityId other = add_authority("Other CA");
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), 0u);
  const auto insert = [&](const CrlRecord& record) {
    return commit([&](Transaction& t) { return t.insert_crl(record); });
  };
  EXPECT_FAILS(insert(sample::crl(authority_, 0)), Errc::conflict);
  ASSERT_TRUE(insert(sample::crl(authority_, 5)));
  EXPECT_FAILS(insert(sample::crl(authority_, 5)), Errc::conflict);
  EXPECT_FAILS(insert(sample::crl(authority_, 4)), Errc::conflict);
  CrlRecord of_another_key = sample::crl(authority_, 5);
  of_another_key.key_index = 2;
  EXPECT_FAILS(insert(of_another_key), Errc::conflict);
  ASSERT_TRUE(insert(sample::crl(authority_, 6)));
  ASSERT_TRUE(insert(sample::crl(other, 1)));
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), 6u);
  EXPECT_EQ(snapshot()->last_crl_number(other).value(), 1u);
  EXPECT_FAILS(insert(sample::crl(123, 1)), Errc::not_found);
  EXPECT_FAILS(insert(sample::crl(authority_, std::uint64_t{1} << 63)), Errc::limit_exceeded);
  ASSERT_TRUE(insert(sample::crl(authority_, (std::uint64_t{1} << 63) - 1)));
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), (std::uint64_t{1} << 63) - 1);
}

TEST_P(CrlContract, ACrlIsReservedThenFilledInAndListedNewestFirst) {
  CrlRecord first = sample::crl(authority_, 1), second = sample::crl(authority_, 2);
  second.delta = true;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_crl(first));
    return t.insert_crl(second);
  }));
  EXPECT_THAT(snapshot()->crls(authority_).value(), ElementsAre(second, first));
  first.entries = 1'000'000;
  first.size = 40'000'000;
  first.sha256 = Buffer(32, 0xab);
  first.file = "crl/First CA.crl";
  CrlRecord given = first;
  given.last_change = 17;
  given.this_update = at(12345);  // what was reserved stays
  given.key_index = 9;
  given.delta = true;
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_crl(given); }));
  EXPECT_THAT(snapshot()->crls(authority_).value(), ElementsAre(second, first));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_crl(sample::crl(authority_, 3)); }),
               Errc::not_found);
  EXPECT_THAT(snapshot()->crls(authority_ + 1).value(), IsEmpty());
}

// --- shards ---

TEST_P(CrlContract, AShardIsVisitedAloneAndTheCompleteListHasAll) {
  const auto issue_in = [&](std::uint32_t n, std::uint32_t shard) {
    const RequestId id = add_request(sample::request(authority_));
    CertificateRecord certificate = sample::certificate(id, authority_, n);
    certificate.shard = shard;
    EXPECT_TRUE(commit([&](Transaction& t) { return t.insert_intent(certificate); }));
    EXPECT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(n)); }));
    EXPECT_EQ(snapshot()->certificate_of_request(id)->shard, shard);
    EXPECT_EQ(snapshot()->certificate(sample::serial(n))->shard, shard);
  };
  const auto revoked = [&](std::uint32_t shard) {
    std::vector<Buffer> serials;
    EXPECT_TRUE(
        snapshot()->for_each_revoked(authority_, 3, shard, at(0), [&](const Snapshot::RevokedEntry& entry) {
          serials.push_back(to_buffer(entry.serial));
          return ok();
        }));
    return serials;
  };
  const auto changed = [&](std::uint32_t shard, std::uint64_t after) {
    std::vector<std::pair<Buffer, bool>> entries;
    EXPECT_TRUE(
        snapshot()->for_each_changed(authority_, 3, shard, after, [&](const Snapshot::ChangedEntry& entry) {
          entries.emplace_back(to_buffer(entry.serial), entry.released);
          return ok();
        }));
    return entries;
  };
  using Changes = std::vector<std::pair<Buffer, bool>>;
  const Buffer one = sample::serial(1), two = sample::serial(2), three = sample::serial(3);
  issue_in(1, 0);
  issue_in(2, 2);
  issue_in(3, 5);
  issue_in(4, 2);
  ASSERT_TRUE(revoke(3));                               // change 1
  ASSERT_TRUE(revoke(2, CrlReason::certificate_hold));  // change 2
  ASSERT_TRUE(revoke(1));                               // change 3
  EXPECT_THAT(revoked(0), ElementsAre(one, two, three));
  EXPECT_THAT(revoked(2), ElementsAre(two));
  EXPECT_THAT(revoked(5), ElementsAre(three));
  EXPECT_THAT(revoked(3), IsEmpty());
  EXPECT_EQ(changed(2, 0), (Changes{{two, false}}));
  EXPECT_EQ(changed(2, 2), Changes{});
  EXPECT_EQ(changed(0, 1), (Changes{{two, false}, {one, false}}));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.release(authority_, two); }));
  EXPECT_THAT(revoked(2), IsEmpty());
  EXPECT_EQ(changed(2, 0), (Changes{{two, true}}));
  EXPECT_EQ(changed(5, 0), (Changes{{three, false}}));
  EXPECT_EQ(changed(0, 0), (Changes{{three, false}, {one, false}, {two, true}}));
}

TEST_P(CrlContract, ShardsAreCarriedUntilTheLastCertificateEnds) {
  std::uint32_t n = 0;
  const auto issue_until = [&](std::uint16_t key_index, std::uint32_t shard, std::int64_t set, int end) {
    CertificateRecord certificate =
        sample::certificate(add_request(sample::request(authority_)), authority_, ++n);
    certificate.key_index = key_index;
    certificate.shard = shard;
    certificate.location_set = set;
    certificate.not_after = at(end);
    return commit([&](Transaction& t) { return t.insert_intent(certificate); });
  };
  std::int64_t set = 0;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    set = TRY(t.location_set(authority_, "cdp http://a/b<CRLShardSuffix>.crl\n"));
    return ok();
  }));
  ASSERT_TRUE(issue_until(1, 2, set, 50));
  ASSERT_TRUE(issue_until(1, 2, set, 40)) << "ends sooner: changes nothing";
  ASSERT_TRUE(issue_until(1, 2, 0, 45));
  ASSERT_TRUE(issue_until(0, 7, set, 10));
  ASSERT_TRUE(issue_until(0, 7, set, 20));
  ASSERT_TRUE(issue_until(0, 0, set, 99)) << "is in no shard";
  const std::string text = "cdp http://a/b<CRLShardSuffix>.crl\n";
  EXPECT_THAT(snapshot()->carried_shards(authority_).value(),
              ElementsAre(CarriedShard{0, 7, text, at(20)}, CarriedShard{1, 2, "", at(45)},
                          CarriedShard{1, 2, text, at(50)}));
  EXPECT_THAT(snapshot()->carried_shards(add_authority("Other CA")).value(), IsEmpty());
  // What fails leaves nothing behind.
  CertificateRecord again = sample::certificate(add_request(sample::request(authority_)), authority_, 1);
  again.shard = 9;
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_intent(again); }), Errc::conflict);
  EXPECT_EQ(snapshot()->carried_shards(authority_)->size(), 3u);
}

TEST_P(CrlContract, CrlsAndTargetsOfAShardStandApart) {
  const auto insert = [&](std::uint64_t number, std::uint32_t shard, bool delta) {
    CrlRecord record = sample::crl(authority_, number);
    record.shard = shard;
    record.delta = delta;
    record.last_change = number + 7;
    record.sha256 = Buffer(32, 1);
    EXPECT_TRUE(commit([&](Transaction& t) { return t.insert_crl(record); }));
    return record;
  };
  const CrlRecord complete = insert(1, 0, false), first = insert(2, 4, false);
  insert(3, 5, false);
  const CrlRecord delta = insert(4, 4, true), second = insert(5, 4, false);
  EXPECT_THAT(snapshot()->newest_crls({authority_, 1, false, 4}, 9).value(), ElementsAre(second, first));
  EXPECT_THAT(snapshot()->newest_crls({authority_, 1, true, 4}, 9).value(), ElementsAre(delta));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, false, 9).value(), ElementsAre(complete));
  EXPECT_THAT(snapshot()->changes_on_crls(authority_, 1, 4, 3).value(), ElementsAre(11u, 12u));
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), 5u) << "one sequence for all";

  CrlTarget target{authority_, 1, false, "/a~4.crl", 5, 5, at(3), ""};
  target.shard = 4;
  const CrlTarget other{authority_, 1, false, "/a.crl", 1, 1, at(3), ""};
  for (const CrlTarget* each : std::initializer_list<const CrlTarget*>{&target, &other})
    ASSERT_TRUE(commit([&](Transaction& t) { return t.put_crl_target(*each); }));
  EXPECT_THAT(snapshot()->crl_targets({authority_, 1, false, 4}).value(), ElementsAre(target));
  EXPECT_THAT(snapshot()->crl_targets({authority_, 1, false, 0}).value(), ElementsAre(other));
  EXPECT_THAT(snapshot()->crl_targets({authority_, 1, true, 4}).value(), IsEmpty());
  EXPECT_EQ(snapshot()->crl_targets(authority_)->size(), 2u);
}

TEST_P(CrlContract, TargetsOfPublicationKeepTheirNewestState) {
  const auto put = [&](const CrlTarget& target) {
    return commit([&](Transaction& t) { return t.put_crl_target(target); });
  };
  CrlTarget first{authority_, 0, false, "/a.crl", 4, 5, at(3), "no space"};
  const CrlTarget second{authority_, 0, true, "/a+.crl", 6, 6, at(4), ""};
  ASSERT_TRUE(put(second));
  ASSERT_TRUE(put(first));
  EXPECT_THAT(snapshot()->crl_targets(authority_).value(), ElementsAre(first, second));
  first.number = 7;
  first.wanted = 7;
  first.error.clear();
  ASSERT_TRUE(put(first));
  EXPECT_THAT(snapshot()->crl_targets(authority_).value(), ElementsAre(first, second));
  EXPECT_THAT(snapshot()->crl_targets(add_authority("Other CA")).value(), IsEmpty());
  first.authority = 99;
  EXPECT_FAILS(put(first), Errc::not_found);
}

// --- locations ---

TEST_P(CrlContract, LocationSetsAreRememberedOnceAndCounted) {
  const AuthorityId other = add_authority("Other CA");
  std::int64_t old_set = 0, new_set = 0, of_other = 0;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    old_set = TRY(t.location_set(authority_, "http://old"));
    new_set = TRY(t.location_set(authority_, "http://new"));
    of_other = TRY(t.location_set(other, "http://old"));
    EXPECT_EQ(TRY(t.location_set(authority_, "http://old")), old_set);
    return ok();
  }));
  EXPECT_NE(old_set, 0);
  EXPECT_NE(old_set, new_set);
  EXPECT_NE(old_set, of_other);
  EXPECT_THAT(snapshot()->location_sets(authority_, at(0)).value(),
              ElementsAre(LocationSet{old_set, "http://old", 0}, LocationSet{new_set, "http://new", 0}));
  for (std::uint32_t n = 1; n <= 3; ++n) {
    const RequestId id = add_request();
    CertificateRecord certificate = sample::certificate(id, authority_, n);
    certificate.location_set = old_set;
    certificate.not_after = at(n);
    ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_intent(certificate); }));
    EXPECT_EQ(snapshot()->certificate_of_request(id)->location_set, old_set);
  }
  EXPECT_THAT(snapshot()->location_sets(authority_, at(2)).value(),
              ElementsAre(LocationSet{old_set, "http://old", 2}, LocationSet{new_set, "http://new", 0}));
  EXPECT_THAT(snapshot()->location_sets(other, at(0)).value(),
              ElementsAre(LocationSet{of_other, "http://old", 0}));
  issue(9);  // one of which nothing is recorded
  EXPECT_EQ(snapshot()->location_sets(authority_, at(0)).value().front(), (LocationSet{0, "", 1}));
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 CertificateRecord certificate =
                     sample::certificate(TRY(t.insert_request(sample::request(authority_))), authority_, 77);
                 certificate.location_set = 12345;
                 return t.insert_intent(certificate);
               }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.location_set(12345, "http://x"));
                 return ok();
               }),
               Errc::not_found);
}

INSTANTIATE_TEST_SUITE_P(Backends, CrlContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
