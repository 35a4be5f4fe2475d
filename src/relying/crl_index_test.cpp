#include "relying/crl_index.hpp"

#include <gmock/gmock.h>

#include <stdlib.h>

#include <random>

#include "relying/crl_index_file.hpp"
#include "relying/test_same_crl.hpp"
#include "validate/test_pki.hpp"

namespace vouch::relying {
namespace {

using test::difference;
using testing::HasSubstr;
using validate::test::TestPki;
using x509::CrlReason;
namespace oid = x509::oid;

Buffer tlv(std::uint8_t tag, Bytes value) {
  Buffer out;
  asn1::append_header(out, asn1::Tag(tag), value.size());
  append(out, value);
  return out;
}
Buffer joined(std::initializer_list<Buffer> parts) {
  Buffer out;
  for (const Buffer& part : parts) append(out, part);
  return out;
}
Buffer text(std::uint8_t tag, std::string_view value) { return tlv(tag, as_bytes(value)); }

const Buffer kUtcTime = text(0x17, "260101000000Z");
Buffer extension(const x509::Oid& id, bool critical, Bytes value) {
  return tlv(0x30,
             joined({tlv(0x06, id.contents()), critical ? Buffer{1, 1, 0xff} : Buffer(), tlv(0x04, value)}));
}
Buffer reason(std::uint8_t code) { return extension(oid::kReasonCode, false, Buffer{0x0a, 1, code}); }
// INTEGER contents, time with its header, extensions one by one.
Buffer entry(const Buffer& serial, const Buffer& time = kUtcTime,
             const std::vector<Buffer>& extensions = {}) {
  Buffer list;
  for (const Buffer& one : extensions) append(list, one);
  return tlv(0x30, joined({tlv(0x02, serial), time, extensions.empty() ? Buffer() : tlv(0x30, list)}));
}
Buffer issuer(const std::string& name) {
  return extension(oid::kCertificateIssuer, true, tlv(0x30, tlv(0xa4, TestPki::name(name))));
}

struct Shape {
  unsigned version = 2;
  bool indirect = false;
};
// A CRL of "CA" with these entries; its signature is nothing.
Buffer crl_of(const std::vector<Buffer>& entries, Shape shape = {}) {
  const Buffer algorithm = to_buffer(x509::encode(x509::SignatureAlgorithm::ecdsa_sha256));
  Buffer list;
  for (const Buffer& one : entries) append(list, one);
  Buffer extensions = extension(oid::kCrlNumber, false, Buffer{2, 1, 7});
  // IssuingDistributionPoint { indirectCRL [4] TRUE }
  if (shape.indirect)
    append(extensions, extension(oid::kIssuingDistributionPoint, true, Buffer{0x30, 3, 0x84, 1, 0xff}));
  const Buffer tbs =
      tlv(0x30, joined({shape.version == 2 ? Buffer{2, 1, 1} : Buffer(), algorithm, TestPki::name("CA"),
                        kUtcTime, text(0x17, "270101000000Z"), tlv(0x30, list),
                        shape.version == 2 ? tlv(0xa0, tlv(0x30, extensions)) : Buffer()}));
  return tlv(0x30, joined({tbs, algorithm, Buffer{3, 3, 0, 1, 2}}));
}

std::string key_of(const std::string& name) {
  return x509::comparison_key(x509::parse_name(TestPki::name(name)).value());
}

class CrlIndexTest : public testing::Test {
 protected:
  IndexedCrlPtr index(const Buffer& der, std::size_t threads = 1) const {
    auto built = build_crl_index(*provider_, own(der), "test", threads);
    EXPECT_TRUE(built) << built.error().report();
    return built.value_or(nullptr);
  }
  std::string asked(const validate::Crl& crl, const Buffer& serial, const std::string& name = "CA") const {
    return test::text_of(crl.find(serial, key_of(name)));
  }
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
};

TEST_F(CrlIndexTest, SaysWhatTheEntrySays) {
  const Buffer invalidity = extension(oid::kInvalidityDate, false, text(0x18, "20250101000000Z"));
  const auto crl = index(crl_of(
      {entry({5}), entry({6}, text(0x18, "20500101000000Z")), entry({7}, kUtcTime, {reason(1)}),
       entry({8}, kUtcTime, {invalidity, reason(6)}), entry({9}, text(0x17, "491231235959Z"), {reason(8)})}));
  EXPECT_EQ(asked(*crl, {5}), "unspecified, 2026-01-01T00:00:00Z");
  EXPECT_EQ(asked(*crl, {6}), "unspecified, 2050-01-01T00:00:00Z");
  EXPECT_EQ(asked(*crl, {7}), "keyCompromise, 2026-01-01T00:00:00Z");
  EXPECT_EQ(asked(*crl, {8}), "certificateHold, 2026-01-01T00:00:00Z");
  EXPECT_EQ(asked(*crl, {9}), "removeFromCRL, 2049-12-31T23:59:59Z");
  EXPECT_EQ(asked(*crl, {10}), "not listed");
  EXPECT_EQ(asked(*crl, {5}, "Another CA"), "not listed");
  EXPECT_EQ(crl->entries(), 5U);
}

// Of YYYY-MM-DDTHH:MM:SSZ, as GeneralizedTime has it.
std::string digits_of(std::string time) {
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == 'T'; });
  return time;
}

