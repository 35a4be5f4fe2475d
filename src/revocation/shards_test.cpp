// Sharded CRLs: each certificate names its list, and that list, and no other, shows its revocation.

#include <array>
#include <set>

#include "ca/serial.hpp"
#include "ca/setup/renewal.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using x509::CrlReason;
namespace oid = x509::oid;

class ShardsTest : public RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    set([](ca::AuthoritySettings& s) {
      s.dns_name = "pki.example";
      s.cdp = {s.cdp.front(), {6, "http://pki.example/%3%8%9.crl"}};
      s.no_locations = true;
      s.crl_period = Span{0, std::chrono::days(7)};
    });
  }
  void shard(std::uint32_t shards) {
    set([&](ca::AuthoritySettings& s) { s.crl_shards = shards; });
    ASSERT_TRUE(authority->refresh());
  }
  store::CertificateRecord row(const Buffer& serial) {
    return bench.database().snapshot().value()->certificate(serial).value();
  }
  // The URLs of the certificate's CDP.
  static std::vector<std::string> cdp_of(Bytes certificate) {
    const auto view = x509::parse_certificate(certificate).value();
    const auto* extension = view.find(oid::kCrlDistributionPoints);
    if (extension == nullptr) return {};
    std::vector<std::string> urls;
    const auto points = x509::parse_distribution_points(extension->value).value();
    for (const auto& point : points)
      for (const auto& name : point.name->full_name) urls.emplace_back(as_text(name.value));
    return urls;
  }
  static std::vector<std::string> idp_of(const fs::path& file) {
    const auto idp = extension_in(file, oid::kIssuingDistributionPoint);
    if (!idp) return {};
    EXPECT_TRUE(idp->second) << "critical, RFC 5280 5.2.5";
    std::vector<std::string> urls;
    const auto point = x509::parse_issuing_distribution_point(idp->first);
    if (point && point->name)
      for (const auto& name : point->name->full_name) urls.emplace_back(as_text(name.value));
    return urls;
  }
  // The file that a web server shows under the URL: the folder is its /.
  fs::path file_of(std::string url) const {
    url.erase(0, std::string("http://pki.example/").size());
    for (std::size_t at; (at = url.find("%20")) != std::string::npos;) url.replace(at, 3, " ");
    return bench.home().published() / url;
  }
  fs::path file_of(std::uint32_t shard, bool delta = false, std::string_view key = "") const {
    return bench.home().published() / fmt::format("CRL Root{}~{}{}.crl", key, shard, delta ? "+" : "");
  }
  std::set<std::string> published_names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(bench.home().published()))
      if (entry.path().extension() == ".crl") names.insert(entry.path().filename());
    return names;
  }
  static bool lists(const fs::path& file, const Buffer& serial) {
    const auto all = entries(file);
    return std::ranges::find(all, serial, &Entry::serial) != all.end();
  }
};

TEST_F(ShardsTest, ACertificateNamesItsShardAndItsRowRemembersIt) {
  shard(8);
  for (int i = 0; i < 20; ++i) {
    const Buffer serial = issue();
    const std::uint32_t expected = 1 + (serial[16] * 256u + serial[17]) % 8;
    EXPECT_EQ(row(serial).shard, expected);
    EXPECT_THAT(cdp_of(last_certificate),
                ElementsAre(fmt::format("http://pki.example/CRL%20Root~{}.crl", expected)));
  }
}

TEST_F(ShardsTest, EachShardHasItsBaseAndDeltaWithTheUrlOfItsCertificates) {
  switch_deltas_on();
  shard(2);
  const auto published = publish();
  EXPECT_EQ(published.size(), 6u) << "the complete list and two shards, with their deltas";
  EXPECT_THAT(published_names(),
              testing::UnorderedElementsAre("CRL Root.crl", "CRL Root+.crl", "CRL Root~1.crl",
                                            "CRL Root~1+.crl", "CRL Root~2.crl", "CRL Root~2+.crl"));
  EXPECT_FALSE(extension_in(base_file(), oid::kIssuingDistributionPoint)) << "the complete list";
  for (const std::uint32_t number : {1u, 2u}) {
    const std::string url = fmt::format("http://pki.example/CRL%20Root~{}.crl", number);
    EXPECT_THAT(idp_of(file_of(number)), ElementsAre(url));
    EXPECT_THAT(idp_of(file_of(number, true)), ElementsAre(url)) << "RFC 5280 5.2.4: the same as its base";
    EXPECT_EQ(number_in(file_of(number, true), oid::kDeltaCrlIndicator),
              number_in(file_of(number), oid::kCrlNumber));
    const auto freshest =
        x509::parse_distribution_points(extension_in(file_of(number), oid::kFreshestCrl).value().first);
    ASSERT_TRUE(freshest);
    EXPECT_EQ(as_text(freshest->front().name->full_name.front().value),
              fmt::format("http://pki.example/CRL%20Root~{}+.crl", number));
  }
  std::uint64_t last = 0;
  for (const Published& crl : published) {
    EXPECT_GT(crl.record.number, last) << "one sequence over all of them";
    last = crl.record.number;
  }
}

