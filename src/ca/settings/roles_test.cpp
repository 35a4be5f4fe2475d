#include "ca/settings/roles.hpp"

#include <gmock/gmock.h>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// A home as `ca init` by admin leaves it.
class Roles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = bench_.make_root();
    ASSERT_NE(root_, nullptr);
    ASSERT_TRUE(publish_template(environment(), id(), "WebServer", "admin"));
    ASSERT_TRUE(publish_template(environment(), id(), "ClientAuth", "admin"));
  }
  Environment environment() { return bench_.environment(); }
  store::AuthorityId id() const { return root_->record().id; }
  Status grant(Role role, std::string principal, std::string template_name = {}, std::string requesters = {},
               std::string_view by = "admin") {
    return grant_role(
        environment(),
        {std::move(principal), role, 0, std::move(template_name), std::move(requesters), {}, {}}, by);
  }
  Status revoke(Role role, std::string principal, std::string_view by = "admin") {
    return revoke_role(environment(), {std::move(principal), role, 0, {}, {}, {}, {}}, by);
  }
  RoleTable table() { return RoleTable::read(*bench_.database().snapshot().value()).value(); }
  Result<Outcome> submit(std::string requester, std::string template_name = "WebServer") {
    return root_->submit({bench_.request("CN=a.example.com", {"DNS:a.example.com"}),
                          std::move(template_name),
                          std::move(requester),
                          "",
                          {}});
  }
  RequestId pending(std::string requester = "alice", std::string template_name = "WebServer") {
    const auto outcome = submit(std::move(requester), std::move(template_name));
    EXPECT_TRUE(outcome);
    EXPECT_EQ(outcome->disposition, Disposition::pending) << outcome->message;
    return outcome->request;
  }
  // The newest audit entry: "actor action object outcome".
  std::string last_entry() {
    store::AuditFilter newest;
    newest.newest_first = true;
    newest.limit = 1;
    std::string text;
    EXPECT_TRUE(
        bench_.database().snapshot().value()->for_each_audit(newest, [&](const store::AuditRecord& r) {
          text = fmt::format("{} {} {} {} {}", r.actor, r.action, r.object, r.outcome, r.details);
          return ok();
        }));
    return text;
  }

#define EXPECT_DENIED(expression, part)                                                      \
  do {                                                                                       \
    const auto& vouch_outcome = (expression);                                                \
    ASSERT_FALSE(vouch_outcome) << "expected a denial";                                      \
    EXPECT_EQ(vouch_outcome.error().code(), Errc::denied) << vouch_outcome.error().report(); \
    EXPECT_THAT(vouch_outcome.error().report(), HasSubstr(part));                            \
  } while (false)

  TestBench bench_{TestRoles::granted};
  std::unique_ptr<LocalAuthority> root_;
};

TEST_F(Roles, WhoeverSetsUpTheFirstCaIsAdministratorManagerAndAuditor) {
  std::vector<std::string> grants;
  const RoleTable roles = table();
  for (const Grant& grant : roles.grants())
    grants.push_back(fmt::format("{} {}", grant.principal, to_string(grant.role)));
  EXPECT_THAT(grants, testing::UnorderedElementsAre("admin administrator", "admin manager", "admin auditor",
                                                    "* enroller", "* reader"));
}

TEST_F(Roles, AFurtherCaIsForAdministrators) {
  InitOptions options = bench_.root_options("Second Root");
  options.administrator = "mallory";
  EXPECT_DENIED(init(environment(), options), "that needs the role administrator, which admin has");
  options.administrator = "admin";
  EXPECT_TRUE(init(environment(), options));
  EXPECT_EQ(table().grants().size(), 5u);
}

TEST_F(Roles, AnAccountWithoutANameCannotSetUpTheFirst) {
  TestBench fresh(TestRoles::granted);
  InitOptions options = fresh.root_options();
  options.administrator = "";
  EXPECT_FALSE(init(fresh.environment(), options));
}

