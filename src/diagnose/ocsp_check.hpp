#pragma once
// Symptom: sign-ins are slow or refused because the OCSP responder is silent, wrong, or answers with an old
//   certificate.
// Probe:   it is asked about a certificate that this CA has signed, by POST (RFC 6960 appendix A.1), with a
//   nonce.
// Verdict: Not matching for what is no OCSP answer, an error in place of one, an answer about another
//   certificate, a signature that does not verify, a responder that the CA did not appoint (RFC
//   6960 4.2.2.2), another nonce, or another status than the database has. Expired for an old answer or
//   responder.
// Mend:    the responder's own configuration.

#include "crypto/provider.hpp"
#include "diagnose/hierarchy.hpp"
#include "diagnose/judged.hpp"

namespace vouch::diagnose {

struct OcspQuestion {
  Buffer request;  // DER
  Buffer nonce, name_hash, key_hash, serial;
};
// `place.question` is a certificate.
Result<OcspQuestion> make_question(const crypto::Provider& provider, const Place& place);
Judged judge_ocsp(const crypto::Provider& provider, const Place& place, const OcspQuestion& question,
                  Bytes body, Time now);

}  // namespace vouch::diagnose
