// A parent that is a service: what --parent may say, and the way from a request to its answer, between two
// homes. tests/cli/93-parent-service.sh has the same over TLS.
#include "cli/remote_parent.hpp"

#include <gmock/gmock.h>

#include "cli/test_cli.hpp"
#include "daemon/test_service.hpp"

namespace vouch::cli {
namespace {

using testing::AllOf, testing::HasSubstr, testing::Not;

TEST(ParentPlaceTest, IsAUrlAHostOrASocket) {
  const auto url = [](std::string_view text) { return parse_parent_place(text).value().url; };
  EXPECT_EQ(url("https://ca.example.test:9443"), "https://ca.example.test:9443");
  EXPECT_EQ(url("https://ca.example.test/"), "https://ca.example.test");
  EXPECT_EQ(url("ca.example.test"), "https://ca.example.test:8443");
  EXPECT_EQ(url("ca.example.test:9443"), "https://ca.example.test:9443");
  EXPECT_EQ(url("[2001:db8::1]"), "https://[2001:db8::1]:8443");
  EXPECT_EQ(url("[2001:db8::1]:9443"), "https://[2001:db8::1]:9443");
  const ParentPlace local = parse_parent_place("unix:/run/vouch.sock").value();
  EXPECT_EQ(local.unix_socket, "/run/vouch.sock");
  EXPECT_EQ(local.url, "http://localhost");
  for (const char* wrong :
       {"http://ca.example.test", "https://ca.example.test/api", "https://u@ca.example.test", "ftp://ca",
        "https://", "unix:run/vouch.sock", "a b", "ca.example.test?x"})
    EXPECT_EQ(parse_parent_place(wrong).error().code(), Errc::usage) << wrong;
}

Arguments given(std::initializer_list<std::pair<const char*, const char*>> options) {
  Arguments arguments;
  for (const auto& [name, value] : options) arguments.set(name, value);
  return arguments;
}

TEST(ParentPlaceTest, ANameIsAHostWhereACertificateSaysWhoAsks) {
  EXPECT_FALSE(is_remote_parent(given({})));
  EXPECT_FALSE(is_remote_parent(given({{"parent", "Root"}})));
  EXPECT_FALSE(is_remote_parent(given({{"parent", "/srv/vouch"}})));
  EXPECT_TRUE(is_remote_parent(given({{"parent", "https://ca"}})));
  EXPECT_TRUE(is_remote_parent(given({{"parent", "unix:/s"}})));
  EXPECT_TRUE(is_remote_parent(given({{"parent", "ca.example.test"}, {"parent-certificate", "a.pem"}})));
}

TEST(ParentPlaceTest, OptionsThatDoNotBelongTogetherAreNamed) {
  const auto refused = [](std::initializer_list<std::pair<const char*, const char*>> options) {
    const Status status = check_parent_options(given(options));
    return status ? std::string("nothing wrong") : status.error().report();
  };
  EXPECT_THAT(refused({{"parent-wait", "1m"}}), HasSubstr("--parent-wait goes with --parent"));
  EXPECT_THAT(refused({{"parent", "Root"}, {"parent-trust", "r.pem"}}), HasSubstr("that is a service"));
  EXPECT_THAT(refused({{"parent", "https://ca"}, {"parent-certificate", "a.pem"}}),
              HasSubstr("--parent-key is missing"));
  EXPECT_THAT(refused({{"parent", "unix:/s"}, {"parent-certificate", "a.pem"}}),
              HasSubstr("--parent-certificate goes with https"));
  EXPECT_THAT(refused({{"parent", "unix:/s"}, {"parent-wait", "soon"}}), HasSubstr("--parent-wait"));
  EXPECT_EQ(refused({{"parent", "unix:/s"}, {"parent-wait", "1m"}}), "nothing wrong");
}

class RemoteParentTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ca::init(parent_.environment(), parent_.root_options()));
    root_ = parent_.open("Test Root");
    ASSERT_TRUE(ca::publish_template(parent_.environment(), root_->record().id, "SubCA", "admin"));
    service_ = std::make_unique<daemon::RunningService>(parent_);
    place_ = "unix:" + service_->socket().string();
  }
  void grant(ca::Role role) {
    const Status done = ca::grant_role(parent_.environment(), {"tester", role, 0, {}, {}, {}, {}}, "admin");
    ASSERT_TRUE(done) << done.error().report();
  }
  Ran init(std::vector<std::string> more = {}) {
    std::vector<std::string> words{"ca",     "init",        "--name",   "Sub",
                                   "--kind", "subordinate", "--parent", place_};
    words.insert(words.end(), more.begin(), more.end());
    return shell_.run(words);
  }
  Ran install(std::vector<std::string> more = {}) {
    std::vector<std::string> words{"ca", "install", "--from-parent"};
    words.insert(words.end(), more.begin(), more.end());
    return shell_.run(words);
  }
  // Those for a CA: the service asks for certificates of its own, too.
  std::size_t requests() {
    store::RequestFilter filter;
    filter.template_name = "SubCA";
    return parent_.database().snapshot().value()->requests(filter)->size();
  }
  // The request that waits at the parent.
  store::RequestRecord waiting() {
    store::RequestFilter filter;
    filter.disposition = store::Disposition::pending;
    const auto page = parent_.database().snapshot().value()->requests(filter).value();
    EXPECT_EQ(page.size(), 1U);
    return page.empty() ? store::RequestRecord{} : page.front();
  }

  ca::TestBench parent_{ca::TestRoles::granted};
  std::unique_ptr<ca::LocalAuthority> root_;
  std::unique_ptr<daemon::RunningService> service_;
  std::string place_;
  Shell shell_;
};