// A table has 32 bits for a date, in seconds from 1950 on; what does not fit stands beside it.
TEST_F(CrlIndexTest, DatesOfAnyTimeAreKept) {
  const std::vector<std::string> dates = {"1949-12-31T23:59:59Z", "1950-01-01T00:00:00Z",
                                          "2049-12-31T23:59:59Z", "2086-02-06T06:28:15Z",
                                          "2086-02-06T06:28:16Z", "9999-12-31T23:59:59Z"};
  std::vector<Buffer> entries;
  for (const std::string& date : dates)
    entries.push_back(
        entry({static_cast<std::uint8_t>(entries.size())}, text(0x18, digits_of(date)), {reason(5)}));
  const auto crl = index(crl_of(entries));
  for (std::size_t i = 0; i < dates.size(); ++i)
    EXPECT_EQ(asked(*crl, {static_cast<std::uint8_t>(i)}), "cessationOfOperation, " + dates[i]);
  EXPECT_EQ(crl->parts().odd_dates.size(), 3U);
}

TEST_F(CrlIndexTest, EveryDayOfUtcTimeIsRead) {
  const std::chrono::sys_days first(std::chrono::year(1950) / 1 / 1), end(std::chrono::year(2050) / 1 / 1);
  const auto days = static_cast<std::size_t>((end - first).count());
  const auto serial = [](std::size_t i) {
    return Buffer{1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
  };
  std::vector<Buffer> entries;
  std::vector<std::string> dates;
  for (std::size_t i = 0; i < days; ++i) {
    dates.push_back(format_time(Time(first) + std::chrono::seconds(i * 86400 + i * 7919 % 86400)));
    entries.push_back(entry(serial(i), text(0x17, digits_of(dates[i]).substr(2))));
  }
  const auto crl = index(crl_of(entries));
  for (std::size_t i = 0; i < days; ++i) ASSERT_EQ(asked(*crl, serial(i)), "unspecified, " + dates[i]);
}

TEST_F(CrlIndexTest, SerialsDifferBySignAndTheLastEntryWins) {
  const auto crl =
      index(crl_of({entry({0xff}, kUtcTime, {reason(1)}), entry({0, 0xff}, kUtcTime, {reason(2)}),
                    entry({3}, kUtcTime, {reason(1)}), entry({3}, kUtcTime, {reason(4)})}));
  EXPECT_THAT(asked(*crl, {0xff}), HasSubstr("keyCompromise")) << "-1";
  EXPECT_THAT(asked(*crl, {0, 0xff}), HasSubstr("cACompromise")) << "255";
  EXPECT_THAT(asked(*crl, {3}), HasSubstr("superseded"));
}

TEST_F(CrlIndexTest, EntriesOfAnIndirectCrlAreAboutTheIssuerNamedLast) {
  const auto crl =
      index(crl_of({entry({1}), entry({2}, kUtcTime, {issuer("X")}), entry({3}, kUtcTime, {reason(1)}),
                    entry({1}, kUtcTime, {issuer("Y")}), entry({4}), entry({5}, kUtcTime, {issuer("X")})},
                   {.indirect = true}));
  ASSERT_EQ(crl->head().unusable, "");
  const std::map<std::string, std::set<std::uint8_t>> expected = {
      {"CA", {1}}, {"X", {2, 3, 5}}, {"Y", {1, 4}}, {"Z", {}}};
  for (const auto& [name, serials] : expected)
    for (std::uint8_t serial = 1; serial < 7; ++serial)
      EXPECT_EQ(asked(*crl, {serial}, name) != "not listed", serials.contains(serial))
          << name << " " << int(serial);
}

// Each of these both ways: the same refusals, the same reasons, the same answers.
TEST_F(CrlIndexTest, SaysTheSameAsAWalkOverTheList) {
  const Buffer unknown = extension(oid::kSubjectAltName, false, Buffer{5, 0});
  const Buffer unknown_critical = extension(oid::kSubjectAltName, true, Buffer{5, 0});
  const Buffer explicit_false =
      tlv(0x30, joined({tlv(0x06, oid::kReasonCode.contents()), {1, 1, 0}, {4, 3, 0x0a, 1, 1}}));
  const std::map<std::string, std::vector<Buffer>> cases = {
      {"nothing", {}},
      {"plain", {entry({1}), entry({2}, kUtcTime, {reason(1)})}},
      {"every reason",
       {entry({1}, kUtcTime, {reason(0)}), entry({2}, kUtcTime, {reason(9)}),
        entry({3}, kUtcTime, {reason(10)})}},
      {"reason 7", {entry({1}), entry({2}, kUtcTime, {reason(7)})}},
      {"reason 11", {entry({2}, kUtcTime, {reason(11)})}},
      {"reason twice", {entry({2}, kUtcTime, {reason(1), reason(1)})}},
      {"critical FALSE", {entry({2}, kUtcTime, {explicit_false})}},
      {"unknown", {entry({2}, kUtcTime, {unknown, reason(3)})}},
      {"unknown critical", {entry({1}), entry({2}, kUtcTime, {unknown_critical}), entry({3})}},
      {"issuer in a direct CRL", {entry({1}), entry({2}, kUtcTime, {issuer("X")}), entry({3})}},
      {"serial of no octets", {entry({})}},
      {"serial not minimal", {entry({0, 1})}},
      {"negative not minimal", {entry({0xff, 0x80})}},
      {"zero", {entry({0}), entry({0x80}), entry({0xff})}},
      {"long serial", {entry(Buffer(130, 7)), entry(Buffer(127, 7)), entry(Buffer(3000, 7))}},
      {"no such day", {entry({1}, text(0x17, "260230000000Z"))}},
      {"29 February", {entry({1}, text(0x17, "240229000000Z")), entry({2}, text(0x17, "230228000000Z"))}},
      {"no such 29 February", {entry({1}, text(0x17, "230229000000Z"))}},
      {"hour 24", {entry({1}, text(0x17, "260101240000Z"))}},
      {"second 60", {entry({1}, text(0x17, "260101000060Z"))}},
      {"letters in the time", {entry({1}, text(0x17, "2601010000:0Z"))}},
      {"without seconds", {entry({1}, text(0x17, "2601010000Z"))}},
      {"with an offset", {entry({1}, text(0x17, "260101000000+0100"))}},
      {"last century", {entry({1}, text(0x17, "500101000000Z"))}},
      {"far future", {entry({1}, text(0x18, "99991231235959Z"))}},
      {"no time", {tlv(0x30, tlv(2, Buffer{1}))}},
      {"empty extensions", {tlv(0x30, joined({tlv(2, Buffer{1}), kUtcTime, {0x30, 0}}))}},
      {"something behind", {tlv(0x30, joined({tlv(2, Buffer{1}), kUtcTime, {5, 0}}))}},
      {"set", {tlv(0x31, joined({tlv(2, Buffer{1}), kUtcTime}))}},
      {"long form", {{0x30, 0x81, 18,  2,   1,   1,   0x17, 13,  '2', '6', '0',
                      '1',  '0',  '1', '0', '0', '0', '0',  '0', '0', 'Z'}}},
      {"cut off", {entry({1}), {0x30, 0x10, 2, 1}}},
      {"one octet", {entry({1}), {0x30}}},
  };
  for (const auto& [name, entries] : cases)
    for (const Shape shape : {Shape{1, false}, Shape{2, false}, Shape{2, true}})
      EXPECT_EQ(difference(*provider_, crl_of(entries, shape)), "")
          << name << ", version " << shape.version << (shape.indirect ? ", indirect" : "");
}

TEST_F(CrlIndexTest, SaysTheSameOfDamagedCrls) {
  std::vector<Buffer> entries;
  for (std::uint8_t i = 1; i < 12; ++i)
    entries.push_back(i % 3 == 0   ? entry({i}, kUtcTime, {reason(1)})
                      : i % 3 == 1 ? entry({i}, kUtcTime, {issuer("X")})
                                   : entry({i}));
  const Buffer whole = crl_of(entries, {.indirect = true});
  std::size_t read = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const int change : {0x01, 0x80, 0x55}) {
      Buffer damaged = whole;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ change);
      ASSERT_EQ(difference(*provider_, damaged), "") << "octet " << i << " ^ " << change;
      read += build_crl_index(*provider_, own(damaged), "", 1).has_value();
    }
  EXPECT_GT(read, whole.size() / 2) << "most of the damage must reach the index";
}

