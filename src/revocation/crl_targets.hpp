#pragma once
// The places that CRLs are published to, and how each of them fares: files, and web servers that take HTTP
// PUT. One that fails holds up no other; it is tried again after a pause that doubles with each failure, with
// the octets that were signed before, and so catches up by itself. What is known of it survives a restart.

#include "ca/settings/settings.hpp"
#include "revocation/crl_extensions.hpp"
#include "store/database.hpp"

namespace vouch::revocation {

// The first pause after a failure, and the longest. A CRL's overlap is at least a quarter of an hour
// (crl_times.hpp), so that no CRL ends while its place rests.
constexpr std::chrono::seconds kFirstPause{15};
constexpr std::chrono::seconds kLongestPause{900};
std::chrono::seconds pause_after(std::uint32_t failures);

struct TargetState {
  store::CrlTarget record{};   // number 0 and tried_at {} as long as it was never tried
  std::uint64_t newest = 0;    // the CRL that should be there; 0: none was published
  std::uint32_t failures = 0;  // in a row
  std::optional<Time> last_success{};
  std::optional<Time> next_try{};  // after a failure: not before
  bool is_good() const { return failures == 0 && record.number >= newest; }
  bool rests(Time now) const { return next_try && *next_try > now; }
};

// A web server, and no file.
bool is_upload(std::string_view target);
// Files first, as crl_places lists them.
std::vector<std::string> all_targets(const CrlPlaces& places);

// What is known of one place.
Result<TargetState> target_state(const store::Snapshot& snapshot, store::CrlTarget record, Time now);
// Every place of today's locations, for each list of each key that owes the world a CRL.
Result<std::vector<TargetState>> target_states(const store::Snapshot& snapshot,
                                               const store::AuthorityRecord& authority,
                                               const ca::AuthoritySettings& settings, Time now);
// Keeps what became of a try at `record.tried_at`: the record, and the count of failures.
Status remember_try(store::Transaction& transaction, const store::CrlTarget& record);

// When a CRL can be written again, if the last one could be written to no file: nothing is gained by signing
// one before. None: now.
Result<std::optional<Time>> resting_until(const store::Snapshot& snapshot,
                                          const store::AuthorityRecord& authority,
                                          const ca::AuthoritySettings& settings,
                                          const store::KeyGeneration& generation, std::uint32_t shard,
                                          bool delta, Time now);

// What to do about a place that fails.
std::string mend_of(const TargetState& state);

}  // namespace vouch::revocation
