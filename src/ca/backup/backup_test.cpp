#include "ca/backup/backup.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "ca/local_authority.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class BackupTest : public testing::Test {
 protected:
  void SetUp() override {
    InitOptions options = bench.root_options("Backup Root");
    options.automatic_issuance = true;
    ASSERT_TRUE(init(bench.environment(), options));
    authority = bench.open("Backup Root");
    ASSERT_TRUE(publish_template(bench.environment(), authority->record().id, "WebServer"));
  }
  Buffer issue() {
    Submission s;
    s.request = bench.request("CN=a.example.com", {"DNS:a.example.com"});
    s.template_name = "WebServer";
    const auto outcome = authority->submit(s);
    EXPECT_TRUE(outcome) << outcome.error().report();
    if (!outcome) return {};
    return to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
  }
  fs::path make(std::string_view passphrase = "") {
    const fs::path target = folder.path() / "backup.tar";
    const auto done =
        backup(bench.environment(), target, {std::string(passphrase), "test", "alice"}, open_sqlite);
    EXPECT_TRUE(done) << done.error().report();
    return target;
  }
  Result<RestoreResult> put_back(const fs::path& archive, bool replace = true, bool accept = false) {
    authority.reset();
    bench.close();
    auto result =
        restore(archive, bench.home(), {replace, accept, "alice", [] { return std::string("secret"); }},
                bench.provider(), bench.clock(), open_sqlite);
    bench.reopen();
    authority = bench.open("Backup Root");
    return result;
  }
  std::size_t certificates() { return bench.database().snapshot().value()->counts()->certificates; }

  TestBench bench;
  TemporaryFolder folder;
  std::unique_ptr<LocalAuthority> authority;
};

TEST_F(BackupTest, HoldsDatabaseAndKeysAndNothingElse) {
  (void)issue();
  const fs::path file = make();
  std::vector<std::string> names;
  const auto opened = open_archive(bench.provider(), file, {}).value();
  const auto manifest =
      read_archive(bench.provider(), *opened.source, [](const ArchiveMember&, Bytes) { return ok(); });
  ASSERT_TRUE(manifest);
  for (const ArchiveMember& member : manifest->members) names.push_back(member.name);
  EXPECT_THAT(names, Contains("vouch.db"));
  EXPECT_THAT(names, Contains(HasSubstr("keys/Backup Root-")));
  EXPECT_THAT(names, testing::Not(Contains(HasSubstr("fence"))));
  ASSERT_THAT(manifest->authorities, SizeIs(1));
  EXPECT_EQ(manifest->authorities[0].name, "Backup Root");
  EXPECT_EQ(manifest->authorities[0].certificates, 1u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1)
      << "something is left beside the backup";
}

TEST_F(BackupTest, YesterdaysBackupLeavesAGapAndKeepsWhatWasThere) {
  (void)issue();
  const fs::path file = make();
  (void)issue();
  const auto refused = put_back(file, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::conflict);
  EXPECT_EQ(certificates(), 2u) << "a refused restore changed something";

  const auto restored = put_back(file);
  ASSERT_TRUE(restored) << restored.error().report();
  EXPECT_EQ(certificates(), 1u);
  EXPECT_EQ(restored->gaps.size(), 1u);
  EXPECT_FALSE(authority->fence_status());
  ASSERT_TRUE(fs::exists(restored->put_aside / "vouch.db"));

  const auto replayed =
      replay(bench.environment(), restored->put_aside / "vouch.db", {"alice", {}}, open_sqlite);
  ASSERT_TRUE(replayed) << replayed.error().report();
  authority = bench.open("Backup Root");
  EXPECT_TRUE(authority->fence_status());
  EXPECT_EQ(certificates(), 2u);
  EXPECT_FALSE(issue().empty());
}

TEST_F(BackupTest, AcceptingWhileRestoring) {
  const fs::path file = make("secret");
  const Buffer lost = issue();
  const auto restored = put_back(file, true, true);
  ASSERT_TRUE(restored) << restored.error().report();
  EXPECT_TRUE(restored->sealed);
  EXPECT_TRUE(authority->fence_status());
  EXPECT_TRUE(bench.database().snapshot().value()->certificate(lost)->lost());
}

TEST_F(BackupTest, ANewerBackupCanBeReplayed) {
  const fs::path old = make();
  fs::rename(old, folder.path() / "old.tar");
  (void)issue();
  const fs::path newer = make();
  ASSERT_TRUE(put_back(folder.path() / "old.tar"));
  EXPECT_FALSE(authority->fence_status());
  ASSERT_TRUE(replay(bench.environment(), newer, {"alice", {}}, open_sqlite));
  authority = bench.open("Backup Root");
  EXPECT_TRUE(authority->fence_status());
  EXPECT_EQ(certificates(), 1u);
}

