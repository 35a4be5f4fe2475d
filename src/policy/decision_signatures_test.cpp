#include <gmock/gmock.h>

#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

using namespace testing_support;
using namespace x509::oid;
using testing::HasSubstr;

// A template whose requests an enrolment agent signs.
struct AskedByAgent : Asked {
  AskedByAgent() {
    use("ClientAuth");
    certificate_template.approval = false;
    certificate_template.signatures = {1, {kMsCertificateRequestAgent}, {}};
    question.signatures = {signer("CN=Agent", {kMsCertificateRequestAgent})};
    for (const char* agent : {"CN=Agent", "CN=Second Agent"})
      question.authority.agent_rights.push_back({agent, "ClientAuth", {"*"}});
  }
};

TEST(SignatureTest, AnAgentVouchesForTheNames) {
  AskedByAgent asked;
  ASSERT_TRUE(check_template(asked.certificate_template));
  const Decision d = asked.decide();
  EXPECT_EQ(d.action, Action::issue) << d.message;
}

// Any signature is not enough to take names to log on with from the request: its signer has to be somebody
// whose purpose it is.
TEST(SignatureTest, ASignerWithoutAPurposeDoesNotReplaceTheManager) {
  AskedByAgent asked;
  asked.certificate_template.signatures.application_policies.clear();
  EXPECT_EQ(asked.decide().reason, "names.logon");
}

TEST(SignatureTest, ASignatureThatDoesNotHoldIsNotCounted) {
  AskedByAgent asked;
  asked.question.signatures[0].valid = false;
  asked.question.signatures[0].fault = "the certificate is revoked";
  const Decision d = asked.decide();
  EXPECT_EQ(d.reason, "signatures.count");
  EXPECT_THAT(d.message, HasSubstr("received 0; 'CN=Agent'"));
  EXPECT_THAT(d.message, HasSubstr("the certificate is revoked"));
}

TEST(SignatureTest, WhoSignsTwiceIsOne) {
  AskedByAgent asked;
  asked.certificate_template.signatures.count = 2;
  asked.question.signatures.push_back(asked.question.signatures[0]);
  const Decision d = asked.decide();
  EXPECT_EQ(d.reason, "signatures.count");
  EXPECT_THAT(d.message, HasSubstr("signed twice"));
  asked.question.signatures[1] = signer("CN=Second Agent", {kMsCertificateRequestAgent});
  EXPECT_EQ(asked.decide().action, Action::issue);
}

TEST(SignatureTest, ASignerHasAllPurposesAndOneOfThePolicies) {
  AskedByAgent asked;
  asked.certificate_template.signatures.application_policies.push_back(kEmailProtection);
  EXPECT_EQ(asked.decide().reason, "signatures.purpose");
  asked.question.signatures[0].application_policies.push_back(kEmailProtection);
  EXPECT_EQ(asked.decide().action, Action::issue);
  asked.certificate_template.signatures.issuance_policies = {x509::Oid{1, 2, 3}, x509::Oid{1, 2, 4}};
  EXPECT_EQ(asked.decide().reason, "signatures.policy");
  asked.question.signatures[0].issuance_policies = {x509::Oid{1, 2, 4}};
  EXPECT_EQ(asked.decide().action, Action::issue);
}

TEST(SignatureTest, SignaturesDoNotReplaceTheApprovalThatATemplateWants) {
  AskedByAgent asked;
  asked.certificate_template.approval = true;
  EXPECT_EQ(asked.decide().reason, "template.approval");
}

// --- Renewal

struct Renewed : Asked {
  Renewed() {
    use("ClientAuth");
    extensions = {san({"email:alice@example.com"})};
    subject = x509::make_name({{kCommonName, "Alice"}});
    certificate_template.enrollment.renew_without_approval = true;
    AuthorizedSignature earlier = signer("CN=Alice", {kClientAuth});
    earlier.template_name = "ClientAuth";
    earlier.subject_alt_name = extensions[0].value;
    question.renews = earlier;
  }
};

TEST(RenewalTest, AnEarlierApprovalStillHolds) {
  Renewed asked;
  const Decision d = asked.decide();
  EXPECT_EQ(d.action, Action::issue) << d.message;
}

TEST(RenewalTest, AnEarlierApprovalHoldsForSignaturesToo) {
  Renewed asked;
  asked.certificate_template.signatures = {1, {kMsCertificateRequestAgent}, {}};
  EXPECT_EQ(asked.decide().action, Action::issue);
  asked.question.renews.reset();
  EXPECT_EQ(asked.decide().reason, "signatures.count");
}

TEST(RenewalTest, OtherNamesNeedANewApproval) {
  Renewed asked;
  asked.subject = x509::make_name({{kCommonName, "Administrator"}});
  Decision d = asked.decide();
  EXPECT_EQ(d.action, Action::pend);
  EXPECT_EQ(d.reason, "template.approval");
  Renewed other;
  other.extensions = {san({"email:administrator@example.com"})};
  EXPECT_EQ(other.decide().action, Action::pend);
}

TEST(RenewalTest, NeedsAValidCertificateOfThisTemplateFromHere) {
  for (void (*change)(AuthorizedSignature&) : {+[](AuthorizedSignature& a) { a.valid = false; },
                                               +[](AuthorizedSignature& a) { a.issued_by_this = false; },
                                               +[](AuthorizedSignature& a) { a.template_name = "WebServer"; },
                                               +[](AuthorizedSignature& a) { a.template_name.clear(); }}) {
    Renewed asked;
    change(*asked.question.renews);
    EXPECT_EQ(asked.decide().action, Action::pend);
  }
  Renewed asked;
  asked.certificate_template.enrollment.renew_without_approval = false;
  EXPECT_EQ(asked.decide().action, Action::pend) << "the template does not say so";
}

TEST(RenewalTest, ACertificateOfAReplacedTemplateCounts) {
  Renewed asked;
  asked.question.renews->template_name = "OldClientAuth";
  EXPECT_EQ(asked.decide().action, Action::pend);
  asked.certificate_template.supersedes = {"OldClientAuth"};
  EXPECT_EQ(asked.decide().action, Action::issue);
}

TEST(RenewalTest, DoesNotEmptyTheQueueOfAStandAloneCa) {
  Renewed asked;
  asked.question.authority.automatic_issuance = false;
  EXPECT_EQ(asked.decide().reason, "authority.queue");
}

TEST(SupersededTest, NewEnrolmentsEndAndRenewalsGoOn) {
  Asked asked;
  asked.question.superseded_by = "WebServer2";
  const Decision d = asked.decide();
  EXPECT_EQ(d.reason, "template.superseded");
  EXPECT_EQ(d.mend, "ask for template WebServer2");
  AuthorizedSignature earlier = signer("CN=www.example.com", {kServerAuth});
  earlier.template_name = "WebServer";
  asked.question.renews = earlier;
  EXPECT_EQ(asked.decide().action, Action::issue);
}

}  // namespace
}  // namespace vouch::policy
