#pragma once
// What the authority remembers, in its own words. Plain values; the database gives and takes them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "x509/extensions.hpp"

namespace vouch::store {

// One row of the CAs that live in this home.
using AuthorityId = std::int64_t;
// RequestID: rises, never reused, unique in one database.
using RequestId = std::int64_t;

// The dispositions of AD CS, with its numbers (certutil -view shows them).
enum class Disposition : std::uint8_t {
  pending = 9,   // waits for a certificate manager
  foreign = 12,  // issued elsewhere and imported
  issuing = 16,  // decided; its certificate is being signed (never outlives a start of the authority)
  issued = 20,
  revoked = 21,
  failed = 30,  // something broke; nothing was issued
  denied = 31,
};
std::string_view to_string(Disposition disposition);
Result<Disposition> disposition_from_name(std::string_view name);

enum class AuthorityKind : std::uint8_t { root = 1, subordinate = 2 };
enum class AuthorityMode : std::uint8_t { standalone = 1, enterprise = 2 };
std::string_view to_string(AuthorityKind kind);
std::string_view to_string(AuthorityMode mode);

struct AuthorityRecord {
  AuthorityId id = 0;  // 0: to be assigned
  std::string name;    // unique in the home
  AuthorityKind kind{};
  AuthorityMode mode{};
  Time created_at{};
  // Settings that were given at set-up and may be changed later, as TOML: key spec, hash, validity, CRL
  // periods, locations, automatic issuance. `ca` reads and writes it; the database keeps it whole.
  std::string settings;
  bool operator==(const AuthorityRecord&) const = default;
};

// One key of an authority with its certificate: `V<certificate index>.<key index>`.
struct KeyGeneration {
  AuthorityId authority = 0;
  std::uint16_t certificate_index = 0, key_index = 0;
  std::string key_reference;  // "file:NAME.key" within the home, or a PKCS #11 URI
  Buffer public_key_info;
  Buffer request;             // PKCS #10 while the parent's answer is awaited, and kept after
  Buffer certificate;         // empty until installed
  std::vector<Buffer> chain;  // parents, nearest first, root last
  Time created_at{};
  bool operator==(const KeyGeneration&) const = default;
};

struct RequestRecord {
  RequestId id = 0;  // 0: to be assigned
  AuthorityId authority = 0;
  Disposition disposition = Disposition::pending;
  Time submitted_at{};
  std::optional<Time> resolved_at;
  std::string requester;      // the authenticated account, or the login user of the command line
  std::string resolver;       // who approved or denied
  std::string template_name;  // empty in stand-alone mode without a template
  std::string transaction;    // the transport's idempotency key; empty: none. Unique per authority otherwise
  std::map<std::string, std::string> attributes;  // name=value pairs beside the request
  // What the client's own protocol calls it, for clients that come back and ask; empty: nothing. Several
  // requests may have one name; it never changes.
  std::string client_transaction{};
  Buffer request;       // PKCS #10, as received
  std::string message;  // why it is pending, denied or failed, for people
  std::string reason;   // the rule that refused, for programs ("key.too_small"); empty otherwise
  std::string trace;    // the decision trace, as policy writes it
  bool operator==(const RequestRecord&) const = default;
};

struct RevocationRecord {
  Buffer serial;  // unsigned octets
  Time revoked_at{};
  x509::CrlReason reason = x509::CrlReason::unspecified;
  std::optional<Time> invalidity_date;
  bool operator==(const RevocationRecord&) const = default;
};

struct CertificateRecord {
  RequestId request = 0;  // the request it came from; a request has at most one certificate
  AuthorityId authority = 0;
  std::uint16_t key_index = 0;  // which of the authority's keys signed it
  Buffer serial;                // unsigned octets; unique in the database
  Time not_before{}, not_after{};
  std::string subject;  // RFC 4514, for searching
  std::string template_name;
  Buffer tbs;                  // what is signed: durable before the signature
  Buffer signature_algorithm;  // AlgorithmIdentifier, whole TLV
  Buffer signature;            // empty: intended, not signed yet
  std::optional<RevocationRecord> revocation;
  std::int64_t location_set = 0;  // the AIA and CDP URLs that it carries (LocationSet); 0: not recorded
  std::uint32_t shard = 0;        // the list that shows its revocation beside the complete one; 0: none
  // The certificate; empty while there is no signature, and when it is lost.
  Buffer der() const;
  // Issued by a state of the database that was given up (`accept-gap`): of the certificate only the serial
  // number, the end and the key are known. A single octet stands in place of its signature.
  bool lost() const { return signature.size() == 1; }
  bool operator==(const CertificateRecord&) const = default;
};

struct CrlRecord {
  AuthorityId authority = 0;
  std::uint16_t key_index = 0;
  std::uint64_t number = 0;  // rises per authority, over all its keys
  bool delta = false;
  Time this_update{}, next_update{}, next_publish{};
  std::uint64_t entries = 0, size = 0;
  Buffer sha256;     // of the DER; empty until it is signed and on disk
  std::string file;  // where the DER lies, relative to the home
  // Of a delta CRL: the number of the complete CRL that it is to be combined with.
  std::uint64_t base_number = 0;
  // The newest change of a revocation that this CRL takes account of; the next delta begins after it.
  std::uint64_t last_change = 0;
  Buffer scope{};           // issuingDistributionPoint, as encoded; a delta's is that of its base
  std::uint32_t shard = 0;  // lists the certificates of this shard; 0: the complete list
  bool operator==(const CrlRecord&) const = default;
};

// What one place of publication holds: a file, by its path.
struct CrlTarget {
  AuthorityId authority = 0;
  std::uint16_t key_index = 0;
  bool delta = false;
  std::string target;
  std::uint64_t number = 0;  // the CRL that it holds; 0: none yet
  std::uint64_t wanted = 0;  // the last one that was to go there; another than `number`: it failed
  Time tried_at{};
  std::string error{};      // why it failed
  std::uint32_t shard = 0;  // as in CrlRecord
  bool operator==(const CrlTarget&) const = default;
};

// A shard that certificates of one key carry, with one of their sets of URLs, and when the last of them ends.
struct CarriedShard {
  std::uint16_t key_index = 0;
  std::uint32_t shard = 0;
  std::string locations;  // LocationSet::text; empty: not recorded
  Time not_after{};
  bool operator==(const CarriedShard&) const = default;
};

// The AIA and CDP URLs that certificates of a CA have in common, and how many carry them.
struct LocationSet {
  std::int64_t id = 0;     // 0: certificates of which it was not recorded
  std::string text;        // as `ca` writes it
  std::uint64_t live = 0;  // certificates that carry it and have not expired
  bool operator==(const LocationSet&) const = default;
};

struct TemplateRecord {
  std::string name;
  std::uint32_t major = 0, minor = 0;  // every change raises minor; a change that re-enrols raises major
  std::string body;                    // TOML
  bool removed = false;
  Time changed_at{};
  std::string changed_by;
  bool operator==(const TemplateRecord&) const = default;
};

// --- audit: docs/mechanisms/audit.md ---

// One entry of the audit log. `ca` decides what the texts mean and computes `leaf`; the database keeps them.
// Entries are plain text and names no ids, so that what they say does not depend on other tables.
struct AuditRecord {
  std::int64_t sequence = 0;  // 1, 2, 3 … without a gap
  Time time{};
  std::string actor;      // the account that asked; "vouch" for what the authority does of itself
  std::string action;     // "request.issue"
  std::string authority;  // name of the CA; empty: the home
  std::string object;     // what it was done to: "request 5"
  std::string details;    // compact text: key=value …
  std::string outcome;    // "done", "pending", "denied", "failed"
  Buffer leaf;            // RFC 9162 2.1.1: SHA-256(0x00 || encoding of all of the above)
  bool operator==(const AuditRecord&) const = default;
};

// A signed head: what the log was, kept so that nobody can say that it was something else.
struct AuditHead {
  std::int64_t size = 0;  // of the tree: the entries 1 to size
  Time time{};
  Buffer root;             // RFC 9162 2.1.1: Merkle tree hash
  std::string checkpoint;  // the head as it is given away, with its signature
  // Root hashes of the perfect subtrees of which the tree consists, largest first: from here the next head
  // needs the entries after this one only. Nothing rests on it: whoever verifies computes from the entries.
  std::vector<Buffer> frontier;
  bool operator==(const AuditHead&) const = default;
};

struct AuditKey {
  Buffer public_key_info;
  std::string key_reference;
  Time created_at{};
  bool operator==(const AuditKey&) const = default;
};

// What one key of a CA signed about an audit key: that it speaks for this home's log.
struct AuditStatement {
  AuthorityId authority = 0;
  std::uint16_t key_index = 0;
  std::string statement;
  Buffer algorithm;  // AlgorithmIdentifier of the signature, whole TLV
  Buffer signature;
  bool operator==(const AuditStatement&) const = default;
};

// --- roles: docs/mechanisms/roles.md ---

// One change of who may do what. The last change of each (principal, role, authority, template, requesters)
// counts; the others are its history.
struct RoleChange {
  std::int64_t id = 0;    // rises; 0: to be assigned
  std::string principal;  // account, "group:NAME", "*"
  std::string role;
  AuthorityId authority = 0;  // 0: every CA of the home
  std::string template_name;  // only requests for this template; empty: any
  std::string requesters;     // only requests of accounts that match; empty: any
  bool granted = true;
  Time changed_at{};
  std::string changed_by;
  bool operator==(const RoleChange&) const = default;
};

// --- challenges: docs/mechanisms/challenge.md ---

enum class ChallengeKind : std::uint8_t { bound = 1, one_time = 2, single = 3 };
enum class ChallengeState : std::uint8_t {
  minted = 1,   // nobody has come with it
  claimed = 2,  // its request waits for a certificate manager
  issued = 3,   // its request has a certificate
  failed = 4,   // its request was denied by a person, or too many were refused
  cancelled = 5,
};
std::string_view to_string(ChallengeKind kind);
std::string_view to_string(ChallengeState state);
Result<ChallengeState> challenge_state_from_name(std::string_view name);

// What a device can enrol with: never the text that it carries.
struct ChallengeRecord {
  std::int64_t id = 0;  // rises; 0: to be assigned
  AuthorityId authority = 0;
  ChallengeKind kind{};
  ChallengeState state = ChallengeState::minted;
  // How it is found, unique in the authority: the identifier inside a bound one, the hash of a one-time
  // password, the hash of its profile for a single one.
  Buffer token;
  std::string verifier;  // of a single password
  Buffer sealing_key;    // of a bound one: its id
  std::string profile, template_name, device, user;
  std::string request_id;  // the MDM's
  std::string sid;         // of a bound one: goes into the certificate
  std::int64_t validity =
      0;                  // of a bound one: the certificate is valid for so many seconds at most; 0: no limit
  std::string minter;     // of a bound one
  std::string minted_by;  // the account
  Time minted_at{}, expires_at{};
  Time changed_at{};
  std::uint32_t failures = 0;  // requests under it that were refused
  std::string last_refusal;    // the code of the last one
  Buffer request_hash;         // SHA-256 of the request that it was used for, or was last refused to
  RequestId request = 0;       // claimed, issued, failed: that request; 0: none
  std::string client;          // from where it was used
  bool operator==(const ChallengeRecord&) const = default;
};

// A key that challenges are sealed with, or a minter with the key that it signs with and what it may do.
struct ChallengeKey {
  Buffer id;
  AuthorityId authority = 0;
  std::string minter;      // its name; empty: a sealing key
  Buffer public_key_info;  // of a minter
  std::string reference;   // the file of the secret part, in the home's key folder
  std::string rights;      // of a minter, as `ca` writes them
  Time created_at{};
  std::string created_by;
  std::optional<Time> retired_at;  // makes no new challenges since then; those it made stay good
  std::optional<Time> removed_at;  // those it made are no longer good
  bool operator==(const ChallengeKey&) const = default;
};

// Wrong passwords from one address or for one profile: a bucket that leaks.
struct GuessRecord {
  AuthorityId authority = 0;
  std::string scope;
  std::uint32_t level = 0;
  Time at{};
  bool operator==(const GuessRecord&) const = default;
};

}  // namespace vouch::store
