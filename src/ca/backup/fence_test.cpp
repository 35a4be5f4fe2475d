#include "ca/backup/fence.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Buffer serial(std::uint32_t n) {
  Buffer octets(18, 0x11);
  for (std::size_t i = 0; i < 4; ++i) octets[14 + i] = static_cast<std::uint8_t>(n >> (24 - 8 * i));
  return octets;
}

FenceEvent issued(std::uint32_t n, Time not_after = kTestNow + std::chrono::days(365)) {
  store::CertificateRecord certificate;
  certificate.serial = serial(n);
  certificate.not_after = not_after;
  certificate.key_index = 2;
  return FenceEvent::issued(certificate);
}

FenceEvent revoked(std::uint32_t n, x509::CrlReason reason, std::optional<Time> invalidity = {},
                   Time not_after = kTestNow + std::chrono::days(365)) {
  store::CertificateRecord certificate;
  certificate.serial = serial(n);
  certificate.not_after = not_after;
  return FenceEvent::revoked(certificate, {serial(n), kTestNow, reason, invalidity});
}

FenceEvent crl(std::uint64_t number) {
  store::CrlRecord record;
  record.number = number;
  return FenceEvent::crl(record);
}

class FenceTest : public testing::Test {
 protected:
  std::vector<FenceEvent> events(std::string_view nonce = "") {
    std::vector<FenceEvent> found;
    const auto reading = fence.read(nonce, [&](FenceEvent event) { found.push_back(std::move(event)); });
    EXPECT_TRUE(reading) << reading.error().report();
    if (reading) damaged = reading->damaged;
    return found;
  }
  void record(std::vector<FenceEvent> what) {
    const auto done = fence.record(what);
    ASSERT_TRUE(done) << done.error().report();
  }
  std::string text() const { return std::string(as_text(read_file(fence.file()).value())); }
  void write(std::string_view content) {
    ASSERT_TRUE(write_file_atomic(fence.file(), as_bytes(content), 0600));
  }

  TemporaryFolder folder;
  Fence fence{folder.path() / "fence" / "CA.log", "0123456789abcdef"};
  std::vector<std::string> damaged;
};

TEST_F(FenceTest, EveryKindOfLineComesBackAsItWas) {
  FenceEvent in_a_shard = issued(7), revoked_in_a_shard = revoked(8, x509::CrlReason::superseded);
  in_a_shard.shard = 12;
  revoked_in_a_shard.shard = 1;
  const std::vector<FenceEvent> all{
      in_a_shard,
      revoked_in_a_shard,
      issued(1),
      revoked(1, x509::CrlReason::key_compromise, kTestNow - std::chrono::days(3)),
      revoked(2, x509::CrlReason::certificate_hold),
      FenceEvent::release(serial(2)),
      crl(17),
      FenceEvent::audit(12, serial(9)),
      FenceEvent::audit(13, {}),
      FenceEvent::mark("00ff"),
      FenceEvent::accepted(kTestNow)};
  record(all);
  EXPECT_EQ(events(), all);
  EXPECT_THAT(damaged, IsEmpty());
}

TEST_F(FenceTest, WithoutAFileNothingHasBeenSeen) { EXPECT_THAT(events(), IsEmpty()); }

// The expected value is Python's: zlib.crc32(b"mark 00ff").
TEST_F(FenceTest, TheChecksumIsCrc32) {
  EXPECT_EQ(format_fence_line(FenceEvent::mark("00ff")), "mark 00ff #cc57d69a");
}

TEST_F(FenceTest, ATornLastLineIsPassedOverAndCutOffByTheNextWriter) {
  record({issued(1), issued(2)});
  const std::string whole = text();
  // Cut at every octet of the last line, its line break included.
  const auto last_line = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t size = last_line; size < whole.size(); ++size) {
    write(whole.substr(0, size));
    EXPECT_THAT(events(), ElementsAre(issued(1))) << size;
    EXPECT_THAT(damaged, IsEmpty());
    Fence later(fence.file(), "0123456789abcdef");
    ASSERT_TRUE(later.record(std::array{issued(3)}));
    EXPECT_THAT(events(), ElementsAre(issued(1), issued(3))) << size;
  }
}

TEST_F(FenceTest, ZeroesThatAPowerCutLeavesAreATornLine) {
  record({issued(1)});
  write(text() + std::string(100, '\0'));
  EXPECT_THAT(events(), ElementsAre(issued(1)));
  Fence later(fence.file(), "0123456789abcdef");
  ASSERT_TRUE(later.record(std::array{issued(2)}));
  EXPECT_THAT(events(), ElementsAre(issued(1), issued(2)));
}

