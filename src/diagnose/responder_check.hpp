#pragma once
// Symptom: OCSP answers are refused from one day to the next.
// Probe:   the certificates that the CA's own services had issued to themselves (ca/keys/service_keys.hpp).
// Verdict: Expired; Expiring when the last quarter of its life has begun: the service renews at a third.
// Mend:    start the service; its health state "ocsp responders" says what keeps it from renewing.

#include "diagnose/hierarchy.hpp"

namespace vouch::diagnose {

Result<std::vector<CertificateStatus>> check_responders(const store::Snapshot& snapshot, const Node& node,
                                                        Time now);

}  // namespace vouch::diagnose
