#pragma once
// The object identifiers of the field, named as their standards name them.

#include "asn1/oid.hpp"

namespace vouch::x509 {

using asn1::Oid;

namespace oid {

// Attribute types of names: X.520, RFC 4519, RFC 2985, RFC 5280 appendix A.
inline constexpr Oid kCommonName{2, 5, 4, 3}, kSurname{2, 5, 4, 4}, kSerialNumber{2, 5, 4, 5},
    kCountry{2, 5, 4, 6}, kLocality{2, 5, 4, 7}, kState{2, 5, 4, 8}, kStreet{2, 5, 4, 9},
    kOrganization{2, 5, 4, 10}, kOrganizationalUnit{2, 5, 4, 11}, kTitle{2, 5, 4, 12},
    kGivenName{2, 5, 4, 42}, kInitials{2, 5, 4, 43}, kGenerationQualifier{2, 5, 4, 44},
    kDnQualifier{2, 5, 4, 46}, kPseudonym{2, 5, 4, 65}, kOrganizationIdentifier{2, 5, 4, 97},
    kUid{0, 9, 2342, 19200300, 100, 1, 1}, kDomainComponent{0, 9, 2342, 19200300, 100, 1, 25},
    kEmailAddress{1, 2, 840, 113549, 1, 9, 1}, kUnstructuredName{1, 2, 840, 113549, 1, 9, 2},
    kUnstructuredAddress{1, 2, 840, 113549, 1, 9, 8};

// Certificate and CRL extensions: RFC 5280 4.2, 5.2, 5.3; RFC 6960 4.4; RFC 7633.
inline constexpr Oid kSubjectDirectoryAttributes{2, 5, 29, 9}, kSubjectKeyIdentifier{2, 5, 29, 14},
    kKeyUsage{2, 5, 29, 15}, kPrivateKeyUsagePeriod{2, 5, 29, 16}, kSubjectAltName{2, 5, 29, 17},
    kIssuerAltName{2, 5, 29, 18}, kBasicConstraints{2, 5, 29, 19}, kCrlNumber{2, 5, 29, 20},
    kReasonCode{2, 5, 29, 21}, kHoldInstructionCode{2, 5, 29, 23}, kInvalidityDate{2, 5, 29, 24},
    kDeltaCrlIndicator{2, 5, 29, 27}, kIssuingDistributionPoint{2, 5, 29, 28},
    kCertificateIssuer{2, 5, 29, 29}, kNameConstraints{2, 5, 29, 30}, kCrlDistributionPoints{2, 5, 29, 31},
    kCertificatePolicies{2, 5, 29, 32}, kPolicyMappings{2, 5, 29, 33}, kAuthorityKeyIdentifier{2, 5, 29, 35},
    kPolicyConstraints{2, 5, 29, 36}, kExtendedKeyUsage{2, 5, 29, 37}, kFreshestCrl{2, 5, 29, 46},
    kInhibitAnyPolicy{2, 5, 29, 54}, kExpiredCertsOnCrl{2, 5, 29, 60},
    kAuthorityInfoAccess{1, 3, 6, 1, 5, 5, 7, 1, 1}, kSubjectInfoAccess{1, 3, 6, 1, 5, 5, 7, 1, 11},
    kTlsFeature{1, 3, 6, 1, 5, 5, 7, 1, 24}, kOcspNonce{1, 3, 6, 1, 5, 5, 7, 48, 1, 2},
    kOcspNoCheck{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, kOcspExtendedRevoke{1, 3, 6, 1, 5, 5, 7, 48, 1, 9};
inline constexpr Oid kAnyPolicy{2, 5, 29, 32, 0}, kAdOcsp{1, 3, 6, 1, 5, 5, 7, 48, 1},
    kAdCaIssuers{1, 3, 6, 1, 5, 5, 7, 48, 2}, kQtCps{1, 3, 6, 1, 5, 5, 7, 2, 1},
    kQtUnotice{1, 3, 6, 1, 5, 5, 7, 2, 2}, kOcspBasic{1, 3, 6, 1, 5, 5, 7, 48, 1, 1};

// Microsoft: MS-WCCE 2.2.2.7, MS-CRTD.
inline constexpr Oid kMsCaVersion{1, 3, 6, 1, 4, 1, 311, 21, 1},
    kMsPreviousCertHash{1, 3, 6, 1, 4, 1, 311, 21, 2}, kMsVirtualBase{1, 3, 6, 1, 4, 1, 311, 21, 3},
    kMsNextPublish{1, 3, 6, 1, 4, 1, 311, 21, 4}, kMsCertificateTemplate{1, 3, 6, 1, 4, 1, 311, 21, 7},
    kMsApplicationPolicies{1, 3, 6, 1, 4, 1, 311, 21, 10},
    kMsPublishedCrlLocations{1, 3, 6, 1, 4, 1, 311, 21, 14}, kMsTemplateName{1, 3, 6, 1, 4, 1, 311, 20, 2},
    kMsNtdsCaSecurity{1, 3, 6, 1, 4, 1, 311, 25, 2}, kMsNtdsObjectSid{1, 3, 6, 1, 4, 1, 311, 25, 2, 1},
    kMsUpn{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, kMsCertExtensions{1, 3, 6, 1, 4, 1, 311, 2, 1, 14},
    kMsOsVersion{1, 3, 6, 1, 4, 1, 311, 13, 2, 3}, kMsEnrollmentCsp{1, 3, 6, 1, 4, 1, 311, 13, 2, 2},
    kMsRequestClientInfo{1, 3, 6, 1, 4, 1, 311, 21, 20};

// PKCS #9 attributes of requests (RFC 2985).
inline constexpr Oid kChallengePassword{1, 2, 840, 113549, 1, 9, 7},
    kExtensionRequest{1, 2, 840, 113549, 1, 9, 14};
// S/MIME capabilities as a certificate extension (RFC 4262).
inline constexpr Oid kSmimeCapabilities{1, 2, 840, 113549, 1, 9, 15};

// Extended key usages: RFC 5280 4.2.1.12, RFC 4556, Microsoft.
inline constexpr Oid kAnyExtendedKeyUsage{2, 5, 29, 37, 0}, kServerAuth{1, 3, 6, 1, 5, 5, 7, 3, 1},
    kClientAuth{1, 3, 6, 1, 5, 5, 7, 3, 2}, kCodeSigning{1, 3, 6, 1, 5, 5, 7, 3, 3},
    kEmailProtection{1, 3, 6, 1, 5, 5, 7, 3, 4}, kTimeStamping{1, 3, 6, 1, 5, 5, 7, 3, 8},
    kOcspSigning{1, 3, 6, 1, 5, 5, 7, 3, 9}, kIpsecIke{1, 3, 6, 1, 5, 5, 7, 3, 17},
    kPkinitClientAuth{1, 3, 6, 1, 5, 2, 3, 4}, kPkinitKdc{1, 3, 6, 1, 5, 2, 3, 5},
    kPkinitSan{1, 3, 6, 1, 5, 2, 2}, kMsSmartCardLogon{1, 3, 6, 1, 4, 1, 311, 20, 2, 2},
    kMsCertificateRequestAgent{1, 3, 6, 1, 4, 1, 311, 20, 2, 1},
    kMsEncryptingFileSystem{1, 3, 6, 1, 4, 1, 311, 10, 3, 4}, kMsCaExchange{1, 3, 6, 1, 4, 1, 311, 21, 5},
    kMsKeyRecoveryAgent{1, 3, 6, 1, 4, 1, 311, 21, 6};

// Keys and signatures: RFC 8017, RFC 4055, RFC 5480, RFC 8410, RFC 3279.
inline constexpr Oid kRsaEncryption{1, 2, 840, 113549, 1, 1, 1}, kRsassaPss{1, 2, 840, 113549, 1, 1, 10},
    kMgf1{1, 2, 840, 113549, 1, 1, 8}, kMd5WithRsa{1, 2, 840, 113549, 1, 1, 4},
    kSha1WithRsa{1, 2, 840, 113549, 1, 1, 5}, kSha256WithRsa{1, 2, 840, 113549, 1, 1, 11},
    kSha384WithRsa{1, 2, 840, 113549, 1, 1, 12}, kSha512WithRsa{1, 2, 840, 113549, 1, 1, 13},
    kEcPublicKey{1, 2, 840, 10045, 2, 1}, kP256{1, 2, 840, 10045, 3, 1, 7}, kP384{1, 3, 132, 0, 34},
    kP521{1, 3, 132, 0, 35}, kEcdsaWithSha1{1, 2, 840, 10045, 4, 1},
    kEcdsaWithSha256{1, 2, 840, 10045, 4, 3, 2}, kEcdsaWithSha384{1, 2, 840, 10045, 4, 3, 3},
    kEcdsaWithSha512{1, 2, 840, 10045, 4, 3, 4}, kEd25519{1, 3, 101, 112}, kDsa{1, 2, 840, 10040, 4, 1},
    kDsaWithSha1{1, 2, 840, 10040, 4, 3};
inline constexpr Oid kMd5{1, 2, 840, 113549, 2, 5}, kSha1{1, 3, 14, 3, 2, 26},
    kSha256{2, 16, 840, 1, 101, 3, 4, 2, 1}, kSha384{2, 16, 840, 1, 101, 3, 4, 2, 2},
    kSha512{2, 16, 840, 1, 101, 3, 4, 2, 3};

}  // namespace oid

// The name people use for an OID ("serverAuth", "CN", "sha256WithRSAEncryption"); empty when there is none.
std::string_view name_of(const Oid& oid);
// "serverAuth (1.3.6.1.5.5.7.3.1)", or the numbers alone.
std::string describe(const Oid& oid);
// An OID from its numbers or from the name that name_of gives it, without regard to case. Fails with
// `not_found`.
Result<Oid> oid_from_name(std::string_view name_or_numbers);

}  // namespace vouch::x509
