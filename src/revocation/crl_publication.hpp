#pragma once
// Base and delta CRLs: from the database to signed files, streamed, atomically replaced, with numbers that
// only rise.

#include "ca/local_authority.hpp"
#include "revocation/crl_schedule.hpp"

namespace vouch::revocation {

struct Published {
  store::CrlRecord record;
  std::vector<fs::path> files;                  // where it lies now
  std::vector<std::string> uploads{};           // web servers that have it
  std::vector<store::CrlTarget> failures = {};  // where it could not be written
};

// Builds, signs and publishes a base CRL, and where deltas are on a delta CRL after it, for every key of the
// authority whose certificate is still valid, to each location with flag 1 (deltas: 64): files, and from them
// to web servers (HTTP PUT). One publisher
// at a time: a second one waits. A place that cannot be written does not keep the others from theirs; when
// none can, the old files stay as they were, and the reserved number is not used again. `actor` is a
// manager or administrator of the CA.
Result<std::vector<Published>> publish_crls(const ca::LocalAuthority& authority, std::string_view actor = {});

// Delta CRLs alone: what has changed since the newest base CRL that lies at every place. Costs what has
// changed, however many are revoked. A key that has no base CRL yet gets one, with its delta. Fails with
// `denied` where no key has one or deltas are off.
Result<std::vector<Published>> publish_deltas(const ca::LocalAuthority& authority,
                                              std::string_view actor = {});

struct DueReport {
  std::vector<Published> published;
  std::vector<store::CrlTarget> copied;  // places that got the newest CRL belatedly
  std::vector<Error> failures;           // CRLs that could not be made; one does not hold up the others
  std::vector<Error> missed{};           // places that have not got the newest CRL
};

// Places that failed: whether they are tried now, because somebody asks, or when their pause is over.
enum class Retries : std::uint8_t { at_once, in_turn };
// What crl_schedule says is due, looked up again when it is this publisher's turn. For anybody: what is due
// is due.
Result<DueReport> publish_due(const ca::LocalAuthority& authority, std::string_view actor = {},
                              Retries retries = Retries::at_once);

}  // namespace vouch::revocation
