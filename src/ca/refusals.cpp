#include "ca/refusals.hpp"

#include <algorithm>

#include "ca/home/audit.hpp"
#include "ca/settings/roles.hpp"

namespace vouch::ca {
namespace {

AuditEvent event_of(const FrontEndRefusal& refusal, std::string_view authority, std::string_view actor) {
  AuditDetails details;
  details.add("code", refusal.code).add("expected", refusal.expected).add("received", refusal.received);
  details.add("why", refusal.why).add("user", refusal.user).add("client", refusal.client);
  details.add("transaction", refusal.transaction);
  if (refusal.seen_at) details.add("seen_at", format_time(*refusal.seen_at));
  if (refusal.left_out != 0) details.add("left_out_before", refusal.left_out);
  return {.actor = std::string(actor),
          .action = refusal.user.empty() ? "scep.refuse" : "scep.page",
          .authority = std::string(authority),
          .object = "profile " + refusal.profile,
          .details = details,
          .outcome = std::string(audit_outcome::denied)};
}

}  // namespace

Status record_refusals(const Environment& environment, std::string_view authority, std::string_view actor,
                       std::span<const FrontEndRefusal> refusals) {
  if (refusals.empty()) return ok();
  return environment.database.commit([&](store::Transaction& t) -> Status {
    for (const FrontEndRefusal& refusal : refusals)
      TRY(record_audit(environment, t, event_of(refusal, authority, actor)));
    return ok();
  });
}

Status take_refusals(const Environment& environment, const store::AuthorityRecord& authority,
                     std::string_view account, std::span<const FrontEndRefusal> refusals) {
  if (refusals.size() > kMostRefusals)
    return make_error(Errc::limit_exceeded, "{} refusals at one time are more than {}", refusals.size(),
                      kMostRefusals);
  const auto snapshot = TRY(environment.database.snapshot());
  const auto held = TRY(RoleTable::read(*snapshot)).held_by(principal_of(account), environment.groups);
  const bool hands_in = std::ranges::any_of(held, [&](const Grant& grant) {
    return grant.role == Role::enroller && (grant.authority == 0 || grant.authority == authority.id);
  });
  if (!hands_in)
    TRY(authorize(environment, *snapshot,
                  {.account = account,
                   .role = Role::enroller,
                   .what = "tell what a front end has refused",
                   .action = "scep.refuse",
                   .authority = authority.id,
                   .authority_name = authority.name}));
  return record_refusals(environment, authority.name, account, refusals);
}

}  // namespace vouch::ca
