// vouch ca key …, ca ping, ca unlock
#include <ostream>

#include "ca/keys/key_care.hpp"
#include "ca/keys/key_waiting.hpp"
#include "cli/output.hpp"

namespace vouch::cli {
namespace {

std::string key_version(const store::KeyGeneration& generation) {
  return fmt::format("V{}.{}", generation.certificate_index, generation.key_index);
}

Value key_value(std::string_view provider, const std::string& reference, const std::string& kind,
                const std::vector<std::string>& users, bool is_there) {
  return Value()
      .set("provider", provider)
      .set("key", reference)
      .set("kind", text_or_null(kind))
      .set("used_by", texts(users))
      .set("present", is_there);
}

Result<Exit> key_list(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  Table table{"PROVIDER", "KIND", "USED BY", "KEY"};
  Value values = Value::list();
  const auto add = [&](std::string_view provider, const std::string& reference, const std::string& kind,
                       const std::vector<std::string>& users, bool is_there) {
    const std::string used =
        users.empty() ? "nobody" : fmt::format("{}{}", fmt::join(users, ", "), is_there ? "" : " (missing)");
    table.add({std::string(provider), kind.empty() ? "-" : kind, used, reference});
    values.push(key_value(provider, reference, kind, users, is_there));
  };
  if (const std::string* uri = arguments.find("pkcs11")) {
    (void)TRY(for_option(crypto::parse_token_uri(*uri), "pkcs11"));
    for (const auto& entry : TRY(ca::list_token_keys(workspace.environment(), *uri)))
      add("pkcs11", entry.reference, entry.key.kind, entry.users, true);
  } else {
    for (const auto& entry : TRY(ca::list_keys(workspace.environment())))
      add(ca::is_key_file(entry.reference) ? "file" : "pkcs11", entry.reference, entry.kind, entry.users,
          entry.is_there);
  }
  if (context.json())
    print_json(context, Value().set("keys", std::move(values)));
  else
    table.print(context, "no keys");
  return Exit::done;
}

Result<Exit> key_migrate(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  ca::MigrationOptions options;
  options.uri = *arguments.find("pkcs11");
  (void)TRY(for_option(crypto::parse_token_uri(options.uri), "pkcs11"));
  options.delete_file = arguments.has("delete-file");
  options.administrator = context.user();
  const auto moved = TRY(ca::migrate_key(workspace.environment(), record, options)
                             .context("moving the key of CA '{}' onto a token", record.name));
  if (context.json()) {
    print_json(context, Value()
                            .set("ca", record.name)
                            .set("from", moved.from)
                            .set("to", moved.to)
                            .set("versions", texts(moved.versions))
                            .set("file_deleted", moved.file_deleted));
    return Exit::done;
  }
  context.say("CA '{}' ({}) signs with {} from now on", record.name, fmt::join(moved.versions, ", "),
              moved.to);
  const fs::path file = TRY(ca::key_file_path(workspace.environment(), moved.from));
  if (moved.file_deleted)
    context.say("the key file {} is overwritten and deleted", file.string());
  else
    context.note("note: the key file {} is still there: keep it in a safe, or delete it", file.string());
  return Exit::done;
}

Result<Exit> ping(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const auto trials = TRY(ca::try_keys(workspace.environment(), record, context.user()));
  Value values = Value::list();
  std::optional<Error> first;
  for (const ca::KeyTrial& trial : trials) {
    const std::string version = key_version(trial.generation);
    values.push(Value()
                    .set("version", version)
                    .set("key", trial.generation.key_reference)
                    .set("ok", !trial.problem)
                    .set("problem", trial.problem ? Value(trial.problem->summary()) : Value()));
    if (!trial.problem) {
      context.say("{}: signs ({})", version, trial.generation.key_reference);
      continue;
    }
    if (!context.json()) context.note("{}: does not sign ({})", version, trial.generation.key_reference);
    if (!first) first = trial.problem;
  }
  if (context.json()) {
    print_json(context, Value().set("ca", record.name).set("ok", !first).set("keys", std::move(values)));
    return first ? Exit::failed : Exit::done;
  }
  if (first) return std::move(*first).context(fmt::format("trying the keys of CA '{}'", record.name));
  return Exit::done;
}

Result<Exit> unlock(Context& context, const Arguments& arguments) {
  if (arguments.has("once") && arguments.has("list"))
    return usage_error("--once and --list: give one of them");
  const Workspace& workspace = *TRY(context.workspace());
  auto waiting = TRY(ca::waiting_operations(workspace.home()));
  if (const auto name = context.named_authority())
    std::erase_if(waiting, [&](const auto& operation) { return operation.ca != *name; });
  const bool only_look = arguments.has("list");
  if (waiting.empty() && !only_look)
    return make_error(Errc::not_found, "no key operation waits")
        .with_hint("run this while the other command says that it waits; --list shows what does");
  if (arguments.has("once")) waiting.resize(1);
  Table table{"SINCE", "CA", "OPERATION"};
  Value values = Value::list();
  for (const ca::WaitingOperation& operation : waiting) {
    if (!only_look) {
      TRY(ca::let_pass(workspace.environment(), operation, context.user()));
    }
    table.add({format_time(operation.since), operation.ca, operation.what});
    values.push(Value()
                    .set("ca", operation.ca)
                    .set("operation", operation.what)
                    .set("since", format_time(operation.since))
                    .set("passed", !only_look));
  }
  if (context.json()) {
    print_json(context, Value().set("operations", std::move(values)));
    return Exit::done;
  }
  table.print(context, "nothing waits");
  if (!only_look) context.say("{} operation(s) may pass", waiting.size());
  return Exit::done;
}

constexpr Option kKeyList[] = {
    {"pkcs11", "URI", "the keys of the tokens that fit: pkcs11:token=CA%20keys, or pkcs11: for all"},
};
constexpr Option kCaKeyMigrate[] = {
    {"pkcs11", "URI", "the token, and the key's name there: pkcs11:token=T;object=K", Occurs::once},
    {"delete-file", "", "overwrite and delete the key file afterwards"},
};
constexpr Option kUnlock[] = {
    {"once", "", "let one operation pass, the one that waits longest"},
    {"list", "", "only show what waits"},
};

constexpr Command kCaKeyCommands[] = {
    {"ca key list", "", "list private keys: in files, on tokens, and which CA uses them",
     "Without --pkcs11, the key files of this home and the keys that its CAs refer to. With it, the keys on "
     "the "
     "tokens that fit the URI: candidates for `ca init --pkcs11`.",
     kKeyList, "vouch ca key list --pkcs11 \"pkcs11:token=CA%20keys\" --pin-file pin", &key_list},
    {"ca key migrate", "", "move a CA's key from its file onto a token",
     "The key is put onto the token so that it cannot leave it again, its public key is compared and a trial "
     "signature checked; then the CA's reference is changed. The file stays unless --delete-file is given.",
     kCaKeyMigrate,
     "vouch ca key migrate --pkcs11 \"pkcs11:token=CA%20keys;object=root\" --pin-file pin --delete-file",
     &key_migrate},
    {"ca ping",
     "",
     "make and check one trial signature with each key of a CA",
     "Exit code 1, with the reason, when a key does not sign.",
     {},
     "vouch ca ping --ca \"Example Root CA\"",
     &ping},
    {"ca unlock", "", "let key operations pass that wait for an administrator",
     "For CAs set up with --interactive-key. Without an option, everything that waits now may pass.", kUnlock,
     "vouch ca unlock --once", &unlock},
};

}  // namespace

std::span<const Command> ca_key_commands() { return kCaKeyCommands; }

}  // namespace vouch::cli
