#pragma once
// A CA's own certificate: what it says about the CA, as a root signs it for itself and as a subordinate asks
// its parent for it.

#include "ca/capolicy.hpp"
#include "ca/home/environment.hpp"
#include "x509/certificate.hpp"

namespace vouch::ca {

struct CaIdentity {
  store::AuthorityKind kind{};
  const store::KeyGeneration& generation;  // its indexes
  Bytes public_key_info;
  Bytes previous;  // the certificate that is renewed; empty at set-up
  const CaPolicy* policy = nullptr;
  LocationVariables variables;  // for the URLs of CAPolicy.inf
};
// Basic constraints, key usage, key identifier, CA version, hash of the previous certificate, and what
// CAPolicy.inf adds.
Result<std::vector<x509::Extension>> own_extensions(const Environment& environment,
                                                    const CaIdentity& identity);

struct SelfSigned {
  Bytes subject;  // Name, whole TLV
  Time not_before{}, not_after{};
  std::vector<x509::Extension> extensions;
  bool weak_key = false;  // an administrator has insisted on an RSA key below 2048 bits
};
// Lints before it signs.
Result<Buffer> self_sign(const Environment& environment, const crypto::Signer& signer,
                         const SelfSigned& content);

// The request that a parent signs. It names the template SubCA, as AD CS's requests do (311.20.2).
Result<Buffer> make_ca_request(const crypto::Signer& signer, Bytes subject,
                               std::vector<x509::Extension> extensions);

// What a parent takes over from a subordinate's request beside what its template says, once an administrator
// has decided to sign: policies, purposes and whatever else CAPolicy.inf put there. Never names, constraints,
// key identifiers, locations or logon identities.
std::vector<x509::Extension> requested_extensions(const std::vector<x509::ExtensionView>& request);

}  // namespace vouch::ca
