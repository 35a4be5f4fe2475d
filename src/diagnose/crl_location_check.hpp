#pragma once
// Symptom: certificates of a CA are refused, or revoked ones accepted, although its CRL is good: what lies at
//   the CDP or delta location is old, cut, or somebody else's.
// Probe:   the location is fetched as a relying party fetches it.
// Verdict: Expired past its nextUpdate; Not matching for what is no DER CRL, of another issuer or key, with a
//   signature that does not verify, base for delta or delta for base, another number or other octets than
//   what this home published last; Expiring once its successor is late.
// Mend:    publish again, or correct what the server shows.

#include "crypto/provider.hpp"
#include "diagnose/hierarchy.hpp"
#include "diagnose/judged.hpp"

namespace vouch::diagnose {

Judged judge_crl(const crypto::Provider& provider, const Place& place, Bytes body, Time now);

}  // namespace vouch::diagnose