TEST_F(Roles, ADenialNamesTheRoleWhoHasItAndHowToGetItAndIsAudited) {
  const RequestId request = pending();
  const auto denied = root_->approve(request, "bob");
  EXPECT_DENIED(denied,
                "bob may not approve requests of CA 'Test Root': that needs the role manager for "
                "template WebServer, which admin has");
  EXPECT_THAT(denied.error().hint(), HasSubstr("vouch role grant manager bob"));
  EXPECT_THAT(denied.error().hint(), HasSubstr("admin"));
  EXPECT_EQ(last_entry(), fmt::format("bob request.approve request {} denied role=manager template=WebServer "
                                      "requester=alice",
                                      request));
  EXPECT_EQ(root_->retrieve(request)->disposition, Disposition::pending);
}

// Every act, by an account that has every role but the one it needs.
TEST_F(Roles, EachActNeedsItsRole) {
  const RequestId request = pending();
  const RequestId other = pending();
  const auto issued = root_->approve(pending(), "admin").value();
  const Buffer serial = to_buffer(x509::parse_certificate(issued.certificate)->serial);
  for (const char* name : {"no-manager", "no-administrator", "no-auditor"})
    for (const Role role : {Role::administrator, Role::manager, Role::auditor})
      if (name != fmt::format("no-{}", to_string(role))) {
        ASSERT_TRUE(grant(role, name));
      }
  EXPECT_DENIED(root_->approve(request, "no-manager"), "role manager");
  EXPECT_DENIED(root_->deny(request, "no-manager", "why"), "role manager");
  EXPECT_DENIED(root_->revoke({serial, x509::CrlReason::superseded, {}}, "no-manager"), "role manager");
  EXPECT_DENIED(root_->release(serial, "no-manager"), "role manager");
  const char* const no_administrator = "no-administrator";
  auto value = find_template(*bench_.database().snapshot().value(), "WebServer")->value;
  value.name = "Another";
  value.oid = {};
  EXPECT_DENIED(add_template(environment(), value, false, no_administrator), "role administrator");
  EXPECT_DENIED(set_in_template(environment(), "WebServer", "validity", "300d", no_administrator),
                "role administrator");
  EXPECT_DENIED(remove_template(environment(), "User", no_administrator), "role administrator");
  EXPECT_DENIED(publish_template(environment(), id(), "User", no_administrator), "role administrator");
  EXPECT_DENIED(withdraw_template(environment(), id(), "WebServer", no_administrator), "role administrator");
  EXPECT_DENIED(grant(Role::manager, "eve", {}, {}, no_administrator), "role administrator");
  EXPECT_DENIED(revoke(Role::manager, "admin", no_administrator), "role administrator");
  EXPECT_DENIED(set_role_rule(environment(), {RoleRule::Kind::four_eyes, 0, {}}, true, no_administrator),
                "role administrator");
  EXPECT_DENIED(root_->sign_subordinate(bench_.request("CN=Sub"), {}, no_administrator),
                "role administrator");
  // And with it.
  EXPECT_TRUE(root_->approve(request, "no-auditor"));
  EXPECT_TRUE(root_->deny(other, "no-auditor", "why"));
  EXPECT_TRUE(root_->revoke({serial, x509::CrlReason::certificate_hold, {}}, "no-auditor"));
  EXPECT_TRUE(root_->release(serial, "no-auditor"));
  EXPECT_TRUE(set_in_template(environment(), "WebServer", "validity", "300d", "no-auditor"));
  EXPECT_TRUE(withdraw_template(environment(), id(), "WebServer", "no-auditor"));
}

TEST_F(Roles, EnrollingNeedsTheRoleAndARefusalIsARequestThatCanBeLookedUp) {
  ASSERT_TRUE(revoke(Role::enroller, "*"));
  const auto denied = submit("alice");
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->disposition, Disposition::denied);
  EXPECT_EQ(denied->reason, "role.enroller");
  EXPECT_THAT(denied->message, HasSubstr("alice may not hand in requests"));
  EXPECT_THAT(denied->mend, HasSubstr("vouch role grant enroller alice"));
  EXPECT_THAT(last_entry(), HasSubstr("alice request.submit"));
  EXPECT_THAT(last_entry(), HasSubstr("denied template=WebServer rule=role.enroller"));
  EXPECT_EQ(root_->retrieve(denied->request)->disposition, Disposition::denied);
  // For one template only.
  ASSERT_TRUE(grant(Role::enroller, "alice", "WebServer"));
  EXPECT_EQ(submit("alice")->disposition, Disposition::pending);
  EXPECT_EQ(submit("alice", "ClientAuth")->disposition, Disposition::denied);
  EXPECT_EQ(submit("bob")->disposition, Disposition::denied);
}

