#include "policy/agent_right.hpp"

#include <gmock/gmock.h>

#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

using testing_support::Asked;

using testing::HasSubstr;

x509::Name name_of(std::string_view text) { return x509::name_from_rfc4514(text).value(); }

bool right_covers(std::vector<std::string> patterns, std::string_view subject,
                  const std::vector<std::string>& alternative_names = {}) {
  const AgentRight right{"CN=Agent,O=Example", "User", std::move(patterns)};
  EXPECT_TRUE(check_agent_right(right).has_value());
  std::vector<x509::GeneralName> names;
  for (const std::string& text : alternative_names)
    names.push_back(x509::GeneralName::from_text(text).value());
  const x509::Name who = subject.empty() ? x509::Name() : name_of(subject);
  return covers(right, x509::encode_name(name_of("CN=Agent,O=Example")), "User", who, names);
}

TEST(AgentRight, CoversSubjectsAttributeByAttribute) {
  EXPECT_TRUE(right_covers({"CN=*,OU=Staff,O=Example"}, "CN=Alice,OU=Staff,O=Example"));
  EXPECT_TRUE(right_covers({"CN=*,OU=Staff,O=Example"}, "CN=alice,OU=STAFF,O=example"));
  EXPECT_TRUE(right_covers({"CN=A*e,O=Example"}, "CN=Alice,O=Example"));
  EXPECT_TRUE(right_covers({"CN=*"}, "CN=anybody"));
  EXPECT_FALSE(right_covers({"CN=*,OU=Staff,O=Example"}, "CN=Alice,OU=Board,O=Example"));
  EXPECT_FALSE(right_covers({"CN=*,O=Example"}, "CN=Alice,OU=Board,O=Example"))
      << "another attribute between";
  EXPECT_FALSE(right_covers({"CN=*"}, "CN=Alice,O=Example"));
  EXPECT_FALSE(right_covers({"OU=*,O=Example"}, "CN=Alice,O=Example"));
  // A comma in a value is not the end of the attribute.
  EXPECT_FALSE(right_covers({"CN=*,OU=Staff,O=Example"}, "CN=x\\,OU=Staff,O=Example"));
  EXPECT_FALSE(right_covers({"CN=*,OU=Staff,O=Example"}, "CN=x+UID=1,OU=Staff,O=Example"));
}

TEST(AgentRight, CoversEachAlternativeNameOrNothing) {
  EXPECT_TRUE(right_covers({"CN=*", "UPN:*@corp.example"}, "CN=Alice", {"UPN:alice@corp.example"}));
  EXPECT_TRUE(right_covers({"DNS:*.example.com"}, "", {"DNS:a.example.com", "DNS:B.Example.COM"}));
  EXPECT_FALSE(right_covers({"CN=*"}, "CN=Alice", {"UPN:administrator@corp.example"}));
  EXPECT_FALSE(right_covers({"CN=*", "UPN:alice@corp.example"}, "CN=Alice",
                            {"UPN:alice@corp.example", "UPN:administrator@corp.example"}));
  EXPECT_FALSE(right_covers({"DNS:*.example.com"}, "CN=Alice", {"DNS:a.example.com"})) << "the subject";
  EXPECT_FALSE(right_covers({"DNS:*.example.com"}, "", {"email:x@a.example.com"}));
  EXPECT_FALSE(right_covers({"DNS:*.example.com"}, "", {"DNS:example.com"}));
  EXPECT_FALSE(right_covers({"CN=*"}, "")) << "a certificate for nobody";
}

TEST(AgentRight, CoversEverythingOnlyWhenItSaysSo) {
  EXPECT_TRUE(right_covers({"*"}, "CN=Alice,O=Example", {"UPN:alice@corp.example", "IP:192.0.2.1"}));
  EXPECT_TRUE(right_covers({"*"}, ""));
}

TEST(AgentRight, IsForOneAgentAndOneTemplate) {
  const AgentRight right{"CN=Agent,O=Example", "User", {"*"}};
  const auto covered = [&](const AgentRight& r, std::string_view agent, std::string_view template_name) {
    return covers(r, x509::encode_name(name_of(agent)), template_name, name_of("CN=x"), {});
  };
  EXPECT_TRUE(covered(right, "CN=Agent,O=Example", "User"));
  EXPECT_TRUE(covered(right, "CN=agent,O=EXAMPLE", "User")) << "names are compared as names";
  EXPECT_FALSE(covered(right, "CN=Agent,O=Other", "User"));
  EXPECT_FALSE(covered(right, "CN=Agent,O=Example", "SmartcardLogon"));
  EXPECT_FALSE(covered(right, "CN=Agent,O=Example", ""));
  EXPECT_TRUE(covered({"CN=Agent,O=Example", "*", {"*"}}, "CN=Agent,O=Example", "SmartcardLogon"));
}

