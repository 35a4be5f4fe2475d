#include "challenge/bound.hpp"

#include <gmock/gmock.h>

#include "base/files.hpp"
#include "challenge/test_challenge.hpp"

namespace vouch::challenge {
namespace {

TEST(Bound, SurvivesItsEncodingWithAndWithoutEveryOption) {
  const Bound full = sample_bound();
  EXPECT_EQ(decode(encode(full)).value(), full);
  Bound bare;
  bare.realm = "CA";
  bare.id = Buffer(kIdSize, 1);
  bare.not_before = bare.issued_at = kNow;
  bare.expires = kNow + std::chrono::hours(1);
  bare.audience = "p";
  bare.subjects = {x509::Name{}};
  EXPECT_EQ(decode(encode(bare)).value(), bare);
  Bound more = full;
  more.subjects.push_back(x509::Name{});
  more.allowed_names = {x509::GeneralName::uri("urn:device:7")};
  more.usage->subset = more.purposes->subset = true;
  more.key.spki_sha256 = Buffer(32, 9);
  more.validity = std::chrono::hours(24 * 30);
  more.hashes = {x509::DigestAlgorithm::sha512, x509::DigestAlgorithm::sha256};
  EXPECT_EQ(decode(encode(more)).value(), more);
}

// testdata/challenge/README.md says who wrote these.
TEST(Bound, IsEncodedAsTheAsn1Says) {
  const auto file = [](const char* name) { return read_file(fs::path("testdata/challenge") / name).value(); };
  EXPECT_EQ(to_hex(encode(sample_bound())), to_hex(file("full.der")));
  EXPECT_EQ(decode(file("full.der")).value(), sample_bound());
  const Bound bare = decode(file("bare.der")).value();
  EXPECT_EQ(bare.subjects, std::vector{x509::Name{}});
  EXPECT_FALSE(bare.usage || bare.purposes || bare.validity);
  const Bound more = decode(file("more.der")).value();
  EXPECT_EQ(more.allowed_names, std::vector{x509::GeneralName::uri("urn:device:7")});
  EXPECT_TRUE(more.usage->subset);
  EXPECT_EQ(more.validity, std::chrono::hours(24 * 30));
}

TEST(Bound, StartsWithTheTagOfItsVersionAndKnowsNoOther) {
  Buffer der = encode(sample_bound());
  ASSERT_EQ(der[0], 0xa1);  // [1] constructed
  der[0] = 0xa2;
  EXPECT_THAT(decode(der).error().message(), testing::HasSubstr("version"));
}

TEST(Bound, HasOneEncoding) {
  // A BOOLEAN FALSE written as 0x01 or an empty list of names would be a second one; so is what follows.
  Buffer longer = encode(sample_bound());
  longer.push_back(0);
  EXPECT_FALSE(decode(longer));
  const Buffer der = encode(sample_bound());
  for (std::size_t cut = 0; cut < der.size(); ++cut) EXPECT_FALSE(decode(Bytes(der).first(cut))) << cut;
}

TEST(Bound, IsNeverForAnybody) {
  Bound bound = sample_bound();
  bound.subjects.clear();
  EXPECT_TRUE(check(bound));  // its alternative names say for whom
  bound.required_names.clear();
  EXPECT_THAT(check(bound).error().message(), testing::HasSubstr("does not say for whom"));
  EXPECT_FALSE(decode(encode(bound)));
}

struct Wrong {
  const char* name;
  void (*change)(Bound&);
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }
class BoundRefused : public testing::TestWithParam<Wrong> {};

TEST_P(BoundRefused, WhenMadeAndWhenRead) {
  Bound bound = sample_bound();
  ASSERT_TRUE(check(bound));
  GetParam().change(bound);
  EXPECT_EQ(check(bound).error().code(), Errc::usage);
  EXPECT_FALSE(decode(encode(bound)));
}
INSTANTIATE_TEST_SUITE_P(
    Values, BoundRefused,
    testing::Values(Wrong{"no profile", [](Bound& b) { b.audience.clear(); }},
                    Wrong{"no realm", [](Bound& b) { b.realm.clear(); }},
                    Wrong{"short id", [](Bound& b) { b.id.resize(8); }},
                    Wrong{"long text", [](Bound& b) { b.device.assign(513, 'x'); }},
                    Wrong{"no UTF-8", [](Bound& b) { b.user = "\xff"; }},
                    Wrong{"no purposes", [](Bound& b) { b.purposes->purposes.clear(); }},
                    Wrong{"no usage", [](Bound& b) { b.usage->bits = 0; }},
                    Wrong{"key sizes", [](Bound& b) { b.key.min_bits = 8192; }},
                    Wrong{"key hash", [](Bound& b) { b.key.spki_sha256 = Buffer(20, 1); }},
                    Wrong{"validity", [](Bound& b) { b.validity = std::chrono::seconds(0); }},
                    Wrong{"times", [](Bound& b) { b.expires = b.not_before; }}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::ranges::replace_if(name, [](char c) { return c == ' ' || c == '-'; }, '_');
      return name;
    });

}  // namespace
}  // namespace vouch::challenge
