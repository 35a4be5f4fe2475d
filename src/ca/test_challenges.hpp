#pragma once
// A CA with a minter of challenges ("mdm") and an account that owes one with each request (kAccount), for the
// tests of challenges, passwords and minters.

#include <gmock/gmock.h>

#include "ca/challenge_desk.hpp"
#include "ca/challenges.hpp"
#include "ca/settings/settings_change.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {

inline constexpr const char* kAccount = "certificate:Device CA/RegistrationAuthority/CN=ra";

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

inline x509::Extension sid_extension(std::string_view sid) {
  return x509::make_extension(x509::oid::kMsNtdsCaSecurity, false, x509::encode_sid(sid));
}

}  // namespace vouch::ca
