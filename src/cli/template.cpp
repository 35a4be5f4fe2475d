// vouch template …
#include <algorithm>
#include <ostream>

#include "ca/templates.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

// Which CAs issue a template.
using Publishers = std::map<std::string, std::vector<std::string>>;
Result<Publishers> publishers(const store::Snapshot& snapshot) {
  Publishers by_template;
  for (const auto& authority : TRY(snapshot.authorities()))
    for (const auto& name : TRY(snapshot.published_templates(authority.id)))
      by_template[name].push_back(authority.name);
  return by_template;
}

std::string version_of(const store::TemplateRecord& record) {
  return fmt::format("{}.{}", record.major, record.minor);
}

std::vector<std::string> purposes_of(const policy::CertificateTemplate& value) {
  std::vector<std::string> names;
  for (const x509::Oid& oid : value.extended_key_usage) {
    const auto name = x509::name_of(oid);
    names.push_back(name.empty() ? oid.dotted() : std::string(name));
  }
  return names;
}

Result<Exit> list(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const Publishers published = TRY(publishers(*snapshot));
  std::string only_of;
  if (arguments.has("published") && context.named_authority())
    only_of = TRY(context.choose_authority(*snapshot)).name;
  Table table{"NAME", "VERSION", "VALIDITY", "PUBLISHED BY", "PURPOSES"};
  Value values = Value::list();
  for (const auto& entry : TRY(ca::list_templates(*snapshot))) {
    const auto found = published.find(entry.value.name);
    const auto by = found == published.end() ? std::vector<std::string>{} : found->second;
    if (arguments.has("published") &&
        (by.empty() || (!only_of.empty() && std::ranges::find(by, only_of) == by.end())))
      continue;
    const auto purposes = purposes_of(entry.value);
    table.add({entry.value.name, version_of(entry.record), format_span(entry.value.validity),
               by.empty() ? "-" : fmt::format("{}", fmt::join(by, ", ")),
               fmt::format("{}", fmt::join(purposes, ", "))});
    values.push(Value()
                    .set("name", entry.value.name)
                    .set("display_name", entry.value.display_name)
                    .set("version", version_of(entry.record))
                    .set("validity", format_span(entry.value.validity))
                    .set("approval", entry.value.approval)
                    .set("purposes", texts(purposes))
                    .set("published_by", texts(by)));
  }
  if (context.json())
    print_json(context, Value().set("templates", std::move(values)));
  else
    table.print(context, "no templates");
  return Exit::done;
}

Result<Exit> history(Context& context, const store::Snapshot& snapshot, const std::string& name) {
  const auto versions = TRY(snapshot.template_history(name));
  if (versions.empty()) return make_error(Errc::not_found, "there never was a template '{}'", name);
  Table table{"VERSION", "CHANGED", "BY", "STATE"};
  Value values = Value::list();
  for (const auto& record : versions) {
    table.add({version_of(record), format_time(record.changed_at), record.changed_by,
               record.removed ? "removed" : ""});
    values.push(Value()
                    .set("version", version_of(record))
                    .set("changed_at", format_time(record.changed_at))
                    .set("changed_by", record.changed_by)
                    .set("removed", record.removed));
  }
  if (context.json())
    print_json(context, Value().set("name", name).set("versions", std::move(values)));
  else
    table.print(context, "no versions");
  return Exit::done;
}

Result<Exit> show(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  if (arguments.has("history")) return history(context, *snapshot, arguments.operand(0));
  const auto entry = TRY(ca::find_template(*snapshot, arguments.operand(0)));
  if (context.json()) {
    const Publishers published = TRY(publishers(*snapshot));
    const auto by = published.find(entry.value.name);
    Value value;
    value.set("template", policy::describe_template(entry.value))
        .set("changed_at", format_time(entry.record.changed_at));
    value.set("changed_by", entry.record.changed_by);
    value.set("published_by", by == published.end() ? Value::list() : texts(by->second));
    print_json(context, value);
  } else {
    context.out() << policy::format_template(entry.value);
  }
  return Exit::done;
}

// The end of every change: the version that now holds.
Result<Exit> changed(Context& context, const Workspace& workspace, const std::string& name,
                     std::string_view what) {
  const auto record = TRY(TRY(workspace.snapshot())->certificate_template(name));
  if (context.json())
    print_json(context, Value().set("name", name).set("version", version_of(record)));
  else
    context.say("template {} {}: version {}", name, what, version_of(record));
  return Exit::done;
}

