#include "validate/signatures.hpp"

#include <algorithm>

namespace vouch::validate {
namespace {

using x509::SignatureAlgorithm;

// The key of the first certificate with the parameters of the nearest one above that has them.
std::optional<x509::DsaPublicKey> whole_dsa_key(std::span<const CertificatePtr> certificates,
                                                bool& undecided) {
  std::optional<x509::DsaPublicKey> key;
  for (const CertificatePtr& one : certificates) {
    const auto read = x509::parse_dsa_public_key(one->view().public_key_info);
    if (!read) return std::nullopt;  // 6.1.4 e: another algorithm above: there is nothing to inherit
    if (!key) key = *read;
    if (read->inherits()) continue;
    key->p = read->p;
    key->q = read->q;
    key->g = read->g;
    return key;
  }
  undecided = true;
  return std::nullopt;
}

bool is_over_sha256(SignatureAlgorithm algorithm) {
  return algorithm == SignatureAlgorithm::rsa_pkcs1_sha256 ||
         algorithm == SignatureAlgorithm::rsa_pss_sha256 || algorithm == SignatureAlgorithm::ecdsa_sha256;
}

SignatureVerdict check_dsa(const crypto::Provider& provider, std::span<const CertificatePtr> certificates,
                           Bytes tbs, Bytes signature) {
  bool undecided = false;
  const auto key = whole_dsa_key(certificates, undecided);
  if (undecided) return SignatureVerdict::undecided;
  return key && provider.verify_dsa(*key, tbs, signature) ? SignatureVerdict::fits : SignatureVerdict::wrong;
}

}  // namespace

std::string SignatureCache::key(Bytes object, Bytes signer) {
  return std::string(as_text(object)).append(as_text(signer));
}

bool SignatureCache::knows(Bytes object, Bytes signer) const {
  const std::string wanted = key(object, signer);
  const std::lock_guard lock(guards_known_);
  return known_.contains(wanted);
}

void SignatureCache::learn(Bytes object, Bytes signer) {
  std::string learnt = key(object, signer);
  const std::lock_guard lock(guards_known_);
  if (capacity_ == 0 || !known_.insert(learnt).second) return;
  order_.push_back(std::move(learnt));
  if (order_.size() <= capacity_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

Result<SignatureAlgorithm> accepted_algorithm(const x509::AlgorithmIdentifier& identifier,
                                              const AlgorithmRules& rules) {
  const SignatureAlgorithm algorithm = TRY(x509::parse_signature_algorithm(identifier));
  const bool refused = std::ranges::find(rules.refused, algorithm) != rules.refused.end();
  if (refused || (x509::is_weak(algorithm) && !rules.accept_weak))
    return make_error(Errc::denied, "signatures by {} are not accepted", x509::to_string(algorithm));
  return algorithm;
}

SignatureVerdict check_signature(const crypto::Provider& provider,
                                 std::span<const CertificatePtr> signer_and_above,
                                 const x509::AlgorithmIdentifier& identifier, Bytes tbs, Bytes signature) {
  const auto algorithm = x509::parse_signature_algorithm(identifier);
  if (!algorithm) return SignatureVerdict::wrong;
  if (*algorithm == SignatureAlgorithm::dsa_sha1)
    return check_dsa(provider, signer_and_above, tbs, signature);
  const auto verifier = signer_and_above[0]->verifier(provider);
  return verifier && (*verifier)->verify(*algorithm, tbs, signature) ? SignatureVerdict::fits
                                                                     : SignatureVerdict::wrong;
}

SignatureVerdict check_signature(const crypto::Provider& provider,
                                 std::span<const CertificatePtr> signer_and_above, const CrlHead& crl) {
  const auto algorithm = x509::parse_signature_algorithm(crl.view.signature_algorithm);
  if (!algorithm || !is_over_sha256(*algorithm))
    return check_signature(provider, signer_and_above, crl.view.signature_algorithm, crl.view.tbs,
                           crl.view.signature);
  const auto verifier = signer_and_above[0]->verifier(provider);
  return verifier && (*verifier)->verify_digest(*algorithm, crl.tbs_digest, crl.view.signature)
             ? SignatureVerdict::fits
             : SignatureVerdict::wrong;
}

}  // namespace vouch::validate
