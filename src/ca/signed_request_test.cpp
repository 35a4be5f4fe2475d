#include "ca/signed_request.hpp"

#include <gmock/gmock.h>

#include "ca/settings/agent_rights.hpp"
#include "ca/test_fixture.hpp"
#include "cms/cmc.hpp"
#include "cms/signed_data.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

// A key with a certificate.
struct Identity {
  std::unique_ptr<crypto::PrivateKey> key;
  Buffer certificate;
  std::unique_ptr<crypto::Signer> signer() const {
    const auto info = x509::parse_public_key_info(key->public_key_info()).value();
    return key->signer(crypto::signature_algorithm_for({info.type, info.bits, false}, {}).value()).value();
  }
};

class SignedRequest : public testing::Test {
 protected:
  SignedRequest() {
    authority_ = bench_.make_root();
    publish("WebServer");
    publish("ExchangeEnrollmentAgentOffline");
    agent_ = issue("ExchangeEnrollmentAgentOffline", "CN=Agent,O=Example", {});
  }

  void publish(const std::string& name) {
    ASSERT_TRUE(bench_.database().commit(
        [&](store::Transaction& t) { return t.publish_template(authority_->record().id, name); }));
  }
  // Through the queue: a certificate manager says yes.
  Identity issue(const std::string& template_name, std::string_view subject,
                 const std::vector<std::string>& san) {
    Identity out;
    out.key = bench_.provider().generate({}).value();
    Submission submission;
    submission.request = bench_.request_with(*out.key, subject, san);
    submission.template_name = template_name;
    submission.requester = "somebody";
    auto outcome = authority_->submit(submission);
    if (outcome && outcome->disposition == Disposition::pending)
      outcome = authority_->approve(outcome->request, "manager");
    EXPECT_TRUE(outcome && outcome->disposition == Disposition::issued)
        << (outcome ? outcome->message : outcome.error().report());
    if (outcome) out.certificate = outcome->certificate;
    return out;
  }
  Buffer wrap(const x509::Oid& type, Bytes content, const Identity& by, bool with_certificate = true) {
    const auto signer = by.signer();
    cms::SignerInput input;
    input.signer = signer.get();
    input.identifier = cms::identifier_of(x509::parse_certificate(by.certificate).value());
    cms::SignedDataInput message;
    message.content_type = type;
    message.content = content;
    if (with_certificate) message.certificates = {by.certificate};
    return cms::encode_signed_data(bench_.provider(), message, std::span(&input, 1)).value();
  }
  Buffer wrap(Bytes content, const Identity& by) { return wrap(cms::oid::kData, content, by); }
  Buffer request(const crypto::PrivateKey& key, std::string_view subject = "CN=www.example.test") {
    return bench_.request_with(key, subject, {"DNS:www.example.test"});
  }
  Outcome submit(Buffer request) {
    Submission submission;
    submission.request = std::move(request);
    submission.template_name = "WebServer";
    submission.requester = "agent";
    const auto outcome = authority_->submit(submission);
    EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().report());
    return outcome.value_or(Outcome());
  }
  // What is found about the signers of a message.
  RequestSigners judged(Bytes message, std::string_view template_name = "WebServer") {
    const auto opened = open_request(message).value();
    const auto view = x509::parse_request(opened.request).value();
    const auto snapshot = bench_.database().snapshot().value();
    auto signers = judge_signers(bench_.provider(), *snapshot, authority_->record().id, template_name, opened,
                                 view, bench_.clock().now());
    EXPECT_TRUE(signers.has_value()) << (signers ? "" : signers.error().report());
    return signers.value_or(RequestSigners());
  }
  policy::AuthorizedSignature only(Bytes message) {
    const RequestSigners signers = judged(message);
    EXPECT_EQ(signers.signatures.size(), 1u);
    return signers.signatures.empty() ? policy::AuthorizedSignature() : signers.signatures.front();
  }
  void allow(std::vector<std::string> names) {
    ASSERT_TRUE(allow_agent(bench_.environment(), "Test Root",
                            {"CN=Agent,O=Example", "WebServer", std::move(names)}, "administrator"));
    authority_ = bench_.open("Test Root");
  }

  TestBench bench_;
  std::unique_ptr<LocalAuthority> authority_;
  Identity agent_;
  std::unique_ptr<crypto::PrivateKey> key_ = bench_.provider().generate({}).value();
};

