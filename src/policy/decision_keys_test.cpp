#include <gmock/gmock.h>

#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

using namespace testing_support;
using testing::HasSubstr;

KeyFacts::Use use_by(std::string_view subject) {
  return {5, x509::encode_name(x509::name_from_rfc4514(subject).value()), {}};
}

TEST(KeyRulesTest, TheSameSubjectMayRenewWithItsKey) {
  Asked asked;
  asked.question.key.certified = use_by("CN=www.example.com");
  const Decision d = asked.decide();
  ASSERT_EQ(d.action, Action::issue) << d.message;
  EXPECT_TRUE(std::ranges::any_of(
      d.trace, [](const TraceStep& s) { return s.rule == "key.reuse" && s.verdict == Verdict::passed; }));
}

TEST(KeyRulesTest, ATemplateMayLetSeveralSubjectsShareAKey) {
  Asked asked;
  asked.question.key.certified = use_by("CN=somebody else");
  EXPECT_EQ(asked.decide().reason, "key.reuse");
  asked.certificate_template.key_reuse = true;
  EXPECT_EQ(asked.decide().action, Action::issue);
}

// key_reuse is about subjects who share a key on purpose, not about keys that the world knows.
TEST(KeyRulesTest, KeyReuseDoesNotLetACompromisedKeyThrough) {
  Asked asked;
  asked.certificate_template.key_reuse = true;
  asked.question.key.compromised = use_by("CN=www.example.com");
  EXPECT_EQ(asked.decide().reason, "key.compromised");
}

TEST(KeyRulesTest, WithoutASubjectTheAlternativeNamesSayWhoItIs) {
  Asked asked;
  asked.subject = {};
  asked.question.key.certified = {5, {0x30, 0x00}, asked.extensions[0].value};
  EXPECT_EQ(asked.decide().action, Action::issue);
  asked.question.key.certified->subject_alt_name = san({"DNS:other.example.com"}).value;
  EXPECT_EQ(asked.decide().reason, "key.reuse");
}

TEST(KeyRulesTest, ExponentThreeWorksWhereTheTemplateTakesIt) {
  Asked asked;
  asked.key = rsa_key(2048, Buffer{0x03});
  asked.certificate_template.key.minimum_exponent = 3;
  EXPECT_EQ(asked.decide().action, Action::issue);
}

TEST(KeyRulesTest, ABrokenSignatureOfASoundKeyIsStillAProofThatFails) {
  Asked asked;
  asked.question.proof_of_possession = make_error(Errc::denied, "the signature does not fit");
  EXPECT_EQ(asked.decide().reason, "request.proof");
  asked.question.key.weakness = {crypto::KeyFlaw::small_factor, "a modulus divisible by 3"};
  EXPECT_EQ(asked.decide().reason, "request.proof");
}

}  // namespace
}  // namespace vouch::policy
