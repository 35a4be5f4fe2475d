#pragma once
// Symptom: a CA issues for shorter and shorter times, or its certificates are refused all at once.
// Probe:   its own certificates and those of the CAs above.
// Verdict: Expired; Expiring in the last tenth of the newest certificate's life. When half of it is over, the
//   CA is to be renewed: shown with its date, and no fault yet. An older certificate that a newer one follows
//   may end in peace.
// Mend:    renew the CA; install the parent's answer.

#include "diagnose/hierarchy.hpp"

namespace vouch::diagnose {

// That the CA has its certificate at all.
Judgement judge_authority(const Node& node);
std::vector<CertificateStatus> check_certificates(const Node& node, Time now);

}  // namespace vouch::diagnose