TEST_F(SignedRequest, OpensEachKindOfMessage) {
  const Buffer pkcs10 = request(*key_);
  EXPECT_EQ(open_request(pkcs10).value().request, pkcs10);
  EXPECT_TRUE(open_request(pkcs10).value().messages.empty());

  const Buffer pkcs7 = wrap(pkcs10, agent_);
  EXPECT_EQ(open_request(pkcs7).value().request, pkcs10);
  EXPECT_EQ(open_request(pkcs7).value().messages, std::vector<Buffer>{pkcs7});

  cms::PkiDataInput data;
  data.requests.push_back({1, pkcs10});
  const Buffer cmc = wrap(cms::oid::kPkiData, cms::encode_pki_data(data), agent_);
  EXPECT_EQ(open_request(cmc).value().request, pkcs10);
  EXPECT_EQ(open_request(wrap(cmc, agent_)).value().request, pkcs10) << "CMC in PKCS #7";
  EXPECT_EQ(open_request(wrap(cmc, agent_)).value().messages.size(), 2u);
}

TEST_F(SignedRequest, RefusesMessagesThatCarryNoOneRequest) {
  const Buffer pkcs10 = request(*key_);
  const auto code = [](Bytes message) {
    const auto opened = open_request(message);
    return opened ? Errc::internal : opened.error().code();
  };
  cms::PkiDataInput data;
  EXPECT_EQ(code(wrap(cms::oid::kPkiData, cms::encode_pki_data(data), agent_)), Errc::unsupported);
  data.requests.assign(2, {1, pkcs10});
  EXPECT_EQ(code(wrap(cms::oid::kPkiData, cms::encode_pki_data(data), agent_)), Errc::unsupported);
  EXPECT_EQ(code(wrap(cms::oid::kPkiResponse, pkcs10, agent_)), Errc::unsupported);
  EXPECT_EQ(code(cms::encode_certificates_only({agent_.certificate})), Errc::malformed) << "nobody signed";
  Buffer deep = pkcs10;
  for (int i = 0; i < 5; ++i) deep = wrap(deep, agent_);
  EXPECT_EQ(code(deep), Errc::limit_exceeded);
  const Buffer noise = wrap(as_bytes("no request"), agent_);
  EXPECT_FALSE(x509::parse_request(open_request(noise).value().request).has_value());
}

TEST_F(SignedRequest, DescribesTheSigner) {
  const auto signer = only(wrap(request(*key_), agent_));
  EXPECT_TRUE(signer.valid) << signer.fault;
  EXPECT_FALSE(signer.broken);
  EXPECT_TRUE(signer.issued_by_this);
  EXPECT_EQ(x509::to_rfc4514(signer.subject).value(), "CN=Agent,O=Example");
  EXPECT_EQ(signer.template_name, "ExchangeEnrollmentAgentOffline");
  EXPECT_THAT(signer.application_policies, testing::Contains(x509::oid::kMsCertificateRequestAgent));
}