TEST_F(Roles, AManagerMayBeRestrictedToATemplateAndToRequesters) {
  ASSERT_TRUE(grant(Role::manager, "web-manager", "WebServer"));
  ASSERT_TRUE(grant(Role::manager, "lab-manager", "", "lab-*"));
  ASSERT_TRUE(grant(Role::manager, "group-manager", "", "group:laboratory"));
  bench_.groups["carol"] = {"staff", "laboratory"};
  EXPECT_DENIED(root_->approve(pending("alice", "ClientAuth"), "web-manager"), "for template ClientAuth");
  EXPECT_TRUE(root_->approve(pending("alice", "WebServer"), "web-manager"));
  EXPECT_DENIED(root_->approve(pending("alice"), "lab-manager"), "role manager");
  EXPECT_TRUE(root_->approve(pending("lab-1"), "lab-manager"));
  EXPECT_DENIED(root_->approve(pending("alice"), "group-manager"), "role manager");
  const auto issued = root_->approve(pending("carol"), "group-manager");
  ASSERT_TRUE(issued);
  // What he revokes is restricted alike.
  const Buffer serial = to_buffer(x509::parse_certificate(issued->certificate)->serial);
  EXPECT_DENIED(root_->revoke({serial, x509::CrlReason::superseded, {}}, "lab-manager"), "role manager");
  EXPECT_DENIED(root_->revoke({Buffer{1, 2}, x509::CrlReason::superseded, {}}, "web-manager"),
                "role manager");
  EXPECT_TRUE(root_->revoke({serial, x509::CrlReason::superseded, {}}, "group-manager"));
}

TEST_F(Roles, RolesOfOneCaSayNothingAboutAnother) {
  const auto second = bench_.make_root("Second Root");
  ASSERT_TRUE(grant_role(environment(), {"bob", Role::manager, id(), {}, {}, {}, {}}, "admin"));
  ASSERT_TRUE(grant_role(environment(), {"bob", Role::administrator, id(), {}, {}, {}, {}}, "admin"));
  ASSERT_TRUE(publish_template(environment(), second->record().id, "WebServer", "admin"));
  const auto there = second->submit(
      {bench_.request("CN=a.example.com", {"DNS:a.example.com"}), "WebServer", "alice", "", {}});
  ASSERT_TRUE(there);
  EXPECT_DENIED(second->approve(there->request, "bob"), "of CA 'Second Root'");
  EXPECT_TRUE(root_->approve(pending(), "bob"));
  EXPECT_TRUE(publish_template(environment(), id(), "User", "bob"));
  EXPECT_DENIED(publish_template(environment(), second->record().id, "User", "bob"), "role administrator");
  EXPECT_DENIED(set_in_template(environment(), "WebServer", "validity", "300d", "bob"), "role administrator");
}

TEST_F(Roles, GroupsAndSudoAreResolved) {
  ASSERT_TRUE(grant(Role::manager, "group:pki"));
  bench_.groups["dora"] = {"pki"};
  EXPECT_TRUE(root_->approve(pending(), "dora"));
  EXPECT_DENIED(root_->approve(pending(), "bob"), "which admin, group:pki has");
  EXPECT_TRUE(root_->approve(pending(), "admin (sudo bob)"));
  EXPECT_DENIED(root_->approve(pending(), "bob (sudo admin)"), "role manager");
  EXPECT_DENIED(root_->approve(pending(), ""), "who is not named may not");
}

