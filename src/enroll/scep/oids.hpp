#pragma once
// The object identifiers of SCEP's signed attributes (RFC 8894 3.2.1), which VeriSign assigned once.

#include "x509/oids.hpp"

namespace vouch::enroll::scep::oid {

using x509::Oid;

inline constexpr Oid kMessageType{2, 16, 840, 1, 113733, 1, 9, 2}, kPkiStatus{2, 16, 840, 1, 113733, 1, 9, 3},
    kFailInfo{2, 16, 840, 1, 113733, 1, 9, 4}, kSenderNonce{2, 16, 840, 1, 113733, 1, 9, 5},
    kRecipientNonce{2, 16, 840, 1, 113733, 1, 9, 6}, kTransactionId{2, 16, 840, 1, 113733, 1, 9, 7};
// id-scep-failInfoText (RFC 8894 3.2.1.4), and the HRESULT that NDES sends (szOID_ENROLL_SCEP_ERROR).
inline constexpr Oid kFailInfoText{1, 3, 6, 1, 5, 5, 7, 24, 1},
    kMsEnrollScepError{1, 3, 6, 1, 4, 1, 311, 21, 33};

}  // namespace vouch::enroll::scep::oid
