#pragma once
// CRLs from files and over HTTP, for a responder that looks for new ones again and again: what has not
// changed is not read again.

#include "net/fetch.hpp"
#include "revocation/ocsp_crl.hpp"

namespace vouch::daemon {

// Relative paths are relative to `home`. http URLs are asked with If-None-Match and If-Modified-Since; no
// redirects.
revocation::FetchCrl fetch_crls_from(fs::path home);

}  // namespace vouch::daemon
