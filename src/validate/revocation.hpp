#pragma once
// What validation asks about revocation, and what it gets told. Where the answers come from (CRLs in memory:
// crl_check.hpp; a store on disk, OCSP, downloads: others) is the source's business.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "validate/certificate.hpp"
#include "validate/finding.hpp"
#include "x509/crl.hpp"

namespace vouch::validate {

class Crl;

enum class RevocationStatus { good, revoked, unknown };
std::string_view to_string(RevocationStatus status);

// One thing that a source looked at: a CRL, an OCSP answer, a download.
struct RevocationStep {
  std::string what;     // "crl", "delta", "ocsp", …
  std::string from;     // URL or file, when there is one
  std::string outcome;  // "used", "not for this certificate", …
  std::string number;   // CRL number in hex
  std::optional<Time> this_update, next_update;
};

struct RevocationRecord {
  std::size_t certificate = 0;  // its place in the path
  RevocationStatus status = RevocationStatus::unknown;
  std::optional<x509::CrlReason> reason;
  std::optional<Time> revoked_at;
  // The latest moment up to which a revocation may stay unseen: nextUpdate of what was used.
  std::optional<Time> unseen_until;
  std::vector<RevocationStep> steps;
  std::vector<Finding> findings;  // why it is unknown, or what was strange
};

// How the validator helps a source with those that sign CRLs and OCSP answers.
class SignerPaths {
 public:
  virtual ~SignerPaths() = default;
  // Certificates of this name (x509::comparison_key) that are known: the path's own first.
  virtual std::vector<CertificatePtr> named(const std::string& subject_key) = 0;
  // Whether the certificate's own path holds, under the anchor of the path at hand (RFC 5280 6.3.3 f),
  // revocation included. Fails with the reason. A signer that is being asked about already counts as good:
  // its CRL may cover itself (NIST PKITS 4.14.30).
  virtual Status holds(const CertificatePtr& signer) = 0;
  // Whether the signer's key made the CRL's signature by an accepted algorithm. Known answers are remembered.
  virtual Status verify(const Crl& crl, const CertificatePtr& signer) = 0;
};

struct RevocationQuery {
  std::span<const CertificatePtr> path;  // the target first, the anchor's certificate last
  std::size_t index = 0;                 // which of them; path[index + 1] is its issuer
  Time now{};
  SignerPaths& signers;
};

class RevocationSource {
 public:
  virtual ~RevocationSource() = default;
  virtual RevocationRecord check(const RevocationQuery& query) = 0;
};

}  // namespace vouch::validate
