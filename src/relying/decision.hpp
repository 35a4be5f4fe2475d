#pragma once
// What a relying party decided about a certificate, and the whole record of how: for a person, a program and
// a log line.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "relying/codes.hpp"
#include "validate/decision.hpp"

namespace vouch::relying {

// One thing that was done to learn a certificate's status.
struct Step {
  std::string what;   // "policy", "staple", "ocsp", "crl", "delta"
  std::string url{};  // where it is from; empty: it came with the question, or nothing was fetched
  std::string outcome{};
  bool good = false;    // it counted for the answer
  bool cached = false;  // no network was needed
  unsigned status = 0;  // of HTTP; 0: no answer or nothing asked
  std::size_t octets = 0;
  std::chrono::milliseconds taken{0};  // by the download
  std::string number{};                // of the CRL, hex
  std::optional<Time> this_update{}, next_update{};
  std::optional<std::chrono::seconds> age{};  // since thisUpdate
};

// One certificate of the chain.
struct Check {
  std::size_t certificate = 0;  // its place in the chain as built; the leaf is 0
  std::string subject, issuer, serial;
  enum class Status { good, revoked, unknown, not_checked } status = Status::unknown;
  std::string reason;  // of the revocation; or why it was not checked
  std::optional<Time> revoked_at;
  std::optional<Time> unseen_until;  // the latest moment up to which a revocation may stay unseen
  std::vector<Step> steps;
  std::vector<validate::Finding> findings;
};
std::string_view to_string(Check::Status status);

struct Decision {
  bool accepted = false;
  Time time{};
  std::string profile;
  // Refused: the number of Microsoft Entra's reference (0: it has none), our own name and what both mean,
  // with the fields filled in.
  unsigned code = 0;
  std::string name, message;
  std::vector<std::string> causes, recommendations;
  std::vector<Check> checks;       // in the order in which they were made
  std::vector<std::string> notes;  // exemptions used, CAs not checked, warnings
  std::string trust;               // where the trust ends: "list", "bundle", …
  validate::Decision path;         // chains as sent and as built, findings, other attempts
  std::chrono::milliseconds taken{0};
  // The earliest `unseen_until` of all checks.
  std::optional<Time> unseen_until() const;
};

// {accepted, time, profile, code, alias, name, message, causes [], recommendations [], trust, unseen_until,
//  taken_ms, checks [], notes [], path {}}; code, alias and name are null when it was accepted.
Value to_value(const Decision& decision);
// The story: chain as sent, chain as built, each revocation step, where trust ends.
std::string to_text(const Decision& decision);
// One line of the sign-in log: {time, profile, accepted, code, name, subject, issuer, serial, trust, urls [],
// octets, download_ms, cache_hit, taken_ms, message}.
Value to_log(const Decision& decision);

}  // namespace vouch::relying
