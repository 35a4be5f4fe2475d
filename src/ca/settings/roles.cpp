#include "ca/settings/roles.hpp"

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "ca/settings/templates.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kGroup = "group:";
constexpr std::string_view kCertificate = "certificate:";
constexpr std::string_view kEveryone = "*";

constexpr std::array kRoles = {Role::administrator, Role::manager, Role::auditor, Role::enroller,
                               Role::reader};

bool is_in_group(std::string_view account, std::string_view group, const GroupsOf& groups) {
  if (!groups || account.empty()) return false;
  const auto names = groups(account);
  return std::ranges::find(names, group) != names.end();
}

bool matches_requesters(const std::string& pattern, std::string_view requester, const GroupsOf& groups) {
  if (pattern.empty()) return true;
  if (pattern.starts_with(kGroup))
    return is_in_group(requester, std::string_view(pattern).substr(kGroup.size()), groups);
  return ::fnmatch(pattern.c_str(), std::string(requester).c_str(), 0) == 0;
}

// Roles that include another.
bool includes(Role held, Role wanted) {
  if (held == wanted) return true;
  return wanted == Role::reader && held != Role::enroller;
}

bool exclude_each_other(Role a, Role b) {
  const auto one_way = [](Role x, Role y) {
    return x == Role::administrator && (y == Role::manager || y == Role::auditor);
  };
  return one_way(a, b) || one_way(b, a);
}

bool about_the_same(const Grant& grant, const RoleQuestion& question, const GroupsOf& groups) {
  // Who only looks is let in by any grant that includes looking.
  const bool looks = question.role == Role::reader;
  return includes(grant.role, question.role) &&
         (looks || grant.authority == 0 || grant.authority == question.authority) &&
         (looks || grant.template_name.empty() || grant.template_name == question.template_name) &&
         (looks || matches_requesters(grant.requesters, principal_of(question.requester), groups));
}

store::RoleChange change_of(const Grant& grant, bool granted) {
  return {0,
          grant.principal,
          std::string(to_string(grant.role)),
          grant.authority,
          grant.template_name,
          grant.requesters,
          granted,
          grant.granted_at,
          grant.granted_by};
}

std::string scope_text(std::string_view ca, std::string_view template_name, std::string_view requesters) {
  std::string text;
  if (!ca.empty()) text += fmt::format(" of CA '{}'", ca);
  if (!template_name.empty()) text += fmt::format(", template {}", template_name);
  if (!requesters.empty()) text += fmt::format(", requesters {}", requesters);
  return text;
}

Result<std::string> name_of(const store::Snapshot& snapshot, store::AuthorityId id) {
  if (id == 0) return std::string();
  for (const auto& authority : TRY(snapshot.authorities()))
    if (authority.id == id) return authority.name;
  return make_error(Errc::not_found, "no CA has the number {}", id);
}

Status check_principal(std::string_view principal) {
  const std::string_view name = principal.starts_with(kGroup) ? principal.substr(kGroup.size()) : principal;
  // The account of a client's certificate holds names of CAs and people, and never " (" (api/caller.hpp).
  const bool has_blanks = principal.starts_with(kCertificate) && principal == principal_of(principal);
  const bool odd = std::ranges::any_of(name, [&](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7f || (c == ' ' && !has_blanks);
  });
  if (name.empty() || odd || (name != kEveryone && name.find('*') != std::string_view::npos))
    return make_error(Errc::usage, "'{}' is no account, group:NAME or *", principal)
        .with_hint(
            "give an account as the system knows it (alice, EXAMPLE\\alice), group:NAME, or * for "
            "everyone");
  return ok();
}

Status check_grant(const store::Snapshot& snapshot, const Grant& grant) {
  TRY(check_principal(grant.principal));
  const bool manager = grant.role == Role::manager, enroller = grant.role == Role::enroller;
  if (!grant.template_name.empty() && !manager && !enroller)
    return make_error(Errc::usage, "the role {} cannot be restricted to a template", to_string(grant.role))
        .with_hint("only manager and enroller can");
  if (!grant.requesters.empty() && !manager)
    return make_error(Errc::usage, "the role {} cannot be restricted to requesters", to_string(grant.role))
        .with_hint("only manager can");
  if (grant.authority != 0 && (grant.role == Role::reader || grant.role == Role::auditor))
    return make_error(Errc::usage, "the role {} is for the whole home: it has one database and one audit log",
                      to_string(grant.role))
        .with_hint("leave --ca out");
  if (!grant.template_name.empty()) (void)TRY(find_template(snapshot, grant.template_name));
  return ok();
}

