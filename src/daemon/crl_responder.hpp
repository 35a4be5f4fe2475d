#pragma once
// An OCSP responder away from the CA: an outpost that fetches CRLs and answers from them.
// docs/mechanisms/ocsp.md, "Away from the CA".

#include "api/ocsp.hpp"
#include "daemon/outpost.hpp"
#include "revocation/ocsp_crl.hpp"

namespace vouch::daemon {

class CrlResponder : public Outpost {
 public:
  // `provider` outlives the responder. Fails with `usage` when there is no [ocsp_source.NAME], with
  // `conflict` when another service runs on this home, or with whatever keeps it from listening. CRLs that
  // cannot be had are a health state. [ocsp] and [ocsp_source] are read at the start only.
  static Result<std::unique_ptr<CrlResponder>> start(OutpostOptions options,
                                                     const crypto::Provider& provider);
  ~CrlResponder() override { stop(); }

 private:
  CrlResponder(OutpostOptions options, FileLock only_one, const crypto::Provider& provider,
               const Configuration& configuration);
  std::vector<Job> jobs();

  const std::vector<OcspSourceConfiguration> configured_;
  revocation::CrlOcspSource source_;
  const std::shared_ptr<const api::OcspFace> face_;
};

}  // namespace vouch::daemon
