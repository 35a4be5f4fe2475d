// vouch db …
#include <ostream>

#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

Result<Exit> show(Context& context, const Arguments&) {
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

Result<Exit> check(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  std::vector<std::string> findings;
  {
    const Progress progress(context, "checking the database");
    findings = TRY(workspace.database().check());
  }
  if (context.json()) {
    print_json(context, Value().set("ok", findings.empty()).set("findings", texts(findings)));
  } else if (findings.empty()) {
    context.say("the database is in order");
  } else {
    for (const std::string& finding : findings) context.out() << printable(finding) << '\n';
    context.note("hint: stop everything that uses this home, keep a copy of it, and restore a backup");
  }
  return findings.empty() ? Exit::done : Exit::found_bad;
}

constexpr Command kCommands[] = {
    {"db show",
     "",
     "show where the database is, how large, and what is in it",
     "",
     {},
     "vouch db show",
     &show},
    {"db check",
     "",
     "check the database's integrity; exit code 4 when something is wrong",
     "",
     {},
     "vouch db check --json",
     &check},
};

}  // namespace

std::span<const Command> db_commands() { return kCommands; }

}  // namespace vouch::cli
