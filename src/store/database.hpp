#pragma once
// The database: one interface, backends in store/memory and store/sqlite. database_contract_test.cpp, not
// this comment, defines the behaviour; every backend passes it unchanged.
//
// Reading gives a snapshot; writing is a function over a Transaction that runs inside a *group commit*:
// functions of several threads share one durable commit, and none returns before it. A function that
// fails takes back its own writes only.
//
//   TRY(database.commit([&](Transaction& t) -> Status {
//     request.id = TRY(t.insert_request(request));
//     return t.insert_intent(certificate);
//   }));
//   // here it is on disk

#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <span>

#include "base/files.hpp"
#include "store/records.hpp"

namespace vouch::store {

struct RequestFilter {
  std::optional<AuthorityId> authority;
  std::optional<Disposition> disposition;
  std::string requester, template_name;  // exact; empty: any
  RequestId after = 0;                   // for paging: ids above this one
  std::size_t limit = 1000;
};

struct CertificateFilter {
  std::optional<AuthorityId> authority;
  std::string subject_contains;          // without regard to ASCII case
  std::string template_name, requester;  // exact; empty: any
  std::optional<bool> revoked;
  std::optional<Time> expires_before, expires_after;
  RequestId after = 0;
  std::size_t limit = 1000;
};

struct KeyHistory {
  std::optional<RequestId> certified;    // the first request that has a certificate for the key
  std::optional<RequestId> compromised;  // whose certificate was revoked for keyCompromise
  bool operator==(const KeyHistory&) const = default;
};

struct AuditFilter {
  std::int64_t first = 0, last = std::numeric_limits<std::int64_t>::max();  // sequence numbers
  std::optional<Time> since, until;                                         // both inclusive
  std::string actor, action, authority, object;  // exact; empty: any. "request.*" is any action on requests
  bool newest_first = false;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
};

struct ChallengeFilter {
  std::optional<AuthorityId> authority{};
  std::optional<ChallengeKind> kind{};
  std::optional<ChallengeState> state{};
  std::string profile{}, device{};     // exact; empty: any
  std::optional<Time> expires_from{};  // those that expire then or later
  std::int64_t after = 0;
  std::size_t limit = 1000;
};

struct Counts {
  std::uint64_t requests = 0, pending = 0, certificates = 0, revoked = 0, crls = 0, templates = 0;
};

// Queries over one state of the database. Errors: `not_found`, `unavailable` (the disk), `malformed` (a
// damaged row).
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  virtual Result<std::vector<AuthorityRecord>> authorities() const = 0;
  virtual Result<AuthorityRecord> authority(std::string_view name) const = 0;
  virtual Result<std::vector<KeyGeneration>> key_generations(
      AuthorityId authority) const = 0;  // oldest first

  virtual Result<RequestRecord> request(RequestId id) const = 0;
  virtual Result<std::optional<RequestRecord>> request_of_transaction(AuthorityId authority,
                                                                      std::string_view transaction) const = 0;
  // The newest one that the client calls so.
  virtual Result<std::optional<RequestRecord>> request_of_client(
      AuthorityId authority, std::string_view client_transaction) const = 0;
  // Without the bulky fields `request` and `trace`.
  virtual Result<std::vector<RequestRecord>> requests(const RequestFilter& filter) const = 0;

  // Both include certificates that are intended and not signed yet.
  virtual Result<CertificateRecord> certificate(Bytes serial) const = 0;
  virtual Result<CertificateRecord> certificate_of_request(RequestId id) const = 0;
  // Without `tbs`; signed ones only.
  virtual Result<std::vector<CertificateRecord>> certificates(const CertificateFilter& filter) const = 0;
  // Intents without a signature, oldest first: what a crash left behind.
  virtual Result<std::vector<CertificateRecord>> orphans(AuthorityId authority) const = 0;

  // Visits what belongs on a base CRL of one key: revoked, and not expired at `unexpired_at`; in serial
  // order, one row at a time, so that a CRL of a million entries needs no list. Stops at the first failure.
  struct RevokedEntry {
    Bytes serial;  // valid during the call
    Time revoked_at{};
    x509::CrlReason reason{};
    std::optional<Time> invalidity_date;
  };
  // Of one shard, found by an index; shard 0: of all.
  using VisitRevoked = std::function<Status(const RevokedEntry&)>;
  virtual Status for_each_revoked(AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                                  Time unexpired_at, const VisitRevoked& visit) const = 0;
  Status for_each_revoked(AuthorityId authority, std::uint16_t key_index, Time unexpired_at,
                          const VisitRevoked& visit) const {
    return for_each_revoked(authority, key_index, 0, unexpired_at, visit);
  }

