// Challenges at a running authority: each code is met once, what is good is good once, and the text of a
// challenge is nowhere.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "ca/challenge_desk.hpp"
#include "ca/challenges.hpp"
#include "ca/settings/settings_change.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using store::ChallengeState;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAccount = "certificate:Device CA/RegistrationAuthority/CN=ra";

class ChallengeTest : public testing::Test {
 protected:
  void SetUp() override {
    InitOptions options = bench.root_options("Device CA");
    options.automatic_issuance = true;
    ASSERT_TRUE(init(bench.environment(), options));
    ASSERT_TRUE(publish_template(bench.environment(), 1, "WebServer", "admin"));
    ASSERT_TRUE(publish_template(bench.environment(), 1, "ScepDevice", "admin"));
    Grant manager;
    manager.principal = "bob";
    manager.role = Role::manager;
    ASSERT_DONE(grant_role(bench.environment(), manager, "admin"));
    open();
    MinterRights rights;
    rights.accounts = {"mdm"};
    rights.profiles = {"phones", "laptops"};
    rights.templates = {"WebServer", "ScepDevice"};
    rights.names = {"CN=*,O=Corp", "DNS:*.corp.example"};
    rights.sids = rights.passwords = true;
    ASSERT_DONE(
        add_minter(bench.environment(), kCa, "mdm", rights, {.type = crypto::KeyType::ed25519}, "admin"));
    ASSERT_DONE(
        set_challenge_duty(bench.environment(), kCa, {kAccount, {"phones", "laptops"}}, true, "admin"));
  }
  void open() { authority = bench.open(kCa); }
  static void ASSERT_DONE(const Status& status) { ASSERT_TRUE(status) << status.error().report(); }

  MintOrder order() {
    MintOrder order;
    order.profile = "phones";
    order.template_name = "WebServer";
    order.device = "device-7";
    order.subjects = {"CN=phone-7.corp.example,O=Corp"};
    order.required_names = {"DNS:phone-7.corp.example"};
    order.purposes = {"serverAuth"};
    return order;
  }
  Minted mint(const MintOrder& what, std::string_view account = "mdm") {
    auto minted = mint_challenge(bench.environment(), kCa, what, account);
    EXPECT_TRUE(minted) << minted.error().report();
    return std::move(*minted);
  }
  Minted mint() { return mint(order()); }
  Buffer request(const std::vector<x509::Extension>& more = {}) {
    return bench.request("CN=phone-7.corp.example,O=Corp", {"DNS:phone-7.corp.example"}, more);
  }
  Submission submission(Buffer der, std::string_view secret) {
    Submission s;
    s.request = std::move(der);
    s.template_name = "WebServer";
    s.requester = kAccount;
    s.challenge = ChallengeProof{Secret(std::string(secret)), "phones", "192.0.2.7", "tid-1"};
    return s;
  }
  Outcome submit(const Submission& s) {
    auto outcome = authority->submit(s);
    EXPECT_TRUE(outcome) << outcome.error().report();
    return std::move(*outcome);
  }
  Outcome submit(Buffer der, std::string_view secret) { return submit(submission(std::move(der), secret)); }
  // What the device's request under this challenge is refused for; "" when it has a certificate.
  std::string reason(Buffer der, std::string_view secret) {
    return reason(submission(std::move(der), secret));
  }
  std::string reason(const Submission& s) {
    const Outcome outcome = submit(s);
    EXPECT_EQ(outcome.certificate.empty(), !outcome.reason.empty()) << outcome.message;
    if (!outcome.reason.empty()) {
      EXPECT_EQ(outcome.disposition, Disposition::denied) << outcome.message;
    }
    return outcome.reason;
  }
  store::ChallengeRecord record(const Minted& minted) {
    return bench.database().snapshot().value()->challenge(minted.record.id).value();
  }
  // Everything that the audit log says.
  std::string audit_text() {
    std::string text;
    EXPECT_TRUE(bench.database().snapshot().value()->for_each_audit({}, [&](const store::AuditRecord& entry) {
      text += fmt::format("{} {} {} {} {}\n", entry.actor, entry.action, entry.object, entry.details,
                          entry.outcome);
      return ok();
    }));
    return text;
  }

  static constexpr const char* kCa = "Device CA";
  TestBench bench{TestRoles::granted};
  std::unique_ptr<LocalAuthority> authority;
};

x509::Extension sid_extension(std::string_view sid) {
  return x509::make_extension(x509::oid::kMsNtdsCaSecurity, false, x509::encode_sid(sid));
}

// --- what is good ---