// Serials from few values: duplicates, and long runs in the table.
TEST_F(CrlIndexTest, SaysTheSameOfManyRandomEntries) {
  std::mt19937 random(5);
  for (int round = 0; round < 4; ++round) {
    std::vector<Buffer> entries;
    for (int i = 0; i < 150; ++i) {
      const auto octet = static_cast<std::uint8_t>(1 + random() % 120);
      std::vector<Buffer> extensions;
      if (random() % 3 == 0) extensions.push_back(reason(static_cast<std::uint8_t>(random() % 7)));
      if (round % 2 == 1 && random() % 10 == 0)
        extensions.push_back(issuer(std::string(1, static_cast<char>('A' + random() % 5))));
      entries.push_back(entry(Buffer(1 + random() % 3, octet), kUtcTime, extensions));
    }
    ASSERT_EQ(difference(*provider_, crl_of(entries, {.indirect = round % 2 == 1})), "") << round;
  }
}

TEST_F(CrlIndexTest, ALargeCrlCosts22OctetsAnEntryAndEachIsFound) {
  constexpr std::uint32_t kEntries = 100'000;
  std::vector<Buffer> entries;
  const auto serial = [](std::uint32_t i) {
    Buffer out(18, 0x5a);
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(i >> shift));
    return out;
  };
  for (std::uint32_t i = 0; i < kEntries; ++i)
    entries.push_back(entry(serial(i), kUtcTime, {reason(static_cast<std::uint8_t>(i % 7))}));
  const auto crl = index(crl_of(entries), 2);
  EXPECT_EQ(crl->entries(), kEntries);
  EXPECT_LT(crl->index_octets(), kEntries * 22);
  EXPECT_LT(crl->index_octets(), crl->octets() / 2);
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    const auto hit = crl->find(serial(i), crl->head().issuer_key);
    ASSERT_TRUE(hit && *hit) << i;
    ASSERT_EQ(static_cast<std::uint32_t>((*hit)->reason), i % 7) << i;
    ASSERT_EQ(test::text_of(crl->find(serial(kEntries + i), crl->head().issuer_key)), "not listed") << i;
  }
}

