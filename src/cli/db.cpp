// vouch db …
#include <ostream>

#include <fstream>

#include "ca/backup/maintenance.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

Result<Exit> show_database(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const store::Counts counts = TRY(TRY(context.read(workspace))->counts());
  const auto locations = workspace.database().locations();
  if (context.json()) {
    Value files = Value::list();
    for (const auto& location : locations)
      files.push(Value()
                     .set("what", location.what)
                     .set("path", location.path.string())
                     .set("size", location.octets));
    Value numbers;
    numbers.set("requests", counts.requests)
        .set("pending", counts.pending)
        .set("certificates", counts.certificates);
    numbers.set("revoked", counts.revoked).set("crls", counts.crls).set("templates", counts.templates);
    Value value;
    value.set("backend", workspace.database().backend()).set("files", std::move(files));
    print_json(context, value.set("counts", std::move(numbers)));
    return Exit::done;
  }
  Fields fields;
  fields.add("Backend", workspace.database().backend());
  for (const auto& location : locations)
    fields.add(location.what, fmt::format("{} ({} octets)", location.path.string(), location.octets));
  fields.add("Requests", fmt::format("{}, {} of them pending", counts.requests, counts.pending));
  fields.add("Certificates", fmt::format("{}, {} of them revoked", counts.certificates, counts.revoked));
  fields.add("CRLs", fmt::format("{}", counts.crls)).add("Templates", fmt::format("{}", counts.templates));
  context.out() << fields.text("");
  return Exit::done;
}

Result<Exit> check_database(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  ca::CheckOptions options;
  options.full = arguments.has("full");
  ca::CheckReport report;
  {
    const Progress progress(context, "checking the database");
    report = TRY(ca::check_database(workspace.environment(), options));
  }
  if (context.json()) {
    print_json(context, Value()
                            .set("ok", report.findings.empty())
                            .set("findings", texts(report.findings))
                            .set("not_checked", texts(report.not_checked))
                            .set("certificates_verified", report.certificates));
  } else if (report.findings.empty()) {
    context.say("the database is in order ({} certificates verified)", report.certificates);
    for (const std::string& what : report.not_checked) context.note("not checked: {}", what);
  } else {
    for (const std::string& finding : report.findings) context.out() << printable(finding) << '\n';
    context.note("hint: stop everything that uses this home, keep a copy of it, and restore a backup");
  }
  return report.findings.empty() ? Exit::done : Exit::found_bad;
}

Result<Exit> move_database(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const fs::path from = workspace.home().database();
  const fs::path to = TRY(ca::move_database(workspace.environment(), arguments.operand(0), context.user()));
  if (context.json()) print_json(context, Value().set("from", from.string()).set("to", to.string()));
  context.say("the database is {} now; its write-ahead log lies beside it", to.string());
  context.say("{} says so", workspace.home().configuration_file().string());
  return Exit::done;
}

// PRAGMA user_version as the file's header has it: looked at before opening, which brings it up to date.
Result<std::int64_t> version_in_header(const fs::path& file) {
  constexpr std::streamoff kUserVersion = 60;
  std::ifstream in(file, std::ios::binary);
  std::array<char, 4> octets{};
  in.seekg(kUserVersion);
  if (!in.read(octets.data(), octets.size()))
    return make_error(Errc::not_found, "there is no database {}", file.string())
        .with_hint("vouch ca init makes one");
  std::int64_t version = 0;
  for (const char octet : octets) version = version << 8 | static_cast<unsigned char>(octet);
  return version;
}

// The newest schema that this program knows: that of a database which it makes now.
Result<std::int64_t> newest_schema(const Context& context, const fs::path& beside) {
  const fs::path scratch = beside.string() + ".scratch";
  std::int64_t newest = 0;
  {
    const auto database = TRY(context.surroundings().open_database(scratch, true));
    newest = database->schema().now;
  }
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(scratch.string() + suffix, ignored);
  return newest;
}

Result<Exit> migrate(Context& context, const Arguments& arguments) {
  if (const std::string* to = arguments.find("to"); to != nullptr && *to != "sqlite")
    return make_error(Errc::unsupported,
                      "this vouch keeps its database in SQLite only, and cannot move it to '{}'", *to)
        .with_hint("without --to, the tables are brought up to date");
  std::error_code unknown;
  if (!fs::exists(context.home_folder(), unknown)) (void)TRY(context.workspace());  // says what is missing
  const fs::path file = TRY(ca::Home::open(context.home_folder(), false)).database();
  const std::int64_t before = TRY(version_in_header(file)), newest = TRY(newest_schema(context, file));
  fs::path copy;
  if (before < newest) {
    copy = fmt::format("{}.schema-{}", file.string(), before);
    TRY(copy_durably(file, copy));
    if (fs::exists(file.string() + "-wal", unknown))
      TRY(copy_durably(file.string() + "-wal", copy.string() + "-wal"));
  }
  const store::Database::Schema schema = TRY(context.workspace())->database().schema();
  if (context.json())
    print_json(context, Value()
                            .set("schema_before", before)
                            .set("schema", schema.now)
                            .set("copy", copy.empty() ? Value() : Value(copy.string())));
  else if (copy.empty())
    context.say("the tables are up to date (schema {})", schema.now);
  else
    context.say("the tables went from schema {} to {}; the database as it was is {}", before, schema.now,
                copy.string());
  return Exit::done;
}

