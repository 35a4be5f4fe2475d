// Delta CRLs, several places of publication, and the schedule.

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using x509::CrlReason;
namespace oid = x509::oid;

class DeltaTest : public RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    switch_deltas_on();
  }
  std::vector<Entry> delta_entries() { return entries(delta_file()); }
};

TEST_F(DeltaTest, ADeltaHoldsWhatChangedSinceItsBase) {
  const Buffer before = issue(), after = issue(), held = issue(), changes_reason = issue();
  revoke(before);
  hold(changes_reason);
  publish();
  EXPECT_THAT(delta_entries(), IsEmpty()) << "published with its base, nothing has changed";
  revoke(after, CrlReason::key_compromise);
  hold(held);
  revoke(changes_reason, CrlReason::ca_compromise);
  const Published delta = publish_delta();
  EXPECT_THAT(delta_entries(), UnorderedElementsAre(Entry{after, CrlReason::key_compromise},
                                                    Entry{held, CrlReason::certificate_hold},
                                                    Entry{changes_reason, CrlReason::ca_compromise}));
  EXPECT_EQ(delta.record.entries, 3u);
  EXPECT_THAT(entries(base_file()), UnorderedElementsAre(Entry{before, CrlReason::superseded},
                                                         Entry{changes_reason, CrlReason::certificate_hold}));
}

TEST_F(DeltaTest, BaseAndDeltaSayHowTheyBelongTogether) {
  set([](ca::AuthoritySettings& s) { s.cdp.push_back({128, "http://idp.example/%3%8%9.crl"}); });
  publish();
  const Published delta = publish_delta();
  EXPECT_EQ(number_in(base_file(), oid::kCrlNumber), 1u);
  EXPECT_EQ(number_in(delta_file(), oid::kCrlNumber), 3u) << "one went with the base";
  EXPECT_EQ(number_in(delta_file(), oid::kDeltaCrlIndicator), 1u);
  EXPECT_TRUE(extension_in(delta_file(), oid::kDeltaCrlIndicator)->second) << "critical, RFC 5280 5.2.4";
  EXPECT_FALSE(extension_in(base_file(), oid::kDeltaCrlIndicator));
  EXPECT_EQ(delta.record.base_number, 1u);
  const auto idp = extension_in(base_file(), oid::kIssuingDistributionPoint);
  ASSERT_TRUE(idp);
  EXPECT_EQ(idp, extension_in(delta_file(), oid::kIssuingDistributionPoint));
  EXPECT_EQ(x509::parse_issuing_distribution_point(idp->first)->name->full_name,
            std::vector{x509::GeneralName::uri("http://idp.example/CRL%20Root.crl")});
  EXPECT_EQ(extension_in(base_file(), oid::kAuthorityKeyIdentifier),
            extension_in(delta_file(), oid::kAuthorityKeyIdentifier));
  const auto freshest = extension_in(base_file(), oid::kFreshestCrl);
  ASSERT_TRUE(freshest);
  EXPECT_FALSE(freshest->second);
  const auto urls = x509::uris_of(x509::parse_distribution_points(freshest->first).value());
  ASSERT_EQ(urls.size(), 1u);
  EXPECT_THAT(urls[0], testing::EndsWith("/pki/CRL%20Root+.crl"));
  EXPECT_FALSE(extension_in(delta_file(), oid::kFreshestCrl)) << "RFC 5280 5.2.6: never in a delta";
}

TEST_F(DeltaTest, ALiftedHoldIsTakenOffWhereACrlShowsIt) {
  const Buffer on_base = issue(), on_delta = issue(), on_none = issue();
  hold(on_base);
  publish();
  hold(on_delta);
  publish_delta();
  hold(on_none);
  for (const Buffer& serial : {on_base, on_delta, on_none}) release(serial);
  publish_delta();
  EXPECT_THAT(delta_entries(), UnorderedElementsAre(Entry{on_base, CrlReason::remove_from_crl},
                                                    Entry{on_delta, CrlReason::remove_from_crl}))
      << "nobody saw the third";
  hold(on_base);
  publish_delta();
  EXPECT_THAT(delta_entries(), UnorderedElementsAre(Entry{on_base, CrlReason::certificate_hold},
                                                    Entry{on_delta, CrlReason::remove_from_crl}));
  release(on_base);
  publish();
  EXPECT_THAT(entries(base_file()), IsEmpty());
  EXPECT_THAT(delta_entries(), IsEmpty()) << "the new base has nothing to take off";
}