SerialSeed seed_of(std::uint64_t number) {
  SerialSeed seed;
  std::mt19937_64 random(number);
  for (auto* key : {&seed.group, &seed.tag})
    for (auto& two : key->numbers) two = {random(), random()};
  seed.fold = {random(), random()};
  return seed;
}

TEST_F(CrlIndexTest, EveryOctetOfASerialAndTheIssuerAndTheSeedMoveBothHalvesOfTheHash) {
  std::set<std::uint64_t> hashes;
  std::size_t count = 0;
  const auto note = [&](const SerialSeed& seed, const Buffer& serial, std::uint32_t issuer) {
    const SerialHash hash = hash_serial(seed, serial, issuer);
    hashes.insert({hash.group, hash.tag});
    count += 2;
  };
  for (std::size_t size = 0; size < 70; ++size) {
    Buffer serial(size, 0);
    note(seed_of(1), serial, 0);
    for (std::uint8_t& octet : serial) {
      octet = 1;
      note(seed_of(1), serial, 0);
      octet = 0;
    }
  }
  for (std::uint64_t i = 2; i < 100; ++i) note(seed_of(i), Buffer(19, 1), 0);
  for (std::uint32_t i = 1; i < 100; ++i) note(seed_of(1), Buffer(19, 1), i);
  EXPECT_EQ(hashes.size(), count);
}

