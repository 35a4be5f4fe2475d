#pragma once
// What vouch.toml says about SCEP: profiles, [scep.NAME], and the certificates of the registration authority,
// [scep_ra] (docs/reference/configuration.md).

#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/settings.hpp"
#include "base/time.hpp"
#include "enroll/scep/profile.hpp"

namespace vouch::daemon::scep {

using enroll::scep::Profile;

// Who decides about a first request.
enum class ChallengeKind : std::uint8_t {
  password,  // one password for everybody, in a file; checked here
  bound,     // checked by the authority: a challenge that an MDM minted for this device
  one_time,  // by the authority: a password that is good once
  single,    // by the authority: one that everybody uses
  webhook,   // by an outside service
  intune,    // by Microsoft's
  none,      // nobody: every request waits for a certificate manager
};
std::string_view to_string(ChallengeKind kind);

// [scep.NAME]
struct ProfileConfiguration {
  std::string name;
  int line = 0;  // in the file, for what is found out later
  bool enabled = true;
  std::string ca{};                  // empty: the only one
  std::vector<std::string> paths{};  // beside /scep/NAME
  Profile::Mode mode = Profile::Mode::ra;
  std::string account{};  // empty: "scep:NAME"
  std::string signature_template{}, encryption_template{}, general_template{};
  std::vector<std::string> named_templates{};
  ChallengeKind challenge = ChallengeKind::none;
  fs::path password_file{};  // of `password`; relative to the home
  bool challenge_approves = true;
  bool legacy = false;  // single DES, SHA-1 and MD5 too
  bool triple_des = true;
  bool renewal = true, renewal_same_key = false;
  std::string renewal_window{}, renewal_grace{};  // spans; empty: any time; none
  bool include_root = true, include_ca = false, bare_replies = false;
  std::string capabilities{};              // words with commas between; empty: what follows from the rest
  std::int64_t largest_message = 262'144;  // octets of a POST
  std::string webhook{}, intune{};    // the section that decides, of these challenges; empty: the only one
  std::vector<std::string> notify{};  // webhooks that are told what became of requests
  std::vector<std::string> admin_paths{};  // of the page with challenge passwords
  std::string root{};  // fingerprint of the root that devices trust; empty: it is not watched
  std::string external_url{},
      internal_url{};  // as devices and as this host's proxy reach it; empty: not known

  std::string account_name() const { return account.empty() ? "scep:" + name : account; }
  // Every template that it issues.
  std::vector<std::string> templates() const;
};

// [scep_ra]
struct RaConfiguration {
  // One certificate for both when the names are the same.
  std::string signing_template = "ExchangeEnrollmentAgentOffline", encryption_template = "CepEncryption";
  std::string name{};            // common name; empty: HOST-MSCEP-RA
  std::int64_t key_bits = 2048;  // RSA: clients encrypt with it
  bool renew = true;             // by itself; false where another host does it
  std::string grace = "30d";     // how long keys before the current one open messages
  fs::path folder = "scep-ra";   // on a host without the CA: where keys and certificates lie
  bool is_one() const { return signing_template == encryption_template; }
};

// The sections of the document, checked as a whole. `members`: of [scep] and [scep_ra]; null: not there.
Result<std::vector<ProfileConfiguration>> read_profiles(const Value* members, std::string_view file);
Result<RaConfiguration> read_ra(const Value* members, std::string_view file);

std::span<const Setting<ProfileConfiguration>> profile_settings();
std::span<const Setting<RaConfiguration>> ra_settings();

}  // namespace vouch::daemon::scep