  // Visits what changed after the change of that number (CrlRecord::last_change): who is revoked now, with
  // the reason of now, then whose hold was lifted and who is not revoked again. So it costs what has changed,
  // however many are revoked. The order is that of the changes.
  struct ChangedEntry : RevokedEntry {
    Time not_after{};
    std::uint64_t changed = 0;  // the number of the change
    bool released = false;
    // Of a released one: its hold may stand on CRLs that took account of this change and not of the release.
    std::uint64_t held_since = 0;
  };
  // Shards as above.
  using VisitChanged = std::function<Status(const ChangedEntry&)>;
  virtual Status for_each_changed(AuthorityId authority, std::uint16_t key_index, std::uint32_t shard,
                                  std::uint64_t after, const VisitChanged& visit) const = 0;
  Status for_each_changed(AuthorityId authority, std::uint16_t key_index, std::uint64_t after,
                          const VisitChanged& visit) const {
    return for_each_changed(authority, key_index, 0, after, visit);
  }
  // Changes of revocations are numbered per authority, from 1, in the order in which they become durable.
  virtual Result<std::uint64_t> last_change(AuthorityId authority) const = 0;  // 0: none yet

  virtual Result<std::vector<CrlRecord>> crls(AuthorityId authority) const = 0;  // newest first
  // CRLs that replace one another: those of one key and one shard, base or delta.
  struct CrlSeries {
    AuthorityId authority = 0;
    std::uint16_t key_index = 0;
    bool delta = false;
    std::uint32_t shard = 0;  // 0: the complete list
  };
  // Those that were published, newest first.
  virtual Result<std::vector<CrlRecord>> newest_crls(const CrlSeries& series, std::size_t limit) const = 0;
  Result<std::vector<CrlRecord>> newest_crls(AuthorityId authority, std::uint16_t key_index, bool delta,
                                             std::size_t limit) const {
    return newest_crls({authority, key_index, delta}, limit);
  }
  // Up to which change each CRL of a key and shard takes account, base or delta, from that number on and in
  // their order; those that were begun and never published included: they may be in somebody's hands.
  virtual Result<std::vector<std::uint64_t>> changes_on_crls(AuthorityId authority, std::uint16_t key_index,
                                                             std::uint32_t shard,
                                                             std::uint64_t from_number) const = 0;
  Result<std::vector<std::uint64_t>> changes_on_crls(AuthorityId authority, std::uint16_t key_index,
                                                     std::uint64_t from_number) const {
    return changes_on_crls(authority, key_index, 0, from_number);
  }
  virtual Result<std::vector<CrlTarget>> crl_targets(
      AuthorityId authority) const = 0;  // by key, base, target
  virtual Result<std::vector<CrlTarget>> crl_targets(const CrlSeries& series) const = 0;  // by target
  // The shards that certificates of the authority were given, expired ones included, by key and shard.
  virtual Result<std::vector<CarriedShard>> carried_shards(AuthorityId authority) const = 0;
  // Each set of locations of the authority, oldest first, and how many of its certificates expire at `now` or
  // later.
  virtual Result<std::vector<LocationSet>> location_sets(AuthorityId authority, Time now) const = 0;
  virtual Result<std::uint64_t> last_crl_number(AuthorityId authority) const = 0;  // 0: none yet

  virtual Result<std::vector<TemplateRecord>> templates()
      const = 0;  // newest version of each, not the removed
  virtual Result<TemplateRecord> certificate_template(std::string_view name) const = 0;
  virtual Result<std::vector<TemplateRecord>> template_history(
      std::string_view name) const = 0;  // oldest first
  // Names of the templates that an authority issues ("Certificate Template to Issue").
  virtual Result<std::vector<std::string>> published_templates(AuthorityId authority) const = 0;

  // How many versions of templates were ever stored: it rises with each change, so that what was read of them
  // can be kept as long as it stands still.
  virtual Result<std::uint64_t> template_changes() const = 0;

  // What is known of a public key, by 64 bits of a hash over it. Different keys may have the same bits:
  // compare the certificate before believing it.
  virtual Result<KeyHistory> key_history(std::uint64_t key) const = 0;

  virtual Result<Counts> counts() const = 0;
  // `certificates` and `revoked` of one authority; the other numbers stay 0.
  virtual Result<Counts> certificate_counts(AuthorityId authority) const = 0;

  // Whether the serial number has ever been given: to a certificate, to an abandoned intent, to a certificate
  // that was purged.
  virtual Result<bool> serial_used(Bytes serial) const = 0;
  // A small fact about the database itself, by name; empty: never set.
  virtual Result<std::string> mark(std::string_view name) const = 0;