TEST_F(ChallengeTest, ABoundChallengeIsGoodForOneRequestAndThatOneGetsTheSameCertificateAgain) {
  const Minted minted = mint();
  const Buffer der = request();
  const Outcome first = submit(der, minted.text.text());
  ASSERT_EQ(first.disposition, Disposition::issued) << first.message;
  const Outcome again = submit(der, minted.text.text());
  EXPECT_EQ(again.request, first.request);
  EXPECT_EQ(again.certificate, first.certificate);
  const auto row = record(minted);
  EXPECT_EQ(row.state, ChallengeState::issued);
  EXPECT_EQ(row.request, first.request);
  EXPECT_EQ(row.client, "192.0.2.7");
  // Another key with the same names: somebody has a copy.
  EXPECT_EQ(reason(request(), minted.text.text()), "ChallengeReused");
  EXPECT_THAT(audit_text(), HasSubstr(fmt::format("challenge.reuse challenge {}", minted.record.id)));
  EXPECT_EQ(record(minted).request, first.request);
}

TEST_F(ChallengeTest, OfManyDevicesWithOneChallengeOneGetsACertificate) {
  const Minted minted = mint();
  std::vector<Submission> all;
  for (int i = 0; i < 8; ++i) all.push_back(submission(request(), minted.text.text()));
  std::atomic<int> issued = 0, refused = 0;
  {
    std::vector<std::jthread> devices;
    for (const Submission& one : all)
      devices.emplace_back([&] {
        const auto outcome = authority->submit(one);
        if (outcome && outcome->disposition == Disposition::issued) ++issued;
        if (outcome && outcome->reason == "ChallengeReused") ++refused;
      });
  }
  EXPECT_EQ(issued, 1);
  EXPECT_EQ(refused, 7);
}

TEST_F(ChallengeTest, OneRequestManyTimesAtOnceIsOneCertificate) {
  const Minted minted = mint();
  const Submission one = submission(request(), minted.text.text());
  std::vector<Result<Outcome>> outcomes(16, Result<Outcome>(Outcome{}));
  {
    std::vector<std::jthread> threads;
    for (auto& outcome : outcomes) threads.emplace_back([&] { outcome = authority->submit(one); });
  }
  for (const auto& outcome : outcomes) {
    ASSERT_TRUE(outcome) << outcome.error().report();
    EXPECT_EQ(outcome->request, outcomes.front()->request);
  }
  EXPECT_EQ(bench.database().snapshot().value()->counts().value().certificates, 1U);
}

// The intent and the use of the challenge are one transaction: after a crash between intent and signature the
// certificate is finished, and the device that comes again gets it.
TEST_F(ChallengeTest, ACrashBetweenIntentAndSignatureLosesNothing) {
  const Minted minted = mint();
  const Buffer der = request();
  ASSERT_EQ(submit(request(), mint().text.text()).disposition, Disposition::issued);
  // Between the two the fence is written; where it cannot be, only the first is done.
  const fs::path fence = bench.home().fence() / "Device CA.log", kept = bench.home().folder() / "kept.log";
  fs::rename(fence, kept);
  fs::create_directory(fence);
  ASSERT_FALSE(authority->submit(submission(der, minted.text.text())));
  const auto row = record(minted);
  EXPECT_EQ(row.state, ChallengeState::issued);
  authority.reset();
  fs::remove(fence);
  fs::rename(kept, fence);
  bench.reopen();
  open();
  const Outcome again = submit(der, minted.text.text());
  EXPECT_EQ(again.request, row.request);
  EXPECT_EQ(again.disposition, Disposition::issued);
  EXPECT_FALSE(again.certificate.empty());
}

TEST_F(ChallengeTest, TheSidComesFromTheChallengeNeverFromTheRequest) {
  MintOrder with = order();
  with.sid = "S-1-5-21-1-2-3-1105";
  const Minted minted = mint(with);
  EXPECT_EQ(reason(request({sid_extension("S-1-5-21-1-2-3-500")}), minted.text.text()),
            "SecurityIdentifierMismatch");
  const Outcome issued = submit(request(), minted.text.text());
  ASSERT_EQ(issued.disposition, Disposition::issued) << issued.message;
  const auto certificate = x509::parse_certificate(issued.certificate).value();
  const auto* extension = certificate.find(x509::oid::kMsNtdsCaSecurity);
  ASSERT_NE(extension, nullptr);
  EXPECT_EQ(x509::parse_sid(extension->value).value(), "S-1-5-21-1-2-3-1105");
  // And none where there is none.
  const Minted bare = mint();
  EXPECT_EQ(reason(request({sid_extension("S-1-5-21-1-2-3-500")}), bare.text.text()),
            "SecurityIdentifierMismatch");
}

