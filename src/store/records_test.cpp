#include "store/records.hpp"

#include <gmock/gmock.h>

#include "asn1/der_reader.hpp"
#include "store/sample_records.hpp"

namespace vouch::store {
namespace {

using testing::HasSubstr;

TEST(DispositionTest, NamesGoBothWaysAndNumbersAreThoseOfAdcs) {
  const std::pair<int, std::string_view> table[] = {{9, "pending"}, {12, "foreign"}, {16, "issuing"},
                                                    {20, "issued"}, {21, "revoked"}, {30, "failed"},
                                                    {31, "denied"}};
  for (const auto& [number, name] : table) {
    EXPECT_EQ(to_string(static_cast<Disposition>(number)), name);
    EXPECT_EQ(static_cast<int>(disposition_from_name(name).value()), number);
  }
}

TEST(DispositionTest, AnUnknownNameSaysWhichThereAre) {
  const auto result = disposition_from_name("isued");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::usage);
  EXPECT_THAT(result.error().report(), HasSubstr("pending, foreign"));
}

TEST(AuthorityTest, KindsAndModesHaveNames) {
  EXPECT_EQ(to_string(AuthorityKind::root), "root");
  EXPECT_EQ(to_string(AuthorityKind::subordinate), "subordinate");
  EXPECT_EQ(to_string(AuthorityMode::standalone), "standalone");
  EXPECT_EQ(to_string(AuthorityMode::enterprise), "enterprise");
}

TEST(CertificateRecordTest, DerIsTbsAlgorithmAndSignatureInOneSequence) {
  CertificateRecord record = sample::certificate(1, 1, 5);
  record.signature = sample::octets({0xaa, 0xbb});
  EXPECT_EQ(to_hex(record.der()),
            "3011"
            "3003020105"
            "300506032b6570"
            "030300aabb");
}

TEST(CertificateRecordTest, DerHasLongLengthsWhereTheyAreNeeded) {
  for (const std::size_t size : {100u, 115u, 116u, 117u, 127u, 128u, 255u, 256u, 65535u, 65536u}) {
    CertificateRecord record = sample::certificate(1, 1, 5);
    record.signature = Buffer(size, 0x77);
    const Buffer der = record.der();
    asn1::Reader reader(der);
    auto inside = reader.expect_constructed(asn1::Tag::sequence).value();
    EXPECT_TRUE(reader.finish()) << size;
    EXPECT_TRUE(inside.expect_constructed(asn1::Tag::sequence));
    EXPECT_TRUE(inside.expect_constructed(asn1::Tag::sequence));
    EXPECT_EQ(inside.expect(asn1::Tag::bit_string).value().size(), size + 1);
    EXPECT_TRUE(inside.finish()) << size;
  }
}

TEST(CertificateRecordTest, WithoutASignatureOrWithoutItsBytesThereIsNoCertificate) {
  CertificateRecord record = sample::certificate(1, 1, 5);
  EXPECT_TRUE(record.der().empty());
  record.signature = sample::octets({1});
  record.tbs.clear();  // as lists give it
  EXPECT_TRUE(record.der().empty());
}

}  // namespace
}  // namespace vouch::store