TEST_F(SignedRequest, FindsWhatIsWrongWithASigner) {
  const Buffer message = wrap(request(*key_), agent_);
  const auto fault = [&](Bytes der) {
    const auto signer = only(der);
    EXPECT_FALSE(signer.valid);
    return signer.fault;
  };
  // Foreign: the same names and purposes, signed by nobody here.
  Identity foreign;
  foreign.key = bench_.provider().generate({}).value();
  const auto own = x509::parse_certificate(agent_.certificate).value();
  const x509::TbsTemplate encoder(foreign.signer()->algorithm(), own.issuer, {});
  const Buffer tbs = encoder.fill(
      {own.serial, own.not_before, own.not_after, own.subject, foreign.key->public_key_info(), {}});
  foreign.certificate = x509::encode_certificate(tbs, x509::encode(foreign.signer()->algorithm()),
                                                 foreign.signer()->sign(tbs).value());
  EXPECT_THAT(fault(wrap(request(*key_), foreign)), HasSubstr("not issued by a CA here"));

  EXPECT_THAT(fault(wrap(cms::oid::kData, request(*key_), agent_, false)), HasSubstr("no certificate"));

  const Time now = bench_.clock().now();
  bench_.clock().set(own.not_after + std::chrono::seconds(1));
  EXPECT_THAT(fault(message), HasSubstr("expired"));
  bench_.clock().set(own.not_before - std::chrono::seconds(1));
  EXPECT_THAT(fault(message), HasSubstr("valid from"));
  bench_.clock().set(now);
  EXPECT_TRUE(only(message).valid);

  ASSERT_TRUE(authority_->revoke(
      {to_buffer(x509::serial_octets(own.serial)), x509::CrlReason::certificate_hold, {}}, "manager"));
  EXPECT_THAT(fault(message), HasSubstr("revoked (certificateHold)"));
  ASSERT_TRUE(authority_->release(x509::serial_octets(own.serial), "manager"));
  EXPECT_TRUE(only(message).valid);
}

TEST_F(SignedRequest, KnowsSignersOfAnotherCaInThisHome) {
  const auto other = bench_.make_root("Other Root");
  const Buffer message = wrap(request(*key_), agent_);
  const auto opened = open_request(message).value();
  const auto view = x509::parse_request(opened.request).value();
  const auto snapshot = bench_.database().snapshot().value();
  const auto signers = judge_signers(bench_.provider(), *snapshot, other->record().id, "WebServer", opened,
                                     view, bench_.clock().now())
                           .value();
  ASSERT_EQ(signers.signatures.size(), 1u);
  EXPECT_TRUE(signers.signatures[0].valid) << signers.signatures[0].fault;
  EXPECT_FALSE(signers.signatures[0].issued_by_this);
}

TEST_F(SignedRequest, LeavesOutTheRequestsOwnSignature) {
  // As Windows sends CMC: signed by the request's key, named by its identifier, without a certificate.
  Identity own;
  own.key = bench_.provider().generate({}).value();
  const Buffer pkcs10 = request(*own.key);
  cms::PkiDataInput data;
  data.requests.push_back({1, pkcs10});
  const Buffer content = cms::encode_pki_data(data);
  const auto signer = own.signer();
  const Buffer identifier = crypto::key_identifier(bench_.provider(), own.key->public_key_info()).value();
  cms::SignerInput input;
  input.signer = signer.get();
  input.identifier.key_identifier = identifier;
  cms::SignedDataInput message;
  message.content_type = cms::oid::kPkiData;
  message.content = content;
  const Buffer cmc = cms::encode_signed_data(bench_.provider(), message, std::span(&input, 1)).value();
  EXPECT_TRUE(judged(cmc).signatures.empty());
  EXPECT_EQ(submit(cmc).disposition, Disposition::pending) << "as the request alone";
}

TEST_F(SignedRequest, TakesTheEarlierCertificateForARenewal) {
  const Identity earlier = issue("WebServer", "CN=www.example.test", {"DNS:www.example.test"});
  const RequestSigners signers = judged(wrap(request(*key_), earlier));
  EXPECT_TRUE(signers.signatures.empty());
  ASSERT_TRUE(signers.renews.has_value());
  EXPECT_TRUE(signers.renews->valid) << signers.renews->fault;
  EXPECT_EQ(signers.renews->template_name, "WebServer");
  EXPECT_FALSE(judged(wrap(request(*key_, "CN=other.example.test"), earlier)).renews.has_value())
      << "another subject";
  EXPECT_FALSE(judged(wrap(request(*key_), earlier), "User").renews.has_value()) << "another template";
  EXPECT_FALSE(judged(wrap(request(*key_), agent_)).renews.has_value()) << "an agent";
}