// ---- The table
// -----------------------------------------------------------------------------------------------

class SerialTableTest : public CrlIndexTest {
 protected:
  static Buffer serial(std::size_t i) { return {1, static_cast<std::uint8_t>(i)}; }
  static SerialHash hash(std::size_t i) { return hash_serial(kSeed, serial(i), 0); }
  // An index over these groups, as one that was read from a file.
  Result<IndexedCrlPtr> over(std::vector<Group> groups, std::size_t entries) const {
    auto owner = std::make_shared<const std::vector<Group>>(std::move(groups));
    const IndexedCrlPtr some = index(crl_of({}));
    CrlIndexParts parts;
    parts.crl = some->parts().crl;
    parts.head = some->head();
    parts.entries = entries;
    parts.seed = kSeed;
    parts.groups = *owner;
    parts.owner = owner;
    return IndexedCrl::make(std::move(parts));
  }
  static inline const SerialSeed kSeed = seed_of(3);
};

// Hardly a group has room for all that belong there.
TEST_F(SerialTableTest, ATableThatIsNearlyFullFindsAll) {
  constexpr std::size_t kEntries = 64;
  std::vector<Group> groups(13);
  SerialTableBuilder table(groups);
  for (const std::uint32_t date : {1U, 2U})  // twice: the later ones replace the earlier
    for (std::size_t i = 0; i < kEntries; ++i) table.add(hash(i), {date, static_cast<std::uint32_t>(i % 7)});
  table.finish();
  EXPECT_GT(std::ranges::count_if(groups, &Group::was_passed), 5);
  const auto crl = over(groups, kEntries).value();
  for (std::size_t i = 0; i < 250; ++i)
    EXPECT_EQ(asked(*crl, serial(i)),
              i >= kEntries
                  ? "not listed"
                  : fmt::format("{}, 1950-01-01T00:00:02Z", x509::to_string(static_cast<CrlReason>(i % 7))));
}

// Whatever the seed, serials that were counted do not crowd.
TEST_F(SerialTableTest, CountedSerialsLieLikeRandomOnes) {
  constexpr std::size_t kEntries = 30'000;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<Group> groups(groups_for(kEntries));
    SerialTableBuilder table(groups);
    for (std::size_t i = 0; i < kEntries; ++i)
      table.add(hash_serial(seed_of(seed),
                            Buffer{1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}, 0),
                {});
    table.finish();
    const auto passed = static_cast<double>(std::ranges::count_if(groups, &Group::was_passed));
    EXPECT_NEAR(passed / static_cast<double>(groups.size()), 0.11, 0.02) << seed;
  }
}

TEST_F(SerialTableTest, AHashWithATagOfZeroIsNoFreePlace) {
  std::vector<Group> groups(2);
  SerialTableBuilder table(groups);
  table.add({0, 0}, {5, 3});
  table.add({0, 9}, {6, 31});
  table.finish();
  EXPECT_EQ(groups[0].find(tag_of({0, 0})), 0U);
  EXPECT_EQ(groups[0].find(9), 1U);
  EXPECT_EQ(groups[0].find_free(), 2U);
  EXPECT_EQ(groups[0].at(0).date, 5U);
  EXPECT_EQ(groups[0].at(0).mark, 3U);
  EXPECT_EQ(groups[0].at(1).mark, 31U);
  EXPECT_FALSE(groups[0].was_passed());
}

// Such groups no seal holds; if one did, nothing would be read that is not there, and no search goes on for
// ever.
TEST_F(SerialTableTest, GroupsThatCannotBeAreDamage) {
  std::vector<Group> passed(4);
  for (Group& group : passed) group.pass();
  const auto endless = over(passed, 1).value();
  EXPECT_EQ(endless->find(serial(1), key_of("CA")).error().code(), Errc::found_bad);
  EXPECT_TRUE(endless->is_damaged());

  std::vector<Group> groups(4);
  SerialTableBuilder table(groups);
  table.add(hash(1), {7, 16});  // the date with number 7, of none
  table.finish();
  const auto dateless = over(groups, 1).value();
  EXPECT_EQ(dateless->find(serial(1), key_of("CA")).error().code(), Errc::found_bad);
  EXPECT_TRUE(dateless->is_damaged());
  EXPECT_EQ(over({}, 0).error().code(), Errc::malformed);
}

