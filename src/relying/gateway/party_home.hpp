#pragma once
// The relying party of a host, as its home and vouch.toml describe it:
//   HOME/trust      trusted issuers (vouch trust)
//   HOME/cache      what was fetched
//   [relying_party] what holds for all questions, [profile.NAME] profiles of one's own
// One object for the command line and for the gateway.

#include <memory>
#include <string>
#include <vector>

#include "relying/relying_party.hpp"

namespace vouch::relying {

// [relying_party] and [profile.NAME].
struct PartyConfiguration {
  std::string profile = "logon";  // of questions that name none
  fs::path bundle{};              // PEM with further roots; empty: none
  fs::path decision_log{};        // lines of JSON; empty: none
  std::size_t trace_octets = std::size_t{4} << 20;
  std::vector<Profile> profiles{};

  // One of these, or one that is shipped. An empty name is the default's.
  Result<Profile> find_profile(std::string_view name) const;
};
// Relative paths are relative to `home`; "system" as bundle is that of the system. `malformed` names file and
// line.
Result<PartyConfiguration> parse_party_configuration(std::string_view toml, std::string_view file,
                                                     const fs::path& home);
// The same of sections that were parsed: those that are there are read.
Result<PartyConfiguration> read_party_configuration(const Value& document, std::string_view file,
                                                    const fs::path& home);

struct PartyPlace {
  std::shared_ptr<const crypto::Provider> provider;
  const Clock& clock;  // outlives the object
  fs::path home;
};

class PartyHome {
 public:
  // Makes nothing but the cache's folder; a home without trusted issuers trusts nobody.
  static Result<std::unique_ptr<PartyHome>> open(PartyPlace place, PartyConfiguration configuration);

  RelyingParty& party() { return *party_; }
  // From several threads; a snapshot.
  std::shared_ptr<const PartyConfiguration> configuration() const;
  TrustFolder trust_folder() const { return {place_.provider, place_.home / "trust"}; }
  CrlCache& cache() { return *cache_; }
  // Takes over profiles and trusted issuers; what is cached stays.
  Status reload(PartyConfiguration configuration);
  // Reads the trusted issuers anew when their folder has changed: a removal holds from the next decision on.
  Status look_for_trust();

 private:
  PartyHome(PartyPlace place, PartyConfiguration configuration);
  Result<TrustListPtr> load(const PartyConfiguration& configuration) const;
  std::string mark_of_trust() const;

  const PartyPlace place_;
  mutable std::mutex guards_configuration_;
  std::shared_ptr<const PartyConfiguration> configuration_;
  std::string trust_mark_;
  std::shared_ptr<CrlCache> cache_;
  std::unique_ptr<RelyingParty> party_;
};

}  // namespace vouch::relying
