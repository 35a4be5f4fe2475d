#pragma once
// RFC 5280 6.3.3: the status of a certificate by CRLs that are at hand. Base and delta, distribution points,
// indirect CRLs, CRLs for some reasons, CRLs of a CA's other keys.

#include <unordered_map>
#include <vector>

#include "validate/crl.hpp"
#include "validate/revocation.hpp"

namespace vouch::validate {

enum class DeltaRule {
  ignore,         // base CRLs only
  use,            // a delta that fits and is valid is used; without one the base alone decides (RFC 5280)
  when_announced  // where a base or the certificate announces deltas (freshestCRL), a valid one must be there
};

struct CrlRules {
  DeltaRule deltas = DeltaRule::use;
  bool require_next_update = true;              // RFC 5280 5.1.2.5
  std::optional<std::chrono::seconds> max_age;  // of thisUpdate
};

// CRLs of several issuers in memory, found by name. Immutable: threads may share it.
class CrlRevocation final : public RevocationSource {
 public:
  CrlRevocation(std::vector<CrlPtr> crls, CrlRules rules);
  RevocationRecord check(const RevocationQuery& query) override;

 private:
  CrlRules rules_;
  std::unordered_map<std::string, std::vector<CrlPtr>> by_issuer_;
};

// Issuers of indirect CRLs that the certificate's distribution points name (x509::comparison_key), beside its
// own issuer.
std::vector<std::string> other_crl_issuers(const Certificate& certificate);
// The decision itself, over whatever CRLs a source has found for the certificate.
RevocationRecord check_crls(const RevocationQuery& query, const std::vector<CrlPtr>& crls,
                            const CrlRules& rules);

}  // namespace vouch::validate