// ---- The file
// ------------------------------------------------------------------------------------------------

class CrlIndexFileTest : public CrlIndexTest {
 protected:
  CrlIndexFileTest() {
    std::string name = (fs::temp_directory_path() / "vouch-index-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    file_ = folder_ / "index";
  }
  ~CrlIndexFileTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::shared_ptr<const crypto::Sealer> sealer(std::uint8_t key) const {
    return provider_->sealer(Buffer(crypto::Sealer::kKeySize, key)).value();
  }
  Result<IndexedCrlPtr> open(const Buffer& der, std::uint8_t key = 1) const {
    return open_crl_index(*provider_, sealer(key), own(der), file_, "test");
  }
  void save(const Buffer& der) const {
    ASSERT_TRUE(save_crl_index(*provider_, *sealer(1), *index(der), file_));
  }
  static Buffer sample(bool indirect = false) {
    std::vector<Buffer> entries;
    for (std::uint8_t i = 1; i < 60; ++i) entries.push_back(entry({i}, kUtcTime, {reason(1)}));
    entries.push_back(entry({60}, text(0x18, "20990101000000Z")));
    if (indirect) entries.push_back(entry({9}, kUtcTime, {issuer("X")}));
    return crl_of(entries, {.indirect = indirect});
  }
  fs::path folder_, file_;
};

TEST_F(CrlIndexFileTest, OpensAgainAndSaysTheSame) {
  for (const bool indirect : {false, true}) {
    const Buffer der = sample(indirect);
    save(der);
    const auto opened = open(der);
    ASSERT_TRUE(opened) << opened.error().report();
    const auto listed = validate::parse_crl_in_memory(*provider_, der, "test").value();
    EXPECT_EQ(difference(*listed, **opened), "");
    EXPECT_EQ((*opened)->entries(), indirect ? 61U : 60U);
    EXPECT_TRUE((*opened)->check_all(*provider_, {}));
    EXPECT_EQ(fs::status(file_).permissions() & fs::perms::mask,
              fs::perms::owner_read | fs::perms::owner_write);
  }
  const Buffer unusable = crl_of({entry({2}, kUtcTime, {issuer("X")})});
  save(unusable);
  EXPECT_THAT(open(unusable).value()->head().unusable, HasSubstr("not indirect"));
}

TEST_F(CrlIndexFileTest, OfAnotherKeyOrCrlIsNotUsed) {
  const Buffer der = sample();
  save(der);
  EXPECT_EQ(open(der, 2).error().code(), Errc::found_bad);
  Buffer other = der;
  other[other.size() - 1] ^= 1;  // of the signature
  EXPECT_EQ(open(other).error().code(), Errc::found_bad);
  other = der;
  other.push_back(0);
  EXPECT_EQ(open(other).error().code(), Errc::found_bad);
  fs::remove(file_);
  EXPECT_EQ(open(der).error().code(), Errc::not_found);
}

TEST_F(CrlIndexFileTest, OfAnEarlierFormIsNotUsed) {
  const Buffer der = sample();
  save(der);
  Buffer octets = read_file(file_).value();
  ASSERT_EQ(as_text(Bytes(octets).first(8)), "VCRLIDX3");
  octets[7] = '2';
  ASSERT_TRUE(write_file_atomic(file_, octets));
  EXPECT_THAT(open(der).error().summary(), HasSubstr("another form"));
}

// Whatever octet is changed in either file, nothing is answered that is not so.
TEST_F(CrlIndexFileTest, DamageIsNeverBelieved) {
  const Buffer der = sample(true);
  save(der);
  const Buffer whole = read_file(file_).value();
  const auto listed = validate::parse_crl_in_memory(*provider_, der, "test").value();
  std::size_t refused_at_open = 0, found_later = 0;
  const auto check = [&](const Buffer& crl, std::size_t at) {
    const auto opened = open(crl);
    if (!opened) {
      ++refused_at_open;
      ASSERT_EQ(opened.error().code(), Errc::found_bad) << opened.error().report();
      return;
    }
    for (std::uint8_t serial = 0; serial < 64; ++serial)
      for (const std::string& name : {key_of("CA"), key_of("X")}) {
        const auto found = (*opened)->find(Buffer{serial}, name);
        ASSERT_EQ(test::text_of(found), test::text_of(listed->find(Buffer{serial}, name))) << at;
      }
    ASSERT_FALSE((*opened)->check_all(*provider_, {})) << at;
    ++found_later;
  };
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    Buffer damaged = whole;
    damaged[at] ^= 0x10;
    ASSERT_TRUE(write_file_atomic(file_, damaged));
    check(der, at);
  }
  ASSERT_TRUE(write_file_atomic(file_, whole));
  for (std::size_t at = 0; at < der.size(); ++at) {
    Buffer damaged = der;
    damaged[at] ^= 0x10;
    check(damaged, at);
  }
  for (std::size_t size = 1; size < whole.size(); size += 7) {
    ASSERT_TRUE(write_file_atomic(file_, Bytes(whole).first(size)));
    EXPECT_EQ(open(der).error().code(), Errc::found_bad) << size;
  }
  EXPECT_GT(refused_at_open, 100U) << "an index of one block is checked whole at once";
  EXPECT_EQ(found_later, x509::parse_crl(der).value().entries.size()) << "no look-up reads the entries";
}