TEST_F(ShardsTest, HoldAndReleaseShowInTheDeltaOfTheShard) {
  switch_deltas_on();
  shard(4);
  const Buffer serial = issue();
  const std::uint32_t mine = row(serial).shard;
  hold(serial);
  publish();
  EXPECT_THAT(entries(file_of(mine)), ElementsAre(Entry{serial, CrlReason::certificate_hold}));
  release(serial);
  ASSERT_TRUE(publish_deltas(*authority, "bob"));
  for (std::uint32_t each = 1; each <= 4; ++each)
    if (each == mine)
      EXPECT_THAT(entries(file_of(each, true)), ElementsAre(Entry{serial, CrlReason::remove_from_crl}));
    else
      EXPECT_THAT(entries(file_of(each, true)), IsEmpty());
}

TEST_F(ShardsTest, AnotherNumberOfShardsLeavesWhatWasIssuedWhereItIs) {
  const Buffer before = issue();
  shard(64);
  std::map<Buffer, std::uint32_t> old;
  for (int i = 0; i < 6; ++i) {
    const Buffer serial = issue();
    old[serial] = row(serial).shard;
  }
  shard(1);
  const Buffer after = issue();
  EXPECT_EQ(row(after).shard, 0u);
  EXPECT_THAT(cdp_of(last_certificate), ElementsAre("http://pki.example/CRL%20Root.crl"));
  std::set<std::string> expected{"CRL Root.crl"};
  for (const auto& [serial, mine] : old) {
    revoke(serial);
    expected.insert(fmt::format("CRL Root~{}.crl", mine));
  }
  revoke(before);
  publish();
  EXPECT_EQ(published_names(), expected) << "those that certificates carry, and no other";
  for (const auto& [serial, mine] : old) {
    EXPECT_TRUE(lists(file_of(mine), serial));
    EXPECT_FALSE(lists(file_of(mine), before));
  }
  EXPECT_EQ(entries(base_file()).size(), 7u) << "the complete list has all of them";
}

TEST_F(ShardsTest, AShardIsPublishedUntilItsLastCertificateHasHadItsLastAppearance) {
  shard(32);
  const Buffer serial = issue();
  const std::uint32_t mine = row(serial).shard;
  shard(1);
  revoke(serial);
  publish();
  bench.clock().advance(row(serial).not_after - bench.clock().now() + std::chrono::hours(1));
  publish();
  EXPECT_TRUE(lists(file_of(mine), serial)) << "RFC 5280 3.3: once more beyond its end";
  bench.clock().advance(std::chrono::hours(1));
  EXPECT_EQ(publish().size(), 1u) << "nobody needs the shard any more";
}

TEST_F(ShardsTest, MovedLocationsStayInTheDistributionPointWhileCertificatesCarryThem) {
  shard(2);
  const Buffer serial = issue();
  const std::string old_url = cdp_of(last_certificate).front();
  set([](ca::AuthoritySettings& s) { s.cdp[1].url = "http://new.example/crl<CRLShardSuffix>%8%9"; });
  ASSERT_TRUE(authority->refresh());
  publish();
  const std::uint32_t mine = row(serial).shard;
  const std::string new_url = fmt::format("http://new.example/crl~{}", mine);
  EXPECT_THAT(idp_of(file_of(mine)), ElementsAre(new_url, old_url));
  EXPECT_THAT(idp_of(file_of(3 - mine)), ElementsAre(fmt::format("http://new.example/crl~{}", 3 - mine)));
  const auto sets =
      bench.database().snapshot().value()->location_sets(authority->record().id, Time()).value();
  EXPECT_EQ(sets.size(), 1u) << "one for all shards";
}