TEST_F(ChallengeTest, ValidityIsCutToWhatTheChallengeAllows) {
  MintOrder brief = order();
  brief.validity = Span{0, std::chrono::days(30)};
  const Outcome issued = submit(request(), mint(brief).text.text());
  ASSERT_EQ(issued.disposition, Disposition::issued) << issued.message;
  EXPECT_EQ(x509::parse_certificate(issued.certificate)->not_after, kTestNow + std::chrono::days(30));
}

// --- what is refused: each code once ---

TEST_F(ChallengeTest, EveryCodeIsMet) {
  const auto fresh = [&] { return mint(); };
  EXPECT_EQ(reason(request(), ""), "ChallengePasswordMissing");
  EXPECT_EQ(reason(request(), "VC1.%%"), "ChallengeDecodingError");
  std::string changed(fresh().text.text());
  changed[changed.size() - 9] = changed[changed.size() - 9] == 'A' ? 'B' : 'A';
  EXPECT_EQ(reason(request(), changed), "ChallengeDecryptionError");

  const Minted one = fresh();
  EXPECT_EQ(
      reason(bench.request("CN=phone-8.corp.example,O=Corp", {"DNS:phone-7.corp.example"}), one.text.text()),
      "SubjectNameMismatch");
  EXPECT_EQ(reason(bench.request("", {"DNS:phone-7.corp.example"}), one.text.text()), "SubjectNameMissing");
  EXPECT_EQ(reason(bench.request("CN=evil.corp.example,CN=phone-7.corp.example,O=Corp",
                                 {"DNS:phone-7.corp.example"}),
                   one.text.text()),
            "SubjectNameMismatch");
  EXPECT_EQ(reason(bench.request("CN=phone-7.corp.example,O=Corp",
                                 {"DNS:phone-7.corp.example", "DNS:dc1.corp.example"}),
                   one.text.text()),
            "SubjectAltNameMismatch");
  const Minted two = fresh();
  EXPECT_EQ(reason(bench.request("CN=phone-7.corp.example,O=Corp"), two.text.text()),
            "SubjectAltNameMissing");
  EXPECT_EQ(reason(request({x509::make_extension(x509::oid::kBasicConstraints, true,
                                                 x509::encode_basic_constraints({true, {}}))}),
                   two.text.text()),
            "ForbiddenExtension");
  EXPECT_EQ(reason(request({x509::make_extension(
                       x509::oid::kExtendedKeyUsage, false,
                       x509::encode_extended_key_usage({x509::oid::kServerAuth, x509::oid::kClientAuth}))}),
                   two.text.text()),
            "EnhancedKeyUsageMismatch");
  MintOrder narrow = order();
  narrow.usage = {"digitalSignature"};
  EXPECT_EQ(reason(request({x509::make_extension(x509::oid::kKeyUsage, true,
                                                 x509::encode_key_usage(x509::key_encipherment))}),
                   mint(narrow).text.text()),
            "KeyUsageMismatch");
  narrow = order();
  narrow.key_types = {"RSA"};
  EXPECT_EQ(reason(request(), mint(narrow).text.text()), "KeyLengthMismatch");
  narrow = order();
  narrow.hashes = {"sha512"};
  EXPECT_EQ(reason(request(), mint(narrow).text.text()), "HashAlgorithmMismatch");
  narrow = order();
  narrow.spki_sha256 = std::string(64, 'a');
  EXPECT_EQ(reason(request(), mint(narrow).text.text()), "RegisteredKeyMismatch");

  Submission elsewhere = submission(request(), fresh().text.text());
  elsewhere.challenge->profile = "laptops";
  EXPECT_EQ(reason(elsewhere), "ScepProfileNoLongerTargetedToTheClient");
  elsewhere = submission(request(), fresh().text.text());
  elsewhere.template_name = "ScepDevice";
  EXPECT_EQ(reason(elsewhere), "ScepProfileNoLongerTargetedToTheClient");

  bench.clock().advance(-std::chrono::hours(1));
  const Minted later = [&] {
    bench.clock().advance(std::chrono::hours(2));
    Minted minted = fresh();
    bench.clock().advance(-std::chrono::hours(1));
    return minted;
  }();
  EXPECT_EQ(reason(request(), later.text.text()), "ChallengeInvalidTimestamp");
  const Minted old = fresh();
  bench.clock().advance(std::chrono::days(7) + std::chrono::minutes(6));
  EXPECT_EQ(reason(request(), old.text.text()), "ChallengeExpired");
  const std::string log = audit_text();
  for (const char* code : {"ChallengePasswordMissing", "ChallengeDecryptionError", "SubjectNameMismatch",
                           "SubjectAltNameMismatch", "ChallengeExpired", "RegisteredKeyMismatch"})
    EXPECT_THAT(log, HasSubstr(std::string("rule=") + code));
}

