// Roles and the audit log at work.
#include "cli/test_commands.hpp"

namespace vouch::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

TEST_F(Commands, AManagerOfATemplateAnAuditorAndTheRestAreKeptApart) {
  set_up();
  must({"template", "publish", "--ca", "Root", "WebServer", "ClientAuth"});
  must({"role", "grant", "manager", "bob", "--template", "WebServer"});
  must({"role", "grant", "auditor", "otto"});
  shell_.user = "eve";
  EXPECT_EQ(vouch({"request", "submit", request("one"), "--ca", "Root", "--template", "WebServer"}).code, 3);
  EXPECT_EQ(vouch({"request", "submit", request("two"), "--ca", "Root", "--template", "ClientAuth"}).code, 3);
  const auto refused = [&](std::vector<std::string> words, std::string_view part) {
    const Ran ran = vouch(words);
    EXPECT_EQ(ran.code, 1) << testing::PrintToString(words) << testing::PrintToString(ran);
    EXPECT_THAT(ran.err, HasSubstr(part)) << testing::PrintToString(words);
  };
  const std::string first = "2", second = "3";  // request 1 was the subordinate's
  refused({"request", "approve", first, "--ca", "Root"}, "eve may not approve requests of CA 'Root'");
  shell_.user = "bob";
  refused({"request", "approve", second, "--ca", "Root"}, "role manager for template ClientAuth");
  must({"request", "approve", first, "--ca", "Root", "--out", shell_.path("one.pem")});
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"template", "set", "WebServer", "validity=300d"},
                                             {"template", "publish", "--ca", "Root", "User"},
                                             {"template", "withdraw", "--ca", "Root", "WebServer"},
                                             {"template", "remove", "User"},
                                             {"role", "grant", "administrator", "bob"},
                                             {"role", "revoke", "auditor", "otto"},
                                             {"role", "separation", "on"},
                                             {"ca", "init", "--name", "Bob's", "--kind", "root"}})
    refused(words, "role administrator, which alice has");
  refused({"audit", "show"}, "role auditor");
  shell_.user = "otto";
  EXPECT_THAT(must({"audit", "show", "--actor", "bob"}).out, ContainsRegex("bob +template.withdraw.*denied"));
  must({"audit", "verify"});
  must({"request", "list"});
  refused({"request", "approve", second, "--ca", "Root"}, "role manager");
  refused({"request", "deny", second, "--ca", "Root", "--reason", "no"}, "role manager");
  refused({"cert", "revoke", shell_.path("one.pem"), "--reason", "superseded"}, "role manager");
  refused({"template", "publish", "--ca", "Root", "User"}, "role administrator");
}

TEST_F(Commands, WhoAskedDoesNotApproveWhereFourEyesAreOn) {
  set_up();
  must({"template", "publish", "--ca", "Root", "WebServer"});
  must({"role", "four-eyes", "on", "--ca", "Root"});
  must({"role", "grant", "manager", "bob"});
  EXPECT_EQ(vouch({"request", "submit", request(), "--ca", "Root", "--template", "WebServer"}).code, 3);
  const Ran refused = vouch({"request", "approve", "2", "--ca", "Root"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("four eyes have to see it"));
  shell_.user = "bob";
  must({"request", "approve", "2", "--ca", "Root", "--out", shell_.path("web.pem")});
}

TEST_F(Commands, TheHeadIsSignedAfterChangesAndWithoutThePassphraseItIsSaid) {
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  const auto size = [&] { return *json({"audit", "verify"}).find("covered")->integer(); };
  const std::int64_t before = size();
  EXPECT_GT(before, 0);
  must({"template", "publish", "WebServer"});
  EXPECT_GT(size(), before);
  // Requests are too many for a head each.
  const std::int64_t published = size();
  EXPECT_EQ(vouch({"request", "submit", request(), "--template", "WebServer"}).code, 3);
  EXPECT_EQ(size(), published);
  shell_.variables["VOUCH_HOME"] = shell_.path("encrypted");
  shell_.variables["VOUCH_KEY_PASSPHRASE"] = "secret words";
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  shell_.variables.erase("VOUCH_KEY_PASSPHRASE");
  const Ran ran = must({"template", "publish", "WebServer"});
  EXPECT_THAT(ran.err, HasSubstr("the head of the audit log is not signed"));
}

}  // namespace
}  // namespace vouch::cli