  // The sequence number of the last audit entry; 0: the log is empty.
  virtual Result<std::int64_t> audit_size() const = 0;
  // Visits entries, one row at a time; what the rows hold is passed on as it is, however wrong. Stops at the
  // first failure.
  virtual Status for_each_audit(const AuditFilter& filter,
                                const std::function<Status(const AuditRecord&)>& visit) const = 0;
  // The leaf hashes from `first` to `last`, in order of their sequence.
  virtual Status for_each_audit_leaf(std::int64_t first, std::int64_t last,
                                     const std::function<Status(std::int64_t, Bytes)>& visit) const = 0;
  virtual Result<std::vector<AuditHead>> audit_heads() const = 0;            // by size
  virtual Result<std::optional<AuditHead>> last_audit_head() const = 0;      // the largest
  virtual Result<std::vector<AuditKey>> audit_keys() const = 0;              // oldest first
  virtual Result<std::vector<AuditStatement>> audit_statements() const = 0;  // oldest first

  // All that ever happened, oldest first, and a number that grows with each change.
  virtual Result<std::vector<RoleChange>> role_changes() const = 0;
  virtual Result<std::int64_t> role_version() const = 0;

  virtual Result<ChallengeRecord> challenge(std::int64_t id) const = 0;
  virtual Result<std::optional<ChallengeRecord>> challenge_of_token(AuthorityId authority,
                                                                    Bytes token) const = 0;
  // That a request was handed in under.
  virtual Result<std::optional<ChallengeRecord>> challenge_of_request(RequestId request) const = 0;
  virtual Result<std::vector<ChallengeRecord>> challenges(const ChallengeFilter& filter) const = 0;
  // When the last challenge that was sealed with a key expires; nothing: it has sealed none.
  virtual Result<std::optional<Time>> last_challenge_of_key(AuthorityId authority, Bytes key) const = 0;
  virtual Result<std::vector<ChallengeKey>> challenge_keys(AuthorityId authority) const = 0;  // oldest first
  virtual Result<std::optional<GuessRecord>> guesses(AuthorityId authority, std::string_view scope) const = 0;
};

// Queries see this transaction's own writes.
class Transaction : public Snapshot {
 public:
  virtual Result<AuthorityId> insert_authority(
      const AuthorityRecord& record) = 0;  // conflict: the name is taken
  virtual Status update_settings(AuthorityId authority, std::string_view settings) = 0;
  virtual Status insert_key_generation(const KeyGeneration& generation) = 0;  // conflict: that index exists
  virtual Status update_key_generation(const KeyGeneration& generation) = 0;

  // Assigns and returns the RequestID. conflict: the transaction key has been used.
  virtual Result<RequestId> insert_request(const RequestRecord& record) = 0;
  // Everything but id, authority, request and submitted_at may change.
  virtual Status update_request(const RequestRecord& record) = 0;

  // The intent: serial and to-be-signed bytes, before the key is used. The request's disposition reads
  // `issuing` until the signature is there. conflict: serial or request has one already.
  virtual Status insert_intent(const CertificateRecord& certificate) = 0;
  // The signature of an intent; the request reads `issued` from here on (an imported one stays `foreign`).
  // not_found: no open intent, which includes one that another process, repairing, has completed: then the
  // stored certificate is the one.
  virtual Status complete_intent(RequestId request, Bytes signature) = 0;
  // Takes back an intent that was never signed: the serial stays used, and is found no more. The request
  // becomes `failed` and may have another intent.
  virtual Status abandon_intent(RequestId request, std::string_view message) = 0;

  // The rows of keys stay when requests are purged.
  // Remembers that the request is about to have a certificate for the key; before its intent. Returns the
  // request that is remembered: an earlier one, if that has a certificate.
  virtual Result<RequestId> certify_key(std::uint64_t key, RequestId request) = 0;
  // For good: a private key that was once known to others does not become secret again.
  virtual Status mark_key_compromised(std::uint64_t key, RequestId request) = 0;

  // not_found: this authority has no such certificate. conflict: not signed yet, or revoked already (a hold
  // may be turned into another reason, which keeps its date: RFC 5280 says nothing may move). The request's
  // disposition follows.
  virtual Status revoke(AuthorityId authority, const RevocationRecord& revocation) = 0;
  // Lifts a hold. conflict: not on hold; not_found: not revoked.
  virtual Status release(AuthorityId authority, Bytes serial) = 0;

  // Reserves the number before the CRL is signed. conflict: the number is not above all others.
  virtual Status insert_crl(const CrlRecord& record) = 0;
  virtual Status update_crl(const CrlRecord& record) = 0;      // size, entries, sha256, file
  virtual Status put_crl_target(const CrlTarget& target) = 0;  // replaces what was known about it

  // The number of a set of locations, which is remembered when it is new.
  virtual Result<std::int64_t> location_set(AuthorityId authority, std::string_view text) = 0;