TEST_F(ChallengeTest, ARefusalSaysWhatDiffered) {
  const Outcome refused = submit(
      bench.request("CN=phone-8.corp.example,O=Corp", {"DNS:phone-7.corp.example"}), mint().text.text());
  EXPECT_EQ(refused.reason, "SubjectNameMismatch");
  EXPECT_EQ(refused.expected, "CN=phone-7.corp.example,O=Corp");
  EXPECT_EQ(refused.received, "CN=phone-8.corp.example,O=Corp");
  EXPECT_FALSE(refused.mend.empty());
  EXPECT_THAT(audit_text(), HasSubstr("phone-8.corp.example"));
}

TEST_F(ChallengeTest, AfterFiveRefusedRequestsItIsOver) {
  const Minted minted = mint();
  // A device that asks again and again with one request makes one attempt.
  const Buffer stubborn = bench.request("CN=other.corp.example,O=Corp", {"DNS:phone-7.corp.example"});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(reason(stubborn, minted.text.text()), "SubjectNameMismatch");
  EXPECT_EQ(record(minted).failures, 1U);
  for (int i = 1; i < 5; ++i) {
    EXPECT_EQ(record(minted).state, ChallengeState::minted);
    EXPECT_EQ(reason(bench.request("CN=other.corp.example,O=Corp", {"DNS:phone-7.corp.example"}),
                     minted.text.text()),
              "SubjectNameMismatch");
  }
  EXPECT_EQ(record(minted).state, ChallengeState::failed);
  EXPECT_EQ(reason(request(), minted.text.text()), "ChallengeAttemptsExceeded");
}

TEST_F(ChallengeTest, WhatTheDatabaseDoesNotKnowIsWorthNothing) {
  (void)mint();  // so that the keys are older than the copy
  const fs::path copy = bench.home().folder() / "copy.db";
  ASSERT_DONE(bench.database().copy_to(copy));
  const Minted minted = mint();
  authority.reset();
  bench.close();
  for (const char* log : {"-wal", "-shm"}) fs::remove(bench.home().database().string() + log);
  fs::rename(copy, bench.home().database());
  bench.reopen();
  open();
  EXPECT_EQ(reason(request(), minted.text.text()), "BadCertificateRequestIdInChallenge");
}

// --- accounts that owe a challenge ---

TEST_F(ChallengeTest, AnAccountThatIsBoundHandsInNothingWithoutOne) {
  Submission bare = submission(request(), "");
  bare.challenge.reset();
  EXPECT_EQ(reason(bare), "ChallengePasswordMissing");
  bare.requester = std::string(kAccount) + " (for device-7)";
  EXPECT_EQ(reason(bare), "ChallengePasswordMissing");
  bare.requester = "alice";
  EXPECT_EQ(reason(bare), "");
  Submission foreign = submission(request(), mint().text.text());
  foreign.challenge->profile = "servers";  // not one of the account's
  EXPECT_EQ(reason(foreign), "ScepProfileNoLongerTargetedToTheClient");
  ASSERT_DONE(set_challenge_duty(bench.environment(), kCa, {kAccount, {}}, false, "admin"));
  bare.requester = kAccount;
  bare.request = bench.request("CN=a.corp.example", {"DNS:a.corp.example"});
  EXPECT_EQ(reason(bare), "");
}

TEST_F(ChallengeTest, WhoGivesAChallengeIsHeldToItWhoeverHeIs) {
  Submission s = submission(request(), "VC1.AAAA");
  s.requester = "alice";
  EXPECT_EQ(reason(s), "ChallengeDecodingError");
}

// --- renewals ---

