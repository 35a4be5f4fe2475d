#include "api/submission.hpp"

#include "api/describe.hpp"
#include "base/pem.hpp"

namespace vouch::api {
namespace {

constexpr std::size_t kMaxTransaction = 128;
constexpr std::size_t kMaxChallenge = std::size_t{16} << 10;  // a bound one takes up to 8 KiB
constexpr std::size_t kMaxProofField = 512;
constexpr std::chrono::seconds kLongestGrace = std::chrono::days(3660);

// A key is its account's own, so that nobody gets the outcome of somebody else's.
std::string prefix_of(const Caller& caller) {
  return fmt::format("api:{}:", ca::principal_of(caller.account));
}

// Messages name the member that is wrong, never what it holds.
Result<std::optional<ca::ChallengeProof>> challenge_of(const Value& body) {
  const Value* given = body.find("challenge");
  if (!given || !given->members()) return std::optional<ca::ChallengeProof>();
  ca::ChallengeProof proof{Secret(text_member(*given, "secret")), text_member(*given, "profile"),
                           text_member(*given, "client"), text_member(*given, "transaction")};
  if (proof.secret.text().size() > kMaxChallenge)
    return make_error(Errc::malformed, "the body.challenge.secret is longer than {} octets", kMaxChallenge);
  for (const auto& [name, text] : {std::pair("profile", &proof.profile), std::pair("client", &proof.client),
                                   std::pair("transaction", &proof.transaction)})
    if (text->size() > kMaxProofField)
      return make_error(Errc::malformed, "the body.challenge.{} is longer than {} octets", name,
                        kMaxProofField);
  if (const std::string pem = text_member(*given, "renews"); !pem.empty()) {
    auto blocks = TRY(pem_or_der(as_bytes(pem), "CERTIFICATE", {"CERTIFICATE"})
                          .context("reading the body.challenge.renews"));
    if (blocks.size() != 1)
      return make_error(Errc::malformed, "the body.challenge.renews holds {} certificates", blocks.size());
    proof.renews = std::move(blocks.front().der);
  }
  if (const Value* grace = given->find("renewal_grace"); grace && grace->integer()) {
    proof.renewal_grace = std::chrono::seconds(*grace->integer());
    if (proof.renewal_grace < std::chrono::seconds(0) || proof.renewal_grace > kLongestGrace)
      return make_error(Errc::malformed, "the body.challenge.renewal_grace is no time up to {} days",
                        std::chrono::floor<std::chrono::days>(kLongestGrace).count());
  }
  return std::optional(std::move(proof));
}

Value describe(const ca::ChallengeProof& proof) {
  Value value;
  value.set("secret", proof.secret.text()).set("profile", proof.profile).set("client", proof.client);
  value.set("transaction", proof.transaction);
  if (!proof.renews.empty()) {
    value.set("renews", to_pem("CERTIFICATE", proof.renews));
    value.set("renewal_grace", std::int64_t{proof.renewal_grace.count()});
  }
  return value;
}

}  // namespace

Result<std::map<std::string, std::string>> attributes_of(const Value& body) {
  std::map<std::string, std::string> attributes;
  if (const Value* given = body.find("attributes"); given && given->members())
    for (const auto& [name, value] : *given->members()) {
      if (!value.text())
        return make_error(Errc::malformed, "the body.attributes.{} has to be a text and is {}", name,
                          value.kind());
      attributes[name] = *value.text();
    }
  return attributes;
}

Value describe_attributes(const std::map<std::string, std::string>& attributes) {
  Value value = Value::table();
  for (const auto& [name, text] : attributes) value.set(name, text);
  return value;
}

Result<Buffer> request_of(const Value& body) {
  const std::string pem = text_member(body, "request");
  auto blocks = TRY(
      pem_or_der(as_bytes(pem), "CERTIFICATE REQUEST",
                 {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "PKCS7", "CMS", "PKCS #7 SIGNED DATA"})
          .context("reading the body's request"));
  if (blocks.size() != 1)
    return make_error(Errc::malformed, "the body's request holds {} requests", blocks.size())
        .with_hint("send them one by one");
  return std::move(blocks.front().der);
}

Result<std::string> transaction_of(const Value& body, const Caller& caller) {
  const std::string key = text_member(body, "transaction");
  if (key.size() > kMaxTransaction)
    return make_error(Errc::malformed, "the body.transaction is longer than {} octets", kMaxTransaction);
  return key.empty() ? key : prefix_of(caller) + key;
}

Result<std::string> client_transaction_of(std::string_view name, const Caller& caller) {
  if (name.size() > kMaxTransaction)
    return make_error(Errc::malformed, "a client transaction is longer than {} octets", kMaxTransaction);
  return name.empty() ? std::string() : prefix_of(caller) + std::string(name);
}

std::string without_account(std::string_view transaction, const Caller& caller) {
  const std::string prefix = prefix_of(caller);
  return std::string(transaction.starts_with(prefix) ? transaction.substr(prefix.size()) : transaction);
}

Result<ca::Submission> submission_of(const Value& body, const Caller& caller) {
  ca::Submission submission;
  submission.request = TRY(request_of(body));
  submission.template_name = text_member(body, "template");
  submission.requester = caller.account;
  submission.attributes = TRY(attributes_of(body));
  submission.transaction = TRY(transaction_of(body, caller));
  submission.client_transaction = TRY(client_transaction_of(text_member(body, "client_transaction"), caller));
  submission.wait_for_approval = flag_of(body, "wait_for_approval");
  submission.approve = flag_of(body, "approve");
  submission.challenge = TRY(challenge_of(body));
  return submission;
}

Result<Answer> answer_of(const ca::Outcome& outcome) {
  Value value = TRY(describe(outcome));
  switch (outcome.disposition) {
    case ca::Disposition::pending:
    case ca::Disposition::issuing:
      return Answer(std::move(value), 202);
    case ca::Disposition::denied:
    case ca::Disposition::failed:
      return Answer(std::move(value), 422);
    default:
      return Answer(std::move(value));
  }
}

Value describe(const ca::Submission& submission, std::string_view ca) {
  Value value;
  value.set("ca", ca).set("request", to_pem("CERTIFICATE REQUEST", submission.request));
  value.set("template", submission.template_name)
      .set("attributes", describe_attributes(submission.attributes));
  if (!submission.transaction.empty()) value.set("transaction", submission.transaction);
  if (!submission.client_transaction.empty()) value.set("client_transaction", submission.client_transaction);
  if (submission.wait_for_approval) value.set("wait_for_approval", true);
  if (submission.approve) value.set("approve", true);
  if (submission.challenge) value.set("challenge", describe(*submission.challenge));
  return value;
}

Result<ca::Outcome> outcome_of(const Value& answer) {
  TRY(check_shape(answer, *find_schema("Outcome"), "the authority's answer"));
  ca::Outcome outcome;
  outcome.request = *answer.find("request")->integer();
  outcome.disposition = TRY(store::disposition_from_name(text_member(answer, "state")));
  if (const std::string pem = text_member(answer, "certificate"); !pem.empty())
    outcome.certificate =
        std::move(TRY(pem_or_der(as_bytes(pem), "CERTIFICATE", {"CERTIFICATE"})).front().der);
  outcome.message = text_member(answer, "message");
  outcome.reason = text_member(answer, "rule");
  outcome.expected = text_member(answer, "expected");
  outcome.received = text_member(answer, "received");
  outcome.mend = text_member(answer, "mend");
  for (const Value& note : *answer.find("notes")->list_items()) outcome.notes.push_back(*note.text());
  return outcome;
}

}  // namespace vouch::api