Result<Exit> add(Context& context, const Arguments& arguments) {
  const std::string file = arguments.text("from");
  const Buffer content = TRY(read_file(file, 1 << 20));
  auto value = TRY(policy::parse_template(as_text(content), file));
  const Workspace& workspace = *TRY(context.workspace());
  const std::string name = value.name;
  TRY(ca::add_template(workspace.environment(), std::move(value), arguments.has("replace"), context.user()));
  return changed(context, workspace, name, arguments.has("replace") ? "replaced" : "added");
}

Result<Exit> set(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.operand(0);
  const Workspace& workspace = *TRY(context.workspace());
  // All changes in one version: checked together, and applied together or not at all.
  auto value = TRY(ca::find_template(*TRY(workspace.snapshot()), name)).value;
  for (const std::string& change : arguments.operands().subspan(1)) {
    const auto equals = change.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage_error("'{}' is no change of the form KEY=VALUE", change)
          .with_hint("for example validity=90d; vouch template show NAME lists the keys");
    value = TRY(policy::with_unchecked_setting(value, change.substr(0, equals), change.substr(equals + 1))
                    .context("changing {} of template {}", change.substr(0, equals), name));
  }
  if (value.name != name)
    return usage_error("a template keeps its name")
        .with_hint("make one under the new name with: vouch template add");
  TRY(ca::add_template(workspace.environment(), std::move(value), true, context.user()));
  return changed(context, workspace, name, "changed");
}

Result<Exit> remove(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.operand(0);
  const Workspace& workspace = *TRY(context.workspace());
  TRY(ca::remove_template(workspace.environment(), name, context.user()));
  if (context.json()) print_json(context, Value().set("name", name).set("removed", true));
  context.say("template {} removed; its history stays: vouch template show {} --history", name, name);
  return Exit::done;
}

Result<Exit> publish_or_withdraw(Context& context, const Arguments& arguments, bool publish) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  for (const std::string& name : arguments.operands()) {
    if (publish)
      TRY(ca::publish_template(workspace.environment(), record.id, name, context.user()));
    else
      TRY(ca::withdraw_template(workspace.environment(), record.id, name, context.user()));
  }
  const auto now = TRY(TRY(workspace.snapshot())->published_templates(record.id));
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("templates", texts(now)));
  else if (now.empty())
    context.say("CA '{}' issues no template now", record.name);
  else
    context.say("CA '{}' now issues: {}", record.name, fmt::join(now, ", "));
  return Exit::done;
}

Result<Exit> publish(Context& context, const Arguments& arguments) {
  return publish_or_withdraw(context, arguments, true);
}
Result<Exit> withdraw(Context& context, const Arguments& arguments) {
  return publish_or_withdraw(context, arguments, false);
}

constexpr Option kList[] = {{"published", "", "only those that a CA issues (with --ca, that CA)"}};
constexpr Option kShow[] = {{"history", "", "list its versions instead"}};
constexpr Option kAdd[] = {
    {"from", "FILE.toml", "the template; `vouch template show NAME` prints one to start from", Occurs::once},
    {"replace", "", "make it the new version of the template of that name"},
};

constexpr Command kCommands[] = {
    {"template list", "", "list the templates and who publishes them", "", kList,
     "vouch template list --published", &list},
    {"template show", "NAME", "print a template as TOML", "", kShow,
     "vouch template show WebServer > web-server.toml", &show},
    {"template add", "", "add a template from a TOML file", "", kAdd,
     "vouch template add --from web-server.toml", &add},
    {"template set",
     "NAME KEY=VALUE...",
     "change settings of a template",
     "All changes of one call make one new version. Values are TOML; quotes may be left out around single "
     "words.",
     {},
     "vouch template set WebServer validity=90d key.minimum_rsa_bits=3072",
     &set},
    {"template remove",
     "NAME",
     "remove a template that no CA publishes",
     "",
     {},
     "vouch template remove WebServer",
     &remove},
    {"template publish",
     "NAME...",
     "let a CA issue templates (AD CS: Certificate Template to Issue)",
     "",
     {},
     "vouch template publish WebServer ClientAuth",
     &publish},
    {"template withdraw",
     "NAME...",
     "stop a CA issuing templates",
     "",
     {},
     "vouch template withdraw ClientAuth",
     &withdraw},
};

}  // namespace

std::span<const Command> template_commands() { return kCommands; }

}  // namespace vouch::cli