TEST_F(ChallengeTest, ARenewalIsProvedByACertificateThatIsGood) {
  const Minted minted = mint();
  const Outcome first = submit(request(), minted.text.text());
  ASSERT_EQ(first.disposition, Disposition::issued) << first.message;
  const auto renewal = [&](std::string_view secret = "") {
    Submission s = submission(request(), secret);
    s.challenge->renews = first.certificate;
    return s;
  };
  EXPECT_EQ(reason(renewal()), "");
  EXPECT_EQ(reason(renewal(minted.text.text())), "");  // clients send the first challenge again
  EXPECT_EQ(reason(renewal("0123456789ABCDEF")), "ChallengePasswordMismatch");
  Submission other = renewal();
  other.request = bench.request("CN=phone-8.corp.example,O=Corp", {"DNS:phone-7.corp.example"});
  EXPECT_EQ(reason(other), "RenewalNameMismatch");
  other.request =
      bench.request("CN=phone-7.corp.example,O=Corp", {"DNS:phone-7.corp.example", "DNS:dc1.corp.example"});
  EXPECT_EQ(reason(other), "RenewalNameMismatch");
  other = renewal();
  other.template_name = "ScepDevice";
  EXPECT_EQ(reason(other), "RenewalNameMismatch");
  other = renewal();
  other.challenge->renews = authority->chain()->front();  // not one that the database has as issued
  EXPECT_EQ(reason(other), "RenewalCertificateUnknown");
  other.challenge->renews = {0x30, 0x00};
  EXPECT_EQ(reason(other), "RenewalCertificateUnknown");
  const auto certificate = x509::parse_certificate(first.certificate).value();
  ASSERT_DONE(authority->revoke(
      {to_buffer(x509::serial_octets(certificate.serial)), x509::CrlReason::superseded, {}}, "bob"));
  EXPECT_EQ(reason(renewal()), "RenewalCertificateRevoked");
  const Outcome second = submit(request(), mint().text.text());
  bench.clock().set(x509::parse_certificate(second.certificate)->not_after + std::chrono::seconds(1));
  other = renewal();
  other.challenge->renews = second.certificate;
  EXPECT_EQ(reason(other), "RenewalCertificateExpired");
  // The registration authority's word does not suffice: its binding bounds what its profiles may say.
  other.challenge->renewal_grace = std::chrono::days(20'000);
  EXPECT_EQ(reason(other), "RenewalCertificateExpired");
  const auto bind = [&](std::chrono::seconds grace) {
    return set_challenge_duty(bench.environment(), kCa, {kAccount, {"phones", "laptops"}, grace}, true,
                              "admin");
  };
  bench.clock().advance(std::chrono::days(2));
  ASSERT_DONE(bind(std::chrono::days(1)));
  EXPECT_EQ(reason(other), "RenewalCertificateExpired");
  ASSERT_DONE(bind(std::chrono::days(3)));
  other.challenge->renewal_grace = std::chrono::days(1);
  EXPECT_EQ(reason(other), "RenewalCertificateExpired");
  other.challenge->renewal_grace = std::chrono::days(5);
  EXPECT_EQ(reason(other), "");
  // Without a binding the profile's own word counts.
  other.requester = "scep:phones";
  other.request = request();
  bench.clock().advance(std::chrono::days(2));
  EXPECT_EQ(reason(other), "");
}

// --- a manager in between ---

TEST_F(ChallengeTest, ARequestThatWaitsHoldsItsChallengeAndGetsWhatItSays) {
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "approval", "true", "admin"));
  MintOrder with = order();
  with.sid = "S-1-5-21-1-2-3-1105";
  const Minted minted = mint(with);
  const Buffer der = request();
  const Outcome waiting = submit(der, minted.text.text());
  ASSERT_EQ(waiting.disposition, Disposition::pending) << waiting.message;
  EXPECT_EQ(record(minted).state, ChallengeState::claimed);
  EXPECT_EQ(submit(der, minted.text.text()).request, waiting.request);
  EXPECT_EQ(reason(request(), minted.text.text()), "ChallengeReused");
  const auto issued = authority->approve(waiting.request, "bob");
  ASSERT_TRUE(issued) << issued.error().report();
  EXPECT_EQ(record(minted).state, ChallengeState::issued);
  EXPECT_NE(x509::parse_certificate(issued->certificate)->find(x509::oid::kMsNtdsCaSecurity), nullptr);

  const Minted second = mint();
  const Outcome denied = submit(request(), second.text.text());
  ASSERT_TRUE(authority->deny(denied.request, "bob", "no"));
  EXPECT_EQ(record(second).state, ChallengeState::failed);

  const Minted third = mint();
  const Outcome cancelled = submit(request(), third.text.text());
  ASSERT_TRUE(cancel_challenges(bench.environment(), kCa, {.id = third.record.id}, "bob"));
  EXPECT_EQ(authority->approve(cancelled.request, "bob").error().code(), Errc::denied);
}