TEST_F(Roles, FourEyesKeepTheRequesterFromApproving) {
  ASSERT_TRUE(grant(Role::manager, "alice"));
  EXPECT_TRUE(root_->approve(pending("alice"), "alice"));
  ASSERT_TRUE(set_role_rule(environment(), {RoleRule::Kind::four_eyes, id(), "WebServer"}, true, "admin"));
  const RequestId request = pending("alice (sudo bob)");
  EXPECT_DENIED(root_->approve(request, "alice (sudo carol)"), "four eyes");
  EXPECT_THAT(last_entry(), HasSubstr("denied rule=four-eyes"));
  EXPECT_TRUE(root_->approve(pending("alice", "ClientAuth"), "alice")) << "the rule is for one template";
  EXPECT_TRUE(root_->approve(request, "admin"));
  ASSERT_TRUE(set_role_rule(environment(), {RoleRule::Kind::four_eyes, id(), "WebServer"}, false, "admin"));
  EXPECT_TRUE(root_->approve(pending("alice"), "alice"));
}

TEST_F(Roles, TwoManagersHaveToAgree) {
  ASSERT_TRUE(grant(Role::manager, "bob"));
  ASSERT_TRUE(set_role_rule(environment(), {RoleRule::Kind::two_managers, 0, "WebServer"}, true, "admin"));
  const RequestId request = pending("alice");
  const auto first = root_->approve(request, "bob");
  ASSERT_TRUE(first) << first.error().report();
  EXPECT_EQ(first->disposition, Disposition::pending);
  EXPECT_THAT(first->message, HasSubstr("approved by bob"));
  EXPECT_THAT(last_entry(), HasSubstr("bob request.approve"));
  EXPECT_THAT(last_entry(), HasSubstr("pending rule=two-managers"));
  EXPECT_DENIED(root_->approve(request, "bob (sudo x)"), "a second manager");
  EXPECT_EQ(root_->approve(request, "admin")->disposition, Disposition::issued);
  EXPECT_EQ(root_->approve(pending("alice", "ClientAuth"), "bob")->disposition, Disposition::issued);
}

// Handed in and approved in one step, by an account that may do both.
class ApprovedAtOnce : public Roles {
 protected:
  Outcome ask(std::string requester, std::string template_name = "WebServer", bool waits = false) {
    Submission submission;
    submission.request = bench_.request("CN=a.example.com", {"DNS:a.example.com"});
    submission.template_name = std::move(template_name);
    submission.requester = std::move(requester);
    submission.wait_for_approval = waits;
    submission.approve = true;
    auto outcome = root_->submit(submission);
    if (!outcome) ADD_FAILURE() << outcome.error().report();
    return outcome ? *outcome : Outcome{};
  }
  std::vector<std::string> entries_about(RequestId request) {
    store::AuditFilter filter;
    filter.object = fmt::format("request {}", request);
    std::vector<std::string> entries;
    EXPECT_TRUE(
        bench_.database().snapshot().value()->for_each_audit(filter, [&](const store::AuditRecord& r) {
          entries.push_back(fmt::format("{} {} {} {}", r.actor, r.action, r.outcome, r.details));
          return ok();
        }));
    return entries;
  }
};

TEST_F(ApprovedAtOnce, BothActsAreAuditedAndTheRequestSaysWhoApproved) {
  ASSERT_TRUE(grant(Role::manager, "alice", "WebServer", "alice"));
  const Outcome issued = ask("alice");
  EXPECT_EQ(issued.disposition, Disposition::issued) << issued.message;
  EXPECT_THAT(issued.certificate, testing::Not(IsEmpty()));
  EXPECT_THAT(entries_about(issued.request),
              testing::ElementsAre(
                  AllOf(HasSubstr("alice request.submit pending"), HasSubstr("rule=authority.queue")),
                  AllOf(HasSubstr("alice request.approve done"), HasSubstr("requester=alice"),
                        HasSubstr("tbs_sha256="))));
  EXPECT_EQ(bench_.database().snapshot().value()->request(issued.request)->resolver, "alice");
}

TEST_F(ApprovedAtOnce, WithoutTheRoleItWaitsAndNobodyHasApproved) {
  ASSERT_TRUE(grant(Role::manager, "alice", "ClientAuth", "alice"));
  const Outcome pending = ask("alice");
  EXPECT_EQ(pending.disposition, Disposition::pending);
  EXPECT_THAT(entries_about(pending.request),
              testing::ElementsAre(HasSubstr("alice request.submit pending")));
  EXPECT_EQ(bench_.database().snapshot().value()->request(pending.request)->resolver, "");
  EXPECT_EQ(root_->approve(pending.request, "admin")->disposition, Disposition::issued);
}

