#include "ca/local_authority.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LocalAuthorityTest : public testing::Test {
 protected:
  void SetUp() override {
    authority = bench.make_root();
    ASSERT_TRUE(authority);
    publish("WebServer");
  }
  void publish(std::string_view name) {
    const auto done = publish_template(bench.environment(), authority->record().id, name);
    ASSERT_TRUE(done) << done.error().report();
  }
  Submission submission(std::string_view subject = "CN=www.example.com",
                        const std::vector<std::string>& san = {"DNS:www.example.com"}) {
    Submission s;
    s.request = bench.request(subject, san);
    s.template_name = "WebServer";
    s.requester = "alice";
    return s;
  }
  Outcome issue(std::string_view subject = "CN=www.example.com",
                const std::vector<std::string>& san = {"DNS:www.example.com"}) {
    auto pending = authority->submit(submission(subject, san));
    EXPECT_TRUE(pending) << pending.error().report();
    EXPECT_EQ(pending->disposition, Disposition::pending) << pending->message;
    auto issued = authority->approve(pending->request, "bob");
    EXPECT_TRUE(issued) << issued.error().report();
    return issued.value();
  }

  TestBench bench;
  std::unique_ptr<LocalAuthority> authority;
};

TEST_F(LocalAuthorityTest, AStandAloneAuthorityKeepsRequestsUntilAManagerApproves) {
  const auto pending = authority->submit(submission());
  ASSERT_TRUE(pending) << pending.error().report();
  EXPECT_EQ(pending->disposition, Disposition::pending);
  EXPECT_THAT(pending->certificate, IsEmpty());
  EXPECT_EQ(authority->retrieve(pending->request)->disposition, Disposition::pending);

  const auto issued = authority->approve(pending->request, "bob");
  ASSERT_TRUE(issued) << issued.error().report();
  EXPECT_EQ(issued->disposition, Disposition::issued);
  const auto certificate = x509::parse_certificate(issued->certificate).value();
  EXPECT_TRUE(equal(certificate.issuer, authority->current().subject));
  EXPECT_TRUE(bench.provider().verify(authority->current().signer->public_key_info(),
                                      authority->settings().signature_algorithm, certificate.tbs,
                                      certificate.signature));
  EXPECT_EQ(authority->retrieve(pending->request)->certificate, issued->certificate);
}

TEST_F(LocalAuthorityTest, ARequestIsApprovedOnce) {
  const auto pending = authority->submit(submission());
  ASSERT_TRUE(authority->approve(pending->request, "bob"));
  EXPECT_EQ(authority->approve(pending->request, "carol").error().code(), Errc::conflict);
  EXPECT_EQ(authority->deny(pending->request, "carol", "late").error().code(), Errc::conflict);
}

TEST_F(LocalAuthorityTest, ADeniedRequestSaysByWhomAndWhy) {
  const auto pending = authority->submit(submission());
  const auto denied = authority->deny(pending->request, "bob", "no such server");
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->disposition, Disposition::denied);
  EXPECT_THAT(denied->message, HasSubstr("bob"));
  EXPECT_THAT(denied->message, HasSubstr("no such server"));
}

TEST_F(LocalAuthorityTest, TwoManagersAtOnceIssueOneCertificate) {
  const auto pending = authority->submit(submission());
  std::vector<std::thread> managers;
  std::atomic<int> issued = 0;
  for (int i = 0; i < 8; ++i)
    managers.emplace_back([&] { issued += authority->approve(pending->request, "bob").has_value() ? 1 : 0; });
  for (auto& manager : managers) manager.join();
  EXPECT_EQ(issued, 1);
}

TEST_F(LocalAuthorityTest, TheSameTransactionGetsTheSameAnswer) {
  Submission s = submission();
  s.transaction = "t-1";
  const auto first = authority->submit(s);
  const auto issued = authority->approve(first->request, "bob");
  const auto again = authority->submit(s);
  ASSERT_TRUE(again) << again.error().report();
  EXPECT_EQ(again->request, first->request);
  EXPECT_EQ(again->certificate, issued->certificate);
  Submission other = submission("CN=other.example.com", {"DNS:other.example.com"});
  other.transaction = "t-1";
  EXPECT_EQ(authority->submit(other).error().code(), Errc::conflict);
}