  // A record with `removed` withdraws the template everywhere.
  virtual Status insert_template(const TemplateRecord& record) = 0;  // conflict: that version exists
  virtual Status publish_template(AuthorityId authority, std::string_view name) = 0;
  virtual Status withdraw_template(AuthorityId authority, std::string_view name) = 0;

  // Takes a request away with its certificate and revocation; the serial number stays used. conflict: it
  // waits for a signature, or is the newest request, whose number would be given again.
  virtual Status purge_request(RequestId request) = 0;
  // Puts a certificate that was found in the place of a lost one with its request and serial number.
  // conflict: it is not lost.
  virtual Status complete_lost(const CertificateRecord& certificate) = 0;
  virtual Status set_mark(std::string_view name, std::string_view value) = 0;

  // conflict: the sequence number is not the one after the last.
  virtual Status append_audit(const AuditRecord& record) = 0;
  virtual Status insert_audit_head(const AuditHead& head) = 0;  // conflict: there is a head of that size
  virtual Status insert_audit_key(const AuditKey& key) = 0;     // conflict: that key is known
  virtual Status insert_audit_statement(const AuditStatement& statement) = 0;

  virtual Status insert_role_change(const RoleChange& change) = 0;

  // conflict: the authority has one of that token.
  virtual Result<std::int64_t> insert_challenge(const ChallengeRecord& record) = 0;
  // State, verifier, times, failures and what it was used for may change.
  virtual Status update_challenge(const ChallengeRecord& record) = 0;
  virtual Status insert_challenge_key(const ChallengeKey& key) = 0;  // conflict: the authority has that id
  virtual Status update_challenge_key(const ChallengeKey& key) = 0;  // rights, retired_at, removed_at
  virtual Status put_guesses(const GuessRecord& record) = 0;
  virtual Status forget_guesses(Time before) = 0;  // of every authority, last written before that
};

// What is in the database's files, for `db show`.
struct Location {
  std::string what;  // "database", "write-ahead log"
  fs::path path;
  std::uint64_t octets = 0;
};

// What `replay` brought over.
struct Replayed {
  std::uint64_t requests = 0, certificates = 0, revocations = 0, crls = 0, rows = 0;
  // Audit entries written here since the two went apart; the other log has taken their place, so they are to
  // be entered again at its end.
  std::vector<AuditRecord> overtaken;
};

class Database {
 public:
  virtual ~Database() = default;

  using Work = std::function<Status(Transaction&)>;
  // Runs `work` and returns when it is durable. Its own error comes back unchanged; an error of the commit
  // itself is `unavailable` and means that nothing was written. `work` may run on another thread, must not
  // call commit(), and must not block on anything but the database.
  virtual Status commit(const Work& work) = 0;

  // Called before a commit becomes durable, once for all Works that share it, when audit entries were
  // appended: those after `before`, up to `after`. Its failure is that of the commit. Set before the first
  // commit().
  using AuditMirror = std::function<Status(const Snapshot& state, std::int64_t before, std::int64_t after)>;
  virtual void mirror_audit(AuditMirror mirror) = 0;
  virtual bool has_audit_mirror() const = 0;

  // One state of the database, unaffected by later writes, for as long as it is held. Cheap.
  virtual Result<std::unique_ptr<Snapshot>> snapshot() const = 0;

  // Another value than before as soon as anything was committed, by whichever process, and before that
  // commit() returns. Costs a few reads of memory: for caches that must not miss a change.
  using ChangeMark = std::array<std::uint64_t, 6>;
  virtual ChangeMark change_mark() const = 0;

  virtual std::string_view backend() const = 0;  // "sqlite", "memory"
  virtual std::vector<Location> locations() const = 0;
  // The version of the tables: as they were when the database was opened, and now.
  struct Schema {
    std::int64_t found = 0, now = 0;
  };
  virtual Schema schema() const { return {}; }
  // Integrity: of the file, and of what rows say about each other. An empty list is good news.
  virtual Result<std::vector<std::string>> check() const = 0;

  // Writes one state of the database to a new file that stands alone, while others go on writing. Slowly on
  // purpose: it rests as long as it works. `unsupported`: this database is no file.
  virtual Status copy_to(const fs::path& target) const = 0;
  // Brings over what the file, a database that is further along, has beyond this one: all or nothing. Fails
  // with `conflict`, naming the first difference, when the two do not share their past, or when this one has
  // something that the file lacks.
  virtual Result<Replayed> replay(const fs::path& file) = 0;
  // Folds the log into the one file, takes the log away, and keeps everyone out until this object goes: for
  // moving or replacing the file. Nothing else may be asked of the object afterwards. `unavailable`: somebody
  // else uses it.
  virtual Status fold() = 0;
};

}  // namespace vouch::store
