#include "ca/backup/maintenance.hpp"

#include <gmock/gmock.h>

#include "ca/local_authority.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class MaintenanceTest : public testing::Test {
 protected:
  void SetUp() override {
    InitOptions options = bench.root_options("Old Root");
    options.automatic_issuance = true;
    ASSERT_TRUE(init(bench.environment(), options));
    authority = bench.open("Old Root");
    ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  }
  Buffer issue_der() {
    Submission s;
    s.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
    s.template_name = "WebServer";
    const auto outcome = authority->submit(s);
    EXPECT_TRUE(outcome) << outcome.error().report();
    return outcome ? outcome->certificate : Buffer();
  }
  static Buffer serial_of(const Buffer& der) {
    return to_buffer(x509::serial_octets(x509::parse_certificate(der)->serial));
  }
  // A published CRL, as far as purging looks at it.
  void crl(std::uint64_t number) {
    ASSERT_TRUE(bench.database().commit([&](store::Transaction& t) {
      store::CrlRecord record;
      record.authority = authority->record().id;
      record.number = number;
      record.this_update = bench.clock().now();
      record.sha256 = Buffer(32, 1);
      return t.insert_crl(record);
    }));
  }
  PurgeReport run_purge(bool dry_run = false) {
    const auto report =
        purge(bench.environment(), authority->record().id, {bench.clock().now(), dry_run, "alice"});
    EXPECT_TRUE(report) << report.error().report();
    return report.value_or(PurgeReport());
  }

  TestBench bench;
  std::unique_ptr<LocalAuthority> authority;
};

TEST_F(MaintenanceTest, AGoodDatabaseHasNoFindings) {
  (void)issue_der();
  const auto report = check_database(bench.environment(), {.full = true});
  ASSERT_TRUE(report);
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_EQ(report->certificates, 1u);
}

TEST_F(MaintenanceTest, AFlippedBitInAKeyFileIsFound) {
  for (const auto& entry : fs::directory_iterator(bench.home().keys())) {
    if (!entry.path().filename().string().starts_with("Old Root")) continue;
    Buffer pem = read_file(entry.path()).value();
    pem[pem.size() / 2] ^= 2;
    ASSERT_TRUE(write_file_atomic(entry.path(), pem, 0600));
  }
  const auto report = check_database(bench.environment(), {});
  ASSERT_TRUE(report);
  EXPECT_THAT(report->findings, Contains(HasSubstr("key")));
}

TEST_F(MaintenanceTest, TheDatabaseMovesWithItsConfiguration) {
  (void)issue_der();
  authority.reset();
  const fs::path folder = bench.home().folder() / "data";
  const auto moved = move_database(bench.environment(), folder, "admin");
  ASSERT_TRUE(moved) << moved.error().report();
  EXPECT_EQ(*moved, folder / "vouch.db");
  EXPECT_FALSE(fs::exists(bench.home().folder() / "vouch.db"));
  const Buffer toml = read_file(bench.home().folder() / "vouch.toml").value();
  const auto configuration = parse_configuration(as_text(toml), "vouch.toml").value();
  EXPECT_EQ(configuration.database, "data/vouch.db");
  bench.close();
  EXPECT_EQ(open_sqlite(*moved, false).value()->snapshot().value()->counts()->certificates, 1u);
}

TEST_F(MaintenanceTest, PurgingKeepsWhatIsOnACrl) {
  const Buffer plain = issue_der(), revoked = issue_der();
  ASSERT_TRUE(authority->revoke({serial_of(revoked), x509::CrlReason::superseded, {}}, "bob"));
  bench.clock().advance(std::chrono::days(1000));
  (void)issue_der();  // the newest request stays in any case
  EXPECT_EQ(run_purge(true).purged, 1u);
  EXPECT_EQ(run_purge(true).on_crl, 1u);
  crl(1);  // its last appearance
  EXPECT_EQ(run_purge(true).on_crl, 1u);
  crl(2);
  EXPECT_EQ(run_purge().purged, 2u);
  EXPECT_EQ(run_purge().purged, 0u);
  const auto snapshot = bench.database().snapshot().value();
  for (const Buffer& der : {plain, revoked}) {
    EXPECT_EQ(snapshot->certificate(serial_of(der)).error().code(), Errc::not_found);
    EXPECT_TRUE(snapshot->serial_used(serial_of(der)).value());
  }
  EXPECT_THAT(bench.database().check().value(), IsEmpty());
  // The fence still names them; that is no gap.
  authority = bench.open("Old Root");
  EXPECT_TRUE(authority->fence_status());
}

TEST_F(MaintenanceTest, TheFutureIsNotPurged) {
  const auto refused = purge(bench.environment(), authority->record().id,
                             {bench.clock().now() + std::chrono::days(1), false, "alice"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::usage);
}

TEST_F(MaintenanceTest, WhatTheCaSignedElsewhereIsImportedRevocableAndUnique) {
  const fs::path before = bench.home().folder() / "before.db";
  ASSERT_TRUE(bench.database().copy_to(before));
  const Buffer der = issue_der();
  // The same CA in a database that does not know of it, and without its fence.
  authority.reset();
  bench.close();
  fs::remove_all(bench.home().fence());
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(bench.home().database().string() + suffix);
  fs::rename(before, bench.home().database());
  bench.reopen();
  authority = bench.open("Old Root");
  const auto imported = import_certificate(bench.environment(), authority->record(), der, "alice");
  ASSERT_TRUE(imported) << imported.error().report();
  const auto record = bench.database().snapshot().value()->certificate(serial_of(der)).value();
  EXPECT_EQ(record.der(), der);
  EXPECT_EQ(bench.database().snapshot().value()->request(record.request)->disposition, Disposition::foreign);
  EXPECT_EQ(import_certificate(bench.environment(), authority->record(), der, "alice").error().code(),
            Errc::conflict);
  EXPECT_TRUE(authority->revoke({serial_of(der), x509::CrlReason::key_compromise, {}}, "bob"));
  EXPECT_THAT(check_database(bench.environment(), {.full = true})->findings, IsEmpty());
}

TEST_F(MaintenanceTest, WhatAnotherCaSignedIsRefused) {
  const auto other = bench.make_root("Other Root");
  const auto refused = import_certificate(bench.environment(), authority->record(),
                                          other->current().generation.certificate, "alice");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  const auto own = import_certificate(bench.environment(), authority->record(),
                                      authority->current().generation.certificate, "alice");
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code(), Errc::conflict);
}

}  // namespace
}  // namespace vouch::ca
