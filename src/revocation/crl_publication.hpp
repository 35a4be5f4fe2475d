#pragma once
// Base CRLs: from the database to signed files, streamed, atomically replaced, with numbers that only rise.

#include "ca/local_authority.hpp"

namespace vouch::revocation {

struct Published {
  store::CrlRecord record;
  std::vector<fs::path> files;
};

// Builds, signs and publishes a base CRL for every key of the authority that has an unexpired certificate,
// under its newest one, to each file location with flag 1. One publisher at a time: a second one waits. On
// failure the old files stay as they were; the reserved number is not used again.
Result<std::vector<Published>> publish_crls(const ca::LocalAuthority& authority);

}  // namespace vouch::revocation