// A CRL that was written, and whose record a crash prevented, may be in somebody's hands.
TEST_F(DeltaTest, AHoldThatOnlyAnUnrecordedCrlShowsIsTakenOffToo) {
  const Buffer held = issue();
  publish();
  hold(held);
  ASSERT_TRUE(bench.database().commit([&](store::Transaction& t) -> Status {
    store::CrlRecord crl;
    crl.authority = authority->record().id;
    crl.number = TRY(t.last_crl_number(crl.authority)) + 1;
    crl.last_change = TRY(t.last_change(crl.authority));
    return t.insert_crl(crl);
  }));
  release(held);
  publish_delta();
  EXPECT_THAT(delta_entries(), ElementsAre(Entry{held, CrlReason::remove_from_crl}));
}

TEST_F(DeltaTest, ACertificateThatExpiresBetweenBasesStaysOnDeltasUntilABaseHasShownIt) {
  publish();
  const Buffer serial = issue();
  revoke(serial);
  publish_delta();
  bench.clock().advance(std::chrono::days(800));
  publish_delta();
  EXPECT_THAT(delta_entries(), ElementsAre(Entry{serial, CrlReason::superseded})) << "RFC 5280 5.2.4";
  publish();
  EXPECT_THAT(entries(base_file()), ElementsAre(Entry{serial, CrlReason::superseded}))
      << "the last appearance";
  EXPECT_THAT(delta_entries(), IsEmpty());
  publish();
  EXPECT_THAT(entries(base_file()), IsEmpty());
}

TEST_F(DeltaTest, ExpiredCertificatesAreKeptOnDemand) {
  const Time since = bench.clock().now();
  set([&](ca::AuthoritySettings& s) { s.keep_expired_since = since; });
  const Buffer serial = issue();
  revoke(serial);
  publish();
  bench.clock().advance(std::chrono::days(800));
  for (int i = 0; i < 3; ++i) publish();
  EXPECT_THAT(entries(base_file()), ElementsAre(Entry{serial, CrlReason::superseded}));
  const auto extension = extension_in(base_file(), oid::kExpiredCertsOnCrl);
  ASSERT_TRUE(extension);
  EXPECT_EQ(x509::parse_invalidity_date(extension->first).value(), since);
}

TEST_F(DeltaTest, ADeltaMayReachBackToTheOldestBaseThatIsStillValid) {
  set([](ca::AuthoritySettings& s) {
    s.crl_period = Span{0, std::chrono::days(7)};
    s.crl_overlap = Span{};
    s.delta_from_oldest_base = true;
  });
  const Buffer first = issue(), second = issue();
  const std::uint64_t oldest = publish().front().record.number;
  bench.clock().advance(std::chrono::days(1));
  revoke(first);
  publish();
  revoke(second);
  EXPECT_EQ(publish_delta().record.base_number, oldest);
  EXPECT_THAT(delta_entries(),
              ElementsAre(Entry{first, CrlReason::superseded}, Entry{second, CrlReason::superseded}));
  bench.clock().advance(std::chrono::days(7));
  EXPECT_GT(publish_delta().record.base_number, oldest) << "that one has expired";
}

TEST_F(DeltaTest, ADeltaKeepsTheScopeOfItsBaseAndAChangedScopeMakesABaseDue) {
  publish();
  set([](ca::AuthoritySettings& s) { s.cdp.push_back({128, "http://idp.example/%3%8%9.crl"}); });
  publish_delta();
  EXPECT_FALSE(extension_in(delta_file(), oid::kIssuingDistributionPoint)) << "its base has none";
  const DueReport report = publish_what_is_due();
  ASSERT_EQ(report.published.size(), 2u);
  EXPECT_TRUE(extension_in(base_file(), oid::kIssuingDistributionPoint));
  EXPECT_TRUE(extension_in(delta_file(), oid::kIssuingDistributionPoint));
}