TEST_F(ApprovedAtOnce, WhereOthersHaveToSeeItItWaits) {
  ASSERT_TRUE(grant(Role::manager, "alice"));
  ASSERT_TRUE(set_role_rule(environment(), {RoleRule::Kind::four_eyes, id(), "WebServer"}, true, "admin"));
  ASSERT_TRUE(
      set_role_rule(environment(), {RoleRule::Kind::two_managers, id(), "ClientAuth"}, true, "admin"));
  EXPECT_EQ(ask("alice").disposition, Disposition::pending);
  EXPECT_EQ(ask("alice", "ClientAuth").disposition, Disposition::pending);
}

TEST_F(ApprovedAtOnce, WhatNothingVouchesForWaits) {
  ASSERT_TRUE(grant(Role::manager, "alice"));
  EXPECT_EQ(ask("alice", "WebServer", true).disposition, Disposition::pending);
}

TEST_F(ApprovedAtOnce, NoCaComesToBe) {
  ASSERT_TRUE(publish_template(environment(), id(), "SubCA", "admin"));
  EXPECT_EQ(ask("admin", "SubCA").disposition, Disposition::pending);
}

TEST_F(ApprovedAtOnce, WhatPolicyRefusesIsRefused) {
  ASSERT_TRUE(grant(Role::manager, "alice"));
  const Outcome denied = ask("alice", "NoSuchTemplate");
  EXPECT_EQ(denied.disposition, Disposition::denied);
  EXPECT_THAT(entries_about(denied.request), testing::ElementsAre(HasSubstr("alice request.submit denied")));
}

// A request for a CA certificate in the queue: who may hand in anything may ask, and only an administrator
// says yes, whatever else he is.
class RequestsForACa : public Roles {
 protected:
  void SetUp() override {
    Roles::SetUp();
    ASSERT_TRUE(publish_template(environment(), id(), "SubCA", "admin"));
    ASSERT_TRUE(grant(Role::manager, "mia"));
    ASSERT_TRUE(grant(Role::administrator, "ada"));
  }
  Outcome ask(std::string_view requester = "sub-host") {
    const x509::Extension constraints =
        x509::make_extension(x509::oid::kBasicConstraints, true, x509::encode_basic_constraints({true, 1U}));
    Submission submission;
    submission.request = bench_.request("CN=Sub", {}, {constraints});
    submission.template_name = "SubCA";
    submission.requester = requester;
    auto outcome = root_->submit(submission);
    if (!outcome) ADD_FAILURE() << outcome.error().report();
    return outcome ? *outcome : Outcome{};
  }
  static std::optional<x509::BasicConstraints> constraints_of(const Outcome& outcome) {
    const auto view = x509::parse_certificate(outcome.certificate);
    const auto* extension = view ? view->find(x509::oid::kBasicConstraints) : nullptr;
    if (!extension) return std::nullopt;
    return x509::parse_basic_constraints(extension->value).value();
  }
};

TEST_F(RequestsForACa, AManagerAloneMakesNoCa) {
  const Outcome pending = ask();
  EXPECT_EQ(pending.disposition, Disposition::pending);
  EXPECT_THAT(pending.message, HasSubstr("waits for an administrator"));
  EXPECT_DENIED(root_->approve(pending.request, "mia"),
                "mia may not approve requests for a CA certificate of CA 'Test Root': that needs the role "
                "administrator");
  EXPECT_THAT(last_entry(), HasSubstr("mia request.approve"));
  EXPECT_EQ(root_->retrieve(pending.request)->disposition, Disposition::pending);
}

TEST_F(RequestsForACa, AnAdministratorApprovesAsHeWouldSign) {
  const auto issued = root_->approve(ask().request, "ada");
  ASSERT_TRUE(issued) << issued.error().report();
  EXPECT_EQ(issued->disposition, Disposition::issued);
  const auto constraints = constraints_of(*issued);
  ASSERT_TRUE(constraints);
  EXPECT_TRUE(constraints->ca);
  EXPECT_EQ(constraints->path_length, 1U) << "as the request restricts itself";
}

