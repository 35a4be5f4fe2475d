// vouch template …
#include <algorithm>
#include <ostream>

#include "ca/settings/templates.hpp"
#include "cli/describe.hpp"
#include "policy/directory_attributes.hpp"

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

std::string template_version(const store::TemplateRecord& record) {
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

Result<Exit> list_templates(Context& context, const Arguments& arguments) {
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
    table.add({entry.value.name, template_version(entry.record), format_span(entry.value.validity),
               by.empty() ? "-" : fmt::format("{}", fmt::join(by, ", ")),
               fmt::format("{}", fmt::join(purposes, ", "))});
    values.push(Value()
                    .set("name", entry.value.name)
                    .set("display_name", entry.value.display_name)
                    .set("version", template_version(entry.record))
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

Result<Exit> list_history(Context& context, const store::Snapshot& snapshot, const std::string& name) {
  const auto versions = TRY(snapshot.template_history(name));
  if (versions.empty()) return make_error(Errc::not_found, "there never was a template '{}'", name);
  Table table{"VERSION", "CHANGED", "BY", "STATE"};
  Value values = Value::list();
  for (const auto& record : versions) {
    table.add({template_version(record), format_time(record.changed_at), record.changed_by,
               record.removed ? "removed" : ""});
    values.push(Value()
                    .set("version", template_version(record))
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

// As an LDIF would list them (RFC 2849), octets in hex.
Result<Exit> show_attributes(Context& context, const policy::CertificateTemplate& value) {
  const auto attributes = policy::to_attributes(value);
  if (context.json()) {
    Value list = Value::list();
    for (const policy::DirectoryAttribute& attribute : attributes)
      list.push(Value().set("name", attribute.name).set("values", texts(attribute.values)));
    print_json(context, Value().set("name", value.name).set("attributes", std::move(list)));
    return Exit::done;
  }
  for (const policy::DirectoryAttribute& attribute : attributes)
    for (const std::string& text : attribute.values)
      context.out() << attribute.name << ": " << printable(text) << '\n';
  return Exit::done;
}

Result<Exit> history(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  return list_history(context, *TRY(workspace.snapshot()), arguments.operand(0));
}

Result<Exit> show_template(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const std::string& name = arguments.operand(0);
  if (arguments.has("history")) return list_history(context, *snapshot, name);
  const std::string* version = arguments.find("version");
  const auto entry = TRY(version == nullptr ? ca::find_template(*snapshot, name)
                                            : ca::find_template_version(*snapshot, name, *version));
  if (arguments.has("attributes")) return show_attributes(context, entry.value);
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
Result<Exit> report_new_version(Context& context, const Workspace& workspace, const std::string& name,
                                std::string_view what) {
  const auto record = TRY(TRY(workspace.snapshot())->certificate_template(name));
  if (context.json())
    print_json(context, Value().set("name", name).set("version", template_version(record)));
  else
    context.say("template {} {}: version {}", name, what, template_version(record));
  return Exit::done;
}

// A file, or a template of this home; a file is anything with a path or an ending, or that is there.
Result<policy::CertificateTemplate> original(const Context& context, const store::Snapshot& snapshot,
                                             const std::string& from) {
  if (from != "-" && !from.ends_with(".toml") && from.find('/') == std::string::npos &&
      !context.files().exists(from))
    return TRY(ca::find_template(snapshot, from)).value;
  const Buffer content = TRY(context.files().read(from));
  return policy::parse_template(as_text(content), from);
}

// A copy is a template of its own: with an identifier and versions of its own.
policy::CertificateTemplate renamed(policy::CertificateTemplate value, const std::string& name) {
  if (value.name == name) return value;
  value.display_name = value.display_name == value.name ? name : "Copy of " + value.display_name;
  value.name = name;
  value.oid = x509::Oid();
  value.major = 100;
  value.minor = 0;
  value.directory.shipped = false;
  return value;
}

Result<Exit> add_template(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  auto value = TRY(original(context, *TRY(workspace.snapshot()), arguments.text("from")));
  if (!arguments.operands().empty()) value = renamed(std::move(value), arguments.operand(0));
  const std::string name = value.name;
  TRY(ca::add_template(workspace.environment(), std::move(value), arguments.has("replace"), context.user()));
  return report_new_version(context, workspace, name, arguments.has("replace") ? "replaced" : "added");
}

Result<Exit> set_template(Context& context, const Arguments& arguments) {
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
  if (arguments.has("reenroll"))
    value = ca::with_next_major(std::move(value));
  else if (arguments.operands().size() == 1)
    return usage_error("nothing to change").with_hint("for example validity=90d, or --reenroll");
  if (value.name != name)
    return usage_error("a template keeps its name")
        .with_hint("make one under the new name with: vouch template add");
  TRY(ca::add_template(workspace.environment(), std::move(value), true, context.user()));
  return report_new_version(context, workspace, name, "changed");
}

Result<Exit> remove_template(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.operand(0);
  const Workspace& workspace = *TRY(context.workspace());
  TRY(ca::remove_template(workspace.environment(), name, context.user()));
  if (context.json()) print_json(context, Value().set("name", name).set("removed", true));
  context.say("template {} removed; its history stays: vouch template show {} --history", name, name);
  return Exit::done;
}

// The state that a submission would be in.
std::string_view outcome_of_preview(const ca::LocalAuthority::Preview& preview) {
  return store::to_string(preview.disposition);
}

Value describe_findings(const std::vector<lint::Finding>& findings) {
  Value list = Value::list();
  for (const lint::Finding& finding : findings)
    list.push(Value()
                  .set("rule", finding.id)
                  .set("severity", lint::to_string(finding.severity))
                  .set("message", finding.message)
                  .set("source", finding.source));
  return list;
}

Status print_preview(Context& context, const ca::LocalAuthority::Preview& preview, const std::string& name,
                     bool published) {
  policy::Trace trace = preview.decision.trace;
  if (context.json()) {
    print_json(context, Value()
                            .set("template", name)
                            .set("published", published)
                            .set("state", outcome_of_preview(preview))
                            .set("rule", text_or_null(preview.decision.reason))
                            .set("message", text_or_null(preview.decision.message))
                            .set("mend", text_or_null(preview.decision.mend))
                            .set("lint", describe_findings(preview.findings))
                            .set("trace", policy::describe_trace(trace)));
    return ok();
  }
  for (policy::TraceStep& step : trace)
    for (std::string* text : {&step.rule, &step.expected, &step.received, &step.mend})
      *text = printable(*text);
  context.note("would be {}{}{}", outcome_of_preview(preview), preview.decision.message.empty() ? "" : ": ",
               printable(preview.decision.message));
  if (!published) context.note("note: the CA does not publish the template, so it would refuse the request");
  for (const lint::Finding& finding : preview.findings)
    context.note("lint {} {}: {} ({})", lint::to_string(finding.severity), finding.id,
                 printable(finding.message), finding.source);
  context.note("{}", policy::explain_trace(trace));
  return ok();
}

Result<Exit> test(Context& context, const Arguments& arguments) {
  ca::Submission submission;
  submission.request = TRY(read_request_file(context, arguments.operand(1)));
  submission.template_name = arguments.operand(0);
  submission.requester = arguments.text("requester", context.user());
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(workspace.snapshot());
  const auto record = TRY(context.choose_authority(*snapshot));
  const auto authority = TRY(context.open_authority(workspace, record.name));
  const auto preview = TRY(authority->preview(submission)
                               .context("testing {} with {}", arguments.operand(0), arguments.operand(1)));
  const auto published = TRY(snapshot->published_templates(record.id));
  const bool is_published = std::ranges::find(published, submission.template_name) != published.end();
  if (!preview.certificate.empty() && (arguments.has("out") || !context.json()))
    TRY(write_output(context, arguments.text("out", "-"),
                     TRY(certificate_output(context, {preview.certificate}))));
  TRY(print_preview(context, preview, submission.template_name, is_published));
  switch (preview.disposition) {
    case store::Disposition::issued:
      return Exit::done;
    case store::Disposition::pending:
      return Exit::pending;
    default:
      return Exit::failed;
  }
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

Result<Exit> publish_template(Context& context, const Arguments& arguments) {
  return publish_or_withdraw(context, arguments, true);
}
Result<Exit> withdraw(Context& context, const Arguments& arguments) {
  return publish_or_withdraw(context, arguments, false);
}

constexpr Option kTemplateList[] = {{"published", "", "only those that a CA issues (with --ca, that CA)"}};
constexpr Option kTemplateShow[] = {
    {"version", "MAJOR.MINOR", "this version; MAJOR alone is its newest"},
    {"history", "", "list its versions instead"},
    {"attributes", "", "as the attributes of a directory's template (MS-CRTD)"},
};
constexpr Option kTemplateSet[] = {
    {"reenroll", "", "raise the major version, so that clients that enrol of themselves do so anew"},
};
constexpr Option kTest[] = {
    {"requester", "NAME", "who asks; you if left out"},
    {"out", "FILE", "where the certificate goes; standard output if left out"},
};
constexpr Option kTemplateAdd[] = {
    {"from", "TEMPLATE|FILE.toml",
     "the template to copy; `vouch template show NAME` prints one to start from", Occurs::once},
    {"replace", "", "make it the new version of the template of that name"},
};

constexpr Command kTemplateCommands[] = {
    {"template list", "", "list the templates and who publishes them", "", kTemplateList,
     "vouch template list --published", &list_templates},
    {"template show", "NAME", "print a template as TOML", "", kTemplateShow,
     "vouch template show WebServer > web-server.toml", &show_template},
    {"template history",
     "NAME",
     "list the versions of a template",
     "",
     {},
     "vouch template history WebServer",
     &history},
    {"template add", "[NAME]", "add a template: a copy of another one, or from a TOML file",
     "With a NAME the new template is called so, whatever the original is called.", kTemplateAdd,
     "vouch template add IntranetServer --from WebServer", &add_template},
    {"template test", "NAME REQUEST-FILE", "show what a request would get by a template; nothing is stored",
     "The certificate is what would be issued, signed with a key that is made for it and thrown away: it is "
     "good "
     "for looking at. The template need not be published. Exit codes are those of vouch request submit.",
     kTest, "vouch template test WebServer web.csr --out would-be.pem", &test},
    {"template set", "NAME [KEY=VALUE...]", "change settings of a template",
     "All changes of one call make one new version. Values are TOML; quotes may be left out around single "
     "words.",
     kTemplateSet, "vouch template set WebServer validity=90d key.minimum_rsa_bits=3072", &set_template},
    {"template remove",
     "NAME",
     "remove a template that no CA publishes",
     "",
     {},
     "vouch template remove WebServer",
     &remove_template},
    {"template publish",
     "NAME...",
     "let a CA issue templates (AD CS: Certificate Template to Issue)",
     "",
     {},
     "vouch template publish WebServer ClientAuth",
     &publish_template},
    {"template withdraw",
     "NAME...",
     "stop a CA issuing templates",
     "",
     {},
     "vouch template withdraw ClientAuth",
     &withdraw},
};

}  // namespace

std::span<const Command> template_commands() { return kTemplateCommands; }

}  // namespace vouch::cli