// The password is blanked out in what is kept, so its signature no longer fits; that it did is remembered.
TEST_F(ChallengeTest, WhatIsKeptOfARequestHasNoPasswordAndCanBeApproved) {
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "approval", "true", "admin"));
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  const auto key = bench.provider().generate({}).value();
  asn1::Writer password;
  password.string(asn1::Tag::printable_string, "correct horse battery");
  const Buffer name = x509::encode_name(x509::name_from_rfc4514("CN=phone-7.corp.example,O=Corp").value());
  const Buffer info = x509::encode_request_info(
      {name,
       key->public_key_info(),
       {x509::make_extension(x509::oid::kSubjectAltName, false,
                             x509::encode_general_names({x509::GeneralName::dns("phone-7.corp.example")}))},
       {{x509::oid::kChallengePassword, password.bytes()}}});
  const auto signer = key->signer(crypto::SignatureAlgorithm::ecdsa_sha256).value();
  const Buffer der = x509::encode_request(info, x509::encode(crypto::SignatureAlgorithm::ecdsa_sha256),
                                          signer->sign(info).value());
  Submission s = submission(der, "correct horse battery");
  s.transaction = "t";
  const Outcome waiting = submit(s);
  ASSERT_EQ(waiting.disposition, Disposition::pending) << waiting.message;
  const auto stored = bench.database().snapshot().value()->request(waiting.request).value();
  EXPECT_THAT(std::string(as_text(stored.request)), Not(HasSubstr("correct horse")));
  EXPECT_EQ(x509::challenge_password(x509::parse_request(stored.request).value()), "*********************");
  EXPECT_EQ(submit(s).request, waiting.request);  // the transaction is found all the same
  const auto issued = authority->approve(waiting.request, "bob");
  ASSERT_TRUE(issued) << issued.error().report();
  EXPECT_TRUE(equal(x509::parse_certificate(issued->certificate)->public_key_info, key->public_key_info()));
}

// --- passwords ---

TEST_F(ChallengeTest, AOneTimePasswordIsGoodForOneRequest) {
  const auto password = mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm");
  ASSERT_TRUE(password) << password.error().report();
  EXPECT_THAT(std::string(password->text.text()), testing::MatchesRegex("[0-9A-F]{16}"));
  EXPECT_EQ(password->record.expires_at, kTestNow + std::chrono::minutes(60));
  const Buffer der = request();
  EXPECT_EQ(reason(request({sid_extension("S-1-5-21-1-2-3-500")}), password->text.text()),
            "SecurityIdentifierMismatch");
  const Outcome first = submit(der, password->text.text());
  ASSERT_EQ(first.disposition, Disposition::issued) << first.message;
  EXPECT_EQ(submit(der, password->text.text()).certificate, first.certificate);
  EXPECT_EQ(reason(request(), password->text.text()), "ChallengeReused");
  const auto old = mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm");
  bench.clock().advance(std::chrono::minutes(61));
  EXPECT_EQ(reason(request(), old->text.text()), "ChallengeExpired");
}

TEST_F(ChallengeTest, WhoComesSecondAtTheSameTimeWasApprovedByNobody) {
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "approval", "true", "admin"));
  Grant manager;
  manager.principal = kAccount;
  manager.role = Role::manager;
  ASSERT_DONE(grant_role(bench.environment(), manager, "admin"));
  const Minted minted = mint();
  std::vector<Submission> both;
  for (int i = 0; i < 2; ++i) {
    both.push_back(submission(request(), minted.text.text()));  // each with a key of its own
    both.back().approve = true;
  }
  const auto outcomes = authority->submit(both);
  ASSERT_TRUE(outcomes[0] && outcomes[1]);
  EXPECT_EQ(outcomes[0]->disposition, Disposition::issued) << outcomes[0]->message;
  EXPECT_EQ(outcomes[1]->disposition, Disposition::denied) << outcomes[1]->message;
  const auto state = bench.database().snapshot().value();
  EXPECT_EQ(state->request(outcomes[0]->request)->resolver, kAccount);
  EXPECT_EQ(state->request(outcomes[1]->request)->resolver, "");
  const std::string second = fmt::format("request {} ", outcomes[1]->request);
  EXPECT_THAT(audit_text(), HasSubstr("request.submit " + second));
  EXPECT_THAT(audit_text(), Not(HasSubstr("request.approve " + second)));
}

TEST_F(ChallengeTest, SoManyPasswordsAreOpenAtOnce) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm"));
  EXPECT_EQ(mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm").error().code(),
            Errc::limit_exceeded);
  EXPECT_TRUE(mint_password(bench.environment(), kCa, {.profile = "laptops"}, "mdm"));
  bench.clock().advance(std::chrono::minutes(61));
  EXPECT_TRUE(mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm"));
}