// "alice (administrator and manager)" for each principal that would hold both.
std::vector<std::string> conflicts(std::span<const Grant> grants) {
  std::vector<std::string> found;
  for (const Grant& a : grants)
    for (const Grant& b : grants) {
      if (a.role != Role::administrator || !exclude_each_other(a.role, b.role)) continue;
      if (a.principal != b.principal && a.principal != kEveryone && b.principal != kEveryone) continue;
      std::string text = fmt::format("{} ({} and {})", a.principal == kEveryone ? b.principal : a.principal,
                                     to_string(a.role), to_string(b.role));
      if (std::ranges::find(found, text) == found.end()) found.push_back(std::move(text));
    }
  return found;
}

Status check_separation(std::span<const Grant> grants) {
  const auto found = conflicts(grants);
  if (found.empty()) return ok();
  return make_error(Errc::denied,
                    "roles are separate: an administrator is neither manager nor auditor, but {}",
                    fmt::join(found, ", "))
      .with_hint("take one of the roles away with: vouch role revoke ROLE PRINCIPAL");
}

AuditEvent role_event(std::string_view action, const Grant& grant, std::string_view ca,
                      std::string_view administrator) {
  return {.actor = std::string(administrator),
          .action = std::string(action),
          .authority = std::string(ca),
          .object = "principal " + grant.principal,
          .details = AuditDetails()
                         .add("role", to_string(grant.role))
                         .add("template", grant.template_name)
                         .add("requesters", grant.requesters)};
}

}  // namespace

bool is_principal(std::string_view principal, std::string_view account, const GroupsOf& groups) {
  if (principal == kEveryone) return true;
  if (principal.starts_with(kGroup)) return is_in_group(account, principal.substr(kGroup.size()), groups);
  return !account.empty() && principal == account;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::administrator:
      return "administrator";
    case Role::manager:
      return "manager";
    case Role::auditor:
      return "auditor";
    case Role::enroller:
      return "enroller";
    case Role::reader:
      return "reader";
  }
  return "?";
}

Result<Role> role_from_name(std::string_view name) {
  for (const Role role : kRoles)
    if (to_string(role) == name) return role;
  return make_error(Errc::usage, "there is no role '{}'", name)
      .with_hint("roles are: administrator, manager, auditor, enroller, reader");
}

std::string_view to_string(RoleRule::Kind kind) {
  switch (kind) {
    case RoleRule::Kind::separation:
      return "separation";
    case RoleRule::Kind::four_eyes:
      return "four-eyes";
    case RoleRule::Kind::two_managers:
      return "two-managers";
  }
  return "?";
}

Result<RoleRule::Kind> rule_from_name(std::string_view name) {
  for (const auto kind :
       {RoleRule::Kind::separation, RoleRule::Kind::four_eyes, RoleRule::Kind::two_managers})
    if (name == to_string(kind)) return kind;
  return make_error(Errc::malformed, "there is no rule '{}'", name)
      .with_hint("there is: separation, four-eyes, two-managers");
}

std::string_view principal_of(std::string_view account) { return account.substr(0, account.find(" (")); }

Result<RoleTable> RoleTable::read(const store::Snapshot& snapshot) {
  using enum RoleRule::Kind;
  RoleTable table;
  for (const store::RoleChange& change : TRY(snapshot.role_changes())) {
    table.version_ = change.id;
    std::optional<RoleRule::Kind> kind;
    for (const auto candidate : {separation, four_eyes, two_managers})
      if (to_string(candidate) == change.role) kind = candidate;
    if (kind) {
      const RoleRule rule{*kind, change.authority, change.template_name};
      std::erase(table.rules_, rule);
      if (change.granted) table.rules_.push_back(rule);
      continue;
    }
    const Grant grant{change.principal,  TRY(role_from_name(change.role).context("reading who may do what")),
                      change.authority,  change.template_name,
                      change.requesters, change.changed_at,
                      change.changed_by};
    std::erase_if(table.grants_, [&](const Grant& g) { return g.same_as(grant); });
    if (change.granted) table.grants_.push_back(grant);
  }
  return table;
}

bool RoleTable::separation() const { return applies(RoleRule::Kind::separation, 0, {}); }

bool RoleTable::applies(RoleRule::Kind kind, store::AuthorityId authority,
                        std::string_view template_name) const {
  return std::ranges::any_of(rules_, [&](const RoleRule& rule) {
    return rule.kind == kind && (rule.authority == 0 || rule.authority == authority) &&
           (rule.template_name.empty() || rule.template_name == template_name);
  });
}

bool RoleTable::holds(std::string_view account, Role role, const GroupsOf& groups) const {
  return std::ranges::any_of(grants_, [&](const Grant& grant) {
    return grant.role == role && is_principal(grant.principal, account, groups);
  });
}

std::optional<Role> RoleTable::conflicting_role(std::string_view account, Role role,
                                                const GroupsOf& groups) const {
  if (!separation()) return std::nullopt;
  for (const Role other : kRoles)
    if (exclude_each_other(role, other) && holds(principal_of(account), other, groups)) return other;
  return std::nullopt;
}