TEST_F(BackupTest, IsOneStateWhileOthersIssue) {
  std::atomic<bool> stop = false;
  std::jthread issuing([&] {
    while (!stop) (void)issue();
  });
  for (int n = 0; n < 3; ++n) {
    const fs::path file = make();
    const auto opened = open_archive(bench.provider(), file, {}).value();
    const fs::path copy = folder.path() / "copy.db";
    fs::remove(copy);
    ASSERT_TRUE(read_archive(bench.provider(), *opened.source,
                             [&](const ArchiveMember& member, Bytes piece) -> Status {
                               if (member.name != "vouch.db" || piece.empty()) return ok();
                               std::FILE* out = std::fopen(copy.c_str(), "ab");
                               std::fwrite(piece.data(), 1, piece.size(), out);
                               std::fclose(out);
                               return ok();
                             }));
    EXPECT_THAT(open_sqlite(copy, false).value()->check().value(), IsEmpty());
  }
  stop = true;
}

TEST_F(BackupTest, IsForAdministratorsOfTheHome) {
  const fs::path file = make();
  const auto change = [&](std::string principal, bool grant) {
    const Grant role{std::move(principal), Role::administrator, 0, {}, {}, {}, {}};
    return grant ? grant_role(bench.environment(), role, "boss")
                 : revoke_role(bench.environment(), role, "boss");
  };
  ASSERT_TRUE(change("boss", true));
  ASSERT_TRUE(change("*", false));
  const auto made = backup(bench.environment(), folder.path() / "b", {"", "test", "alice"}, open_sqlite);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().report(), HasSubstr("role administrator, which boss has"));
  const auto restored = put_back(file);
  ASSERT_FALSE(restored);
  EXPECT_THAT(restored.error().report(), HasSubstr("role administrator, which boss has"));
  const auto replayed = replay(bench.environment(), file, {"alice", {}}, open_sqlite);
  ASSERT_FALSE(replayed);
  EXPECT_THAT(replayed.error().report(), HasSubstr("role administrator, which boss has"));
}

TEST_F(BackupTest, ADamagedBackupChangesNothing) {
  (void)issue();
  const fs::path file = make();
  Buffer octets = read_file(file).value();
  octets[octets.size() / 2] ^= 1;
  ASSERT_TRUE(write_file_atomic(file, octets));
  (void)issue();
  const auto refused = put_back(file);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("vouch.db"));
  EXPECT_EQ(certificates(), 2u);
  EXPECT_TRUE(authority->fence_status());
  for (const auto& entry : fs::directory_iterator(bench.home().folder()))
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("staging")));
}

TEST_F(BackupTest, AnotherHomeGetsKeysUrlsAndAReportOfWhatDiffers) {
  (void)issue();
  const fs::path file = make();
  const fs::path other = folder.path() / "other";
  fs::create_directories(other);
  ASSERT_TRUE(write_file_atomic(other / "vouch.toml", as_bytes("[host]\ndns_name = \"new.example.com\"\n")));
  const Home home = Home::open(other, true).value();
  const auto restored =
      restore(file, home, {false, false, "alice", {}}, bench.provider(), bench.clock(), open_sqlite);
  ASSERT_TRUE(restored) << restored.error().report();
  EXPECT_THAT(restored->notes, Contains(HasSubstr("new.example.com")));
  EXPECT_THAT(restored->notes, Contains(HasSubstr("publishes to " + other.string())));
  EXPECT_THAT(restored->notes, Contains(HasSubstr("no fence")));
  const auto database = open_sqlite(home.database(), false).value();
  const Environment environment{home, *database, bench.provider(), bench.clock(), {}};
  const auto moved = LocalAuthority::open(environment, "Backup Root");
  ASSERT_TRUE(moved) << moved.error().report();
  EXPECT_TRUE((*moved)->fence_status());
  EXPECT_EQ((*moved)->settings().dns_name, authority->settings().dns_name);
  EXPECT_EQ((*moved)->current().generation.certificate, authority->current().generation.certificate);
}

TEST_F(BackupTest, AHomeInUseIsNotReplaced) {
  const fs::path file = make();
  const Home second = Home::open(bench.home().folder(), false).value();
  const auto refused =
      restore(file, second, {true, false, "alice", {}}, bench.provider(), bench.clock(), open_sqlite);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::unavailable);
}

}  // namespace
}  // namespace vouch::ca
