#pragma once
// A CA that issues and revokes in a test, and its CRLs as the world reads them.

#include <gmock/gmock.h>

#include "ca/settings/settings_change.hpp"
#include "ca/test_fixture.hpp"
#include "revocation/crl_publication.hpp"
#include "revocation/crl_targets.hpp"
#include "x509/crl.hpp"

namespace vouch::revocation {

constexpr const char* kTestCa = "CRL Root";

class RevocationTest : public testing::Test {
 protected:
  void SetUp() override {
    ca::InitOptions options = bench.root_options(kTestCa);
    options.automatic_issuance = true;
    ASSERT_TRUE(ca::init(bench.environment(), options));
    authority = bench.open(kTestCa);
    ASSERT_TRUE(ca::publish_template(bench.environment(), authority->record().id, "WebServer"));
  }
  Buffer issue() {
    ca::Submission submission;
    submission.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
    submission.template_name = "WebServer";
    const auto outcome = authority->submit(submission);
    EXPECT_TRUE(outcome) << outcome.error().report();
    last_certificate = outcome->certificate;
    return to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
  }
  void revoke(const Buffer& serial, x509::CrlReason reason = x509::CrlReason::superseded) {
    const auto done = authority->revoke({serial, reason, {}}, "bob");
    ASSERT_TRUE(done) << done.error().report();
  }
  void hold(const Buffer& serial) { revoke(serial, x509::CrlReason::certificate_hold); }
  void release(const Buffer& serial) { ASSERT_TRUE(authority->release(serial, "bob")); }
  void set(const std::function<void(ca::AuthoritySettings&)>& change) {
    const auto done = ca::change_settings(
        bench.environment(), kTestCa,
        {.actor = "bob", .action = "test.set", .details = "", .apply = [&](ca::AuthoritySettings& settings) {
           change(settings);
           return ok();
         }});
    ASSERT_TRUE(done) << done.error().report();
  }
  void switch_deltas_on() {
    set([](ca::AuthoritySettings& s) { s.delta_period = Span{0, std::chrono::hours(24)}; });
  }
  std::vector<Published> publish() {
    auto published = publish_crls(*authority, "bob");
    EXPECT_TRUE(published) << published.error().report();
    return published ? std::move(*published) : std::vector<Published>();
  }
  Published publish_delta() {
    auto published = publish_deltas(*authority, "bob");
    EXPECT_TRUE(published) << published.error().report();
    return published ? published->front() : Published{};
  }
  DueReport publish_what_is_due() {
    auto report = publish_due(*authority);
    EXPECT_TRUE(report) << report.error().report();
    return report ? std::move(*report) : DueReport{};
  }

  // What the service does every quarter of a minute.
  DueReport in_turn() {
    auto report = publish_due(*authority, "service", Retries::in_turn);
    EXPECT_TRUE(report) << report.error().report();
    return report ? std::move(*report) : DueReport{};
  }
  TargetState state_of(const std::string& end) {
    const auto snapshot = bench.database().snapshot().value();
    const auto states =
        target_states(*snapshot, authority->record(), authority->settings(), bench.clock().now()).value();
    for (const TargetState& state : states)
      if (state.record.target.ends_with(end)) return state;
    ADD_FAILURE() << "no place " << end;
    return {};
  }
  std::uint64_t last_number() {
    return bench.database().snapshot().value()->last_crl_number(authority->record().id).value();
  }

  fs::path base_file() const { return bench.home().published() / "CRL Root.crl"; }
  fs::path delta_file() const { return bench.home().published() / "CRL Root+.crl"; }

  struct Entry {
    Buffer serial;
    x509::CrlReason reason{};
    bool operator==(const Entry&) const = default;
  };
  static std::vector<Entry> entries(const fs::path& file) {
    std::vector<Entry> list;
    const Buffer der = read_file(file).value();
    const auto crl = x509::parse_crl(der).value();
    for (x509::CrlEntryReader reader(crl.entries); !reader.at_end();) {
      const auto entry = reader.next().value();
      list.push_back({to_buffer(x509::serial_octets(entry.serial)),
                      x509::parse_crl_entry_extensions(entry.extensions_der)
                          ->reason.value_or(x509::CrlReason::unspecified)});
    }
    return list;
  }
  static std::uint64_t number_in(const fs::path& file, const x509::Oid& id) {
    const Buffer der = read_file(file).value();
    const auto crl = x509::parse_crl(der).value();
    const auto* extension = crl.find(id);
    if (!extension) return 0;
    std::uint64_t value = 0;
    const auto number_octets = x509::parse_crl_number(extension->value).value();
    for (const std::uint8_t octet : number_octets) value = value << 8 | octet;
    return value;
  }
  // The value of an extension, and whether it is critical.
  static std::optional<std::pair<Buffer, bool>> extension_in(const fs::path& file, const x509::Oid& id) {
    const Buffer der = read_file(file).value();
    const auto crl = x509::parse_crl(der).value();
    const auto* extension = crl.find(id);
    if (!extension) return std::nullopt;
    return std::pair(to_buffer(extension->value), extension->critical);
  }

  ca::TestBench bench;
  std::unique_ptr<ca::LocalAuthority> authority;
  Buffer last_certificate;
};

}  // namespace vouch::revocation
