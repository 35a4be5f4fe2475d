#pragma once
// What stands in the extensions of a CA's CRLs, and where the CRLs go, from the CA's settings.

#include "ca/local_authority.hpp"

namespace vouch::revocation {

// The places of one key's CRLs.
struct CrlPlaces {
  std::vector<fs::path> targets;                // files to write
  std::vector<std::string> uploads;             // web servers that get what was written
  std::vector<std::string> freshest;            // where clients find the delta CRL (flag 4)
  std::vector<std::string> published;           // flag 8
  std::vector<std::string> distribution_point;  // flag 128: those of the base CRL, in both kinds
};
// Fails with `usage` when base and delta would be the same file.
Result<CrlPlaces> crl_places(const ca::AuthoritySettings& settings, std::string_view ca_name,
                             const store::KeyGeneration& generation, bool delta);
bool deltas_on(const ca::AuthoritySettings& settings);

// issuingDistributionPoint (RFC 5280 5.2.5), encoded; empty when there is nothing to say.
Buffer crl_scope(const ca::AuthoritySettings& settings, const CrlPlaces& places);

std::vector<x509::Extension> crl_extensions(const ca::CaKey& key, const ca::AuthoritySettings& settings,
                                            const CrlPlaces& places, const store::CrlRecord& record);

}  // namespace vouch::revocation