Result<Exit> replay_database(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  ca::ReplayOptions options;
  options.administrator = context.user();
  options.passphrase = context.archive_passphrase(arguments);
  const store::Replayed done = TRY(ca::replay(workspace.environment(), arguments.operand(0), options,
                                              context.surroundings().open_database));
  Value gaps = Value::list();
  Exit exit = Exit::done;
  for (const auto& record : TRY(TRY(workspace.snapshot())->authorities())) {
    const ca::Gap gap = TRY(ca::find_gap(workspace.environment(), record.name));
    if (gap.empty()) continue;
    gaps.push(Value().set("ca", record.name).set("missing", gap.text()));
    context.note("warning: the database of CA '{}' still lacks {}", record.name, gap.text());
    exit = Exit::found_bad;
  }
  if (context.json())
    print_json(context, Value()
                            .set("requests", done.requests)
                            .set("certificates", done.certificates)
                            .set("revocations", done.revocations)
                            .set("crls", done.crls)
                            .set("rows", done.rows)
                            .set("gaps", std::move(gaps)));
  context.say("brought over: {} requests, {} certificates, {} revocations, {} CRLs", done.requests,
              done.certificates, done.revocations, done.crls);
  return exit;
}

Result<Exit> accept_gap(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const ca::Gap gap = TRY(ca::accept_gap(workspace.environment(), record.name, context.user()));
  if (context.json()) {
    print_json(context, ca::describe(gap, record.name));
    return Exit::done;
  }
  context.say("given up for CA '{}': {}", record.name, gap.text());
  context.say("the lost certificates stay known by their serial numbers and can be revoked: vouch cert list");
  context.note("next: vouch --ca '{}' crl publish", record.name);
  return Exit::done;
}

Result<Exit> purge(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  ca::PurgeOptions options;
  options.expired_before = *TRY(arguments.time("expired-before"));
  options.dry_run = arguments.has("dry-run");
  options.administrator = context.user();
  const ca::PurgeReport report = TRY(ca::purge(workspace.environment(), record.id, options));
  if (context.json()) {
    print_json(context, Value()
                            .set("ca", record.name)
                            .set("purged", report.purged)
                            .set("kept_for_crl", report.on_crl)
                            .set("dry_run", options.dry_run));
    return Exit::done;
  }
  context.say("{} {} requests with certificates that ended before {}",
              options.dry_run ? "would purge" : "purged", report.purged, format_time(options.expired_before));
  if (report.on_crl != 0)
    context.say("{} are revoked and stay until their last CRL has been followed by another", report.on_crl);
  return Exit::done;
}

constexpr Option kCheck[] = {
    {"full", "", "verify every certificate, not a sample of a thousand"},
};
constexpr Option kDatabaseMigrate[] = {
    {"to", "BACKEND", "another kind of database; sqlite is the only one that this version has"},
};
constexpr Option kDatabaseReplay[] = {
    {"passphrase-file", "FILE", "passphrase of a sealed backup: first line of FILE; - asks"},
};
constexpr Option kPurge[] = {
    {"expired-before", "TIME", "certificates that ended before: 2024-01-01, or \"2024-01-01 12:00\"",
     Occurs::once},
    {"dry-run", "", "only say how many it would be"},
};

constexpr Command kDatabaseCommands[] = {
    {"db show",
     "",
     "show where the database is, how large, and what is in it",
     "",
     {},
     "vouch db show",
     &show_database},
    {"db check", "",
     "check database, certificates, CRLs, keys and fence; exit code 4 when something is wrong",
     "Looks at the file itself, at what rows say about each other, at the signatures of certificates, at the "
     "published CRLs, at the key files, and at what the fence says the world has seen.",
     kCheck, "vouch db check --full", &check_database},
    {"db move",
     "DIR",
     "move the database and its log into another folder",
     "Changes the configuration. Nothing else may use the home meanwhile.",
     {},
     "vouch db move /srv/vouch-db",
     &move_database},
    {"db migrate", "", "bring the tables up to date, with a copy of the database as it was",
     "Every command does so when it first opens an older database; this one keeps a copy and says what was "
     "done.",
     kDatabaseMigrate, "vouch db migrate", &migrate},
    {"db replay", "FILE", "bring over what a later database or backup has beyond this one",
     "After a restore: closes the gap with the newer vouch.db that was put aside, or with a newer backup. "
     "The two "
     "have to share their past. Exit code 4 when something is missing still.",
     kDatabaseReplay, "vouch db replay replaced-20261123T100000Z/vouch.db", &replay_database},
    {"db accept-gap",
     "",
     "give up what the world has seen and a restored database lacks",
     "The serial numbers stay used, revoked certificates stay revoked, CRL numbers go on above everything "
     "seen. "
     "What is lost is the content of the certificates and requests: replay a newer database if there is one.",
     {},
     "vouch db accept-gap --ca Issuing",
     &accept_gap},
    {"db purge", "", "remove certificates that ended long ago and are on no CRL any more",
     "Their serial numbers are never used again.", kPurge,
     "vouch db purge --expired-before 2020-01-01 --dry-run", &purge},
};

}  // namespace

std::span<const Command> db_commands() { return kDatabaseCommands; }

}  // namespace vouch::cli