TEST_F(DeltaTest, WhatCannotBeIsSaid) {
  const auto too_early = publish_deltas(*authority);
  ASSERT_FALSE(too_early);
  EXPECT_THAT(too_early.error().report(), HasSubstr("no base CRL"));
  set([&](ca::AuthoritySettings& s) { s.cdp = {{65, (bench.home().published() / "same.crl").string()}}; });
  const auto same_file = publish_crls(*authority);
  ASSERT_FALSE(same_file);
  EXPECT_THAT(same_file.error().report(), HasSubstr("would both be written to"));
  set([&](ca::AuthoritySettings& s) { s.cdp = {{1, (bench.home().published() / "x.crl").string()}}; });
  publish();
  const auto nowhere = publish_deltas(*authority);
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().report(), HasSubstr("no file location to publish delta CRLs to"));
  set([](ca::AuthoritySettings& s) { s.delta_period = Span{}; });
  const auto off = publish_deltas(*authority);
  ASSERT_FALSE(off);
  EXPECT_THAT(off.error().report(), HasSubstr("publishes no delta CRLs"));
}

TEST_F(DeltaTest, PublishedLocationsStandInEveryCrl) {
  set([](ca::AuthoritySettings& s) {
    s.configuration_container = "CN=Configuration,DC=example";
    s.cdp.push_back({8, "ldap:///CN=%7%8,CN=%2,CN=CDP,CN=Public Key Services,CN=Services,%6%10"});
    s.short_name = "PKI";
  });
  publish();
  const auto urls = [&](const fs::path& file) {
    return x509::uris_of(
        x509::parse_distribution_points(extension_in(file, oid::kMsPublishedCrlLocations)->first).value());
  };
  EXPECT_THAT(urls(base_file()),
              ElementsAre("ldap:///CN=CRL%20Root,CN=PKI,CN=CDP,CN=Public%20Key%20Services,CN=Services,"
                          "CN=Configuration,DC=example?certificateRevocationList?base?objectClass="
                          "cRLDistributionPoint"));
  EXPECT_THAT(urls(delta_file()), ElementsAre(HasSubstr("?deltaRevocationList?")));
}

TEST_F(RevocationTest, WithoutDeltasABaseNamesNone) {
  EXPECT_EQ(publish().size(), 1u);
  EXPECT_FALSE(extension_in(base_file(), oid::kFreshestCrl)) << "clients would look for it in vain";
  EXPECT_FALSE(fs::exists(delta_file()));
}

// --- scope ---

TEST_F(RevocationTest, AScopeIsSaidInTheCrlAndKeptWhenIssuing) {
  set([](ca::AuthoritySettings& s) { s.crl_scope = ca::CrlScope::ca; });
  ca::Submission submission;
  submission.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
  submission.template_name = "WebServer";
  const auto refused = authority->submit(submission);
  ASSERT_TRUE(refused) << refused.error().report();
  EXPECT_EQ(refused->disposition, ca::Disposition::denied);
  EXPECT_EQ(refused->reason, "crl_scope");
  EXPECT_THAT(refused->message, HasSubstr("a certificate of an end entity"));
  EXPECT_THAT(refused->mend, HasSubstr("--scope all"));
  const auto point = [&] {
    publish();
    const auto extension = extension_in(base_file(), oid::kIssuingDistributionPoint);
    EXPECT_TRUE(extension && extension->second) << "critical, RFC 5280 5.2.5";
    return extension ? x509::parse_issuing_distribution_point(extension->first).value()
                     : x509::IssuingDistributionPoint{};
  };
  EXPECT_TRUE(point().only_ca_certs);
  set([](ca::AuthoritySettings& s) { s.crl_scope = ca::CrlScope::user; });
  revoke(issue());
  EXPECT_TRUE(point().only_user_certs);
  const auto snapshot = std::move(bench.database().snapshot().value());
  const auto check = [&](ca::CrlScope scope) {
    return check_scope_of_issued(*snapshot, authority->record().id, scope, bench.clock().now());
  };
  EXPECT_TRUE(check(ca::CrlScope::user));
  EXPECT_TRUE(check(ca::CrlScope::all));
  const Status conflict = check(ca::CrlScope::ca);
  ASSERT_FALSE(conflict);
  EXPECT_THAT(conflict.error().report(), HasSubstr("is one of an end entity"));
}

// --- settings take effect without a restart ---