TEST_F(RequestsForACa, BothMayTurnItDown) {
  EXPECT_TRUE(root_->deny(ask().request, "mia", "no"));
  EXPECT_TRUE(root_->deny(ask().request, "ada", "no"));
  EXPECT_DENIED(root_->deny(ask().request, "bob", "no"), "role manager");
}

// Templates may say that something else stands for the approval; for a CA nothing does.
TEST_F(RequestsForACa, NothingStandsForTheAdministrator) {
  const auto made = root_->issue_to_service(bench_.request("CN=Sub"), "SubCA");
  ASSERT_TRUE(made) << made.error().report();
  EXPECT_EQ(made->disposition, Disposition::pending);
  EXPECT_EQ(made->reason, "ca.administrator");
  EXPECT_TRUE(made->certificate.empty());
}

// `ca sign` is no way round the rules.
TEST_F(RequestsForACa, WhereOthersHaveToSeeItSigningAtOnceWaits) {
  ASSERT_TRUE(set_role_rule(environment(), {RoleRule::Kind::four_eyes, id(), "SubCA"}, true, "admin"));
  const Buffer request = bench_.request("CN=Sub");
  LocalAuthority::SubordinateOptions chosen;
  chosen.path_length = 0;
  EXPECT_DENIED(root_->sign_subordinate(request, chosen, "ada"), "the rule four-eyes holds for SubCA");
  const auto pending = root_->sign_subordinate(request, {}, "ada");
  ASSERT_TRUE(pending) << pending.error().report();
  EXPECT_EQ(pending->disposition, Disposition::pending);
  EXPECT_DENIED(root_->approve(pending->request, "ada"), "four eyes");
  EXPECT_EQ(root_->approve(pending->request, "admin")->disposition, Disposition::issued);
}

TEST_F(RequestsForACa, TheSameTransactionIsSignedOnce) {
  const Buffer request = bench_.request("CN=Sub");
  LocalAuthority::SubordinateOptions options;
  options.transaction = "T";
  const auto first = root_->sign_subordinate(request, options, "ada");
  const auto again = root_->sign_subordinate(request, options, "ada");
  ASSERT_TRUE(first && again);
  EXPECT_EQ(again->request, first->request);
  EXPECT_EQ(again->certificate, first->certificate);
}

TEST_F(Roles, TheLastAdministratorStays) {
  EXPECT_DENIED(revoke(Role::administrator, "admin"), "last administrator");
  ASSERT_TRUE(grant_role(environment(), {"bob", Role::administrator, id(), {}, {}, {}, {}}, "admin"));
  EXPECT_DENIED(revoke(Role::administrator, "admin"), "last administrator");  // bob's is for one CA
  ASSERT_TRUE(grant(Role::administrator, "carol"));
  EXPECT_TRUE(revoke(Role::administrator, "admin"));
  EXPECT_DENIED(revoke(Role::administrator, "carol", "carol"), "last administrator");
  const auto unknown = revoke(Role::manager, "nobody", "carol");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Errc::not_found);
}

TEST_F(Roles, SeparationRefusesThoseWhoHoldBothAndNamesThem) {
  const RoleRule separation{RoleRule::Kind::separation, 0, {}};
  EXPECT_DENIED(set_role_rule(environment(), separation, true, "admin"),
                "admin (administrator and manager), admin (administrator and auditor)");
  ASSERT_TRUE(grant(Role::manager, "mia"));
  ASSERT_TRUE(grant(Role::auditor, "otto"));
  ASSERT_TRUE(revoke(Role::manager, "admin"));
  ASSERT_TRUE(revoke(Role::auditor, "admin"));
  ASSERT_TRUE(set_role_rule(environment(), separation, true, "admin"));
  EXPECT_TRUE(table().separation());
  EXPECT_DENIED(grant(Role::manager, "admin"), "admin (administrator and manager)");
  EXPECT_DENIED(grant(Role::administrator, "mia"), "mia (administrator and manager)");
  EXPECT_DENIED(grant(Role::manager, "*"), "admin (administrator and manager)");
  // Through a group it shows only when somebody acts.
  ASSERT_TRUE(grant(Role::manager, "group:pki"));
  bench_.groups["admin"] = {"pki"};
  EXPECT_DENIED(publish_template(environment(), id(), "User", "admin"), "administrator and manager at once");
  EXPECT_DENIED(root_->approve(pending(), "admin"), "manager and administrator at once");
  bench_.groups.clear();
  EXPECT_TRUE(root_->approve(pending(), "mia"));
  EXPECT_TRUE(set_role_rule(environment(), separation, false, "admin"));
}

