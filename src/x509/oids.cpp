#include "x509/oids.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vouch::x509 {
namespace {

using namespace oid;

struct Named {
  Oid oid;
  std::string_view name;
};

constexpr Named kUnsorted[] = {
    // Attribute types, by the short names of RFC 4514 and what programs print for the others.
    {kCommonName, "CN"},
    {kSurname, "SN"},
    {kSerialNumber, "serialNumber"},
    {kCountry, "C"},
    {kLocality, "L"},
    {kState, "ST"},
    {kStreet, "STREET"},
    {kOrganization, "O"},
    {kOrganizationalUnit, "OU"},
    {kTitle, "title"},
    {kGivenName, "GN"},
    {kInitials, "initials"},
    {kGenerationQualifier, "generationQualifier"},
    {kDnQualifier, "dnQualifier"},
    {kPseudonym, "pseudonym"},
    {kOrganizationIdentifier, "organizationIdentifier"},
    {kUid, "UID"},
    {kDomainComponent, "DC"},
    {kEmailAddress, "emailAddress"},
    {kUnstructuredName, "unstructuredName"},
    {kUnstructuredAddress, "unstructuredAddress"},
    // Extensions
    {kSubjectDirectoryAttributes, "subjectDirectoryAttributes"},
    {kSubjectKeyIdentifier, "subjectKeyIdentifier"},
    {kKeyUsage, "keyUsage"},
    {kPrivateKeyUsagePeriod, "privateKeyUsagePeriod"},
    {kSubjectAltName, "subjectAltName"},
    {kIssuerAltName, "issuerAltName"},
    {kBasicConstraints, "basicConstraints"},
    {kCrlNumber, "cRLNumber"},
    {kReasonCode, "reasonCode"},
    {kHoldInstructionCode, "holdInstructionCode"},
    {kInvalidityDate, "invalidityDate"},
    {kDeltaCrlIndicator, "deltaCRLIndicator"},
    {kIssuingDistributionPoint, "issuingDistributionPoint"},
    {kCertificateIssuer, "certificateIssuer"},
    {kNameConstraints, "nameConstraints"},
    {kCrlDistributionPoints, "cRLDistributionPoints"},
    {kCertificatePolicies, "certificatePolicies"},
    {kPolicyMappings, "policyMappings"},
    {kAuthorityKeyIdentifier, "authorityKeyIdentifier"},
    {kPolicyConstraints, "policyConstraints"},
    {kExtendedKeyUsage, "extKeyUsage"},
    {kFreshestCrl, "freshestCRL"},
    {kInhibitAnyPolicy, "inhibitAnyPolicy"},
    {kExpiredCertsOnCrl, "expiredCertsOnCRL"},
    {kAuthorityInfoAccess, "authorityInfoAccess"},
    {kSubjectInfoAccess, "subjectInfoAccess"},
    {kTlsFeature, "tlsfeature"},
    {kOcspNonce, "ocspNonce"},
    {kOcspNoCheck, "ocspNoCheck"},
    {kOcspExtendedRevoke, "ocspExtendedRevoke"},
    {kAnyPolicy, "anyPolicy"},
    {kAdOcsp, "OCSP"},
    {kAdCaIssuers, "caIssuers"},
    {kQtCps, "cps"},
    {kQtUnotice, "unotice"},
    {kOcspBasic, "ocspBasic"},
    // Microsoft
    {kMsCaVersion, "msCAVersion"},
    {kMsPreviousCertHash, "msPreviousCertHash"},
    {kMsVirtualBase, "msCRLVirtualBase"},
    {kMsNextPublish, "msCRLNextPublish"},
    {kMsCertificateTemplate, "msCertificateTemplate"},
    {kMsApplicationPolicies, "msApplicationPolicies"},
    {kMsPublishedCrlLocations, "msPublishedCRLLocations"},
    {kMsTemplateName, "msTemplateName"},
    {kMsNtdsCaSecurity, "msNTDSCASecurity"},
    {kMsNtdsObjectSid, "msNTDSObjectSid"},
    {kMsUpn, "userPrincipalName"},
    {kMsCertExtensions, "msCertExtensions"},
    {kMsOsVersion, "msOSVersion"},
    {kMsEnrollmentCsp, "msEnrollmentCSP"},
    {kMsRequestClientInfo, "msRequestClientInfo"},
    // Attributes of requests
    {kChallengePassword, "challengePassword"},
    {kExtensionRequest, "extensionRequest"},
    {kSmimeCapabilities, "smimeCapabilities"},
    // Extended key usages
    {kAnyExtendedKeyUsage, "anyExtendedKeyUsage"},
    {kServerAuth, "serverAuth"},
    {kClientAuth, "clientAuth"},
    {kCodeSigning, "codeSigning"},
    {kEmailProtection, "emailProtection"},
    {kTimeStamping, "timeStamping"},
    {kOcspSigning, "OCSPSigning"},
    {kIpsecIke, "ipsecIKE"},
    {kPkinitClientAuth, "pkinitClientAuth"},
    {kPkinitKdc, "pkinitKDC"},
    {kPkinitSan, "pkinitSAN"},
    {kMsSmartCardLogon, "smartcardLogon"},
    {kMsCertificateRequestAgent, "certificateRequestAgent"},
    {kMsEncryptingFileSystem, "encryptingFileSystem"},
    {kMsCaExchange, "caExchange"},
    {kMsKeyRecoveryAgent, "keyRecoveryAgent"},
    // Keys, signatures, digests
    {kRsaEncryption, "rsaEncryption"},
    {kRsassaPss, "RSASSA-PSS"},
    {kMgf1, "MGF1"},
    {kMd5WithRsa, "md5WithRSAEncryption"},
    {kSha1WithRsa, "sha1WithRSAEncryption"},
    {kSha256WithRsa, "sha256WithRSAEncryption"},
    {kSha384WithRsa, "sha384WithRSAEncryption"},
    {kSha512WithRsa, "sha512WithRSAEncryption"},
    {kEcPublicKey, "id-ecPublicKey"},
    {kP256, "P-256"},
    {kP384, "P-384"},
    {kP521, "P-521"},
    {kEcdsaWithSha1, "ecdsa-with-SHA1"},
    {kEcdsaWithSha256, "ecdsa-with-SHA256"},
    {kEcdsaWithSha384, "ecdsa-with-SHA384"},
    {kEcdsaWithSha512, "ecdsa-with-SHA512"},
    {kEd25519, "Ed25519"},
    {kDsa, "DSA"},
    {kDsaWithSha1, "dsa-with-SHA1"},
    {kMd5, "MD5"},
    {kSha1, "SHA-1"},
    {kSha256, "SHA-256"},
    {kSha384, "SHA-384"},
    {kSha512, "SHA-512"},
};

constexpr auto kByOid = [] {
  std::array<Named, std::size(kUnsorted)> sorted{};
  std::ranges::copy(kUnsorted, sorted.begin());
  std::ranges::sort(sorted, {}, &Named::oid);
  return sorted;
}();
static_assert(std::ranges::adjacent_find(kByOid, {}, &Named::oid) == kByOid.end(), "an OID has two names");

}  // namespace

std::string_view name_of(const Oid& oid) {
  const auto found = std::ranges::lower_bound(kByOid, oid, {}, &Named::oid);
  return found != kByOid.end() && found->oid == oid ? found->name : std::string_view();
}

std::string describe(const Oid& oid) {
  const auto name = name_of(oid);
  return name.empty() ? oid.dotted() : fmt::format("{} ({})", name, oid.dotted());
}

Result<Oid> oid_from_name(std::string_view name_or_numbers) {
  for (const Named& entry : kByOid)
    if (equal_ignoring_case(entry.name, name_or_numbers)) return entry.oid;
  if (auto oid = Oid::parse(name_or_numbers)) return oid;
  return make_error(Errc::not_found, "'{}' is neither the name of an object identifier nor one in numbers",
                    name_or_numbers)
      .with_hint("write a name such as serverAuth, or numbers such as 1.3.6.1.5.5.7.3.1");
}

}  // namespace vouch::x509