TEST_F(ChallengeTest, ASinglePasswordServesEveryDeviceOfItsProfile) {
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  EXPECT_EQ(reason(request(), "correct horse battery"), "");
  EXPECT_EQ(reason(bench.request("CN=b.corp.example", {"DNS:b.corp.example"}), "correct horse battery"), "");
  EXPECT_EQ(reason(request(), "correct horse batter"), "ChallengePasswordMismatch");
  Submission elsewhere = submission(request(), "correct horse battery");
  elsewhere.challenge->profile = "laptops";
  EXPECT_EQ(reason(elsewhere), "ChallengePasswordMismatch");
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "another one entirely", "admin"));
  EXPECT_EQ(reason(request(), "correct horse battery"), "ChallengePasswordMismatch");
  EXPECT_EQ(reason(bench.request("CN=c.corp.example", {"DNS:c.corp.example"}), "another one entirely"), "");
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "", "admin"));
  EXPECT_EQ(reason(request(), "another one entirely"), "ChallengePasswordMismatch");
}

TEST_F(ChallengeTest, GuessesAreLimitedByAddressAndRecover) {
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(reason(request(), fmt::format("wrong password {}", i)), "ChallengePasswordMismatch");
  EXPECT_EQ(reason(request(), "correct horse battery"), "ChallengeGuessLimit");
  // Another address is not closed, nor are bound challenges, which nobody guesses.
  Submission elsewhere = submission(request(), "correct horse battery");
  elsewhere.challenge->client = "192.0.2.8";
  EXPECT_EQ(reason(elsewhere), "");
  EXPECT_EQ(reason(bench.request("CN=phone-7.corp.example,O=Corp", {"DNS:phone-7.corp.example"}),
                   mint().text.text()),
            "");
  bench.clock().advance(std::chrono::seconds(60));
  EXPECT_EQ(reason(bench.request("CN=d.corp.example", {"DNS:d.corp.example"}), "correct horse battery"), "");
  EXPECT_THAT(audit_text(), HasSubstr("rule=ChallengeGuessLimit"));
}

TEST_F(ChallengeTest, GuessesAreLimitedByProfileFromManyAddresses) {
  for (int i = 0; i < 100; ++i) {
    Submission s = submission(request(), fmt::format("wrong password {}", i));
    s.challenge->client = fmt::format("192.0.2.{}", i);
    EXPECT_EQ(reason(s), "ChallengePasswordMismatch");
  }
  Submission s = submission(request(), "wrong password");
  s.challenge->client = "198.51.100.1";
  EXPECT_EQ(reason(s), "ChallengeGuessLimit");
  s.challenge->profile = "laptops";
  EXPECT_EQ(reason(s), "ChallengePasswordMismatch");
}

// --- minters ---

TEST_F(ChallengeTest, AMinterMintsWhatItMay) {
  const auto refused = [&](const MintOrder& what, std::string_view account = "mdm") {
    const auto minted = mint_challenge(bench.environment(), kCa, what, account);
    if (minted) return std::string("it was minted");
    EXPECT_EQ(minted.error().code(), Errc::denied);
    return std::string(minted.error().message());
  };
  EXPECT_THAT(refused(order(), "alice"), HasSubstr("alice is no minter"));
  MintOrder what = order();
  what.profile = "servers";
  EXPECT_THAT(refused(what), HasSubstr("profile servers"));
  what = order();
  what.template_name = "SubCA";
  EXPECT_THAT(refused(what), HasSubstr("template SubCA"));
  what = order();
  what.subjects = {"CN=phone-7.corp.example,O=Other"};
  EXPECT_THAT(refused(what), HasSubstr("O=Other"));
  what = order();
  what.subjects.clear();  // the device could call itself anything
  EXPECT_THAT(refused(what), HasSubstr("any subject"));
  what = order();
  what.allowed_names = {"DNS:dc1.other.example"};
  EXPECT_THAT(refused(what), HasSubstr("dc1.other.example"));
  what = order();
  what.lifetime = Span{0, std::chrono::days(31)};
  EXPECT_THAT(refused(what), HasSubstr("a lifetime of"));
  EXPECT_THAT(audit_text(), HasSubstr("mdm challenge.mint profile servers"));
  EXPECT_TRUE(mint_challenge(bench.environment(), kCa, order(), "admin"));  // within the minter's rights
}

TEST_F(ChallengeTest, RightsThatAMinterLosesCountAgainstWhatItHasMinted) {
  const Minted minted = mint();
  MinterRights less = minters(*bench.database().snapshot().value(), 1)->front().rights;
  less.templates = {"ScepDevice"};
  ASSERT_DONE(change_minter(bench.environment(), kCa, "mdm", less, "admin"));
  const Outcome refused = submit(request(), minted.text.text());
  EXPECT_EQ(refused.reason, "SignatureValidationFailed");
  EXPECT_THAT(refused.received, HasSubstr("template WebServer"));
  ASSERT_DONE(take_minter_away(bench.environment(), kCa, "mdm", "admin"));
  EXPECT_EQ(reason(request(), minted.text.text()), "SignatureValidationFailed");
  EXPECT_EQ(mint_challenge(bench.environment(), kCa, order(), "mdm").error().code(), Errc::denied);
}

