#pragma once
// What validation decided, and the record of how: enough to tell the whole story later without asking again.

#include <vector>

#include "validate/finding.hpp"
#include "validate/profile.hpp"
#include "validate/revocation.hpp"
#include "validate/trust_store.hpp"

namespace vouch::validate {

// A path that was built and judged.
struct Attempt {
  std::vector<CertificatePtr> path;  // the target first; the anchor's certificate last, if it came that far
  bool reached_anchor = false;
  std::vector<Finding> findings;
};

struct Decision {
  bool accepted = false;
  Time time{};
  Purpose purpose = Purpose::any;
  std::vector<CertificatePtr> sent;  // as it came, the target first
  std::vector<CertificatePtr> path;  // as it was built; empty when no anchor was reached
  std::string trust;                 // where the trust in the anchor comes from (TrustAnchor::source)
  std::vector<x509::Oid> policies;   // user-constrained-policy-set
  std::vector<Finding> findings;     // of the path that was accepted, or of the one that came nearest
  std::vector<RevocationRecord> revocation;
  std::size_t unchecked_issuers = 0;  // certificates of the path whose revocation was not asked about
  std::vector<Attempt> attempts;      // the other paths, the first eight
  // What it took.
  std::size_t paths = 0, steps = 0, signatures = 0;
};

// The first error, for a log line and an answer in a few words; nullptr when there is none.
const Finding* decisive(const Decision& decision);

// {accepted, time, purpose, trust, sent [], path [], policies [], findings [], revocation [],
//  unchecked_issuers, attempts [], spent {paths, steps, signatures}}.
// A certificate is {subject, issuer, serial, sha256, not_before, not_after}.
Value to_value(const Decision& decision);
// The story for people: chain as sent, chain as built, each revocation step, where trust ends.
std::string to_text(const Decision& decision);

}  // namespace vouch::validate
