#pragma once
// Where one decision gets its answers about revocation: from what was stapled and what is cached, without any
// network; then from OCSP responders, and in the same validation from CRLs, each by the rules of the profile.

#include <map>

#include "relying/decision.hpp"
#include "relying/downloads.hpp"
#include "relying/ocsp_cache.hpp"
#include "relying/trust_list.hpp"
#include "validate/crl_check.hpp"
#include "validate/signatures.hpp"

namespace vouch::relying {

// What all decisions of a relying party share.
struct Sources {
  std::shared_ptr<const crypto::Provider> provider;
  std::shared_ptr<CrlCache> crls;
  Downloads& downloads;
  OcspCache& answers;
  std::shared_ptr<validate::SignatureCache> signatures;
  // A CRL was used that is kept: it is worth fetching again in time. Asked first whether that is known.
  std::function<bool(const CachedCrl& crl)> is_noted;
  std::function<void(DownloadOrder order, const CachedCrl& crl)> on_used;
};

class RevocationClient final : public validate::RevocationSource {
 public:
  struct Terms {
    const Profile& profile;
    TrustListPtr trust;
    std::vector<validate::CertificatePtr> sent;  // signers may be among them
    std::optional<Buffer> stapled;               // about the leaf
    Time now{};                                  // of the decision
    Time resync{};                               // what was fetched earlier does not count
  };
  // The sources outlive the object. One for each decision.
  RevocationClient(const Sources& sources, Terms terms);

  validate::RevocationRecord check(const validate::RevocationQuery& query) override;

  // What was done, in order.
  std::vector<Check> take_checks() { return std::move(checks_); }
  std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  class Work;
  const Sources& sources_;
  const Terms terms_;
  const AgreedNetworks networks_;
  const Downloads::Deadline begun_, deadline_, ocsp_deadline_;
  std::vector<Check> checks_;
  std::vector<std::string> notes_;
  // Answers of this decision: another path asks about the same certificates.
  std::map<std::string, validate::RevocationRecord> known_;
};

}  // namespace vouch::relying
