// vouch audit …
#include <ostream>

#include "ca/audit/audit_verify.hpp"
#include "ca/setup/audit_key.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

constexpr std::size_t kMaxHeadFile = std::size_t{64} << 10;

std::string what_of(const store::AuditRecord& record) {
  return record.authority.empty() ? record.object : fmt::format("{} ({})", record.object, record.authority);
}

Result<store::AuditFilter> audit_filter_of(const Context& context, const Arguments& arguments) {
  store::AuditFilter filter;
  filter.since = TRY(arguments.time("since"));
  filter.until = TRY(arguments.time("until"));
  filter.actor = arguments.text("actor");
  filter.action = arguments.text("action");
  filter.object = arguments.text("object");
  filter.authority = context.named_authority().value_or(std::string());
  return filter;
}

Result<Exit> show_audit(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  store::AuditFilter filter = TRY(audit_filter_of(context, arguments));
  filter.newest_first = true;
  filter.limit = TRY(arguments.number("limit")).value_or(100);
  std::vector<store::AuditRecord> records;
  TRY(ca::read_audit(workspace.environment(), filter, context.user(), [&](const store::AuditRecord& record) {
    records.push_back(record);
    return ok();
  }));
  Table table{"ENTRY", "TIME", "ACTOR", "ACTION", "OBJECT", "OUTCOME", "DETAILS"};
  Value values = Value::list();
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    table.add({fmt::format("{}", record->sequence), format_time(record->time), record->actor, record->action,
               what_of(*record), record->outcome, record->details});
    values.push(ca::describe_audit_entry(*record));
  }
  if (context.json())
    print_json(context, Value().set("entries", std::move(values)));
  else
    table.print(context, "no entries");
  return Exit::done;
}

Result<Exit> export_audit(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const store::AuditFilter filter = TRY(audit_filter_of(context, arguments));
  const std::string file = arguments.text("out", "-");
  std::optional<AtomicFile> out;
  if (file != "-") out = TRY(AtomicFile::create(file, 0640));
  std::size_t count = 0;
  TRY(ca::read_audit(workspace.environment(), filter, context.user(),
                     [&](const store::AuditRecord& record) -> Status {
                       ++count;
                       const std::string line = to_json(ca::describe_audit_entry(record), 0) + "\n";
                       if (out) return out->write(as_bytes(line));
                       context.out() << line;
                       return ok();
                     }));
  if (out) {
    TRY(out->commit());
    if (context.json())
      print_json(context, Value().set("file", file).set("entries", static_cast<std::uint64_t>(count)));
    context.say("{} entries written to {}", count, file);
  }
  return Exit::done;
}

Result<ca::AuditVerifyOptions> verify_options(const Context& context, const Workspace& workspace,
                                              const Arguments& arguments) {
  ca::AuditVerifyOptions options;
  options.account = context.user();
  for (const std::string& file : arguments.all("head")) {
    const Buffer text = TRY(read_file(file, kMaxHeadFile).context("reading a head"));
    options.heads.emplace_back(file, as_text(text));
  }
  for (const std::string& file : arguments.all("ca-cert"))
    for (Buffer& der : TRY(read_certificate_file(context, file))) options.trusted.push_back(std::move(der));
  if (const std::string* file = arguments.find("mirror"))
    options.mirror = *file;
  else if (const fs::path mirror = workspace.home().audit_mirror(); !mirror.empty())
    options.mirror = mirror;
  return options;
}