bool RoleTable::allows(const RoleQuestion& question, const GroupsOf& groups) const {
  const std::string_view account = principal_of(question.account);
  return std::ranges::any_of(grants_, [&](const Grant& grant) {
    return about_the_same(grant, question, groups) && is_principal(grant.principal, account, groups);
  });
}

std::vector<Grant> RoleTable::held_by(std::string_view account, const GroupsOf& groups) const {
  std::vector<Grant> held;
  for (const Grant& grant : grants_)
    if (is_principal(grant.principal, principal_of(account), groups)) held.push_back(grant);
  return held;
}

std::string RoleTable::who_has(const RoleQuestion& question) const {
  std::vector<std::string> names;
  for (const Grant& grant : grants_)
    if (grant.role == question.role && about_the_same(grant, question, {}) &&
        std::ranges::find(names, grant.principal) == names.end())
      names.push_back(grant.principal);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<std::shared_ptr<const RoleTable>> RoleCache::get(const store::Snapshot& snapshot) {
  const std::int64_t version = TRY(snapshot.role_version());
  const std::lock_guard lock(mutex_);
  if (!table_ || table_->version() != version)
    table_ = std::make_shared<const RoleTable>(TRY(RoleTable::read(snapshot)));
  return table_;
}

Status check_role(const RoleTable& roles, const GroupsOf& groups, const Act& act) {
  const RoleQuestion question{act.account, act.role, act.authority, act.template_name, act.requester};
  const std::string where = act.authority_name.empty() ? "" : fmt::format(" of CA '{}'", act.authority_name);
  const std::string who = act.account.empty() ? "who is not named" : std::string(act.account);
  if (!roles.allows(question, groups)) {
    const std::string others = roles.who_has(question);
    const std::string administrators = roles.who_has({{}, Role::administrator, 0, {}, {}});
    return make_error(Errc::denied, "{} may not {}{}: that needs the role {}{}, which {}", who, act.what,
                      where, to_string(act.role),
                      act.template_name.empty() ? "" : fmt::format(" for template {}", act.template_name),
                      others.empty() ? "nobody has" : fmt::format("{} has", others))
        .with_hint(fmt::format("{} can grant it with: vouch role grant {} {}",
                               administrators.empty() ? "the owner of the home (--recover)"
                                                      : "an administrator (" + administrators + ")",
                               to_string(act.role),
                               act.account.empty() ? "ACCOUNT" : std::string(principal_of(act.account))));
  }
  if (const auto other = roles.conflicting_role(act.account, act.role, groups))
    return make_error(Errc::denied, "{} may not {}{}: roles are separate, and {} is {} and {} at once", who,
                      act.what, where, principal_of(act.account), to_string(act.role), to_string(*other))
        .with_hint("one of the roles, perhaps held through a group, has to go: vouch role list");
  return ok();
}

Status authorize(const Environment& environment, const store::Snapshot& snapshot, const Act& act) {
  Status allowed = check_role(TRY(RoleTable::read(snapshot)), environment.groups, act);
  if (allowed) return ok();
  TRY(record_audit(environment, {.actor = std::string(act.account),
                                 .action = std::string(act.action),
                                 .authority = std::string(act.authority_name),
                                 .object = std::string(act.object),
                                 .details = AuditDetails()
                                                .add("role", to_string(act.role))
                                                .add("template", act.template_name)
                                                .add("requester", act.requester),
                                 .outcome = std::string(audit_outcome::denied)}));
  return allowed;
}

Status authorize(const Environment& environment, const Act& act) {
  const auto snapshot = TRY(environment.database.snapshot());
  return authorize(environment, *snapshot, act);
}

Result<std::unique_ptr<store::Snapshot>> snapshot_for_reading(const Environment& environment,
                                                              std::string_view account) {
  auto snapshot = TRY(environment.database.snapshot());
  TRY(authorize(
      environment, *snapshot,
      {.account = account, .role = Role::reader, .what = "look at this home", .action = "home.read"}));
  return snapshot;
}

Status grant_default_roles(const Environment& environment, store::Transaction& transaction,
                           std::string_view administrator) {
  if (TRY(transaction.role_version()) != 0) return ok();
  const std::string_view first = principal_of(administrator);
  if (first.empty())
    return make_error(Errc::usage, "the first CA of a home has to be set up by somebody with a name");
  const auto grant = [&](std::string_view principal, Role role) -> Status {
    const Grant granted{std::string(principal),    role, 0, {}, {}, environment.clock.now(),
                        std::string(administrator)};
    TRY(transaction.insert_role_change(change_of(granted, true)));
    return record_audit(environment, transaction, role_event("role.grant", granted, {}, administrator));
  };
  for (const Role role : {Role::administrator, Role::manager, Role::auditor}) TRY(grant(first, role));
  for (const Role role : {Role::enroller, Role::reader}) TRY(grant(kEveryone, role));
  return ok();
}

Status grant_role(const Environment& environment, const Grant& grant, std::string_view administrator) {
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "change roles",
                              .action = "role.grant",
                              .object = grant.principal}));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    TRY(check_grant(t, grant));
    const RoleTable table = TRY(RoleTable::read(t));
    std::vector<Grant> after(table.grants().begin(), table.grants().end());
    if (std::ranges::any_of(after, [&](const Grant& g) { return g.same_as(grant); })) return ok();
    Grant added = grant;
    added.granted_at = environment.clock.now();
    added.granted_by = administrator;
    after.push_back(added);
    if (table.separation()) TRY(check_separation(after));
    TRY(t.insert_role_change(change_of(added, true)));
    return record_audit(environment, t,
                        role_event("role.grant", added, TRY(name_of(t, grant.authority)), administrator));
  });
}

