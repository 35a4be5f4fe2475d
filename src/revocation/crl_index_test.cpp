#include "revocation/crl_index.hpp"

#include <gmock/gmock.h>

#include <random>

namespace vouch::revocation {
namespace {

using testing::HasSubstr;
using x509::CrlReason;

Time at(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }

// A CrlView with these entries alone: the index looks at nothing else.
struct Crl {
  Buffer entries;
  Crl& add(const Buffer& serial, std::int64_t revoked_at, CrlReason reason = CrlReason::unspecified) {
    x509::append_crl_entry(entries, {serial, at(revoked_at), reason, {}});
    return *this;
  }
  Result<CrlIndex> index() const {
    x509::CrlView view;
    view.entries = entries;
    return CrlIndex::build(view);
  }
};

TEST(CrlIndexTest, FindsSerialsOfAnyLengthInAnyOrder) {
  const auto index = Crl()
                         .add({0x80, 1, 2}, 1'700'000'003, CrlReason::key_compromise)
                         .add({7}, 1'700'000'001)
                         .add({1, 0, 0}, 1'700'000'002, CrlReason::remove_from_crl)
                         .index();
  ASSERT_TRUE(index) << index.error().report();
  EXPECT_EQ(index->size(), 3U);
  EXPECT_EQ(index->find(Buffer{7}), (CrlIndex::Entry{at(1'700'000'001), CrlReason::unspecified}));
  EXPECT_EQ(index->find(Buffer{0, 7}), index->find(Buffer{7})) << "a sign octet changes no number";
  EXPECT_EQ(index->find(Buffer{1, 0, 0}), (CrlIndex::Entry{at(1'700'000'002), CrlReason::remove_from_crl}));
  EXPECT_EQ(index->find(Buffer{0x80, 1, 2}), (CrlIndex::Entry{at(1'700'000'003), CrlReason::key_compromise}));
  for (const Buffer& other : {Buffer{}, Buffer{8}, Buffer{7, 0}, Buffer{0x80, 1, 3}, Buffer{1, 0x80, 1, 2}})
    EXPECT_FALSE(index->find(other));
}

TEST(CrlIndexTest, AnEmptyCrlHasNothing) {
  const auto index = Crl().index();
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), 0U);
  EXPECT_FALSE(index->find(Buffer{1}));
}

TEST(CrlIndexTest, WhatCannotBeUsedIsRefused) {
  const auto mistake = [](const Buffer& entries) {
    x509::CrlView view;
    view.entries = entries;
    const auto index = CrlIndex::build(view);
    return index ? std::string("nothing wrong") : index.error().report();
  };
  // SEQUENCE { INTEGER 5, UTCTime 250101000000Z, extensions }
  const auto with_extension = [](std::string_view extension) {
    Buffer out = from_hex("020105170d3235303130313030303030305a").value();
    const Buffer inner = from_hex(extension).value();
    out.push_back(0x30);
    out.push_back(static_cast<std::uint8_t>(inner.size()));
    out.insert(out.end(), inner.begin(), inner.end());
    out.insert(out.begin(), {0x30, static_cast<std::uint8_t>(out.size())});
    return out;
  };
  EXPECT_EQ(mistake(with_extension("300a0603551d1504030a0101")), "nothing wrong");
  // 1.2.3, critical.
  EXPECT_THAT(mistake(with_extension("300b06022a030101ff04020500")), HasSubstr("critical"));
  // certificateIssuer, critical: dNSName "a".
  EXPECT_THAT(mistake(with_extension("300f0603551d1d0101ff04053003820161")), HasSubstr("another issuer's"));
  EXPECT_THAT(mistake(Crl().add(Buffer(40, 1), 1).entries), HasSubstr("40 octets"));
  EXPECT_THAT(mistake({0x30, 0x05, 1}), HasSubstr("entry 1"));
}

TEST(CrlIndexTest, ManyEntriesCost21OctetsEachAndAreAllFound) {
  std::mt19937_64 random(7);
  Buffer serial(16);
  const auto next = [&] {
    serial[0] = 1;
    for (std::size_t i = 1; i < serial.size(); ++i) serial[i] = static_cast<std::uint8_t>(random());
    return serial;
  };
  constexpr int kEntries = 200'000;
  Crl crl;
  for (int i = 0; i < kEntries; ++i) crl.add(next(), 1'700'000'000 + i, CrlReason::superseded);
  const auto index = crl.index();
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), std::size_t{kEntries});
  EXPECT_EQ(index->octets(), std::size_t{kEntries} * 21);
  random.seed(7);
  for (int i = 0; i < kEntries; ++i) {
    const auto found = index->find(next());
    ASSERT_TRUE(found) << i;
    ASSERT_EQ(found->revoked_at, at(1'700'000'000 + i));
  }
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(index->find(next()));
}

}  // namespace
}  // namespace vouch::revocation
