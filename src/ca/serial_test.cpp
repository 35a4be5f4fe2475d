#include "ca/serial.hpp"

#include <gmock/gmock.h>

#include <set>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

TEST(SerialTest, IsPositiveRisesWithTimeAndFitsTwentyOctets) {
  const auto provider = crypto::openssl::make_provider();
  ManualClock clock(kTestNow);
  Buffer last;
  for (int i = 0; i < 100; ++i) {
    const Buffer serial = make_serial(1, clock, *provider);
    EXPECT_EQ(serial.size(), 18u);
    EXPECT_EQ(serial[0], 1);
    EXPECT_GT(serial, last);
    last = serial;
    clock.advance(std::chrono::seconds(1));
  }
}

// Serials of public CAs had lost bits to sign handling unnoticed (bugzilla.mozilla.org 1534295).
TEST(SerialTest, EveryRandomBitIsAsOftenOneAsZero) {
  const auto provider = crypto::openssl::make_provider();
  const ManualClock clock(kTestNow);
  constexpr int kSerials = 100'000;
  std::vector<int> ones(96);
  std::set<Buffer> seen;
  for (int i = 0; i < kSerials; ++i) {
    const Buffer serial = make_serial(127, clock, *provider);
    for (std::size_t bit = 0; bit < 96; ++bit) ones[bit] += serial[6 + bit / 8] >> (bit % 8) & 1;
    EXPECT_TRUE(seen.insert(serial).second);
  }
  for (const int count : ones) EXPECT_NEAR(count, kSerials / 2, kSerials / 100);
}

TEST(Serial, TheLastTwoOctetsSayTheShard) {
  Buffer serial(18, 7);
  serial[16] = 1;
  serial[17] = 2;
  EXPECT_EQ(shard_of(serial, 1), 0u) << "one list for all";
  EXPECT_EQ(shard_of(serial, 16), 1u + 258 % 16);
  EXPECT_EQ(shard_of(serial, 1000), 259u);
}

}  // namespace
}  // namespace vouch::ca