Status revoke_role(const Environment& environment, const Grant& grant, std::string_view administrator) {
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "change roles",
                              .action = "role.revoke",
                              .object = grant.principal}));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    const RoleTable table = TRY(RoleTable::read(t));
    std::vector<Grant> after(table.grants().begin(), table.grants().end());
    const std::string ca = TRY(name_of(t, grant.authority));
    if (std::erase_if(after, [&](const Grant& g) { return g.same_as(grant); }) == 0)
      return make_error(Errc::not_found, "{} does not have the role {}{}", grant.principal,
                        to_string(grant.role), scope_text(ca, grant.template_name, grant.requesters))
          .with_hint("vouch role list shows who has which role, for which CA, template and requesters");
    if (grant.role == Role::administrator && grant.authority == 0 &&
        std::ranges::none_of(
            after, [](const Grant& g) { return g.role == Role::administrator && g.authority == 0; }))
      return make_error(Errc::denied, "{} is the last administrator: nobody could give the role back",
                        grant.principal)
          .with_hint("make another administrator first: vouch role grant administrator ACCOUNT");
    Grant removed = grant;
    removed.granted_at = environment.clock.now();
    removed.granted_by = administrator;
    TRY(t.insert_role_change(change_of(removed, false)));
    return record_audit(environment, t, role_event("role.revoke", removed, ca, administrator));
  });
}

Status set_role_rule(const Environment& environment, const RoleRule& rule, bool on,
                     std::string_view administrator) {
  const std::string action = fmt::format("role.{}", to_string(rule.kind));
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "change the rules for roles",
                              .action = action,
                              .object = to_string(rule.kind)}));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    const RoleTable table = TRY(RoleTable::read(t));
    const bool is_on = std::ranges::find(table.rules(), rule) != table.rules().end();
    if (is_on == on) return ok();
    if (!rule.template_name.empty()) (void)TRY(find_template(t, rule.template_name));
    if (on && rule.kind == RoleRule::Kind::separation) TRY(check_separation(table.grants()));
    TRY(t.insert_role_change({0, "", std::string(to_string(rule.kind)), rule.authority, rule.template_name,
                              "", on, environment.clock.now(), std::string(administrator)}));
    return record_audit(
        environment, t,
        {.actor = std::string(administrator),
         .action = action,
         .authority = TRY(name_of(t, rule.authority)),
         .object = std::string(to_string(rule.kind)),
         .details = AuditDetails().add("set", on ? "on" : "off").add("template", rule.template_name)});
  });
}

Status recover_administrator(const Environment& environment, std::string_view account) {
  struct stat info{};
  const fs::path& folder = environment.home.folder();
  if (::stat(folder.c_str(), &info) != 0) return system_error(errno, "cannot look at", folder);
  if (info.st_uid != ::geteuid()) {
    TRY(record_audit(environment, {.actor = std::string(account),
                                   .action = "role.recover",
                                   .object = fmt::format("principal {}", principal_of(account)),
                                   .outcome = std::string(audit_outcome::denied)}));
    return make_error(Errc::denied, "only the owner of {} can make himself an administrator", folder.string())
        .with_hint("run the command as the owner of the folder");
  }
  const Grant grant{std::string(principal_of(account)),
                    Role::administrator,
                    0,
                    {},
                    {},
                    environment.clock.now(),
                    std::string(account)};
  return environment.database.commit([&](store::Transaction& t) -> Status {
    const RoleTable table = TRY(RoleTable::read(t));
    std::vector<Grant> after(table.grants().begin(), table.grants().end());
    after.push_back(grant);
    if (table.separation()) TRY(check_separation(after));
    TRY(t.insert_role_change(change_of(grant, true)));
    return record_audit(environment, t, role_event("role.recover", grant, {}, account));
  });
}

}  // namespace vouch::ca
