// vouch role …
#include <ostream>

#include "ca/settings/roles.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

Result<Exit> list_roles(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(ca::snapshot_for_reading(workspace.environment(), context.user()));
  const AuthorityNames names = TRY(authority_names(*snapshot));
  if (arguments.has("history")) {
    Table table{"TIME", "BY", "CHANGE", "PRINCIPAL", "ROLE", "CA", "TEMPLATE", "REQUESTERS"};
    Value values = Value::list();
    for (const auto& change : TRY(snapshot->role_changes())) {
      const std::string ca = name_of(names, change.authority);
      table.add({format_time(change.changed_at), change.changed_by, change.granted ? "granted" : "revoked",
                 change.principal, change.role, ca, change.template_name, change.requesters});
      values.push(Value()
                      .set("time", format_time(change.changed_at))
                      .set("by", change.changed_by)
                      .set("granted", change.granted)
                      .set("principal", text_or_null(change.principal))
                      .set("role", change.role)
                      .set("ca", text_or_null(ca))
                      .set("template", text_or_null(change.template_name))
                      .set("requesters", text_or_null(change.requesters)));
    }
    if (context.json())
      print_json(context, Value().set("changes", std::move(values)));
    else
      table.print(context, "no changes");
    return Exit::done;
  }
  const ca::RoleTable roles = TRY(ca::RoleTable::read(*snapshot));
  Table table{"PRINCIPAL", "ROLE", "CA", "TEMPLATE", "REQUESTERS", "GRANTED", "BY"};
  Value values = Value::list(), rules = Value::list();
  for (const ca::Grant& grant : roles.grants()) {
    const std::string ca = name_of(names, grant.authority);
    table.add({grant.principal, std::string(ca::to_string(grant.role)), ca.empty() ? "all" : ca,
               grant.template_name.empty() ? "any" : grant.template_name,
               grant.requesters.empty() ? "any" : grant.requesters, format_time(grant.granted_at),
               grant.granted_by});
    values.push(describe(grant, names));
  }
  for (const ca::RoleRule& rule : roles.rules()) rules.push(describe(rule, names));
  if (context.json()) {
    print_json(context, Value().set("roles", std::move(values)).set("rules", std::move(rules)));
    return Exit::done;
  }
  table.print(context, "nobody has a role");
  for (const ca::RoleRule& rule : roles.rules()) {
    const std::string ca = name_of(names, rule.authority);
    context.say("rule: {}{}{}", ca::to_string(rule.kind), ca.empty() ? "" : fmt::format(", CA '{}'", ca),
                rule.template_name.empty() ? "" : ", template " + rule.template_name);
  }
  return Exit::done;
}

// The CA that --ca names; without it the whole home, also when there is only one CA.
Result<store::AuthorityId> authority_id(const Context& context, const Workspace& workspace) {
  if (!context.named_authority()) return store::AuthorityId{0};
  return TRY(context.choose_authority(*TRY(workspace.snapshot()))).id;
}

Result<ca::Grant> grant_of(const Context& context, const Workspace& workspace, const Arguments& arguments) {
  ca::Grant grant;
  grant.role = TRY(ca::role_from_name(arguments.operand(0)));
  grant.principal = arguments.operand(1);
  grant.authority = TRY(authority_id(context, workspace));
  grant.template_name = arguments.text("template");
  grant.requesters = arguments.text("requesters");
  return grant;
}

Result<Exit> report_grant(Context& context, const Workspace& workspace, const ca::Grant& grant,
                          bool granted) {
  const AuthorityNames names = TRY(authority_names(*TRY(workspace.snapshot())));
  const std::string ca = name_of(names, grant.authority);
  if (context.json())
    print_json(context, Value()
                            .set("principal", grant.principal)
                            .set("role", ca::to_string(grant.role))
                            .set("ca", text_or_null(ca))
                            .set("template", text_or_null(grant.template_name))
                            .set("requesters", text_or_null(grant.requesters))
                            .set("granted", granted));
  context.say("{} {} {}{}{}{}", grant.principal, granted ? "is now" : "is no longer",
              ca::to_string(grant.role), ca.empty() ? "" : fmt::format(" of CA '{}'", ca),
              grant.template_name.empty() ? "" : " for template " + grant.template_name,
              grant.requesters.empty() ? "" : " for requests of " + grant.requesters);
  return Exit::done;
}

