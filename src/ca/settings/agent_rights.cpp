#include "ca/settings/agent_rights.hpp"

#include <algorithm>
#include <functional>

#include "ca/settings/roles.hpp"
#include "ca/settings/settings.hpp"

namespace vouch::ca {
namespace {

// Changes the settings as they are at the moment of the change, and audits it in the same transaction.
Status change(const Environment& environment, std::string_view authority, AuditEvent event,
              const std::function<Status(std::vector<policy::AgentRight>&)>& apply) {
  event.authority = authority;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    TRY(authorize(environment, *snapshot,
                  {.account = event.actor,
                   .role = Role::administrator,
                   .what = "change the rights of enrolment agents",
                   .action = event.action,
                   .object = event.object,
                   .authority = TRY(snapshot->authority(authority)).id,
                   .authority_name = authority}));
  }
  return environment.database.commit([&](store::Transaction& t) -> Status {
    const store::AuthorityRecord record = TRY(t.authority(authority));
    AuthoritySettings settings = TRY(parse_settings(record.settings));
    TRY(apply(settings.agent_rights));
    TRY(t.update_settings(record.id, format_settings(settings)));
    return record_audit(environment, t, event);
  });
}

bool same_agent(std::string_view a, std::string_view b) {
  const auto x = x509::name_from_rfc4514(a), y = x509::name_from_rfc4514(b);
  return x && y && x509::names_match(*x, *y);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("{}{}", out.empty() ? "" : "; ", text);
  return out;
}

}  // namespace

Result<std::vector<policy::AgentRight>> agent_rights(const store::Snapshot& snapshot,
                                                     std::string_view authority) {
  return TRY(parse_settings(TRY(snapshot.authority(authority)).settings)).agent_rights;
}

Status allow_agent(const Environment& environment, std::string_view authority,
                   const policy::AgentRight& right, std::string_view administrator) {
  TRY(policy::check_agent_right(right));
  AuditEvent event{
      .actor = std::string(administrator),
      .action = "agent.allow",
      .authority = {},
      .object = "agent " + right.agent,
      .details = AuditDetails().add("template", right.template_name).add("names", joined(right.names))};
  return change(environment, authority, std::move(event),
                [&](std::vector<policy::AgentRight>& rights) -> Status {
                  if (std::ranges::find(rights, right) != rights.end())
                    return make_error(Errc::conflict, "'{}' has this right already", right.agent);
                  rights.push_back(right);
                  return ok();
                });
}

Result<std::size_t> forbid_agent(const Environment& environment, std::string_view authority,
                                 std::string_view agent, std::string_view template_name,
                                 std::string_view administrator) {
  AuditEvent event{.actor = std::string(administrator),
                   .action = "agent.forbid",
                   .authority = {},
                   .object = fmt::format("agent {}", agent),
                   .details = AuditDetails().add("template", template_name)};
  std::size_t removed = 0;
  TRY(change(environment, authority, std::move(event),
             [&](std::vector<policy::AgentRight>& rights) -> Status {
               removed = std::erase_if(rights, [&](const policy::AgentRight& right) {
                 return same_agent(right.agent, agent) &&
                        (template_name.empty() || right.template_name == template_name);
               });
               if (removed != 0) return ok();
               return make_error(Errc::not_found, "'{}' has no such right at CA '{}'", agent, authority)
                   .with_hint("vouch enrollment-agent list shows the rights");
             }));
  return removed;
}

}  // namespace vouch::ca