Result<Exit> verify_audit(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto options = TRY(verify_options(context, workspace, arguments));
  ca::AuditReport report;
  {
    const Progress progress(context, "verifying the audit log");
    report = TRY(ca::verify_audit(workspace.environment(), options));
  }
  const bool good = report.findings.empty();
  if (context.json()) {
    print_json(context, Value()
                            .set("ok", good)
                            .set("entries", report.entries)
                            .set("root", to_hex(report.root))
                            .set("covered", report.covered)
                            .set("heads_good", static_cast<std::uint64_t>(report.heads_good))
                            .set("findings", texts(report.findings))
                            .set("notes", texts(report.notes)));
    return good ? Exit::done : Exit::found_bad;
  }
  for (const std::string& finding : report.findings) context.out() << printable(finding) << '\n';
  for (const std::string& note : report.notes) context.note("note: {}", note);
  if (!good) {
    context.note(
        "hint: keep a copy of the home as it is; what was there before is in backups, in the mirror "
        "and in exports of the log");
    return Exit::found_bad;
  }
  context.say("the audit log is in order: {} entries, {} of them under {} signed head(s)", report.entries,
              report.covered, report.heads_good);
  if (options.heads.empty())
    context.note("hint: a head that is kept elsewhere shows more: vouch audit verify --head FILE");
  return Exit::done;
}

Result<Exit> head(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto head = TRY(ca::order_audit_head(workspace.environment(), context.user()));
  const std::string file = arguments.text("out", "-");
  if (context.json()) {
    if (file != "-") TRY(write_output(context, file, as_bytes(head.checkpoint)));
    print_json(context, Value()
                            .set("size", head.size)
                            .set("root", to_hex(head.root))
                            .set("time", format_time(head.time))
                            .set("checkpoint", head.checkpoint)
                            .set("file", file == "-" ? Value() : Value(file)));
    return Exit::done;
  }
  TRY(write_output(context, file, as_bytes(head.checkpoint)));
  if (file != "-")
    context.say(
        "the signed head of {} entries is in {}: keep it where nobody who administers this CA can "
        "change it",
        head.size, file);
  return Exit::done;
}

Result<Exit> prove(Context& context, const Arguments& arguments) {
  const auto id = parse_request_id(arguments.operand(0));
  if (!id) return usage_error("'{}' is no number of an audit entry", arguments.operand(0));
  const Workspace& workspace = *TRY(context.workspace());
  const auto proof = TRY(ca::prove_audit_entry(workspace.environment(), *id, context.user()));
  Value path = Value::list();
  for (const Buffer& hash : proof.path) path.push(to_hex(hash));
  print_json(context, Value()
                          .set("entry", ca::describe_audit_entry(proof.record))
                          .set("encoding", ca::encode_audit_entry(proof.record))
                          .set("index", proof.record.sequence - 1)
                          .set("size", proof.head.size)
                          .set("path", std::move(path))
                          .set("root", to_hex(proof.head.root))
                          .set("checkpoint", proof.head.checkpoint));
  return Exit::done;
}

Result<Exit> key(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const ca::Environment& environment = workspace.environment();
  if (arguments.has("new")) {
    const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
    const auto authority = TRY(context.open_authority(workspace, record.name));
    TRY(ca::make_new_audit_key(*authority, TRY(context.new_key_passphrase()), context.user()));
    context.say("the home has a new audit key, which CA '{}' vouches for; heads of the old one stay good",
                record.name);
  }
  const auto snapshot = TRY(ca::snapshot_for_reading(environment, context.user()));
  const auto keys = TRY(snapshot->audit_keys());
  const auto statements = TRY(snapshot->audit_statements());
  const std::string origin = ca::audit_log_origin(context.provider(), keys);
  Value key_values = Value::list(), statement_values = Value::list();
  for (const auto& one : keys) {
    const std::string verifier = TRY(ca::audit_verifier_key(context.provider(), origin, one.public_key_info));
    key_values.push(Value()
                        .set("verifier", verifier)
                        .set("public_key", to_base64(one.public_key_info))
                        .set("key_reference", one.key_reference)
                        .set("created_at", format_time(one.created_at)));
    if (!context.json())
      context.out() << Fields()
                           .add("Verifier key", verifier)
                           .add("Stored as", one.key_reference)
                           .add("Made", format_time(one.created_at))
                           .text("");
  }
  const AuthorityNames names = TRY(authority_names(*snapshot));
  for (const auto& statement : statements) {
    const auto name = names.find(statement.authority);
    const std::string ca = name == names.end() ? std::string() : name->second;
    statement_values.push(Value()
                              .set("ca", ca)
                              .set("key_index", static_cast<std::uint64_t>(statement.key_index))
                              .set("statement", statement.statement)
                              .set("algorithm", to_hex(statement.algorithm))
                              .set("signature", to_base64(statement.signature)));
    if (!context.json())
      context.out() << "\nStatement of CA '" << printable(ca) << "':\n"
                    << statement.statement << "signature: " << to_base64(statement.signature) << '\n';
  }
  if (context.json())
    print_json(context, Value()
                            .set("log", text_or_null(origin))
                            .set("keys", std::move(key_values))
                            .set("statements", std::move(statement_values)));
  else if (keys.empty())
    context.note("this home has no audit key; make one with: vouch audit key --new");
  return Exit::done;
}