TEST_F(RevocationTest, AChangedLocationIsInTheNextCertificateAndCounted) {
  const auto cdp_of = [](const Buffer& certificate) {
    const auto view = x509::parse_certificate(certificate).value();
    return x509::uris_of(
        x509::parse_distribution_points(view.find(oid::kCrlDistributionPoints)->value).value());
  };
  const Buffer old_certificate = (issue(), last_certificate);
  (void)issue();
  set([](ca::AuthoritySettings& s) { s.cdp.back().url = "http://new.example/%3%8%9.crl"; });
  (void)issue();
  EXPECT_THAT(cdp_of(last_certificate), ElementsAre("http://new.example/CRL%20Root.crl"));
  EXPECT_THAT(cdp_of(old_certificate), ElementsAre(HasSubstr("/pki/CRL%20Root.crl")));
  const auto sets =
      bench.database().snapshot().value()->location_sets(authority->record().id, bench.clock().now()).value();
  ASSERT_EQ(sets.size(), 2u);
  EXPECT_EQ(sets[0].live, 2u);
  EXPECT_EQ(sets[1].live, 1u);
  EXPECT_EQ(ca::parse_issued_locations(sets[0].text)->cdp, cdp_of(old_certificate));
  EXPECT_EQ(ca::parse_issued_locations(sets[1].text)->cdp, cdp_of(last_certificate));
}

// --- several places ---

class PlacesTest : public DeltaTest {
 protected:
  void SetUp() override {
    DeltaTest::SetUp();
    fs::create_directory(other());
    set([&](ca::AuthoritySettings& s) {
      s.cdp.insert(s.cdp.begin(), {65, (other() / "%3%8%9.crl").string()});
    });
  }
  fs::path other() const { return bench.home().folder() / "other"; }
  fs::path other_base() const { return other() / "CRL Root.crl"; }
  fs::path other_delta() const { return other() / "CRL Root+.crl"; }
  void break_other() { fs::rename(other(), bench.home().folder() / "away"); }
  void mend_other() { fs::rename(bench.home().folder() / "away", other()); }
  std::vector<store::CrlTarget> targets() {
    return bench.database().snapshot().value()->crl_targets(authority->record().id).value();
  }
};

TEST_F(PlacesTest, EveryPlaceGetsTheSame) {
  revoke(issue());
  const auto published = publish();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_THAT(published[0].files, ElementsAre(other_base(), base_file()));
  EXPECT_EQ(read_file(other_base()).value(), read_file(base_file()).value());
  EXPECT_EQ(read_file(other_delta()).value(), read_file(delta_file()).value());
  EXPECT_EQ(targets().size(), 4u);
  for (const store::CrlTarget& target : targets()) EXPECT_EQ(target.error, "");
}

TEST_F(PlacesTest, APlaceThatFailsIsNamedRememberedAndServedLater) {
  publish();
  const Buffer old = read_file(other_base()).value();
  break_other();
  revoke(issue());
  const auto published = publish();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_THAT(published[0].files, ElementsAre(base_file()));
  ASSERT_EQ(published[0].failures.size(), 1u);
  EXPECT_EQ(published[0].failures[0].target, other_base());
  EXPECT_EQ(published[0].failures[0].number, 1u) << "what it holds still";
  EXPECT_THAT(published[0].failures[0].error, HasSubstr("other"));
  EXPECT_EQ(published[1].record.base_number, 1u)
      << "a base that does not lie everywhere is nobody's base yet";
  DueReport report = publish_what_is_due();
  EXPECT_THAT(report.published, IsEmpty());
  EXPECT_EQ(report.missed.size(), 2u) << "it is still broken";
  mend_other();
  EXPECT_EQ(read_file(other_base()).value(), old);
  report = publish_what_is_due();
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_THAT(report.published, IsEmpty()) << "nothing new is made for it";
  ASSERT_EQ(report.copied.size(), 2u);
  EXPECT_EQ(read_file(other_base()).value(), read_file(base_file()).value());
  EXPECT_EQ(read_file(other_delta()).value(), read_file(delta_file()).value());
  for (const store::CrlTarget& target : targets()) EXPECT_EQ(target.error, "");
  EXPECT_EQ(publish_delta().record.base_number, 3u) << "now it is";
  report = publish_what_is_due();
  EXPECT_TRUE(report.published.empty() && report.copied.empty() && report.failures.empty());
}