TEST_F(ShardsTest, ALocationWithoutAPlaceForTheShardIsRefused) {
  ca::AuthoritySettings settings = authority->settings();
  settings.crl_shards = 2;
  EXPECT_TRUE(ca::check_crl_settings(settings));
  settings.cdp.push_back({6, "http://pki.example/%3%9.crl"});
  const Status refused = ca::check_crl_settings(settings);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("http://pki.example/%3%9.crl"));
  EXPECT_THAT(std::string(refused.error().hint()), HasSubstr("<CRLShardSuffix>"));
  settings.cdp = {settings.cdp.front()};
  EXPECT_FALSE(ca::check_crl_settings(settings)) << "no certificate would say which shard is its own";
  settings.crl_shards = ca::kMostCrlShards + 1;
  EXPECT_FALSE(ca::check_crl_settings(settings));
}

TEST_F(ShardsTest, AShardThatCannotBeWrittenKeepsNoOtherFromItsCrl) {
  shard(3);
  fs::create_directory(file_of(2));  // nothing can be renamed onto it
  fs::create_directory(file_of(2) / "occupied");
  DueReport report = publish_what_is_due();
  EXPECT_EQ(report.published.size(), 3u) << "the complete list and two shards";
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_THAT(report.failures.front().report(), HasSubstr("shard 2"));
  EXPECT_TRUE(fs::is_regular_file(file_of(3)));
  EXPECT_FALSE(publish_crls(*authority, "bob")) << "on demand it is said, after all were tried";
  fs::remove_all(file_of(2));
  report = publish_what_is_due();
  EXPECT_TRUE(report.failures.empty());
  EXPECT_TRUE(fs::is_regular_file(file_of(2)));
}

// Ten thousand certificates of one node, a renewal with a new key in their midst, deltas on.
TEST_F(ShardsTest, TenThousandSpreadEvenlyAndEachIsFoundWhereItsUrlLeads) {
  constexpr std::uint32_t kShards = 16;
  constexpr std::size_t kCertificates = 10'000;
  constexpr std::size_t kBatch = 250;
  switch_deltas_on();
  shard(kShards);
  ca::Submission submission;
  submission.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
  submission.template_name = "WebServer";
  const std::vector<ca::Submission> batch(kBatch, submission);
  std::array<std::size_t, kShards> count{};
  std::map<std::string, std::vector<Buffer>> by_url;
  for (std::size_t done = 0; done < kCertificates; done += kBatch) {
    if (done == kCertificates / 2) {
      authority.reset();
      ca::RenewOptions options;
      options.new_key = true;
      options.administrator = "bob";
      const auto renewed = ca::renew(bench.environment(), kTestCa, options);
      ASSERT_TRUE(renewed) << renewed.error().report();
      authority = bench.open(kTestCa);
    }
    const auto outcomes = authority->submit(std::span(batch));
    for (const auto& outcome : outcomes) {
      ASSERT_TRUE(outcome) << outcome.error().report();
      const auto urls = cdp_of(outcome->certificate);
      ASSERT_EQ(urls.size(), 1u);
      const Buffer serial =
          to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
      ++count[ca::shard_of(serial, kShards) - 1];
      by_url[urls.front()].push_back(serial);
    }
  }
  double chi_square = 0;
  for (const std::size_t each : count) {
    const double expected = double{kCertificates} / kShards, apart = static_cast<double>(each) - expected;
    chi_square += apart * apart / expected;
  }
  // 15 degrees of freedom: even spreading exceeds 52.6 once in 200,000 runs.
  EXPECT_LT(chi_square, 52.6);
  ASSERT_EQ(by_url.size(), 2 * kShards) << "for each key";

  // Of each list one certificate is revoked before the base, one before the delta.
  for (const auto& [url, serials] : by_url) revoke(serials[0]);
  publish();
  for (const auto& [url, serials] : by_url) revoke(serials[1]);
  ASSERT_TRUE(publish_deltas(*authority, "bob"));
  for (const auto& [url, serials] : by_url) {
    SCOPED_TRACE(url);
    EXPECT_THAT(idp_of(file_of(url)), ElementsAre(url));
    EXPECT_THAT(entries(file_of(url)), ElementsAre(Entry{serials[0], CrlReason::superseded}))
        << "its own, and none of another shard or key";
    std::string delta = url;
    delta.insert(delta.size() - 4, "+");
    EXPECT_THAT(idp_of(file_of(delta)), ElementsAre(url));
    EXPECT_THAT(entries(file_of(delta)), ElementsAre(Entry{serials[1], CrlReason::superseded}));
  }
  EXPECT_EQ(entries(base_file()).size(), kShards) << "the complete list of the first key";
}

}  // namespace
}  // namespace vouch::revocation