// With many blocks some are only read when they are needed.
TEST_F(CrlIndexFileTest, DamageInOneBlockLeavesTheOthers) {
  std::vector<Buffer> entries;
  for (std::uint32_t i = 0; i < 20'000; ++i)
    entries.push_back(entry({1, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                             static_cast<std::uint8_t>(i)}));
  const Buffer der = crl_of(entries);
  save(der);
  const auto ask_all = [&](const IndexedCrl& crl, std::uint8_t first) {
    std::size_t right = 0, refused = 0, wrong = 0;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      const auto found = crl.find(Buffer{first, static_cast<std::uint8_t>(i >> 16),
                                         static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)},
                                  crl.head().issuer_key);
      ++(!found ? refused : found->has_value() == (first == 1) ? right : wrong);
    }
    return std::array{right, refused, wrong};
  };
  Buffer damaged = der;
  damaged[der.size() / 2] ^= 1;
  const auto with_bad_crl = open(damaged);
  ASSERT_TRUE(with_bad_crl) << with_bad_crl.error().report();
  EXPECT_EQ(ask_all(**with_bad_crl, 1), (std::array<std::size_t, 3>{20'000, 0, 0}));
  EXPECT_FALSE((*with_bad_crl)->check_all(*provider_, {}));
  EXPECT_TRUE((*with_bad_crl)->is_damaged());

  Buffer index_octets = read_file(file_).value();
  index_octets[index_octets.size() / 2] ^= 1;
  ASSERT_TRUE(write_file_atomic(file_, index_octets));
  const auto with_bad_index = open(der);
  ASSERT_TRUE(with_bad_index);
  EXPECT_FALSE((*with_bad_index)->is_damaged()) << "nobody has looked there yet";
  for (const std::uint8_t first : {std::uint8_t{1}, std::uint8_t{2}}) {
    const auto counts = ask_all(**with_bad_index, first);
    EXPECT_GT(counts[0], 10'000U);
    EXPECT_GT(counts[1], 100U);
    EXPECT_EQ(counts[2], 0U);
  }
  EXPECT_FALSE((*with_bad_index)->check_all(*provider_, {}));
}

TEST_F(CrlIndexFileTest, WhoHasTheOldOneMappedKeepsIt) {
  const Buffer first = sample(), second = crl_of({entry({99})});
  save(first);
  const auto old = open(first).value();
  save(second);
  EXPECT_EQ(asked(*old, {5}), "keyCompromise, 2026-01-01T00:00:00Z");
  EXPECT_TRUE(old->check_all(*provider_, {}));
  EXPECT_EQ(asked(*open(second).value(), {99}), "unspecified, 2026-01-01T00:00:00Z");
}

}  // namespace
}  // namespace vouch::relying
