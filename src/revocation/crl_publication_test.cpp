#include "revocation/crl_publication.hpp"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "revocation/tbs_spool.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::revocation {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CrlPublicationTest : public RevocationTest {
 protected:
  Published publish() { return RevocationTest::publish().front(); }
  // The file as the world sees it.
  Buffer file() const { return read_file(bench.home().published() / "CRL Root.crl").value(); }
  static std::vector<Buffer> serials(const Buffer& der) {
    std::vector<Buffer> out;
    const auto crl = x509::parse_crl(der).value();
    for (x509::CrlEntryReader entries(crl.entries); !entries.at_end();)
      out.push_back(to_buffer(x509::serial_octets(entries.next()->serial)));
    return out;
  }
};

TEST_F(CrlPublicationTest, AnEmptyCrlIsSignedNumberedAndDated) {
  const Published published = publish();
  const Buffer der = file();
  const auto crl = x509::parse_crl(der).value();
  EXPECT_FALSE(crl.entries_present);
  EXPECT_EQ(crl.this_update, ca::kTestNow);
  EXPECT_EQ(crl.next_update, published.record.next_update);
  EXPECT_TRUE(bench.provider().verify(authority->current().signer->public_key_info(),
                                      authority->settings().signature_algorithm, crl.tbs, crl.signature));
  EXPECT_EQ(published.record.number, 1u);
  EXPECT_EQ(published.record.size, der.size());
  EXPECT_EQ(published.record.sha256, bench.provider().digest(crypto::DigestAlgorithm::sha256, der));
}

TEST_F(CrlPublicationTest, RevokedCertificatesAreListedWithTheirReasonAndHeldOnesUntilReleased) {
  const Buffer gone = issue(), held = issue();
  (void)issue();
  revoke(gone, x509::CrlReason::key_compromise);
  revoke(held, x509::CrlReason::certificate_hold);
  publish();
  EXPECT_THAT(serials(file()), testing::UnorderedElementsAre(gone, held));
  const Buffer der = file();
  const auto first = x509::CrlEntryReader(x509::parse_crl(der)->entries).next();
  EXPECT_TRUE(x509::parse_crl_entry_extensions(first->extensions_der)->reason.has_value());
  ASSERT_TRUE(authority->release(held, "bob"));
  EXPECT_EQ(publish().record.entries, 1u);
  EXPECT_THAT(serials(file()), ElementsAre(gone));
}

TEST_F(CrlPublicationTest, NumbersRiseAcrossStarts) {
  EXPECT_EQ(publish().record.number, 1u);
  EXPECT_EQ(publish().record.number, 2u);
  authority.reset();
  bench.reopen();
  authority = bench.open("CRL Root");
  EXPECT_EQ(publish().record.number, 3u);
}

// RFC 5280 3.3: an entry stays until one regularly scheduled CRL beyond the certificate's end.
TEST_F(CrlPublicationTest, AnExpiredCertificateAppearsOneLastTime) {
  const Buffer serial = issue();
  revoke(serial);
  publish();
  bench.clock().advance(std::chrono::days(800));
  publish();
  EXPECT_THAT(serials(file()), ElementsAre(serial));
  publish();
  EXPECT_THAT(serials(file()), IsEmpty());
}

TEST_F(CrlPublicationTest, WhenWritingFailsTheOldCrlStaysAndTheNumberIsNotUsedAgain) {
  publish();
  const Buffer before = file();
  revoke(issue());
  fs::rename(bench.home().published(), bench.home().folder() / "away");
  const auto failed = publish_crls(*authority);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().summary(), HasSubstr("CRL Root"));
  fs::rename(bench.home().folder() / "away", bench.home().published());
  EXPECT_EQ(file(), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(bench.home().published()), {}), 1)
      << "something half-written is left";
  EXPECT_EQ(publish().record.number, 3u);
}

TEST_F(CrlPublicationTest, TwoPublishersTakeTurns) {
  std::vector<std::jthread> publishers;
  std::mutex mutex;
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 4; ++i)
    publishers.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        const std::uint64_t number = publish().record.number;
        const std::scoped_lock lock(mutex);
        numbers.push_back(number);
      }
    });
  publishers.clear();
  EXPECT_EQ(std::set(numbers.begin(), numbers.end()).size(), 20u);
  // What is published last is the highest.
  const Buffer der = file();
  const auto crl = x509::parse_crl(der).value();
  EXPECT_EQ(to_hex(x509::parse_crl_number(crl.find(x509::oid::kCrlNumber)->value).value()), "14");
}