TEST_F(SignedRequest, NeedsARightForTheAgent) {
  const Buffer message = wrap(request(*key_), agent_);
  const Outcome refused = submit(message);
  EXPECT_EQ(refused.disposition, Disposition::denied);
  EXPECT_EQ(refused.reason, "signatures.agent");
  allow({"CN=*.example.test", "DNS:*.example.test"});
  EXPECT_EQ(submit(message).disposition, Disposition::pending);
  // The message is kept as it came, and judged again when it is approved.
  Outcome pending = submit(message);
  const auto snapshot = bench_.database().snapshot().value();
  EXPECT_EQ(snapshot->request(pending.request).value().request, message);
  const auto issued = authority_->approve(pending.request, "manager");
  ASSERT_TRUE(issued.has_value()) << issued.error().report();
  EXPECT_EQ(issued->disposition, Disposition::issued);
  const auto certificate = x509::parse_certificate(issued->certificate).value();
  EXPECT_TRUE(equal(certificate.public_key_info, key_->public_key_info()));

  pending = submit(message);
  ASSERT_TRUE(forbid_agent(bench_.environment(), "Test Root", "CN=Agent,O=Example", "", "administrator"));
  authority_ = bench_.open("Test Root");
  EXPECT_EQ(authority_->approve(pending.request, "manager").error().code(), Errc::denied);
}

TEST_F(SignedRequest, RefusesATamperedMessage) {
  allow({"*"});
  const Buffer pkcs10 = request(*key_);
  Buffer message = wrap(pkcs10, agent_);
  // Another, valid request in place of the one that was signed.
  const auto second = bench_.provider().generate({}).value();
  Buffer other = request(*second);
  // ECDSA signatures differ in length now and then.
  for (int i = 0; i < 200 && other.size() != pkcs10.size(); ++i) other = request(*second);
  ASSERT_EQ(other.size(), pkcs10.size());
  const auto found = std::search(message.begin(), message.end(), pkcs10.begin(), pkcs10.end());
  ASSERT_NE(found, message.end());
  std::ranges::copy(other, found);
  const Outcome outcome = submit(message);
  EXPECT_EQ(outcome.disposition, Disposition::denied);
  EXPECT_EQ(outcome.reason, "signatures.intact");
  EXPECT_THAT(outcome.message, HasSubstr("digest differs"));
}

TEST_F(SignedRequest, OnlyAnAdministratorGivesRights) {
  TestBench bench(TestRoles::granted);
  bench.make_root("Guarded");
  const policy::AgentRight right{"CN=Agent", "User", {"*"}};
  const Status refused = allow_agent(bench.environment(), "Guarded", right, "mallory");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::denied);
  ASSERT_TRUE(allow_agent(bench.environment(), "Guarded", right, "admin"));
  EXPECT_EQ(forbid_agent(bench.environment(), "Guarded", "CN=Agent", "", "mallory").error().code(),
            Errc::denied);
}

TEST_F(SignedRequest, RightsAreKeptAndAudited) {
  allow({"CN=*,O=Example"});
  const auto rights = [&] {
    return agent_rights(*bench_.database().snapshot().value(), "Test Root").value();
  };
  ASSERT_EQ(rights().size(), 1u);
  EXPECT_EQ(rights()[0].names, std::vector<std::string>{"CN=*,O=Example"});
  EXPECT_EQ(allow_agent(bench_.environment(), "Test Root", rights()[0], "administrator").error().code(),
            Errc::conflict);
  EXPECT_EQ(allow_agent(bench_.environment(), "Test Root", {"CN=Agent", "User", {}}, "administrator")
                .error()
                .code(),
            Errc::usage);
  EXPECT_EQ(forbid_agent(bench_.environment(), "Test Root", "CN=Agent,O=Example", "User", "administrator")
                .error()
                .code(),
            Errc::not_found);
  EXPECT_EQ(
      forbid_agent(bench_.environment(), "Test Root", "CN=agent,O=example", "WebServer", "administrator")
          .value(),
      1u);
  EXPECT_TRUE(rights().empty());
  std::vector<std::string> actions;
  const auto snapshot = bench_.database().snapshot().value();
  store::AuditFilter filter;
  filter.action = "agent.*";
  ASSERT_TRUE(snapshot->for_each_audit(filter, [&](const store::AuditRecord& record) {
    actions.push_back(record.action + " by " + record.actor);
    return ok();
  }));
  EXPECT_THAT(actions, testing::ElementsAre("agent.allow by administrator", "agent.forbid by administrator"));
}

}  // namespace
}  // namespace vouch::ca