Result<Exit> grant(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  ca::Grant grant = TRY(grant_of(context, workspace, arguments));
  if (arguments.has("recover")) {
    if (grant.role != ca::Role::administrator || grant.authority != 0)
      return usage_error("--recover gives back the role administrator of the home, and nothing else");
    if (grant.principal != ca::principal_of(context.user()))
      return usage_error("--recover is for yourself: {}", ca::principal_of(context.user()));
    TRY(ca::recover_administrator(workspace.environment(), context.user()));
  } else {
    TRY(ca::grant_role(workspace.environment(), grant, context.user()));
  }
  return report_grant(context, workspace, grant, true);
}

Result<Exit> revoke_role(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const ca::Grant grant = TRY(grant_of(context, workspace, arguments));
  TRY(ca::revoke_role(workspace.environment(), grant, context.user()));
  return report_grant(context, workspace, grant, false);
}

Result<Exit> set_rule(Context& context, const Arguments& arguments, ca::RoleRule::Kind kind) {
  const std::string& word = arguments.operand(0);
  const Workspace& workspace = *TRY(context.workspace());
  if (word != "on" && word != "off") return usage_error("'{}' is neither on nor off", word);
  ca::RoleRule rule{kind, 0, arguments.text("template")};
  if (kind != ca::RoleRule::Kind::separation) rule.authority = TRY(authority_id(context, workspace));
  TRY(ca::set_role_rule(workspace.environment(), rule, word == "on", context.user()));
  if (context.json()) {
    const AuthorityNames names = TRY(authority_names(*TRY(workspace.snapshot())));
    print_json(context, Value()
                            .set("rule", ca::to_string(kind))
                            .set("ca", text_or_null(name_of(names, rule.authority)))
                            .set("template", text_or_null(rule.template_name))
                            .set("on", word == "on"));
  }
  context.say("{} is {}", ca::to_string(kind), word);
  return Exit::done;
}

Result<Exit> separation(Context& context, const Arguments& arguments) {
  return set_rule(context, arguments, ca::RoleRule::Kind::separation);
}
Result<Exit> four_eyes(Context& context, const Arguments& arguments) {
  return set_rule(context, arguments, ca::RoleRule::Kind::four_eyes);
}
Result<Exit> two_managers(Context& context, const Arguments& arguments) {
  return set_rule(context, arguments, ca::RoleRule::Kind::two_managers);
}

constexpr Option kRoleList[] = {{"history", "", "every change there ever was, instead"}};
constexpr Option kGrant[] = {
    {"template", "NAME", "only for requests and certificates of this template (manager, enroller)"},
    {"requesters", "PATTERN", "only for requests of accounts like web-* or in group:NAME (manager)"},
    {"recover", "", "become administrator again as the owner of the home's folder"},
};
constexpr Option kRoleRevoke[] = {
    {"template", "NAME", "the grant for this template"},
    {"requesters", "PATTERN", "the grant for these requesters"},
};
constexpr Option kRule[] = {{"template", "NAME", "only for requests for this template"}};

constexpr Command kRoleCommands[] = {
    {"role list", "", "show who may do what", "", kRoleList, "vouch role list --json", &list_roles},
    {"role grant", "ROLE PRINCIPAL", "give somebody a role",
     "ROLE is administrator (sets up CAs, templates, settings, roles), manager (approves, denies, revokes), "
     "auditor (reads the audit log), enroller (hands in requests) or reader. PRINCIPAL is an account, "
     "group:NAME, or * for everyone. With --ca for one CA, otherwise for the whole home.",
     kGrant, "vouch role grant manager alice --template WebServer", &grant},
    {"role revoke", "ROLE PRINCIPAL", "take a role away",
     "CA, template and requesters are those of the grant: vouch role list shows them. The last administrator "
     "stays.",
     kRoleRevoke, "vouch role revoke enroller \"*\"", &revoke_role},
    {"role separation",
     "on|off",
     "keep administrators from being managers or auditors",
     "Refused while somebody holds both (AD CS: RoleSeparationEnabled).",
     {},
     "vouch role separation on",
     &separation},
    {"role four-eyes", "on|off", "keep requesters from approving their own requests",
     "With --ca for one CA, with --template for one template.", kRule, "vouch role four-eyes on", &four_eyes},
    {"role two-managers", "on|off", "ask for the approval of two managers",
     "The first approval leaves the request pending; a second manager's issues it. With --ca for one CA, "
     "with "
     "--template for one template.",
     kRule, "vouch role two-managers on --template SubCA", &two_managers},
};

}  // namespace

std::span<const Command> role_commands() { return kRoleCommands; }

}  // namespace vouch::cli