TEST_F(RemoteParentTest, AnAdministratorOfTheParentIsSignedAtOnce) {
  grant(ca::Role::administrator);
  const Ran made = init({"--path-length", "0", "--validity", "90d"});
  EXPECT_EQ(made.code, 0) << testing::PrintToString(made);
  EXPECT_THAT(made.out, AllOf(HasSubstr("is set up"), HasSubstr("Root SHA-256:"), HasSubstr("2027-02-16")));
  EXPECT_THAT(shell_.run({"ca", "show"}).out,
              AllOf(HasSubstr("CN=Test Root"), HasSubstr("CA Test Root at " + place_)));
  store::RequestFilter for_cas;
  for_cas.template_name = "SubCA";
  const auto request = parent_.database().snapshot().value()->requests(for_cas)->front();
  EXPECT_EQ(request.requester, "tester (for alice)");
  EXPECT_EQ(shell_.run({"ca", "renew", "--new-key", "--parent", place_}).code, 0);
  EXPECT_THAT(shell_.run({"ca", "show"}).out, HasSubstr("V1.1, signs"));
}

TEST_F(RemoteParentTest, AnybodyElseWaitsForAnAdministratorThere) {
  const Ran made = init();
  EXPECT_EQ(made.code, 3) << testing::PrintToString(made);
  const auto request = waiting();
  EXPECT_THAT(made.out, AllOf(HasSubstr(fmt::format("request {} is pending", request.id)),
                              HasSubstr(fmt::format("vouch --ca 'Test Root' request approve {}", request.id)),
                              HasSubstr("vouch --ca 'Sub' ca install --from-parent")));
  EXPECT_EQ(request.template_name, "SubCA");
  EXPECT_EQ(install().code, 3);
  EXPECT_EQ(requests(), 1U) << "asking again is no new request";
  ASSERT_TRUE(root_->approve(request.id, "admin"));
  const Ran installed = install();
  EXPECT_EQ(installed.code, 0) << testing::PrintToString(installed);
  EXPECT_THAT(installed.out, HasSubstr("CA 'Sub' has its certificate"));
  EXPECT_THAT(install().err, HasSubstr("does not wait"));
}

TEST_F(RemoteParentTest, ADenialStaysUntilItIsHandedInOnceMore) {
  ASSERT_EQ(init().code, 3);
  ASSERT_TRUE(root_->deny(waiting().id, "admin", "call first"));
  for (int i = 0; i < 2; ++i) {
    const Ran denied = install();
    EXPECT_EQ(denied.code, 1);
    EXPECT_THAT(denied.err, AllOf(HasSubstr("call first"), HasSubstr("install --from-parent --again")));
  }
  EXPECT_EQ(requests(), 1U);
  EXPECT_EQ(install({"--again"}).code, 3);
  EXPECT_EQ(requests(), 2U);
  ASSERT_TRUE(root_->approve(waiting().id, "admin"));
  EXPECT_EQ(install().code, 0);
}

