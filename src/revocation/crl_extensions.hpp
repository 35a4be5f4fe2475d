#pragma once
// What stands in the extensions of a CA's CRLs, and where the CRLs go, from the CA's settings.

#include "ca/local_authority.hpp"
#include "revocation/crl_shards.hpp"

namespace vouch::revocation {

// The places of one list of one key.
struct CrlPlaces {
  std::vector<fs::path> targets;                // files to write
  std::vector<std::string> uploads;             // web servers that get what was written
  std::vector<std::string> freshest;            // where clients find the delta CRL (flag 4)
  std::vector<std::string> published;           // flag 8
  std::vector<std::string> distribution_point;  // flag 128: those of the base CRL, in both kinds
};
// Fails with `usage` when base and delta, or a shard and the complete list, would be the same file.
Result<CrlPlaces> crl_places(const ca::AuthoritySettings& settings, std::string_view ca_name,
                             const store::KeyGeneration& generation, bool delta, std::uint32_t shard = 0);
bool deltas_on(const ca::AuthoritySettings& settings);

// issuingDistributionPoint (RFC 5280 5.2.5), encoded; empty when there is nothing to say. The names of a
// shard are those that its certificates carry: a relying party finds one of them in both (6.3.3 (b)(2)(i)).
Buffer crl_scope(const ca::AuthoritySettings& settings, const CrlPlaces& places, const CrlList& list = {});

std::vector<x509::Extension> crl_extensions(const ca::CaKey& key, const ca::AuthoritySettings& settings,
                                            const CrlPlaces& places, const store::CrlRecord& record);

}  // namespace vouch::revocation
