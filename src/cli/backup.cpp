// vouch backup, vouch restore
#include <ostream>

#include "ca/backup/backup.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"

namespace vouch::cli {
namespace {

Result<Exit> show_backup(Context& context, const Arguments& arguments) {
  const std::string& file = arguments.operand(0);
  const auto opened = TRY(ca::open_archive(context.provider(), file, context.archive_passphrase(arguments)));
  const ca::Manifest manifest =
      TRY(ca::read_archive(context.provider(), *opened.source, [](const ca::ArchiveMember&, Bytes) {
            return ok();
          }).context("reading {}", file));
  if (context.json()) {
    print_json(
        context,
        Value().set("file", file).set("sealed", opened.sealed).set("manifest", ca::describe(manifest)));
    return Exit::done;
  }
  Fields fields;
  fields.add("Made", fmt::format("{} by {}", format_time(manifest.created_at), manifest.program));
  fields.add("Host", manifest.host).add("Home", manifest.home).add("Sealed", opened.sealed ? "yes" : "no");
  fields.add("Requests", fmt::format("{}", manifest.requests));
  fields.add("Audit entries", fmt::format("{}", manifest.audit_size));
  context.out() << fields.text("");
  for (const auto& authority : manifest.authorities)
    context.out() << printable(fmt::format("CA '{}' ({}): {} certificates, {} revoked, CRL number {}",
                                           authority.name, authority.kind, authority.certificates,
                                           authority.revoked, authority.last_crl_number))
                  << '\n';
  Table table{"FILE", "OCTETS", "SHA-256"};
  for (const auto& member : manifest.members)
    table.add({member.name, fmt::format("{}", member.size), to_hex(member.sha256)});
  table.print(context, "nothing");
  context.say("every file in it is whole");
  return Exit::done;
}

Result<Exit> make(Context& context, const Arguments& arguments) {
  if (arguments.has("show")) return show_backup(context, arguments);
  const Workspace& workspace = *TRY(context.workspace());
  const std::string& file = arguments.operand(0);
  ca::BackupOptions options;
  if (const std::string* source = arguments.find("passphrase-file"))
    options.passphrase = TRY(context.read_secret(*source, "Passphrase for the backup: "));
  options.program = fmt::format("vouch {}", program_version());
  options.administrator = context.user();
  ca::BackupResult result;
  {
    const Progress progress(context, "copying the database");
    result = TRY(ca::backup(workspace.environment(), file, options, context.surroundings().open_database));
  }
  if (context.json()) {
    print_json(context, Value()
                            .set("file", file)
                            .set("size", result.size)
                            .set("sealed", !options.passphrase.empty())
                            .set("notes", texts(result.notes))
                            .set("manifest", ca::describe(result.manifest)));
    return Exit::done;
  }
  context.say("backup written to {} ({} octets)", file, result.size);
  for (const auto& authority : result.manifest.authorities)
    context.say("  CA '{}': {} certificates, {} revoked, CRL number {}", authority.name,
                authority.certificates, authority.revoked, authority.last_crl_number);
  for (const std::string& note : result.notes) context.note("note: {}", note);
  if (options.passphrase.empty())
    context.note(
        "warning: private keys lie in it as readable as in the home: keep it as safe, or seal it with "
        "--passphrase-file");
  return Exit::done;
}

Result<Exit> restore(Context& context, const Arguments& arguments) {
  ca::RestoreOptions options;
  options.groups = context.surroundings().groups;
  options.replace = arguments.has("replace");
  options.accept_gap = arguments.has("accept-gap");
  options.administrator = context.user();
  options.passphrase = context.archive_passphrase(arguments);
  const ca::Home home = TRY(ca::Home::open(context.home_folder(), true));
  ca::RestoreResult result;
  {
    const Progress progress(context, "checking and restoring the backup");
    result = TRY(ca::restore(arguments.operand(0), home, options, context.provider(), context.clock(),
                             context.surroundings().open_database));
  }
  const bool open_gap = !result.gaps.empty() && !options.accept_gap;
  if (context.json()) {
    Value gaps = Value::list();
    for (const auto& [name, gap] : result.gaps) gaps.push(ca::describe(gap, name));
    print_json(context, Value()
                            .set("home", home.folder().string())
                            .set("put_aside", text_or_null(result.put_aside.string()))
                            .set("gaps", std::move(gaps))
                            .set("gaps_accepted", !result.gaps.empty() && options.accept_gap)
                            .set("notes", texts(result.notes))
                            .set("manifest", ca::describe(result.manifest)));
    return open_gap ? Exit::found_bad : Exit::done;
  }
  context.say("{} is as it was at {}", home.folder().string(), format_time(result.manifest.created_at));
  if (!result.put_aside.empty()) context.say("what was there is in {}", result.put_aside.string());
  for (const std::string& note : result.notes) context.note("note: {}", note);
  for (const auto& [name, gap] : result.gaps) {
    if (options.accept_gap) {
      context.say("given up for CA '{}': {}", name, gap.text());
      context.note("next: vouch --ca '{}' crl publish", name);
    } else {
      context.note("warning: the world has seen more of CA '{}' than the backup knows: {}", name, gap.text());
    }
  }
  if (open_gap)
    context.note(
        "hint: until the gap is closed nothing is issued, revoked or published: vouch db replay FILE (a "
        "newer "
        "database or backup), or vouch db accept-gap");
  return open_gap ? Exit::found_bad : Exit::done;
}

constexpr Option kMake[] = {
    {"passphrase-file", "FILE", "seal it with a passphrase: first line of FILE; - asks"},
    {"show", "", "write nothing: check the backup that is there, and show what is in it"},
};
constexpr Option kRestore[] = {
    {"passphrase-file", "FILE", "passphrase of a sealed backup: first line of FILE; - asks"},
    {"replace", "", "also when the state that is there is newer"},
    {"accept-gap", "", "give up at once what was seen after the backup: see vouch db accept-gap"},
};

constexpr Command kBackupCommands[] = {
    {"backup", "FILE", "write database, keys and configuration into one file while the CA goes on",
     "The file appears whole or not at all. Without a passphrase the private keys lie in it as readable as "
     "in the "
     "home. Keys on a token, published CRLs and the fence are not in it.",
     kMake, "vouch backup /backup/vouch-monday.tar --passphrase-file /etc/vouch/backup.pass", &make},
    {"restore", "FILE", "put a backup in the place of the home's database",
     "Everything in the backup is verified first. The old database is put aside, keys are never deleted, the "
     "configuration of the home is kept. When the world has seen more than the backup knows, nothing is "
     "issued or "
     "published until the gap is replayed or accepted; exit code 4 says so.",
     kRestore, "vouch restore /backup/vouch-monday.tar --home /var/lib/vouch", &restore},
};

}  // namespace

std::span<const Command> backup_commands() { return kBackupCommands; }

}  // namespace vouch::cli
