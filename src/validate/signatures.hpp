#pragma once
// Signatures of certificates and CRLs, each verified once.

#include <deque>
#include <mutex>
#include <span>
#include <unordered_set>

#include "validate/certificate.hpp"
#include "validate/crl.hpp"
#include "validate/profile.hpp"

namespace vouch::validate {

// Remembers which objects (by SHA-256) fit which signer's certificate. Only what is true is remembered, so an
// entry never goes bad: everything that can change (time, revocation, trust) is asked at each validation.
// Threads share it.
class SignatureCache {
 public:
  explicit SignatureCache(std::size_t capacity = 4096) : capacity_(capacity) {}
  bool knows(Bytes object, Bytes signer) const;
  void learn(Bytes object, Bytes signer);

 private:
  static std::string key(Bytes object, Bytes signer);
  mutable std::mutex guards_known_;
  std::size_t capacity_;
  std::unordered_set<std::string> known_;
  std::deque<std::string> order_;  // the oldest goes first
};

// The algorithm of a signature, if the rules accept it. Fails
// with `denied`, or as parse_signature_algorithm does.
Result<x509::SignatureAlgorithm> accepted_algorithm(const x509::AlgorithmIdentifier& identifier,
                                                    const AlgorithmRules& rules);

enum class SignatureVerdict {
  fits,
  wrong,
  undecided,  // the issuer's DSA key inherits parameters from a certificate that is not in the path yet
};
// Whether the key of the first certificate made the signature. The others are those above it: a DSA key may
// inherit its parameters from them (RFC 5280 6.1.4 d, e).
SignatureVerdict check_signature(const crypto::Provider& provider,
                                 std::span<const CertificatePtr> signer_and_above,
                                 const x509::AlgorithmIdentifier& algorithm, Bytes tbs, Bytes signature);
// The same for a CRL; one signed over SHA-256 is not hashed again.
SignatureVerdict check_signature(const crypto::Provider& provider,
                                 std::span<const CertificatePtr> signer_and_above, const CrlHead& crl);

}  // namespace vouch::validate