// What the parent's answer would have told was lost on the way: the next call finds the same request.
TEST_F(RemoteParentTest, ALostAnswerCostsNoSecondCertificate) {
  grant(ca::Role::administrator);
  ca::InitOptions options;
  options.name = "Sub";
  options.kind = store::AuthorityKind::subordinate;
  options.administrator = "alice";
  options.parent = ca::ParentRecord{place_, "Test Root", {}, {}, {}, 0, 1};
  {
    const auto home = ca::Home::open(shell_.home(), true).value();
    const auto database = store::sqlite::open(home.database(), {.create = true}).value();
    const ca::Environment here{home, *database, shell_.provider(), shell_.clock, {}};
    const auto made = ca::init(here, options);
    ASSERT_TRUE(made) << made.error().report();
    net::Fetcher fetcher{net::FetchSettings{}};
    api::RemoteAuthority remote(
        {.url = "http://localhost", .ca = "Test Root", .unix_socket = service_->socket().string()}, fetcher);
    const auto lost = remote.sign_subordinate(
        {.request = made->generation.request,
         .transaction = ca::transaction_of(shell_.provider(), *options.parent, made->generation.request)});
    ASSERT_TRUE(lost) << lost.error().report();
  }
  const Ran installed = install();
  EXPECT_EQ(installed.code, 0) << testing::PrintToString(installed);
  EXPECT_EQ(requests(), 1U);
}

TEST_F(RemoteParentTest, WhatCannotBeIsSaidBeforeAnythingIsMade) {
  const auto refused = [&](const Ran& ran, std::string_view part) {
    EXPECT_NE(ran.code, 0);
    EXPECT_THAT(ran.err, HasSubstr(part));
  };
  refused(init({"--path-length", "0"}), "--path-length is for administrators of the parent");
  refused(init({"--parent-ca", "Rood"}), "Rood");
  ASSERT_TRUE(ca::withdraw_template(parent_.environment(), root_->record().id, "SubCA", "admin"));
  refused(init(), "vouch --ca 'Test Root' template publish SubCA");
  ASSERT_TRUE(ca::revoke_role(parent_.environment(), {"*", ca::Role::enroller, 0, {}, {}, {}, {}}, "admin"));
  refused(init(), "vouch role grant enroller 'tester' --template SubCA");
  service_.reset();
  refused(init(), "is vouch serve running there");
  EXPECT_FALSE(fs::exists(shell_.home()));
  EXPECT_EQ(requests(), 0U);
}

TEST_F(RemoteParentTest, AParentThatMayHaveNoCaBelowItIsNotAsked) {
  grant(ca::Role::administrator);
  ca::InitOptions options = parent_.root_options("Last");
  options.kind = store::AuthorityKind::subordinate;
  const auto made = ca::init(parent_.environment(), options);
  ASSERT_TRUE(made) << made.error().report();
  ca::LocalAuthority::SubordinateOptions none_below;
  none_below.path_length = 0;
  const auto outcome = root_->sign_subordinate(made->generation.request, none_below, "admin");
  ASSERT_TRUE(outcome && !outcome->certificate.empty());
  ASSERT_TRUE(
      ca::install(parent_.environment(), "Last", outcome->certificate, root_->chain().value(), {}, "admin"));
  ASSERT_TRUE((*service_)->reload());
  EXPECT_THAT(init().err, HasSubstr("2 CAs live at"));
  const Ran refused = init({"--parent-ca", "Last"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("may have no CA below it"));
  EXPECT_FALSE(fs::exists(shell_.home()));
}

TEST_F(RemoteParentTest, InstallTakesAFileOrAsks) {
  EXPECT_THAT(shell_.run({"ca", "install"}).err, HasSubstr("or --from-parent"));
  EXPECT_THAT(shell_.run({"ca", "install", "a.pem", "--from-parent"}).err, HasSubstr("or --from-parent"));
  EXPECT_THAT(shell_.run({"ca", "install", "a.pem", "--again"}).err, HasSubstr("--again goes with"));
  ASSERT_EQ(shell_
                .run({"ca", "init", "--name", "Sub", "--kind", "subordinate", "--request-out",
                      shell_.path("sub.csr")})
                .code,
            0);
  EXPECT_THAT(install().err, HasSubstr("has asked no parent over its API"));
}

}  // namespace
}  // namespace vouch::cli