#define VOUCH_AUDIT_FILTER                                                                      \
  {"since", "TIME", "only entries from then on"}, {"until", "TIME", "only entries up to then"}, \
      {"actor", "ACCOUNT", "only what this account did"},                                       \
      {"action", "ACTION", "only this action: request.approve; or all of a kind: request.*"},   \
      {"object", "TEXT", "only what was done to this: \"request 5\""}

constexpr Option kAuditShow[] = {VOUCH_AUDIT_FILTER, {"limit", "N", "the newest so many entries (100)"}};
constexpr Option kAuditExport[] = {VOUCH_AUDIT_FILTER,
                                   {"out", "FILE", "where to; standard output if left out"}};
constexpr Option kVerify[] = {
    {"head", "FILE", "a signed head that was kept elsewhere", Occurs::any_times},
    {"mirror", "FILE", "the log's mirror; if left out, the one of the configuration"},
    {"ca-cert", "FILE", "a CA certificate that was kept elsewhere: its key must have bound the audit key",
     Occurs::any_times},
};
constexpr Option kHead[] = {{"out", "FILE", "where to; standard output if left out"}};
constexpr Option kAuditKey[] = {{"new", "", "make a new audit key, which the CA (--ca) vouches for"}};

constexpr Command kAuditCommands[] = {
    {"audit show", "", "show what was done, by whom, and how it ended",
     "The newest entries that the options let through, oldest first. For auditors.", kAuditShow,
     "vouch audit show --action \"request.*\" --since 2026-11-01", &show_audit},
    {"audit export", "", "write the entries as JSON, one a line, with their leaf hashes", "For auditors.",
     kAuditExport, "vouch audit export --out audit.jsonl", &export_audit},
    {"audit verify", "", "check that nobody changed the audit log; exit code 4 when somebody did",
     "Computes the Merkle tree from the entries and compares it with the stored heads, with heads that were "
     "kept elsewhere (--head) and with the mirror. Says which entries were changed, removed, moved or cut "
     "off "
     "as far as that can be told. For auditors.",
     kVerify, "vouch audit verify --head /mnt/usb/audit.head", &verify_audit},
    {"audit head", "", "sign the head of the audit log as it is now",
     "A signed note (C2SP checkpoint): name of the log, number of entries, root hash, time, Ed25519 "
     "signature. "
     "Kept elsewhere, it shows any later change of these entries. Heads are also signed at each CRL "
     "publication and after administrative commands. For auditors.",
     kHead, "vouch audit head --out /mnt/usb/audit.head", &head},
    {"audit prove",
     "ENTRY",
     "prove that an entry is under the newest signed head",
     "JSON with the entry, the hashes that lead from it to the root, and the head (RFC 9162 2.1.3).",
     {},
     "vouch audit prove 61",
     &prove},
    {"audit key", "", "show the key that signs heads, and what the CAs say about it", "", kAuditKey,
     "vouch audit key --json", &key},
};

}  // namespace

std::span<const Command> audit_commands() { return kAuditCommands; }

}  // namespace vouch::cli
