// Challenges at a running authority: each code is met once, and what is good is good once.
#include "ca/test_challenges.hpp"

#include <atomic>
#include <thread>

namespace vouch::ca {
namespace {

using store::ChallengeState;
using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace vouch::ca