TEST_F(FenceTest, DamageElsewhereNamesItsLine) {
  record({issued(1), issued(2), issued(3)});
  const std::string whole = text();
  const auto second = whole.find("issued", whole.find("issued") + 1);
  for (std::size_t at = second; at + 1 < whole.find('\n', second); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write(changed);
    EXPECT_THAT(events(), SizeIs(2)) << at;
    ASSERT_THAT(damaged, SizeIs(1)) << at;
    EXPECT_THAT(damaged.front(), HasSubstr("CA.log:3:"));
  }
}

TEST_F(FenceTest, TheFenceOfAnotherCaIsRefused) {
  record({issued(1)});
  const Fence other(fence.file(), "fedcba9876543210");
  const auto reading = other.read("", [](const FenceEvent&) {});
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code(), Errc::conflict);
}

TEST_F(FenceTest, OnlyWhatFollowsAKnownMarkIsVisited) {
  record({issued(1), FenceEvent::mark("aa"), issued(2), FenceEvent::mark("bb"), issued(3)});
  EXPECT_THAT(events("aa"), ElementsAre(issued(2), FenceEvent::mark("bb"), issued(3)));
  EXPECT_THAT(events("bb"), ElementsAre(issued(3)));
  EXPECT_THAT(events("cc"), SizeIs(5));
}

TEST_F(FenceTest, AMarkFarBackInALargeFileIsFound) {
  std::vector<FenceEvent> many{issued(0), FenceEvent::mark("aa")};
  for (std::uint32_t n = 1; n <= 60'000; ++n) many.push_back(issued(n));
  record(many);
  EXPECT_THAT(events("aa"), SizeIs(60'000));
  EXPECT_THAT(events("bb"), SizeIs(60'002));
}

TEST_F(FenceTest, CompactionKeepsWhatIsStillNeeded) {
  const Time past = kTestNow - std::chrono::days(100);
  record({issued(1, past), issued(2), revoked(1, x509::CrlReason::superseded, {}, past),
          revoked(2, x509::CrlReason::certificate_hold), FenceEvent::release(serial(1)),
          FenceEvent::release(serial(2)), crl(3), crl(4), FenceEvent::audit(5, {}), FenceEvent::audit(6, {}),
          FenceEvent::accepted(past), FenceEvent::accepted(kTestNow), FenceEvent::mark("aa")});
  ASSERT_TRUE(fence.compact(kTestNow));
  EXPECT_THAT(events(), ElementsAre(issued(2), revoked(2, x509::CrlReason::certificate_hold),
                                    FenceEvent::release(serial(2)), crl(4), FenceEvent::audit(6, {}),
                                    FenceEvent::accepted(kTestNow), FenceEvent::mark("aa")));
  record({issued(7)});
  EXPECT_THAT(events(), SizeIs(8));
}

TEST_F(FenceTest, CompactionIsDueWhenTheFileHasDoubled) {
  std::vector<FenceEvent> many;
  for (std::uint32_t n = 1; n <= 30'000; ++n) many.push_back(issued(n));
  record(many);
  EXPECT_TRUE(fence.compaction_due());
  ASSERT_TRUE(fence.compact(kTestNow));
  EXPECT_FALSE(fence.compaction_due());
  EXPECT_THAT(events(), SizeIs(30'000));
  record(many);
  record(many);
  EXPECT_TRUE(fence.compaction_due());
}

TEST_F(FenceTest, CompactionKeepsDamagedLinesUntilTheirLossIsAccepted) {
  record({issued(1), issued(2)});
  std::string changed = text();
  changed[changed.find("issued") + 8] ^= 1;
  write(changed);
  ASSERT_TRUE(fence.compact(kTestNow));
  EXPECT_THAT(events(), SizeIs(1));
  EXPECT_THAT(damaged, SizeIs(1));
  ASSERT_TRUE(fence.rewrite(kTestNow));
  EXPECT_THAT(events(), ElementsAre(issued(2)));
  EXPECT_THAT(damaged, IsEmpty());
}

// Two objects stand for two processes: each has a descriptor of its own.
TEST_F(FenceTest, WritersAndACompactorLoseNothing) {
  Fence second(fence.file(), "0123456789abcdef");
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        Fence& mine = thread % 2 == 0 ? fence : second;
        for (std::uint32_t n = 0; n < 50; ++n)
          EXPECT_TRUE(mine.record(std::array{issued(thread * 1000 + n), issued(thread * 1000 + 500 + n)}));
      });
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) EXPECT_TRUE(second.compact(kTestNow));
    });
  }
  EXPECT_THAT(events(), SizeIs(400));
  EXPECT_THAT(damaged, IsEmpty());
}

TEST_F(FenceTest, SinceMarkCountsLines) {
  record({issued(1), issued(2)});
  EXPECT_EQ(fence.since_mark(), 2u);
  record({FenceEvent::mark("aa")});
  EXPECT_EQ(fence.since_mark(), 0u);
}

}  // namespace
}  // namespace vouch::ca
