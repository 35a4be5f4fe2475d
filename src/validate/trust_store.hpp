#pragma once
// Where trust ends: anchors with their limits (RFC 5280 6.1.1 d, RFC 5937), and further CA certificates to
// build paths from. Immutable; share it between threads and replace it as a whole.

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "validate/certificate.hpp"

namespace vouch::validate {

struct TrustAnchor {
  CertificatePtr certificate;  // a root, or any CA that is trusted by itself
  std::string source;          // "directory", "list", "bundle": where the trust comes from, for the record
  // What the trust store limits beyond the certificates themselves. Empty: no limit.
  std::optional<x509::NameConstraints> name_constraints;
  std::optional<std::uint32_t> path_length;
  std::vector<x509::Oid> purposes;
  std::optional<Time> distrusted_after;  // certificates whose notBefore is later are refused
  // Apply basicConstraints, nameConstraints and policy extensions of the anchor's certificate, too (RFC 5937
  // 3). RFC 5280 looks at its name and key only.
  bool apply_extensions = false;
};

class TrustStore {
 public:
  TrustStore(std::vector<TrustAnchor> anchors, std::vector<CertificatePtr> intermediates);
  TrustStore(const TrustStore&) = delete;
  TrustStore& operator=(const TrustStore&) = delete;

  // A certificate that may have issued another, and the anchor that it is, if it is one.
  struct Candidate {
    CertificatePtr certificate;
    const TrustAnchor* anchor = nullptr;
  };
  std::span<const Candidate> named(const std::string& subject_key) const;
  // The anchor with this very certificate.
  const TrustAnchor* anchor(const Certificate& certificate) const;

 private:
  std::vector<TrustAnchor> anchors_;
  std::unordered_map<std::string, std::vector<Candidate>> by_name_;
};

}  // namespace vouch::validate
