#pragma once
// Who may sign the CRLs that one path is held against (RFC 5280 6.3.3 f and g). Internal to this room.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "validate/path_builder.hpp"
#include "validate/revocation.hpp"

namespace vouch::validate {

// Which signers are being asked about at the moment, and what became of the others. One for each validation:
// it keeps signers that vouch for each other from asking for ever.
struct SignerMemory {
  std::vector<const Certificate*> asking;
  // Why the signer has no path to the anchor; empty: it has one.
  std::map<std::pair<const Certificate*, const TrustAnchor*>, std::string> faults;
};

// All that is given must outlive the object; `path` ends at `anchor`.
class CrlSigners final : public SignerPaths {
 public:
  CrlSigners(const PathBuilder::Inputs& inputs, RevocationSource& source, SignerMemory& memory,
             std::span<const CertificatePtr> path, const TrustAnchor& anchor)
      : inputs_(inputs), source_(source), memory_(memory), path_(path), anchor_(anchor) {}

  std::vector<CertificatePtr> named(const std::string& subject_key) override;
  Status holds(const CertificatePtr& signer) override;
  Status verify(const Crl& crl, const CertificatePtr& signer) override;

 private:
  bool is_same_ca(const Certificate& signer) const;
  std::string fault_of(const CertificatePtr& signer);
  std::string fault_of(std::span<const CertificatePtr> path, const PathBuilder::Inputs& inputs);

  const PathBuilder::Inputs& inputs_;
  RevocationSource& source_;
  SignerMemory& memory_;
  std::span<const CertificatePtr> path_;
  const TrustAnchor& anchor_;
};

}  // namespace vouch::validate