TEST(AgentRight, SaysWhatIsWrongWithARight) {
  const auto message = [](const AgentRight& right) {
    const Status status = check_agent_right(right);
    return status ? std::string("fine") : std::string(status.error().message());
  };
  EXPECT_THAT(message({"Agent", "User", {"*"}}), HasSubstr("'Agent' is not the subject"));
  EXPECT_THAT(message({"", "User", {"*"}}), HasSubstr("is not the subject"));
  EXPECT_THAT(message({"CN=Agent", "", {"*"}}), HasSubstr("names no template"));
  EXPECT_THAT(message({"CN=Agent", "User", {}}), HasSubstr("does not say for whom"));
  EXPECT_THAT(message({"CN=Agent", "User", {"staff"}}), HasSubstr("'staff' is no pattern of subjects"));
  EXPECT_THAT(message({"CN=Agent", "User", {"NDS:x"}}),
              HasSubstr("'NDS:x' is no pattern of alternative names"));
  EXPECT_THAT(message({"CN=Agent", "User", {"DNS:"}}), HasSubstr("no pattern of alternative names"));
}

// A hostile pattern and text must not take exponential time.
TEST(AgentRight, MatchesInBoundedTime) {
  std::string pattern = "CN=", text = "CN=";
  for (int i = 0; i < 30; ++i) pattern += "a*";
  text += std::string(60, 'a') + "b";
  EXPECT_FALSE(right_covers({pattern + "c"}, text));
}

AuthorizedSignature agent(std::string_view subject) {
  AuthorizedSignature signer;
  signer.subject = x509::encode_name(name_of(subject));
  signer.serial = {1};
  signer.valid = true;
  signer.application_policies = {x509::oid::kMsCertificateRequestAgent};
  return signer;
}

TEST(AgentRules, RefuseAnAgentWithoutARight) {
  Asked asked;
  asked.question.signatures = {agent("CN=Agent,O=Example")};
  const Decision decision = asked.decide();
  EXPECT_EQ(decision.action, Action::deny);
  EXPECT_EQ(decision.reason, "signatures.agent");
  EXPECT_THAT(decision.message, HasSubstr("CN=Agent,O=Example"));
  EXPECT_THAT(decision.message, HasSubstr("template WebServer"));
  EXPECT_THAT(decision.message, HasSubstr("DNS:www.example.com"));
  EXPECT_THAT(decision.mend, HasSubstr("vouch enrollment-agent allow"));
}

TEST(AgentRules, LetAnAgentEnrolWithinHisRight) {
  Asked asked;
  asked.question.signatures = {agent("CN=Agent,O=Example")};
  asked.question.authority.agent_rights = {
      {"CN=Agent,O=Example", "WebServer", {"CN=*.example.com", "DNS:*.example.com"}}};
  EXPECT_EQ(asked.decide().action, Action::issue);
  asked.question.authority.agent_rights[0].names = {"CN=*.example.com", "DNS:*.example.org"};
  EXPECT_EQ(asked.decide().reason, "signatures.agent");
  asked.question.authority.agent_rights[0] = {"CN=Agent,O=Example", "User", {"*"}};
  EXPECT_EQ(asked.decide().reason, "signatures.agent");
}

// One agent's right does not help another who signs as well.
TEST(AgentRules, AskEveryAgent) {
  Asked asked;
  asked.question.signatures = {agent("CN=Agent,O=Example"), agent("CN=Other")};
  asked.question.authority.agent_rights = {{"CN=Agent,O=Example", "*", {"*"}}};
  EXPECT_THAT(asked.decide().message, HasSubstr("CN=Other"));
}

TEST(AgentRules, RefuseABrokenSignatureWhateverTheTemplate) {
  Asked asked;
  AuthorizedSignature signer = agent("CN=Agent,O=Example");
  signer.valid = false;
  signer.broken = true;
  signer.fault = "the content is not what was signed";
  asked.question.signatures = {signer};
  asked.question.authority.agent_rights = {{"CN=Agent,O=Example", "*", {"*"}}};
  const Decision decision = asked.decide();
  EXPECT_EQ(decision.reason, "signatures.intact");
  EXPECT_THAT(decision.message, HasSubstr("the content is not what was signed"));
}

}  // namespace
}  // namespace vouch::policy
