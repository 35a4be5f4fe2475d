// /api/v1/roles, /role-rules
#include "api/describe.hpp"
#include "api/operation.hpp"

namespace vouch::api {
namespace {

Result<Answer> answer_of(const store::Snapshot& snapshot) {
  const auto names = TRY(authority_names(snapshot));
  const auto table = TRY(ca::RoleTable::read(snapshot));
  Value roles = Value::list(), rules = Value::list();
  for (const ca::Grant& grant : table.grants()) roles.push(describe(grant, names));
  for (const ca::RoleRule& rule : table.rules()) rules.push(describe(rule, names));
  return Answer(Value().set("roles", std::move(roles)).set("rules", std::move(rules)));
}

Result<Answer> list(const Call& call) {
  return answer_of(*TRY(ca::snapshot_for_reading(call.environment(), call.account())));
}

// Left out is the whole home, also where there is one CA.
Result<store::AuthorityId> authority_of(const Call& call) {
  return TRY(call.named_authority(*TRY(call.environment().database.snapshot()))).value_or(0);
}

Result<ca::Grant> grant_of(const Call& call) {
  ca::Grant grant;
  grant.role = TRY(ca::role_from_name(text_member(call.body, "role")));
  grant.principal = text_member(call.body, "principal");
  grant.authority = TRY(authority_of(call));
  grant.template_name = text_member(call.body, "template");
  grant.requesters = text_member(call.body, "requesters");
  return grant;
}

Result<Answer> grant(const Call& call) {
  TRY(ca::grant_role(call.environment(), TRY(grant_of(call)), call.account()));
  return answer_of(*TRY(call.environment().database.snapshot()));
}

Result<Answer> revoke(const Call& call) {
  TRY(ca::revoke_role(call.environment(), TRY(grant_of(call)), call.account()));
  return answer_of(*TRY(call.environment().database.snapshot()));
}

Result<Answer> set_rule(const Call& call) {
  ca::RoleRule rule{TRY(ca::rule_from_name(text_member(call.body, "rule"))), TRY(authority_of(call)),
                    text_member(call.body, "template")};
  if (rule.kind == ca::RoleRule::Kind::separation && (rule.authority != 0 || !rule.template_name.empty()))
    return make_error(Errc::malformed, "separation of roles is a rule of the whole home")
        .with_hint("leave out ca and template");
  TRY(ca::set_role_rule(call.environment(), rule, flag_of(call.body, "on"), call.account()));
  return answer_of(*TRY(call.environment().database.snapshot()));
}

constexpr Operation kOperations[] = {
    {"listRoles", net::Method::get, "/roles", "who may do what", "readers", {}, "", "Roles", &list},
    {"grantRole",
     net::Method::post,
     "/roles/grant",
     "grant a role",
     "administrators",
     {},
     "NewGrant",
     "Roles",
     &grant},
    {"revokeRole",
     net::Method::post,
     "/roles/revoke",
     "take a role away",
     "administrators",
     {},
     "NewGrant",
     "Roles",
     &revoke},
    {"setRoleRule",
     net::Method::post,
     "/roles/rules",
     "four eyes, two managers, separation of roles: switch a rule on or off",
     "administrators",
     {},
     "RuleChange",
     "Roles",
     &set_rule},
};

}  // namespace

std::span<const Operation> role_operations() { return kOperations; }

}  // namespace vouch::api
