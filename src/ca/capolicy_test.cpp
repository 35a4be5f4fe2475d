#include "ca/capolicy.hpp"

#include <gmock/gmock.h>

#include "x509/extensions.hpp"

namespace vouch::ca {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kVersion = "[Version]\nSignature=\"$Windows NT$\"\n";

Result<CaPolicy> parse(std::string_view sections) {
  return parse_ca_policy(as_bytes(std::string(kVersion) + std::string(sections)), "CAPolicy.inf");
}
CaPolicy good(std::string_view sections) {
  auto policy = parse(sections);
  EXPECT_TRUE(policy) << policy.error().report();
  return policy ? *policy : CaPolicy();
}
std::string error_of(std::string_view sections) {
  const auto policy = parse(sections);
  return policy ? "" : std::string(policy.error().message());
}
const x509::Extension* further(const CaPolicy& policy, const x509::Oid& id) {
  for (const x509::Extension& each : policy.further)
    if (each.id == id) return &each;
  return nullptr;
}

// The shape that Microsoft documents for an offline root.
TEST(CaPolicyTest, OfAnOfflineRoot) {
  const CaPolicy policy = good(
      "[Certsrv_Server]\nRenewalKeyLength=4096\nRenewalValidityPeriod=Years\nRenewalValidityPeriodUnits=20\n"
      "CRLPeriod=weeks\nCRLPeriodUnits=26\nCRLDeltaPeriod=Days\nCRLDeltaPeriodUnits=0\n"
      "LoadDefaultTemplates=0\nAlternateSignatureAlgorithm=0\nCNGHashAlgorithm=SHA256\n"
      "[CRLDistributionPoint]\nEmpty=true\n[AuthorityInformationAccess]\nEmpty=true\n"
      "[BasicConstraintsExtension]\nPathLength=1\nCritical=Yes\n");
  EXPECT_THAT(policy.warnings, IsEmpty());
  EXPECT_EQ(policy.renewal_key_length, 4096u);
  EXPECT_EQ(policy.renewal_validity, (Span{240, {}}));
  EXPECT_EQ(policy.crl_period, (Span{0, hours(26 * 7 * 24)}));
  EXPECT_EQ(policy.crl_delta_period, (Span{0, {}}));
  EXPECT_EQ(policy.load_default_templates, false);
  EXPECT_EQ(policy.alternate_signature_algorithm, false);
  EXPECT_EQ(policy.hash, crypto::DigestAlgorithm::sha256);
  EXPECT_EQ(policy.path_length, 1u);
  EXPECT_THAT(policy.cdp.urls, IsEmpty());
  EXPECT_THAT(policy.further, IsEmpty());
}

// The shape that Microsoft documents for an enterprise issuing CA.
TEST(CaPolicyTest, OfAnEnterpriseIssuingCa) {
  const CaPolicy policy = good(
      "[PolicyStatementExtension]\nPolicies=InternalPolicy, AllIssuancePolicy\nCritical=0\n"
      "[InternalPolicy]\nOID=1.2.3.4.1455.67.89.5\nNotice=\"Legal Policy Statement\"\n"
      "URL=http://pki.corp.contoso.com/pki/cps.txt\n"
      "[allissuancepolicy]\nOID=2.5.29.32.0\n"
      "[certsrv_server]\nrenewalkeylength=2048\nRenewalValidityPeriodUnits=0x18\nRenewalValidityPeriod="
      "years\n"
      "CRLPeriod = days\nCRLPeriodUnits = 2\nCRLDeltaPeriod = hours\nCRLDeltaPeriodUnits = 4\n"
      "CRLOverlapPeriod = hours\nCRLOverlapUnits = "
      "6\nLoadDefaultTemplates=True\nForceUTF8=1\nEnableKeyCounting=0\n"
      "[EnhancedKeyUsageExtension]\nOID=1.3.6.1.4.1.311.10.3.4\nOID=1.3.6.1.4.1.311.10.3.4.1\nCritical=No\n");
  EXPECT_THAT(policy.warnings, IsEmpty());
  EXPECT_EQ(policy.renewal_validity, (Span{24 * 12, {}}));
  EXPECT_EQ(policy.crl_period, (Span{0, hours(48)}));
  EXPECT_EQ(policy.crl_delta_period, (Span{0, hours(4)}));
  EXPECT_EQ(policy.crl_overlap, (Span{0, hours(6)}));
  const auto* extension = further(policy, x509::oid::kCertificatePolicies);
  ASSERT_NE(extension, nullptr);
  EXPECT_FALSE(extension->critical);
  const auto policies = x509::parse_certificate_policies(extension->value).value();
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(policies[0].policy.dotted(), "1.2.3.4.1455.67.89.5");
  EXPECT_EQ(x509::notice_text_of(policies[0].qualifiers.at(0)), "Legal Policy Statement");
  EXPECT_EQ(x509::cps_uri_of(policies[0].qualifiers.at(1)), "http://pki.corp.contoso.com/pki/cps.txt");
  EXPECT_EQ(policies[1].policy, x509::oid::kAnyPolicy);
  const auto purposes =
      x509::parse_extended_key_usage(further(policy, x509::oid::kExtendedKeyUsage)->value).value();
  EXPECT_EQ(purposes.size(), 2u);
}

// The sample of the Windows Server 2003 documentation: a policy without an OID, several URLs with spaces.
TEST(CaPolicyTest, OfTheOldSample) {
  const CaPolicy policy = good(
      ";[CAPolicy]\n[PolicyStatementExtension]\nPolicies = LegalPolicy, LimitedUsePolicy, "
      "EmptyPolicy\nCritical = 0\n"
      "[LegalPolicy]\nOID = 1.3.6.1.4.1.311.21.43\nNotice = \"Legal policy statement text.\"\n"
      "[LimitedUsePolicy]\nOID = 1.3.6.1.4.1.311.21.47\nURL = \"https://http.site.com/some "
      "where/default.asp\"\n"
      "URL = \"ftp://ftp.site.com/some where else/default.asp\"\nNotice = \"Limited use policy statement "
      "text.\"\n"
      "[emptypolicy]\n"
      "[CRLDistributionPoint]\nURL = http://%1/Public/My CA.crl\nURL = \"file://\\\\%1\\Public\\My CA.crl\"\n"
      "[Certsrv_Server]\nRenewalValidityPeriodUnits=Years\nRenewalValidityPeriod=20\n");
  EXPECT_THAT(policy.warnings,
              ElementsAre(HasSubstr("CAPolicy.inf:15: the policy [emptypolicy] has no OID")));
  EXPECT_EQ(policy.renewal_validity, (Span{240, {}}));
  const auto policies =
      x509::parse_certificate_policies(further(policy, x509::oid::kCertificatePolicies)->value).value();
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(x509::cps_uri_of(policies[1].qualifiers.at(0)), "https://http.site.com/some%20where/default.asp");
  const auto extensions = location_extensions(policy, {"pki.example", "pki", "My CA", 0, 0, false, {}});
  ASSERT_TRUE(extensions) << extensions.error().report();
  ASSERT_EQ(extensions->size(), 1u);
  EXPECT_THAT(
      x509::uris_of(x509::parse_distribution_points(extensions->at(0).value).value()),
      ElementsAre("http://pki.example/Public/My%20CA.crl", "file://\\\\pki.example\\Public\\My%20CA.crl"));
}

TEST(CaPolicyTest, RawExtensionsAndTheirCriticality) {
  const CaPolicy policy = good(
      "[Extensions]\n2.5.29.15=AwIBBg==\nCritical=2.5.29.15, 1.2.3\n%private% = \"BAID\"\n_continue_ = "
      "\"/w==\"\n"
      "[Strings]\nprivate = 1.2.3.4.5\n");
  EXPECT_THAT(policy.warnings, ElementsAre(HasSubstr("Critical names 1.2.3")));
  const auto* usage = further(policy, x509::oid::kKeyUsage);
  ASSERT_NE(usage, nullptr);
  EXPECT_TRUE(usage->critical);
  EXPECT_EQ(x509::parse_key_usage(usage->value).value(), x509::key_cert_sign | x509::crl_sign);
  const auto* own = further(policy, x509::Oid{1, 2, 3, 4, 5});
  ASSERT_NE(own, nullptr);
  EXPECT_FALSE(own->critical);
  EXPECT_EQ(to_hex(own->value), "040203ff");
}

// CrossCertDistPoints ::= SEQUENCE { syncDeltaTime INTEGER, SEQUENCE OF GeneralNames }, by hand.
TEST(CaPolicyTest, CrossCertificateLocations) {
  const CaPolicy policy =
      good("[CrossCertificateDistributionPointsExtension]\nSyncDeltaTime=24\nURL=http://a/b\nCritical=0\n");
  const auto* extension = further(policy, x509::Oid{1, 3, 6, 1, 4, 1, 311, 10, 9, 1});
  ASSERT_NE(extension, nullptr);
  EXPECT_EQ(to_hex(extension->value), "3013020118300e300c860a687474703a2f2f612f62");
}

struct Bad {
  const char* sections;
  const char* message;
};
TEST(CaPolicyTest, MalformedValuesAreErrorsWithFileAndLine) {
  for (const Bad& bad : std::initializer_list<Bad>{
           {"[Certsrv_Server]\nRenewalKeyLength=big\n",
            "CAPolicy.inf:4: RenewalKeyLength = 'big' is no number"},
           {"[Certsrv_Server]\nRenewalKeyLength=1\n", "CAPolicy.inf:4: RenewalKeyLength = 1 is out of range"},
           {"[Certsrv_Server]\nCRLPeriod=Fortnights\nCRLPeriodUnits=2\n", "CAPolicy.inf:5: '"},
           {"[Certsrv_Server]\nCRLPeriod=Days\n", "CAPolicy.inf:4: CRLPeriod and CRLPeriodUnits go together"},
           {"[Certsrv_Server]\nCRLPeriod=Days\nCRLPeriodUnits=0\n", "CAPolicy.inf:5: CRLPeriodUnits = 0"},
           {"[Certsrv_Server]\nLoadDefaultTemplates=maybe\n",
            "CAPolicy.inf:4: LoadDefaultTemplates = 'maybe'"},
           {"[Certsrv_Server]\nHashAlgorithm=SHA1\n", "CAPolicy.inf:4: HashAlgorithm = 'SHA1'"},
           {"[Certsrv_Server]\nCNGHashAlgorithm=MD5\n", "CAPolicy.inf:4: CNGHashAlgorithm = 'MD5'"},
           {"[BasicConstraintsExtension]\nPathLength=-1\n", "CAPolicy.inf:4: PathLength = '-1'"},
           {"[CRLDistributionPoint]\nURL=nowhere\n", "CAPolicy.inf:4: 'nowhere' is no URL"},
           {"[CRLDistributionPoint]\nURL=http://%0/\n", "CAPolicy.inf:4: URL: unknown variable"},
           {"[CRLDistributionPoint]\nURL=http://a/\nEmpty=1\n",
            "CAPolicy.inf:5: [CRLDistributionPoint] says Empty"},
           {"[EnhancedKeyUsageExtension]\nOID=clientAuth\n",
            "CAPolicy.inf:4: 'clientAuth' is no object identifier"},
           {"[EnhancedKeyUsageExtension]\nOID=1.2.3\nOID=1.2.3\n",
            "CAPolicy.inf:5: the purpose 1.2.3 stands twice"},
           {"[PolicyStatementExtension]\nPolicies=A\n", "CAPolicy.inf:4: there is no section [A]"},
           {"[PolicyStatementExtension]\nPolicies=A\n[A]\nOID=x\n",
            "CAPolicy.inf:6: 'x' is no object identifier"},
           {"[PolicyStatementExtension]\nPolicies=A,B\n[A]\nOID=1.2.3\n[B]\nOID=1.2.3\n",
            "CAPolicy.inf:7: the policy 1.2.3 stands twice"},
           {"[Extensions]\n1.2.3=!!\n", "CAPolicy.inf:4: the value of 1.2.3 is no base64"},
           {"[Extensions]\n1.2.3=BAID\n", "CAPolicy.inf:4: the value of 1.2.3 is not the DER"},
           {"[Extensions]\nx=BQA=\n", "CAPolicy.inf:4: 'x' is no object identifier"},
           {"[Extensions]\n2.5.29.19=MAA=\n", "CAPolicy.inf:4: the extension"},
           {"[Extensions]\n2.5.29.15=AwIHgA==\n", "CAPolicy.inf:4: a CA's key usage has keyCertSign"},
           {"[Extensions]\n2.5.29.37=MAA=\n[EnhancedKeyUsageExtension]\nOID=1.2.3\n", "is set twice"},
           {"[NameConstraintsExtension]\nInclude=x\n",
            "CAPolicy.inf:3: [NameConstraintsExtension] is not read"},
           {"[CrossCertificateDistributionPointsExtension]\nSyncDeltaTime=24\n", "CAPolicy.inf:3: "},
       })
    EXPECT_THAT(error_of(bad.sections), HasSubstr(bad.message)) << bad.sections;
  const std::string long_notice =
      "[PolicyStatementExtension]\nPolicies=A\n[A]\nOID=1.2.3\nNotice=" + std::string(201, 'x') + "\n";
  EXPECT_THAT(error_of(long_notice), HasSubstr("CAPolicy.inf:7: Notice: "));
  EXPECT_THAT(parse_ca_policy(as_bytes("[A]\n"), "f").error().message(), HasSubstr("f:1: [Version]"));
  EXPECT_THAT(parse_ca_policy(as_bytes("[Version]\nSignature=x\n"), "f").error().message(),
              HasSubstr("f:2: "));
}

TEST(CaPolicyTest, WhatIsUnknownIsAWarningWithFileAndLine) {
  const CaPolicy policy = good(
      "[Certsrv_Server]\nRenewalKeyLenght=4096\nForceUTF8=0\nEnableKeyCounting=1\nClockSkewMinutes=10\n"
      "[Elsewhere]\na=b\n[BasicConstraintsExtension]\nCritical=no\n");
  EXPECT_THAT(
      policy.warnings,
      ElementsAre(HasSubstr("CAPolicy.inf:4: unknown key 'RenewalKeyLenght' in [Certsrv_Server] is ignored; "
                            "did you mean RenewalKeyLength?"),
                  HasSubstr("CAPolicy.inf:5: ForceUTF8"), HasSubstr("CAPolicy.inf:6: EnableKeyCounting"),
                  HasSubstr("CAPolicy.inf:7: ClockSkewMinutes"),
                  HasSubstr("CAPolicy.inf:8: unknown section [Elsewhere]"),
                  HasSubstr("CAPolicy.inf:11: Critical = no")));
  EXPECT_FALSE(policy.renewal_key_length);
}

TEST(CaPolicyTest, TheExamplesOfTheTestData) {
  for (const char* file : {"testdata/capolicy/root.inf", "testdata/capolicy/issuing.inf"}) {
    const auto policy = parse_ca_policy(read_file(file).value(), file);
    ASSERT_TRUE(policy) << policy.error().report();
    EXPECT_THAT(policy->warnings, IsEmpty());
    EXPECT_FALSE(policy->lines.empty());
  }
}

TEST(CaPolicyTest, WhatWasReadIsToldInTheOrderOfTheFile) {
  const CaPolicy policy = good(
      "[BasicConstraintsExtension]\nPathLength=0\n[PolicyStatementExtension]\nPolicies=P\n[P]\nOID=1.2.3\n");
  EXPECT_THAT(policy.lines, ElementsAre(CaPolicy::Line{"BasicConstraintsExtension", "PathLength", "0", 4},
                                        CaPolicy::Line{"PolicyStatementExtension", "Policies", "P", 6},
                                        CaPolicy::Line{"P", "OID", "1.2.3", 8}));
}

}  // namespace
}  // namespace vouch::ca
