#include "relying/sync/crl_comparison.hpp"

#include <gmock/gmock.h>

#include "validate/test_pki.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr;

class CrlComparisonTest : public testing::Test {
 protected:
  CrlComparison compare_with(const validate::CertificatePtr& ca, const validate::CrlPtr& crl) {
    return compare(*pki.provider(), crl->head(), *ca);
  }
  validate::test::TestPki pki;
  const validate::CertificatePtr root = pki.ca("Root");
};

TEST_F(CrlComparisonTest, AllIsGood) {
  const CrlComparison comparison = compare_with(root, pki.crl({.issuer = "Root"}));
  EXPECT_TRUE(comparison.good());
  EXPECT_EQ(comparison.fault(), "");
  EXPECT_EQ(comparison.subject, "CN=Root");
  EXPECT_EQ(comparison.expected_key, comparison.found_key);
}

TEST_F(CrlComparisonTest, AnotherName) {
  const CrlComparison comparison = compare_with(root, pki.crl({.issuer = "Other"}));
  EXPECT_FALSE(comparison.names_fit);
  EXPECT_THAT(comparison.fault(), HasSubstr("issued by CN=Other, and the CA is CN=Root"));
}

TEST_F(CrlComparisonTest, TheSameNameWithAnotherKey) {
  const CrlComparison comparison = compare_with(root, pki.crl({.issuer = "Root", .signed_by = "New key"}));
  EXPECT_TRUE(comparison.names_fit);
  EXPECT_FALSE(comparison.keys_fit);
  EXPECT_FALSE(comparison.signature_fault.empty());
  EXPECT_THAT(comparison.fault(), HasSubstr("authorityKeyIdentifier is " + comparison.found_key));
}

TEST_F(CrlComparisonTest, ACaThatMayNotSignCrls) {
  const auto ca = pki.make({.subject = "Root", .usage = std::uint16_t(x509::key_cert_sign)});
  const CrlComparison comparison = compare_with(ca, pki.crl({.issuer = "Root"}));
  EXPECT_FALSE(comparison.may_sign);
  EXPECT_TRUE(comparison.signature_fault.empty());
  EXPECT_THAT(comparison.fault(), HasSubstr("cRLSign"));
}

TEST_F(CrlComparisonTest, AbsentIdentifiersPassWhereTheyAreNotNeeded) {
  const CrlComparison comparison = compare_with(root, pki.crl({.issuer = "Root", .key_identifier = false}));
  EXPECT_FALSE(comparison.good());
  EXPECT_THAT(comparison.fault(), HasSubstr("authorityKeyIdentifier is absent"));
  EXPECT_EQ(comparison.fault(false), "");
}

}  // namespace
}  // namespace vouch::relying
