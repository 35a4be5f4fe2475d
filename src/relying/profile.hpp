#pragma once
// How a relying party works: which sources it asks, how long, how much it reads, and what it insists on. Two
// profiles are shipped, `cba` and `logon`; both can be copied and changed. Sizes are octets after decoding.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/settings.hpp"
#include "base/time.hpp"
#include "validate/certificate.hpp"
#include "validate/crl_check.hpp"
#include "validate/profile.hpp"

namespace vouch::relying {

// What the founding document calls MB.
inline constexpr std::size_t kMegabyte = std::size_t{1} << 20;

enum class UrlSource {
  trust_list,   // only those configured with the trusted issuer: one base, one delta
  certificate,  // those in the certificate, in order until a valid CRL is got
};

struct CrlSettings {
  UrlSource urls = UrlSource::certificate;
  // While somebody waits. A download that becomes larger or takes longer fails what waits for it and goes on
  // in the background.
  std::size_t interactive_size = 20 * kMegabyte;
  std::chrono::milliseconds interactive_time{10'000};
  std::size_t background_size = 65 * kMegabyte;
  std::chrono::milliseconds background_time{300'000};
  bool wait_for_others = false;  // for a download that another one has begun; else "in progress" at once
  // A URL that failed is not asked again for so long; a server's Retry-After counts up to `longest_pause`.
  std::chrono::seconds retry_pause{30}, longest_pause{3600};
  // At most so many attempts at one URL in that time; who comes later is told "in progress".
  unsigned attempts = 120;
  std::chrono::seconds attempts_within{60};
  // With UrlSource::certificate: what freshestCRL announces. A configured delta must always be there.
  validate::DeltaRule deltas = validate::DeltaRule::when_announced;
  // The CRL's authorityKeyIdentifier must be there and be its signer's subjectKeyIdentifier.
  bool need_key_identifier = true;
  int redirects = 0;  // never to another scheme
  // The LDAP server, HOST or HOST:PORT, of locations that name none, as those of Active Directory do
  // (ldap:///CN=…); empty: they are passed over. It is configured, so it may be anywhere.
  std::string directory;
  bool prefetch = true;
  std::chrono::seconds shortest_window{3600};  // a shorter prefetch window is none
  // A leaf's issuer must have a CRL configured (with UrlSource::trust_list).
  bool require = false;
};

struct OcspSettings {
  bool use = false;
  bool nonce = false;  // responders that prepare their answers have none: then it is not insisted on
  bool need_nonce = false;
  std::size_t size = std::size_t{64} << 10;
  std::chrono::milliseconds time{5'000};         // for one URL
  std::chrono::seconds skew{300};                // of the responder's clock
  std::chrono::seconds age_without_end{86'400};  // an answer without nextUpdate is good for so long
  // A delegated responder without id-pkix-ocsp-nocheck is looked up in its CA's CRLs; else it is believed.
  bool check_responder = true;
  std::size_t cached_answers = 10'000;
  // With more cached answers of one issuer its CRL is tried first.
  std::size_t prefer_crl_above = 50;
};

// A CA that gets no CRL check, even where a URL is configured. Its parents are not exempt.
struct Exemption {
  std::string authority;      // SHA-256 of its certificate or its subjectKeyIdentifier, hex
  std::optional<Time> until;  // none: for ever
  std::string reason;
};

struct Profile {
  std::string name;
  validate::Profile path;       // building and judging of chains
  bool build_from_sent = true;  // certificates of the peer may be intermediates; else the trust list has them
  CrlSettings crl;
  OcspSettings ocsp;
  std::vector<Exemption> exemptions;
  std::chrono::milliseconds total_time{20'000};  // all downloads of one decision; OCSP gets half of it
  // URLs in certificates may lead to these networks although they are private, loopback or link-local:
  // "10.0.0.0/8", "*" for any. URLs of the trust list may lead anywhere.
  std::vector<std::string> private_networks;
  std::string proxy;  // "http://proxy.example.test:3128"; names are then resolved there
};

// The directory service's sign-in with certificates: CRLs only, from configured URLs; fails closed.
Profile cba();
// Wireless, VPN, smart card, domain controller: stapled and cached answers, then OCSP, then CRLs; fails
// closed.
Profile logon();
// "cba", "logon", and "cba-government" with the larger limits (45 and 150 MB). `not_found` lists them.
Result<Profile> shipped_profile(std::string_view name);

// Every setting of a profile, as a section of a configuration file has them: {"crl.interactive_size", …}.
std::span<const Setting<Profile>> profile_settings();
// A section: `base` names the shipped profile that is copied ("cba" when the section has this name …), all
// other members are settings. `malformed` names file and line.
Result<Profile> read_profile(std::string_view name, const Value& section, std::string_view file);
// {name, settings…}, for status and `--json`.
Value to_value(const Profile& profile);

// The exemption that holds for a CA now; nullptr when there is none.
const Exemption* exemption_of(const Profile& profile, const validate::Certificate& authority, Time now);

}  // namespace vouch::relying
