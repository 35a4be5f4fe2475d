// vouch enrollment-agent …
#include "ca/settings/agent_rights.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

// AGENT is the subject of his certificate, or a file with it.
Result<std::string> agent_of(const Context& context, const std::string& subject_or_file) {
  if (!context.files().exists(subject_or_file)) return subject_or_file;
  const auto certificates = TRY(read_certificate_file(context, subject_or_file));
  return x509::to_rfc4514(TRY(x509::parse_certificate(certificates.front())).subject);
}

Result<Exit> list_agents(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(context.choose_authority(*snapshot));
  Table table{"AGENT", "TEMPLATE", "FOR"};
  Value values = Value::list();
  for (const policy::AgentRight& right : TRY(ca::agent_rights(*snapshot, record.name))) {
    Value names = Value::list();
    std::string text;
    for (const std::string& name : right.names) {
      names.push(name);
      text += (text.empty() ? "" : "; ") + name;
    }
    table.add({right.agent, right.template_name, text});
    values.push(Value()
                    .set("agent", right.agent)
                    .set("template", right.template_name)
                    .set("names", std::move(names)));
  }
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("agents", std::move(values)));
  else
    table.print(context, "no enrolment agent has a right");
  return Exit::done;
}

Result<Exit> allow(Context& context, const Arguments& arguments) {
  const policy::AgentRight right{TRY(agent_of(context, arguments.operand(0))), arguments.text("template"),
                                 arguments.all("for")};
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(workspace.snapshot());
  const auto record = TRY(context.choose_authority(*snapshot));
  if (right.template_name != "*") (void)TRY(snapshot->certificate_template(right.template_name));
  TRY(ca::allow_agent(workspace.environment(), record.name, right, context.user()));
  if (context.json())
    print_json(context,
               Value().set("ca", record.name).set("agent", right.agent).set("template", right.template_name));
  context.say("'{}' may enrol for template {} at CA '{}'", right.agent, right.template_name, record.name);
  return Exit::done;
}

Result<Exit> forbid(Context& context, const Arguments& arguments) {
  const std::string agent = TRY(agent_of(context, arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const std::size_t removed = TRY(ca::forbid_agent(workspace.environment(), record.name, agent,
                                                   arguments.text("template"), context.user()));
  if (context.json())
    print_json(context,
               Value().set("ca", record.name).set("agent", agent).set("removed", std::uint64_t{removed}));
  context.say("{} right{} of '{}' removed at CA '{}'", removed, removed == 1 ? "" : "s", agent, record.name);
  return Exit::done;
}

constexpr Option kAllow[] = {
    {"template", "NAME", "the template; * for all", Occurs::once},
    {"for", "PATTERN",
     "names that certificates may have: a subject such as \"CN=*,OU=Staff,O=Example\", alternative names "
     "such as "
     "\"DNS:*.example.com\" or \"UPN:*@corp.example\", or * for all",
     Occurs::any_times},
};
constexpr Option kForbid[] = {{"template", "NAME", "only the rights for this template"}};

constexpr Command kAgentCommands[] = {
    {"enrollment-agent list",
     "",
     "show what enrolment agents may",
     "",
     {},
     "vouch enrollment-agent list",
     &list_agents},
    {"enrollment-agent allow", "SUBJECT|FILE", "let an enrolment agent enrol for others",
     "An agent signs the request of somebody else; his certificate has the purpose Certificate Request "
     "Agent. "
     "Without a right his signature counts for nothing. Each name of the certificate, the subject and every "
     "alternative name, must match one of the patterns.",
     kAllow,
     "vouch enrollment-agent allow \"CN=Agent,O=Example\" --template User --for \"CN=*,OU=Staff,O=Example\" "
     "--for "
     "\"email:*@example.com\"",
     &allow},
    {"enrollment-agent forbid", "SUBJECT|FILE", "take rights back from an enrolment agent", "", kForbid,
     "vouch enrollment-agent forbid \"CN=Agent,O=Example\" --template User", &forbid},
};

}  // namespace

std::span<const Command> enrollment_agent_commands() { return kAgentCommands; }

}  // namespace vouch::cli
