#pragma once
// Symptom: devices stop enrolling from one day to the next; NDES says 500 then, and nothing more.
// Probe:   the certificates of the registration authority that answers SCEP for the CA
//   (ca/keys/service_keys.hpp): of those that sign, and of those that decrypt, the newest.
// Verdict: Expired; Expiring when the last quarter of its life has begun: the service renews at a third. Not
//   matching when it was revoked.
// Mend:    vouch scep ra renew; the service's health state "scep certificates" says what keeps it from
// renewing.

#include "diagnose/hierarchy.hpp"

namespace vouch::diagnose {

Result<std::vector<CertificateStatus>> check_registration(const store::Snapshot& snapshot, const Node& node,
                                                          Time now);

}  // namespace vouch::diagnose