TEST_F(ChallengeTest, KeysRollOverWithOverlap) {
  MintOrder lasting = order();
  lasting.lifetime = Span{0, std::chrono::days(30)};
  const Minted before = mint(lasting);
  bench.clock().advance(std::chrono::days(5));
  ASSERT_DONE(renew_challenge_key(bench.environment(), kCa, "", "admin"));
  ASSERT_DONE(renew_challenge_key(bench.environment(), kCa, "mdm", "admin"));
  const Minted after = mint();
  EXPECT_NE(before.record.sealing_key, after.record.sealing_key);
  EXPECT_EQ(reason(request(), after.text.text()), "");
  EXPECT_EQ(reason(request(), before.text.text()), "");
  // By itself after ninety days; what has nothing left to open is wiped.
  bench.clock().advance(std::chrono::days(91));
  const Minted later = mint();
  EXPECT_NE(later.record.sealing_key, after.record.sealing_key);
  bench.clock().advance(std::chrono::days(8));
  (void)mint();
  std::size_t good = 0, wiped = 0;
  // Not in the for: it would be gone in the loop.
  const auto keys = bench.database().snapshot().value()->challenge_keys(1).value();
  for (const auto& key : keys) {
    if (!key.minter.empty()) continue;
    const bool there = fs::exists(bench.home().keys() / key.reference.substr(5));
    EXPECT_EQ(there, !key.removed_at.has_value());
    there ? ++good : ++wiped;
  }
  EXPECT_EQ(good, 1U);
  EXPECT_EQ(wiped, 2U);
}

TEST_F(ChallengeTest, CancelledByNumberDeviceAndProfile) {
  const Minted one = mint(), two = mint();
  MintOrder other = order();
  other.device = "device-8";
  const Minted three = mint(other);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.id = one.record.id}, "mdm").value(), 1U);
  EXPECT_EQ(reason(request(), one.text.text()), "ScepProfileNoLongerTargetedToTheClient");
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.device = "device-7"}, "bob").value(), 1U);
  EXPECT_EQ(record(two).state, ChallengeState::cancelled);
  EXPECT_EQ(record(three).state, ChallengeState::minted);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.profile = "phones"}, "bob").value(), 1U);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.profile = "phones"}, "bob").error().code(),
            Errc::not_found);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {}, "bob").error().code(), Errc::usage);
}

TEST_F(ChallengeTest, TheTextOfAChallengeIsNowhere) {
  const Minted minted = mint();
  (void)submit(request(), minted.text.text());
  const auto password = mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm");
  (void)submit(bench.request("CN=b.corp.example", {"DNS:b.corp.example"}), password->text.text());
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  (void)submit(bench.request("CN=c.corp.example", {"DNS:c.corp.example"}), "correct horse battery");
  (void)submit(request(), "a wrong password, still a secret");
  authority.reset();
  bench.close();
  std::string everything;
  for (const auto& entry : fs::recursive_directory_iterator(bench.home().folder()))
    if (entry.is_regular_file())
      everything += as_text(read_file(entry.path(), std::size_t{64} << 20).value());
  for (const std::string_view secret :
       {minted.text.text().substr(4, 40), password->text.text(), std::string_view("correct horse"),
        std::string_view("still a secret")})
    EXPECT_THAT(everything, Not(HasSubstr(secret)));
  EXPECT_THAT(everything, HasSubstr("device-7"));
}

TEST_F(ChallengeTest, AnOrderIsReadFromJson) {
  const auto order =
      mint_order_of(parse_json(R"({"profile": "phones", "template": "Device", "names": ["DNS:a.b"],
      "subjects": ["CN=a"], "key_usage": ["digitalSignature"], "purposes": ["clientAuth"], "lifetime": "1d",
      "android": {"os_version": 9, "encryption": "full-disk", "pin_set": false, "dedicated": true}})")
                        .value());
  ASSERT_TRUE(order) << order.error().report();
  EXPECT_EQ(order->lifetime, (Span{0, std::chrono::days(1)}));
  EXPECT_THAT(challenge::pin_warning(order->android), HasSubstr("dedicated"));
  EXPECT_THAT(mint_order_of(parse_json(R"({"profil": "x"})").value()).error().hint(), HasSubstr("profile"));
  EXPECT_FALSE(mint_order_of(parse_json(R"({"android": {"encryption": "rot13"}})").value()));
  EXPECT_FALSE(mint_order_of(parse_json(R"({"names": "DNS:a"})").value()));
}

}  // namespace
}  // namespace vouch::ca
