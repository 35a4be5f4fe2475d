#pragma once
// Who may do what: the roles of AD CS, kept in the database with their history, and asked by the authority's
// functions themselves, whatever front end calls them (docs/mechanisms/roles.md).
//
//   administrator  "Manage CA": set-up, templates, settings, keys, roles
//   manager        "Issue and Manage Certificates": approves, denies, revokes, releases; may be restricted
//   auditor        reads the audit log and everything else, changes nothing
//   enroller       hands in requests; may be restricted to a template
//   reader         sees what there is
//
// A principal is an account as the front end authenticated it, "group:NAME" for the members of a group, or
// "*" for everyone. Whoever can write the files of the home stands above all roles.

#include <mutex>

#include "ca/home/audit.hpp"

namespace vouch::ca {

enum class Role { administrator, manager, auditor, enroller, reader };
std::string_view to_string(Role role);
Result<Role> role_from_name(std::string_view name);

// The account that decides: what stands beside it, as in "root (sudo alice)", is for the audit log only,
// because its owner can set it to anything.
std::string_view principal_of(std::string_view account);

struct Grant {
  std::string principal;
  Role role{};
  store::AuthorityId authority = 0;  // 0: the home and every CA in it
  std::string template_name;         // manager, enroller: only requests for it; empty: any
  std::string requesters;            // manager: only requests of accounts like "web-*" or in "group:NAME"
  Time granted_at{};
  std::string granted_by;
  bool same_as(const Grant& other) const {
    return principal == other.principal && role == other.role && authority == other.authority &&
           template_name == other.template_name && requesters == other.requesters;
  }
};

// Rules about the roles themselves.
struct RoleRule {
  enum class Kind { separation, four_eyes, two_managers };
  Kind kind{};
  store::AuthorityId authority = 0;  // separation: always 0
  std::string template_name;         // empty: every template
  bool operator==(const RoleRule&) const = default;
};
std::string_view to_string(RoleRule::Kind kind);
Result<RoleRule::Kind> rule_from_name(std::string_view name);

// What an act is about, as far as roles depend on it.
struct RoleQuestion {
  std::string_view account;
  Role role{};
  store::AuthorityId authority = 0;
  std::string_view template_name = {}, requester = {};
};

using GroupsOf = std::function<std::vector<std::string>(std::string_view account)>;

// Whether an account, without what stands beside it, is meant by a principal.
bool is_principal(std::string_view principal, std::string_view account, const GroupsOf& groups);

// All that holds at one time.
class RoleTable {
 public:
  static Result<RoleTable> read(const store::Snapshot& snapshot);
  std::span<const Grant> grants() const { return grants_; }
  std::span<const RoleRule> rules() const { return rules_; }
  bool separation() const;
  bool applies(RoleRule::Kind kind, store::AuthorityId authority, std::string_view template_name) const;
  // Empty: nothing was ever granted; whoever sets up the first CA will be the first administrator.
  bool untouched() const { return version_ == 0; }
  std::int64_t version() const { return version_; }

  bool allows(const RoleQuestion& question, const GroupsOf& groups) const;
  // What an account holds, itself or by its groups.
  std::vector<Grant> held_by(std::string_view account, const GroupsOf& groups) const;
  // Who could do it, for messages: "bob, group:pki".
  std::string who_has(const RoleQuestion& question) const;
  // With separation: the role that keeps an account from using `role`.
  std::optional<Role> conflicting_role(std::string_view account, Role role, const GroupsOf& groups) const;

 private:
  bool holds(std::string_view account, Role role, const GroupsOf& groups) const;
  std::vector<Grant> grants_;
  std::vector<RoleRule> rules_;
  std::int64_t version_ = 0;
};

// The table of the newest state, read again only when something changed.
class RoleCache {
 public:
  Result<std::shared_ptr<const RoleTable>> get(const store::Snapshot& snapshot);

 private:
  std::mutex mutex_;
  std::shared_ptr<const RoleTable> table_;  // guarded by mutex_
};

// One act that somebody asks for.
struct Act {
  std::string_view account;
  Role role{};
  std::string_view what;    // "approve requests"
  std::string_view action;  // of the audit entry
  std::string_view object = {};
  store::AuthorityId authority = 0;
  std::string_view authority_name = {};
  std::string_view template_name = {}, requester = {};
};
// `denied`, audited, with who could do it and how to become one of them. Not inside commit().
Status authorize(const Environment& environment, const store::Snapshot& snapshot, const Act& act);
Status authorize(const Environment& environment, const Act& act);
// The same answer without an entry, for front ends that keep the refusal themselves.
Status check_role(const RoleTable& roles, const GroupsOf& groups, const Act& act);

// The state of the database for somebody who only looks: the role reader, or any that includes it.
Result<std::unique_ptr<store::Snapshot>> snapshot_for_reading(const Environment& environment,
                                                              std::string_view account);

// What holds after the first CA of a home was set up: the administrator of `ca init` is manager and auditor
// too, everyone may enroll and read, as in AD CS. Nothing when anything was ever granted.
Status grant_default_roles(const Environment& environment, store::Transaction& transaction,
                           std::string_view administrator);

// By an administrator of the home. `denied`: separation would be broken, or nobody could administer; usage: a
// restriction that the role does not have. Granting what is held already changes nothing.
Status grant_role(const Environment& environment, const Grant& grant, std::string_view administrator);
Status revoke_role(const Environment& environment, const Grant& grant, std::string_view administrator);
// Separation fails with `denied` while somebody holds roles that exclude each other, and names them.
Status set_role_rule(const Environment& environment, const RoleRule& rule, bool on,
                     std::string_view administrator);
// For a home that nobody can administer any more: only for the owner of the home's folder.
Status recover_administrator(const Environment& environment, std::string_view account);

}  // namespace vouch::ca