TEST_F(Roles, ImpossibleGrantsAreRefused) {
  for (const char* principal : {"", "two words", "group:", "a*", "tab\t"})
    EXPECT_FALSE(grant(Role::manager, principal)) << principal;
  EXPECT_FALSE(grant(Role::administrator, "bob", "WebServer"));
  EXPECT_FALSE(grant(Role::enroller, "bob", "", "lab-*"));
  EXPECT_FALSE(grant(Role::manager, "bob", "NoSuchTemplate"));
  EXPECT_FALSE(grant_role(environment(), {"bob", Role::auditor, id(), {}, {}, {}, {}}, "admin"));
  EXPECT_FALSE(grant_role(environment(), {"bob", Role::manager, 99, {}, {}, {}, {}}, "admin"));
  EXPECT_FALSE(role_from_name("boss"));
  EXPECT_EQ(table().grants().size(), 5u);
  EXPECT_TRUE(grant(Role::manager, "admin")) << "what is held already changes nothing";
  EXPECT_EQ(table().grants().size(), 5u);
}

TEST_F(Roles, ReadingNeedsTheRoleOrOneThatIncludesIt) {
  EXPECT_TRUE(snapshot_for_reading(environment(), "anybody"));
  ASSERT_TRUE(revoke(Role::reader, "*"));
  EXPECT_DENIED(snapshot_for_reading(environment(), "anybody"), "role reader");
  ASSERT_TRUE(grant(Role::auditor, "otto"));
  ASSERT_TRUE(grant(Role::manager, "mia", "WebServer"));
  EXPECT_TRUE(snapshot_for_reading(environment(), "otto"));
  EXPECT_TRUE(snapshot_for_reading(environment(), "mia"));
  EXPECT_TRUE(snapshot_for_reading(environment(), "admin"));
}

TEST_F(Roles, TheOwnerOfTheHomeCanBecomeAdministratorAgain) {
  ASSERT_TRUE(recover_administrator(environment(), "owner"));
  EXPECT_THAT(last_entry(), HasSubstr("owner role.recover principal owner done role=administrator"));
  EXPECT_TRUE(grant(Role::manager, "eve", {}, {}, "owner"));
}

TEST_F(Roles, TheHistoryOfRolesIsKept) {
  ASSERT_TRUE(grant(Role::manager, "bob"));
  ASSERT_TRUE(revoke(Role::manager, "bob"));
  ASSERT_TRUE(grant(Role::manager, "bob"));
  std::vector<bool> granted;
  const auto changes = bench_.database().snapshot().value()->role_changes().value();
  for (const store::RoleChange& change : changes)
    if (change.principal == "bob") granted.push_back(change.granted);
  EXPECT_THAT(granted, testing::ElementsAre(true, false, true));
  EXPECT_TRUE(root_->approve(pending(), "bob")) << "the cached table follows";
}

// Who may enroll, for one CA that is open all the while.
TEST_F(Roles, AnOpenAuthoritySeesChangesAtOnce) {
  EXPECT_EQ(submit("alice")->disposition, Disposition::pending);
  ASSERT_TRUE(revoke(Role::enroller, "*"));
  EXPECT_EQ(submit("alice")->disposition, Disposition::denied);
  ASSERT_TRUE(grant(Role::enroller, "alice"));
  EXPECT_EQ(submit("alice")->disposition, Disposition::pending);
}

}  // namespace
}  // namespace vouch::ca