TEST_F(LocalAuthorityTest, OneUnreadableRequestDoesNotHoldUpTheOthers) {
  Submission bad = submission();
  bad.request = {0x30, 0x00};
  const Submission all[] = {submission(), bad, submission()};
  const auto outcomes = authority->submit(all);
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error().code(), Errc::malformed);
  EXPECT_TRUE(outcomes[2]);
}

TEST_F(LocalAuthorityTest, ARequestWhoseSignatureIsWrongIsDeniedWithTheRule) {
  Submission s = submission();
  s.request.back() ^= 1;
  const auto outcome = authority->submit(s);
  ASSERT_TRUE(outcome) << outcome.error().report();
  EXPECT_EQ(outcome->disposition, Disposition::denied);
  EXPECT_EQ(outcome->reason, "request.proof");
  EXPECT_THAT(outcome->mend, Not(IsEmpty()));
}

TEST_F(LocalAuthorityTest, ATemplateGivenByItsDisplayNameIsRefusedWithTheRightName) {
  Submission s = submission();
  s.template_name = "Web Server";
  const auto outcome = authority->submit(s);
  ASSERT_TRUE(outcome) << outcome.error().report();
  EXPECT_EQ(outcome->disposition, Disposition::denied);
  EXPECT_THAT(outcome->mend, HasSubstr("WebServer"));
}

TEST_F(LocalAuthorityTest, AWithdrawnTemplateIsRefusedAtOnce) {
  const auto pending = authority->submit(submission());
  ASSERT_TRUE(withdraw_template(bench.environment(), authority->record().id, "WebServer"));
  EXPECT_EQ(authority->submit(submission())->disposition, Disposition::denied);
  EXPECT_EQ(authority->approve(pending->request, "bob").error().code(), Errc::denied);
  publish("WebServer");
  EXPECT_TRUE(authority->approve(pending->request, "bob")) << "a refused approval must not lose the request";
}

TEST_F(LocalAuthorityTest, AnEditedTemplateWorksWithoutARestart) {
  EXPECT_EQ(x509::parse_certificate(issue().certificate)->not_after,
            add(kTestNow, find_template(*bench.database().snapshot().value(), "WebServer")->value.validity));
  ASSERT_TRUE(set_in_template(bench.environment(), "WebServer", "validity", "\"100d\"", "admin"));
  EXPECT_EQ(x509::parse_certificate(issue().certificate)->not_after, kTestNow + std::chrono::days(100));
}

TEST_F(LocalAuthorityTest, ValidityIsCutAtTheEndOfTheCaAndSaidSo) {
  bench.clock().set(authority->current().not_after - std::chrono::days(3));
  const Outcome outcome = issue();
  EXPECT_EQ(x509::parse_certificate(outcome.certificate)->not_after, authority->current().not_after);
  EXPECT_THAT(outcome.notes, Contains(HasSubstr("validity")));
}

TEST_F(LocalAuthorityTest, AutomaticIssuanceNeedsNoManager) {
  InitOptions options = bench.root_options("Automatic Root");
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  authority = bench.open("Automatic Root");
  publish("WebServer");
  EXPECT_EQ(authority->submit(submission())->disposition, Disposition::issued);
}

TEST_F(LocalAuthorityTest, WhatACrashLeftUnsignedIsFinishedAtTheNextStart) {
  // The first durable step of an issuance, as if the process had died right after it.
  Outcome model = issue();
  auto snapshot = bench.database().snapshot().value();
  store::RequestRecord request = snapshot->request(model.request).value();
  store::CertificateRecord certificate = snapshot->certificate_of_request(model.request).value();
  snapshot.reset();
  certificate.serial.back() ^= 0xff;
  certificate.signature.clear();
  RequestId id = 0;
  ASSERT_TRUE(bench.database().commit([&](store::Transaction& t) -> Status {
    id = certificate.request = TRY(t.insert_request(request));
    return t.insert_intent(certificate);
  }));
  EXPECT_EQ(authority->retrieve(id)->disposition, Disposition::issuing);

  authority.reset();
  bench.reopen();
  authority = bench.open("Test Root");
  EXPECT_EQ(authority->repaired(), 1u);
  const auto finished = authority->retrieve(id);
  EXPECT_EQ(finished->disposition, Disposition::issued);
  const auto view = x509::parse_certificate(finished->certificate).value();
  EXPECT_TRUE(bench.provider().verify(authority->current().signer->public_key_info(),
                                      authority->settings().signature_algorithm, view.tbs, view.signature));
}

