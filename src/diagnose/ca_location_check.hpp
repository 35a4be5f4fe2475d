#pragma once
// Symptom: some programs cannot build a chain, and others, which have the CA certificate, can.
// Probe:   the AIA location (caIssuers) is fetched: one certificate, or a p7b with several (RFC
// 5280 4.2.2.1). Verdict: Not matching for anything that does not hold the very CA certificate that signs;
// Expired when that
//   one is over.
// Mend:    put the CA certificate there.

#include "diagnose/hierarchy.hpp"
#include "diagnose/judged.hpp"

namespace vouch::diagnose {

Judged judge_ca_certificate(const Place& place, Bytes body, Time now);

}  // namespace vouch::diagnose