TEST(TbsSpoolTest, AListOfAnySizeIsOneValidSequence) {
  const ca::TemporaryFolder folder;
  x509::CrlFields fields;
  fields.algorithm = crypto::SignatureAlgorithm::ecdsa_sha256;
  const Buffer issuer = x509::encode_name(x509::make_name({{x509::oid::kCommonName, "Spool"}}));
  fields.issuer = issuer;
  fields.this_update = ca::kTestNow;
  fields.next_update = ca::kTestNow + 24h;
  fields.extensions = {x509::make_extension(x509::oid::kCrlNumber, false, x509::encode_crl_number(1))};
  Buffer serial(18, 0x11);
  const auto entry_of = [&](std::uint64_t i) {
    for (std::size_t j = 0; j < 8; ++j) serial[17 - j] = static_cast<std::uint8_t>(i >> (8 * j));
    return x509::CrlEntry{serial, ca::kTestNow, x509::CrlReason::key_compromise, {}};
  };
  Buffer one;
  x509::append_crl_entry(one, entry_of(0));
  // Around the sizes where DER lengths grow by an octet, and where the list leaves memory.
  const std::uint64_t at_64k = 0x1'0000 / one.size(), at_16m = 0x100'0000 / one.size();
  for (const std::uint64_t count :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, at_64k - 3, at_64k - 2, at_64k - 1, at_64k,
        at_16m - 1, at_16m, at_16m + 1, at_16m + 60'000}) {
    SCOPED_TRACE(count);
    const fs::path target = folder.path() / "list.crl";
    TbsSpool spool = TbsSpool::create(target, fields);
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(spool.add(entry_of(i)));
    const Buffer tbs = to_buffer(spool.finish().value());
    auto file = spool.seal(Buffer(71, 0x30));
    ASSERT_TRUE(file) << file.error().report();
    EXPECT_FALSE(fs::exists(target)) << "nothing is there before the commit";
    Buffer whole;
    for (const Bytes part : spool.parts()) append(whole, part);
    ASSERT_TRUE(file->commit());
    const Buffer der = read_file(target).value();
    EXPECT_TRUE(der == whole);
    const auto view = x509::parse_crl(der);
    ASSERT_TRUE(view) << view.error().report();
    EXPECT_TRUE(equal(view->tbs, tbs));
    std::uint64_t seen = 0;
    for (x509::CrlEntryReader entries(view->entries); !entries.at_end(); ++seen) ASSERT_TRUE(entries.next());
    EXPECT_EQ(seen, count);
    EXPECT_EQ(spool.entries(), count);
    fs::remove(target);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(TbsSpoolTest, ALargeListThatIsGivenUpLeavesNothing) {
  const ca::TemporaryFolder folder;
  const Buffer issuer = x509::encode_name(x509::make_name({{x509::oid::kCommonName, "Spool"}}));
  {
    TbsSpool spool =
        TbsSpool::create(folder.path() / "list.crl",
                         {crypto::SignatureAlgorithm::ecdsa_sha256, issuer, ca::kTestNow, ca::kTestNow, {}});
    for (int i = 0; i < 400'000; ++i)
      ASSERT_TRUE(spool.add({Buffer(18, 0x22), ca::kTestNow, x509::CrlReason::superseded, {}}));
    EXPECT_FALSE(fs::is_empty(folder.path()));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CrlPublicationRoles, PublishingIsForManagersAndAdministratorsWhatIsDueForAnybody) {
  ca::TestBench bench(ca::TestRoles::granted);
  const auto root = bench.make_root();
  ASSERT_NE(root, nullptr);
  const auto denied = publish_crls(*root, "eve");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), Errc::denied);
  EXPECT_NE(denied.error().report().find("eve may not publish CRLs of CA 'Test Root'"), std::string::npos);
  ASSERT_TRUE(ca::grant_role(bench.environment(), {"mia", ca::Role::manager, 0, {}, {}, {}, {}}, "admin"));
  EXPECT_TRUE(publish_crls(*root, "mia"));
  EXPECT_TRUE(publish_crls(*root, "admin"));
  EXPECT_TRUE(publish_due(*root, "eve"));
}

}  // namespace
}  // namespace vouch::revocation
