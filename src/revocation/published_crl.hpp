#pragma once
// The CRL that the world has about one certificate, for those who ask by the certificate (SCEP's GetCRL).

#include "ca/home/environment.hpp"

namespace vouch::revocation {

// The complete list of the certificate's key, as it was published last. `not_found`: none was.
Result<Buffer> published_crl(const ca::Environment& environment, const store::Snapshot& snapshot,
                             const store::CertificateRecord& certificate);

}  // namespace vouch::revocation