TEST_F(PlacesTest, ACopyNeverGoesBack) {
  publish();
  break_other();
  publish();
  mend_other();
  // As if a publication had been interrupted before it was recorded.
  const Buffer newer = (publish(), read_file(other_base()).value());
  ASSERT_TRUE(bench.database().commit([&](store::Transaction& t) -> Status {
    for (store::CrlTarget target : TRY(t.crl_targets(authority->record().id))) {
      target.number = 1;
      TRY(t.put_crl_target(target));
    }
    return ok();
  }));
  EXPECT_THAT(publish_what_is_due().failures, IsEmpty());
  EXPECT_EQ(read_file(other_base()).value(), newer);
}

TEST_F(PlacesTest, ANewPlaceGetsTheCrlsThatThereAre) {
  revoke(issue());
  publish();
  const fs::path third = bench.home().folder() / "third";
  fs::create_directory(third);
  set([&](ca::AuthoritySettings& s) { s.cdp.push_back({65, (third / "%3%8%9.crl").string()}); });
  EXPECT_EQ(publish_what_is_due().copied.size(), 2u);
  EXPECT_EQ(read_file(third / "CRL Root.crl").value(), read_file(base_file()).value());
  EXPECT_EQ(read_file(third / "CRL Root+.crl").value(), read_file(delta_file()).value());
}

TEST_F(PlacesTest, WhenNoPlaceCanBeWrittenNothingIsPublished) {
  publish();
  break_other();
  fs::rename(bench.home().published(), bench.home().folder() / "gone");
  const auto failed = publish_crls(*authority);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().summary(), HasSubstr("CRL Root"));
  EXPECT_EQ(targets().front().wanted, 3u);
  EXPECT_NE(targets().front().error, "");
  fs::rename(bench.home().folder() / "gone", bench.home().published());
  mend_other();
  EXPECT_EQ(publish().front().record.number, 4u) << "its number is not used again";
}

// --- schedule ---

std::vector<CrlTask> schedule_of(ca::TestBench& bench, const ca::LocalAuthority& authority) {
  const auto snapshot = bench.database().snapshot().value();
  return crl_schedule(*snapshot, authority.record(), authority.settings(), bench.clock().now()).value();
}

TEST_F(DeltaTest, TheScheduleFollowsThePeriods) {
  set([](ca::AuthoritySettings& s) { s.crl_period = Span{0, std::chrono::days(7)}; });
  ASSERT_TRUE(authority->refresh());
  auto tasks = schedule_of(bench, *authority);
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].what, CrlTask::What::base);
  EXPECT_EQ(tasks[0].at, bench.clock().now()) << "there is none yet";
  EXPECT_EQ(publish_what_is_due().published.size(), 2u);
  EXPECT_TRUE(publish_what_is_due().published.empty()) << "not twice";
  tasks = schedule_of(bench, *authority);
  EXPECT_EQ(tasks[0].at, bench.clock().now() + std::chrono::days(7));
  EXPECT_EQ(tasks[1].what, CrlTask::What::delta);
  EXPECT_EQ(tasks[1].at, bench.clock().now() + std::chrono::days(1));
  bench.clock().advance(std::chrono::days(1));
  DueReport report = publish_what_is_due();
  ASSERT_EQ(report.published.size(), 1u);
  EXPECT_TRUE(report.published[0].record.delta);
  bench.clock().advance(std::chrono::days(6));
  report = publish_what_is_due();
  ASSERT_EQ(report.published.size(), 2u);
  EXPECT_FALSE(report.published[0].record.delta);
  EXPECT_TRUE(report.published[1].record.delta);
}

TEST_F(DeltaTest, TwoThatLookAtTheSameTimePublishOnce) {
  publish();
  bench.clock().advance(std::chrono::days(400));
  std::atomic<std::size_t> published{0};
  {
    std::vector<std::jthread> publishers;
    for (int i = 0; i < 4; ++i)
      publishers.emplace_back([&] {
        const auto report = publish_due(*authority);
        ASSERT_TRUE(report) << report.error().report();
        published += report->published.size();
      });
  }
  EXPECT_EQ(published, 2u) << "a base and its delta";
}

}  // namespace
}  // namespace vouch::revocation
