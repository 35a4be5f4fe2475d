#pragma once
// The health of a hierarchy of CAs at one moment: plain values, the same for `vouch status` and
// /api/v1/status.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/value.hpp"

namespace vouch::diagnose {

// The first five are the words of AD CS's "Enterprise PKI" view; the others are for what it does not look at.
enum class Verdict : std::uint8_t {
  ok,
  expiring,  // good for now; its successor is late
  expired,
  unable_to_download,
  not_matching,   // something answers, and it is not what should be there
  too_large,      // a CRL that relying parties refuse for its size
  not_published,  // what this CA owes is not where it should be
  not_checked,    // nobody looked; the cause says why
};
std::string_view to_string(Verdict verdict);  // "Unable to download"
// Everything but OK and what was not checked.
bool is_bad(Verdict verdict);

struct Judgement {
  Verdict verdict = Verdict::ok;
  std::string cause, mend;  // both empty where all is well
  bool operator==(const Judgement&) const = default;
};

// What a certificate is for.
// A registration authority signs and opens messages, with one certificate or with two.
enum class CertificateUse : std::uint8_t { ca, ocsp_responder, ra, ra_signing, ra_encryption };
std::string_view to_string(CertificateUse use);

struct CertificateStatus {
  CertificateUse use{};
  std::string subject;  // RFC 4514
  std::string serial;   // hex
  std::uint16_t certificate_index = 0, key_index = 0;
  Time not_before{}, not_after{};
  // Of a CA's newest certificate: the half of its life, when it is to be renewed.
  std::optional<Time> renewal_due{};
  bool renewal_is_due = false;
  Judgement judgement{};
};

enum class LocationKind : std::uint8_t { aia, cdp, delta, ocsp };
std::string_view to_string(LocationKind kind);  // "CDP"
std::string_view name_of(LocationKind kind);    // "cdp"

struct LocationStatus {
  LocationKind kind{};
  std::string url;
  bool current = false;                      // what is issued from now on names it
  std::optional<std::uint64_t> live{};       // unexpired certificates that name it; none: not counted
  std::optional<std::uint16_t> key_index{};  // OCSP: asked about a certificate of this key
  std::optional<Time> expires{};             // of what it answers
  std::optional<std::uint64_t> crl_number{};
  std::uint64_t size = 0;         // octets of the answer
  std::int64_t milliseconds = 0;  // that the answer took
  Judgement judgement{};
};

// What relying parties download at most while somebody waits.
struct SizeLimit {
  std::string_view name;  // "interactive", "interactive_government"
  std::uint64_t octets = 0;
  std::optional<Time> reached{};  // at the growth so far; none: not within a hundred years
};

struct CrlStatus {
  std::uint16_t key_index = 0;
  std::uint32_t shard = 0;  // 0: the complete list
  bool delta = false;
  std::uint64_t number = 0;  // 0: there is none
  Time this_update{}, next_update{}, next_publish{};
  std::uint64_t entries = 0, size = 0;
  double growth = 0;  // octets a day
  std::vector<SizeLimit> limits{};
  Judgement judgement{};
};

// A place that CRLs are published to.
struct TargetStatus {
  std::string target;  // a path or a URL
  std::uint16_t key_index = 0;
  std::uint32_t shard = 0;  // 0: the complete list
  bool delta = false;
  std::uint64_t number = 0, newest = 0;  // the CRL that it holds, and the one that it should; 0: none
  std::uint32_t failures = 0;            // in a row
  std::optional<Time> last_success{}, next_try{};
  Judgement judgement{};
};

struct AuthorityStatus {
  std::string name;       // of a CA elsewhere: its subject
  std::string kind;       // "root", "subordinate", "elsewhere"
  std::string parent;     // name; empty for a root
  Judgement judgement{};  // of the CA as a whole: that it has its certificate
  std::vector<CertificateStatus> certificates{};
  std::vector<CrlStatus> crls{};
  std::vector<TargetStatus> targets{};
  std::vector<LocationStatus> locations{};
  std::uint64_t unrecorded = 0;  // live certificates of which nobody knows what they name
};

struct Report {
  Time time{};
  bool offline = false;                        // no location was asked
  std::vector<AuthorityStatus> authorities{};  // parents before their children
  std::uint64_t checked = 0, bad = 0;

  bool all_well() const { return bad == 0; }
  // Counts `checked` and `bad` anew.
  void count();
};

// With the keys that docs/reference/json.md lists.
Value describe(const Report& report);
// Lines for people; the caller makes them harmless for its terminal.
std::vector<std::string> to_lines(const Report& report);

}  // namespace vouch::diagnose
