#pragma once
// The door to this room: a certificate in, a decision with its record out.
//
//   RelyingParty party(provider, clock, trust, {.cache = cache, .folder = "/var/cache/vouch"});
//   const Decision decision = party.decide({.chain = {leaf, intermediate}}, logon());
//   if (!decision.accepted) log(to_text(decision));
//
// One object serves all threads of a process and keeps the caches warm. Downloads that outgrow the question
// that began them go on in threads of its own until they end or the object is destroyed. A daemon calls
// `maintain` again and again, which fetches CRLs before they are needed.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relying/crl_cache.hpp"
#include "relying/decision.hpp"
#include "relying/profile.hpp"
#include "relying/trust_list.hpp"

namespace vouch::relying {

struct Question {
  std::vector<Buffer> chain;                   // DER, as the peer sent it: its own certificate first
  std::optional<Buffer> stapled{};             // an OCSP response (RFC 6066 8), DER
  std::optional<validate::Purpose> purpose{};  // in place of the profile's
  validate::Expected expected{};               // whom the certificate must name
  std::optional<Time> at{};                    // in place of the clock's now
  bool application = false;                    // it signs in as an application: revoked is then 7000214
};

struct RelyingPartySettings {
  std::shared_ptr<CrlCache> cache{};  // null: a CrlStore in the folder, or in memory without one
  // Where processes share CRLs and OCSP answers, and see each other's downloads. Empty: one process alone.
  fs::path folder{};
  std::size_t remembered_signatures = 4096;
  std::size_t downloads = 64;  // at the same time; who comes later is told "in progress"
  Buffer trusted_roots{};      // PEM, for https; empty: the system's
  std::string user_agent = "vouch";
};

class RelyingParty {
 public:
  // `clock` outlives the object.
  RelyingParty(std::shared_ptr<const crypto::Provider> provider, const Clock& clock, TrustListPtr trust,
               RelyingPartySettings settings);
  ~RelyingParty();  // ends downloads
  RelyingParty(const RelyingParty&) = delete;
  RelyingParty& operator=(const RelyingParty&) = delete;

  // Never fails: what cannot be read or fetched is a refusal with its reason.
  Decision decide(const Question& question, const Profile& profile);

  // Holds from the next decision on.
  void replace_trust(TrustListPtr trust);
  TrustListPtr trust() const;

  // Begins what is due: CRLs whose prefetch moment has come. Says when there will be more to do.
  std::optional<Time> maintain();
  // Fetches now, with the background limits: for `vouch cache refresh`. Every URL of the trust list, or those
  // given that are cached or configured.
  struct Fetched {
    std::string url;
    bool good = false, changed = false;
    Step step;
    std::optional<validate::Finding> finding;
  };
  std::vector<Fetched> refresh(const Profile& profile, std::span<const std::string> urls = {});
  // Everything cached before that moment is fetched anew before it counts again.
  void resync(Time before);
  // Waits for downloads in the background. True: none is left.
  bool drain(std::chrono::milliseconds patience);

  // {downloads [], pauses [], prefetch [], crls [], ocsp_answers, trusted_issuers}
  Value status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vouch::relying