// Between the two durable steps the fence is written. Where it cannot be, the request waits, and what is
// there already can be had all the same.
TEST_F(LocalAuthorityTest, WhatTheDiskDidNotTakeIsFinishedWhenItDoesAgain) {
  const Outcome before = issue();
  const fs::path fence = bench.home().folder() / "fence" / "Test Root.log",
                 kept = bench.home().folder() / "kept.log";
  ASSERT_TRUE(fs::exists(fence));
  fs::rename(fence, kept);
  fs::create_directory(fence);
  const RequestId id = authority->submit(submission())->request;
  const auto refused = authority->approve(id, "bob");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().report(), HasSubstr(fmt::format("vouch request retrieve {}", id)));
  const auto waiting = authority->retrieve(id);
  ASSERT_TRUE(waiting) << waiting.error().report();
  EXPECT_EQ(waiting->disposition, Disposition::issuing);
  EXPECT_THAT(waiting->message, HasSubstr("waits to be signed: "));
  EXPECT_THAT(waiting->message, HasSubstr(fence.string()));
  EXPECT_EQ(authority->retrieve(before.request)->certificate, before.certificate);

  fs::remove(fence);
  fs::rename(kept, fence);
  const auto finished = authority->retrieve(id);
  ASSERT_TRUE(finished) << finished.error().report();
  EXPECT_EQ(finished->disposition, Disposition::issued);
  EXPECT_FALSE(authority->has_unfinished());
  EXPECT_EQ(authority->repaired(), 1u);
}

TEST_F(LocalAuthorityTest, RevocationIsRememberedAndHoldsCanBeLifted) {
  const auto view = [](const Outcome& outcome) {
    return x509::parse_certificate(outcome.certificate).value();
  };
  const Outcome first = issue(), second = issue();
  const Buffer serial = to_buffer(x509::serial_octets(view(first).serial));
  const Buffer held = to_buffer(x509::serial_octets(view(second).serial));
  ASSERT_TRUE(authority->revoke({serial, x509::CrlReason::key_compromise, {}}, "bob"));
  EXPECT_EQ(authority->retrieve(first.request)->disposition, Disposition::revoked);
  EXPECT_EQ(authority->release(serial, "bob").error().code(), Errc::conflict);
  ASSERT_TRUE(authority->revoke({held, x509::CrlReason::certificate_hold, {}}, "bob"));
  ASSERT_TRUE(authority->release(held, "bob"));
  EXPECT_EQ(authority->retrieve(second.request)->disposition, Disposition::issued);
  EXPECT_EQ(authority->revoke({Buffer{1, 2, 3}, x509::CrlReason::superseded, {}}, "bob").error().code(),
            Errc::not_found);
  EXPECT_EQ(authority->revoke({held, x509::CrlReason::superseded, kTestNow + std::chrono::hours(1)}, "bob")
                .error()
                .code(),
            Errc::usage);
}

TEST_F(LocalAuthorityTest, WithoutLocationsTheFirstIssuanceIsRefusedUnlessThatWasSaid) {
  InitOptions options = bench.root_options("No Locations");
  options.no_locations = true;
  ASSERT_TRUE(init(bench.environment(), options));
  authority = bench.open("No Locations");
  publish("WebServer");
  const auto certificate = x509::parse_certificate(issue().certificate).value();
  EXPECT_EQ(certificate.find(x509::oid::kCrlDistributionPoints), nullptr);
}

TEST_F(LocalAuthorityTest, EightThreadsGetEachTheirOwnCertificate) {
  InitOptions options = bench.root_options("Busy Root");
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  authority = bench.open("Busy Root");
  publish("WebServer");
  const Submission one = submission();
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<Buffer> certificates;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        const auto outcome = authority->submit(one);
        const std::scoped_lock lock(mutex);
        ASSERT_TRUE(outcome) << outcome.error().report();
        certificates.insert(outcome->certificate);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(certificates.size(), 160u);
  EXPECT_THAT(bench.database().check().value(), IsEmpty());
}

}  // namespace
}  // namespace vouch::ca
