#include "store/sqlite/schema.hpp"

namespace vouch::store::sqlite {
namespace {

// PRAGMA application_id of our files: "VOCH". file(1) and we tell them by it from those of other programs.
constexpr std::int64_t kApplicationId = 0x564f4348;

// What decided the shape of the tables:
// - Issuing writes at the end of every table. Request numbers and serials rise, so nothing here has an index
//   whose keys come in random order, but for transaction keys, which only some requests have.
// - Each row is written once. A signature has a table of its own, so that it does not rewrite the large row
// of
//   its certificate. A request's row says 20 (issued) from the start and reads `issuing` while it has no
//   signature, and `revoked` while its certificate has a row in `revocations`: queries.cpp, kDisposition.
// - Request numbers are the largest plus one. The newest request is never deleted, so none is used again.
// - `serials` remembers every serial that was ever intended, those of abandoned and purged certificates too.
// - `intents` holds the certificates that wait for their signature: a few rows, the orphans after a crash.
// - `revocations` is stored in the order of CRLs, with the end of validity beside it: a CRL is one scan.
const char kVersion1[] = R"sql(
CREATE TABLE authorities (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  mode INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  settings TEXT NOT NULL
) STRICT;

CREATE TABLE key_generations (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  certificate_index INTEGER NOT NULL,
  key_index INTEGER NOT NULL,
  key_reference TEXT NOT NULL,
  public_key_info BLOB NOT NULL,
  request BLOB NOT NULL,
  certificate BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (authority, certificate_index)
) STRICT;

CREATE TABLE chain_certificates (
  authority INTEGER NOT NULL,
  certificate_index INTEGER NOT NULL,
  position INTEGER NOT NULL,
  certificate BLOB NOT NULL,
  PRIMARY KEY (authority, certificate_index, position),
  FOREIGN KEY (authority, certificate_index) REFERENCES key_generations(authority, certificate_index)
) STRICT;

CREATE TABLE requests (
  id INTEGER PRIMARY KEY,
  authority INTEGER NOT NULL REFERENCES authorities(id),
  disposition INTEGER NOT NULL,
  submitted_at INTEGER NOT NULL,
  resolved_at INTEGER,
  requester TEXT NOT NULL,
  resolver TEXT NOT NULL,
  template TEXT NOT NULL,
  transaction_key TEXT NOT NULL,
  attributes TEXT NOT NULL,
  message TEXT NOT NULL,
  reason TEXT NOT NULL,
  request BLOB NOT NULL,
  trace TEXT NOT NULL
) STRICT;
CREATE INDEX requests_not_issued ON requests(disposition, id) WHERE disposition <> 20;
CREATE UNIQUE INDEX requests_transaction ON requests(authority, transaction_key) WHERE transaction_key <> '';

CREATE TABLE serials (
  serial BLOB PRIMARY KEY,
  request INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (
  request INTEGER PRIMARY KEY REFERENCES requests(id),
  authority INTEGER NOT NULL REFERENCES authorities(id),
  key_index INTEGER NOT NULL,
  serial BLOB NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  subject TEXT NOT NULL,
  template TEXT NOT NULL,
  signature_algorithm BLOB NOT NULL,
  tbs BLOB NOT NULL
) STRICT;

CREATE TABLE intents (
  request INTEGER PRIMARY KEY REFERENCES certificates(request)
) STRICT;

CREATE TABLE signatures (
  request INTEGER PRIMARY KEY REFERENCES certificates(request),
  signature BLOB NOT NULL
) STRICT;

CREATE TABLE revocations (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  key_index INTEGER NOT NULL,
  serial BLOB NOT NULL,
  request INTEGER NOT NULL REFERENCES certificates(request),
  not_after INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  invalidity_date INTEGER,
  PRIMARY KEY (authority, key_index, serial)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX revocations_request ON revocations(request);

CREATE TABLE crls (
  id INTEGER PRIMARY KEY,
  authority INTEGER NOT NULL REFERENCES authorities(id),
  number INTEGER NOT NULL,
  key_index INTEGER NOT NULL,
  delta INTEGER NOT NULL,
  this_update INTEGER NOT NULL,
  next_update INTEGER NOT NULL,
  next_publish INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  file TEXT NOT NULL,
  UNIQUE (authority, number)
) STRICT;

CREATE TABLE templates (
  name TEXT NOT NULL,
  major INTEGER NOT NULL,
  minor INTEGER NOT NULL,
  body TEXT NOT NULL,
  removed INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  PRIMARY KEY (name, major, minor)
) STRICT;

CREATE TABLE published_templates (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  name TEXT NOT NULL,
  PRIMARY KEY (authority, name)
) STRICT, WITHOUT ROWID;
)sql";

// - `audit` has no index but its order: it grows at its end, and looking something up may scan.
// - `role_changes` keeps what was, so that who could do what at some time can be told.
const char kAuditAndRoles[] = R"sql(
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  authority TEXT NOT NULL,
  object TEXT NOT NULL,
  details TEXT NOT NULL,
  outcome TEXT NOT NULL,
  leaf BLOB NOT NULL
) STRICT;

CREATE TABLE audit_heads (
  size INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  root BLOB NOT NULL,
  checkpoint TEXT NOT NULL,
  frontier BLOB NOT NULL
) STRICT;

CREATE TABLE audit_keys (
  id INTEGER PRIMARY KEY,
  public_key_info BLOB NOT NULL UNIQUE,
  key_reference TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_statements (
  id INTEGER PRIMARY KEY,
  authority INTEGER NOT NULL REFERENCES authorities(id),
  key_index INTEGER NOT NULL,
  statement TEXT NOT NULL,
  algorithm BLOB NOT NULL,
  signature BLOB NOT NULL
) STRICT;

CREATE TABLE role_changes (
  id INTEGER PRIMARY KEY,
  principal TEXT NOT NULL,
  role TEXT NOT NULL,
  authority INTEGER NOT NULL,
  template TEXT NOT NULL,
  requesters TEXT NOT NULL,
  granted INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL
) STRICT;
)sql";

// Delta CRLs, publication to several targets, and which URLs certificates carry.
// - Every change of a revocation takes the next number of its authority; `changed` is the last one of a row,
// in
//   an index that grows at its end. A delta CRL is one range of it.
// - `releases` are holds that were lifted, with the first change since which they may stand on a CRL.
// - `location_sets` are few; certificates name theirs by number, and counting them reads an index only.
const char kRevocationChanges[] = R"sql(
CREATE TABLE revocation_changes (
  authority INTEGER PRIMARY KEY REFERENCES authorities(id),
  last INTEGER NOT NULL
) STRICT;
ALTER TABLE revocations ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
-- What was revoked before changes were numbered comes after every CRL that was published before.
UPDATE revocations SET changed = 1;
INSERT INTO revocation_changes (authority, last) SELECT DISTINCT authority, 1 FROM revocations;
CREATE INDEX revocations_changed ON revocations(authority, key_index, changed);

CREATE TABLE releases (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  key_index INTEGER NOT NULL,
  serial BLOB NOT NULL,
  not_after INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL,
  held_since INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (authority, key_index, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX releases_changed ON releases(authority, key_index, changed);

ALTER TABLE crls ADD COLUMN base_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crls ADD COLUMN last_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crls ADD COLUMN scope BLOB NOT NULL DEFAULT x'';

CREATE TABLE crl_targets (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  key_index INTEGER NOT NULL,
  delta INTEGER NOT NULL,
  target TEXT NOT NULL,
  number INTEGER NOT NULL,
  wanted INTEGER NOT NULL,
  tried_at INTEGER NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (authority, key_index, delta, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE location_sets (
  id INTEGER PRIMARY KEY,
  authority INTEGER NOT NULL REFERENCES authorities(id),
  locations TEXT NOT NULL,
  UNIQUE (authority, locations)
) STRICT;
ALTER TABLE certificates ADD COLUMN location_set INTEGER NOT NULL DEFAULT 0;
CREATE INDEX certificates_locations ON certificates(authority, location_set, not_after);
)sql";

// Small facts about the database itself: how far the fence has been compared (ca/backup/fence.hpp), how many
// requests were purged.
const char kMarks[] = R"sql(
CREATE TABLE marks (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// Public keys by 64 bits of their hash: who has a certificate for one, and which are known to others. The
// number is the row's own, so that a row takes a dozen octets; hits are compared with the certificate.
const char kKeys[] = R"sql(
CREATE TABLE certified_keys (
  key INTEGER PRIMARY KEY,
  request INTEGER NOT NULL
) STRICT;

CREATE TABLE compromised_keys (
  key INTEGER PRIMARY KEY,
  request INTEGER NOT NULL
) STRICT;
)sql";

// Sharded CRLs (docs/mechanisms/crl.md). A row of shard 0 is in none, and no index on shards holds it:
// whoever does not shard pays nothing.
// - `revocations_by_shard` holds all that a list shows, so that one is read without the table.
// - `carried_shards` says which lists certificates need, and by which URLs, without asking the certificates.
// - `crls_by_series` finds the newest one of a shard among all the others'.
const char kShards[] = R"sql(
ALTER TABLE certificates ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE revocations ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE releases ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crls ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crl_targets ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
CREATE INDEX revocations_by_shard ON revocations(
  authority, key_index, shard, serial, not_after, revoked_at, reason, invalidity_date) WHERE shard <> 0;
CREATE INDEX revocations_changed_by_shard ON revocations(authority, key_index, shard, changed)
  WHERE shard <> 0;
CREATE INDEX releases_changed_by_shard ON releases(authority, key_index, shard, changed) WHERE shard <> 0;
CREATE INDEX crls_by_series ON crls(authority, key_index, shard, delta, number);

CREATE TABLE carried_shards (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  key_index INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  location_set INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  PRIMARY KEY (authority, key_index, shard, location_set)
) STRICT, WITHOUT ROWID;
)sql";

// What devices enrol with (docs/mechanisms/challenge.md). Never a challenge itself.
// - Tokens are random, so their index is written all over; there is one for each device, not for each
//   certificate.
// - `challenge_guesses` is small: what has leaked away is deleted.
const char kChallenges[] = R"sql(
CREATE TABLE challenges (
  id INTEGER PRIMARY KEY,
  authority INTEGER NOT NULL REFERENCES authorities(id),
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  token BLOB NOT NULL,
  verifier TEXT NOT NULL,
  sealing_key BLOB NOT NULL,
  profile TEXT NOT NULL,
  template TEXT NOT NULL,
  device TEXT NOT NULL,
  user TEXT NOT NULL,
  request_id TEXT NOT NULL,
  sid TEXT NOT NULL,
  validity INTEGER NOT NULL,
  minter TEXT NOT NULL,
  minted_by TEXT NOT NULL,
  minted_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  last_refusal TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  request INTEGER NOT NULL,
  client TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX challenges_token ON challenges(authority, token);
CREATE INDEX challenges_request ON challenges(request) WHERE request <> 0;
CREATE INDEX challenges_device ON challenges(device, id) WHERE device <> '';
CREATE INDEX challenges_key ON challenges(authority, sealing_key, expires_at);

CREATE TABLE challenge_keys (
  position INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  authority INTEGER NOT NULL REFERENCES authorities(id),
  minter TEXT NOT NULL,
  public_key_info BLOB NOT NULL,
  reference TEXT NOT NULL,
  rights TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  retired_at INTEGER,
  removed_at INTEGER,
  UNIQUE (authority, id)
) STRICT;

CREATE TABLE challenge_guesses (
  authority INTEGER NOT NULL REFERENCES authorities(id),
  scope TEXT NOT NULL,
  level INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (authority, scope)
) STRICT, WITHOUT ROWID;
)sql";

// What clients call their requests, for those that come back and ask (SCEP's polls). As with transaction
// keys, only requests that have one are in the index.
const char kClientTransactions[] = R"sql(
ALTER TABLE requests ADD COLUMN client_transaction TEXT NOT NULL DEFAULT '';
CREATE INDEX requests_client_transaction ON requests(authority, client_transaction)
  WHERE client_transaction <> '';
)sql";

constexpr const char* kMigrations[] = {kVersion1,          kAuditAndRoles, kMarks,      kKeys,
                                       kRevocationChanges, kShards,        kChallenges, kClientTransactions};

Result<std::int64_t> pragma(Connection& connection, const std::string& name) {
  Query query = TRY(connection.query_once("PRAGMA " + name));
  (void)TRY(query.step());
  return query.integer(0);
}

Result<bool> has_tables(Connection& connection) {
  Query query = TRY(connection.query_once("SELECT 1 FROM sqlite_schema LIMIT 1"));
  return query.step();
}

// The version of a file that is ours or empty.
Result<std::int64_t> version_of(Connection& connection, std::size_t known) {
  const std::int64_t version = TRY(pragma(connection, "user_version"));
  if (TRY(pragma(connection, "application_id")) != kApplicationId) {
    if (version == 0 && !TRY(has_tables(connection))) return 0;
    // Another process may have made it between these looks.
    if (TRY(pragma(connection, "application_id")) == kApplicationId) return version_of(connection, known);
    return make_error(Errc::malformed, "{} is a database of another program", connection.file().string())
        .with_hint("give the right file");
  }
  if (version < 0 || static_cast<std::uint64_t>(version) > known)
    return make_error(Errc::malformed,
                      "{} was written by a newer vouch (schema {}; this program knows up to {})",
                      connection.file().string(), version, known)
        .with_hint("use the newer program; nothing was changed");
  return version;
}

// One step in one transaction; another process may have done it since we looked.
Status take_step(Connection& connection, std::span<const char* const> steps, std::size_t index) {
  TRY(connection.execute("BEGIN IMMEDIATE"));
  Status status = [&]() -> Status {
    if (TRY(version_of(connection, steps.size())) != static_cast<std::int64_t>(index)) return ok();
    TRY(connection.execute(steps[index]));
    TRY(connection.execute(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, index + 1)));
    return ok();
  }();
  if (status) status = connection.execute("COMMIT");
  if (!status && connection.in_transaction()) (void)connection.execute("ROLLBACK");
  return status;
}

}  // namespace

std::span<const char* const> migrations() { return kMigrations; }

Status check_version(Connection& connection, std::span<const char* const> steps) {
  (void)TRY(version_of(connection, steps.size()));
  return ok();
}

Result<std::int64_t> schema_version(Connection& connection, std::span<const char* const> steps) {
  return version_of(connection, steps.size());
}

Status migrate(Connection& connection, std::span<const char* const> steps) {
  for (;;) {
    const auto version = static_cast<std::size_t>(TRY(version_of(connection, steps.size())));
    if (version == steps.size()) return ok();
    TRY(take_step(connection, steps, version)
            .context("bringing {} from schema {} to {}", connection.file().string(), version, version + 1));
  }
}

}  // namespace vouch::store::sqlite
