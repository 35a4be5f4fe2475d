#pragma once
// The object identifiers of CMS and CMC, named as their standards name them.

#include "x509/oids.hpp"

namespace vouch::cms::oid {

using x509::Oid;

// Content types: RFC 5652 4, 5.1, 6.1; RFC 5272 3.2.1, 3.2.2.
inline constexpr Oid kData{1, 2, 840, 113549, 1, 7, 1}, kSignedData{1, 2, 840, 113549, 1, 7, 2},
    kEnvelopedData{1, 2, 840, 113549, 1, 7, 3}, kPkiData{1, 3, 6, 1, 5, 5, 7, 12, 2},
    kPkiResponse{1, 3, 6, 1, 5, 5, 7, 12, 3};

// Attributes: RFC 5652 11.
inline constexpr Oid kContentType{1, 2, 840, 113549, 1, 9, 3}, kMessageDigest{1, 2, 840, 113549, 1, 9, 4},
    kSigningTime{1, 2, 840, 113549, 1, 9, 5}, kCountersignature{1, 2, 840, 113549, 1, 9, 6};

// Key transport and content encryption: RFC 8017 A.2.1, RFC 3565, RFC 3370 5.1; RFC 3211 (password).
inline constexpr Oid kRsaesOaep{1, 2, 840, 113549, 1, 1, 7}, kPSpecified{1, 2, 840, 113549, 1, 1, 9},
    kAes128Cbc{2, 16, 840, 1, 101, 3, 4, 1, 2}, kAes192Cbc{2, 16, 840, 1, 101, 3, 4, 1, 22},
    kAes256Cbc{2, 16, 840, 1, 101, 3, 4, 1, 42}, kDesEde3Cbc{1, 2, 840, 113549, 3, 7},
    kDesCbc{1, 3, 14, 3, 2, 7}, kPwriKek{1, 2, 840, 113549, 1, 9, 16, 3, 9},
    kPbkdf2{1, 2, 840, 113549, 1, 5, 12}, kHmacWithSha1{1, 2, 840, 113549, 2, 7},
    kHmacWithSha256{1, 2, 840, 113549, 2, 9};

// CMC controls (RFC 5272 6) and Microsoft's (MS-WCCE 2.2.2.7).
inline constexpr Oid kCmcStatusInfo{1, 3, 6, 1, 5, 5, 7, 7, 1}, kCmcTransactionId{1, 3, 6, 1, 5, 5, 7, 7, 5},
    kCmcSenderNonce{1, 3, 6, 1, 5, 5, 7, 7, 6}, kCmcRecipientNonce{1, 3, 6, 1, 5, 5, 7, 7, 7},
    kCmcRegInfo{1, 3, 6, 1, 5, 5, 7, 7, 18}, kMsAddAttributes{1, 3, 6, 1, 4, 1, 311, 10, 10, 1},
    kMsIssuedCertHash{1, 3, 6, 1, 4, 1, 311, 21, 17}, kMsRenewalCertificate{1, 3, 6, 1, 4, 1, 311, 13, 1},
    kMsNameValuePair{1, 3, 6, 1, 4, 1, 311, 13, 2, 1};

}  // namespace vouch::cms::oid
