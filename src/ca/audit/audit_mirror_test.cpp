#include "ca/audit/audit_mirror.hpp"

#include <gmock/gmock.h>

#include "ca/audit/audit_verify.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class AuditMirrorTest : public testing::Test {
 protected:
  void connect() { bench_.database().mirror_audit(make_audit_mirror(file_)); }
  Status add(std::string object) {
    return record_audit(bench_.environment(),
                        {.actor = "alice", .action = "test.act", .object = std::move(object)});
  }
  std::int64_t size() { return bench_.database().snapshot().value()->audit_size().value(); }
  std::string content() { return std::string(as_text(read_file(file_).value_or(Buffer()))); }
  MirrorContent mirror() { return read_audit_mirror(bench_.provider(), file_).value(); }
  AuditReport verify() {
    AuditVerifyOptions options;
    options.mirror = file_;
    return verify_audit(bench_.environment(), options).value();
  }
  void overwrite(const std::string& text) { ASSERT_TRUE(write_file_atomic(file_, as_bytes(text))); }

  TestBench bench_;
  TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "mirror.jsonl";
};

TEST_F(AuditMirrorTest, EveryEntryIsInTheMirrorAndLaterOnesFollow) {
  connect();
  ASSERT_TRUE(add("one"));
  ASSERT_TRUE(add("two"));
  EXPECT_EQ(mirror().leaves.size(), 2u);
  EXPECT_EQ(mirror().committed, 1);
  const auto root = bench_.make_root();
  EXPECT_EQ(static_cast<std::int64_t>(mirror().leaves.size()), size());
  const AuditReport report = verify();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
}

TEST_F(AuditMirrorTest, AMirrorThatComesLaterGetsWhatItMissed) {
  for (const char* object : {"one", "two", "three"}) ASSERT_TRUE(add(object));
  connect();
  ASSERT_TRUE(add("four"));
  EXPECT_EQ(mirror().leaves.size(), 4u);
  EXPECT_THAT(verify().findings, IsEmpty());
  EXPECT_THAT(mirror().findings, IsEmpty());
}

TEST_F(AuditMirrorTest, WithoutTheMirrorNothingIsIssuedAndWithItAgainEverythingGoesOn) {
  const auto root = bench_.make_root();
  fs::create_directory(file_);  // a folder cannot be written, not even by root
  connect();
  const auto outcome = root->submit({bench_.request("CN=a"), "", "alice", "", {}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::unavailable);
  EXPECT_THAT(outcome.error().report(), HasSubstr("mirror of the audit log"));
  EXPECT_THAT(outcome.error().report(), HasSubstr(file_.string()));
  EXPECT_EQ(bench_.database().snapshot().value()->counts()->requests, 0u);
  fs::remove(file_);
  ASSERT_TRUE(root->submit({bench_.request("CN=a"), "", "alice", "", {}}));
  EXPECT_EQ(bench_.database().snapshot().value()->counts()->requests, 1u);
  EXPECT_EQ(static_cast<std::int64_t>(mirror().leaves.size()), size());
}

TEST_F(AuditMirrorTest, LinesOfACommitThatDidNotHappenAreRecognised) {
  connect();
  ASSERT_TRUE(add("one"));
  const std::string before = content();
  ASSERT_TRUE(add("lost"));
  const std::string lost = content().substr(before.size());
  // The same mirror, and a database that never committed "lost".
  TestBench other;
  other.database().mirror_audit(make_audit_mirror(folder_.path() / "other.jsonl"));
  ASSERT_TRUE(record_audit(other.environment(), {.actor = "alice", .action = "test.act", .object = "one"}));
  other.database().mirror_audit(make_audit_mirror(file_));
  AuditVerifyOptions options;
  options.mirror = file_;
  AuditReport report = verify_audit(other.environment(), options).value();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, testing::Contains(HasSubstr("entry 2 that the log has not")));
  ASSERT_TRUE(record_audit(other.environment(), {.actor = "bob", .action = "test.act", .object = "instead"}));
  ASSERT_TRUE(record_audit(other.environment(), {.actor = "bob", .action = "test.act", .object = "after"}));
  EXPECT_TRUE(content().starts_with(before + lost)) << "nothing in the mirror is ever changed";
  report = verify_audit(other.environment(), options).value();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, testing::Contains(HasSubstr("1 line(s) of the mirror are of commits")));
}

TEST_F(AuditMirrorTest, ALineThatBrokeOffIsPassedOver) {
  connect();
  ASSERT_TRUE(add("one"));
  overwrite(content() + R"({"sequence": 2, "time": "2026)");
  ASSERT_TRUE(add("two"));
  ASSERT_TRUE(add("three"));
  EXPECT_EQ(mirror().leaves.size(), 3u);
  EXPECT_THAT(mirror().findings, IsEmpty());
  EXPECT_THAT(verify().findings, IsEmpty());
}

TEST_F(AuditMirrorTest, ADatabaseThatLostEntriesStopsAndIsFound) {
  connect();
  for (const char* object : {"one", "two", "three"}) ASSERT_TRUE(add(object));
  TestBench emptied;
  emptied.database().mirror_audit(make_audit_mirror(file_));
  const Status refused =
      record_audit(emptied.environment(), {.actor = "alice", .action = "test.act", .object = "one"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().report(), HasSubstr("knows of 2 audit entries, the database has 0"));
  AuditVerifyOptions options;
  options.mirror = file_;
  EXPECT_THAT(verify_audit(emptied.environment(), options)->findings,
              testing::Contains(HasSubstr("entries 1 to 2 are cut off")));
}

TEST_F(AuditMirrorTest, ChangesInTheMirrorOrTheDatabaseAreNamed) {
  connect();
  for (const char* object : {"one", "two", "three"}) ASSERT_TRUE(add(object));
  const std::string good = content();
  std::string changed = good;
  changed.replace(changed.find("\"two\""), 5, "\"tvo\"");
  overwrite(changed);
  EXPECT_THAT(verify().findings, testing::Contains(HasSubstr("entry 2 was changed")));
  overwrite(good.substr(0, good.find('\n') + 1) + good.substr(good.rfind('\n', good.size() - 2) + 1));
  EXPECT_THAT(verify().findings, testing::Contains(HasSubstr("lines are missing")));
  overwrite(good + good.substr(0, good.find('\n') + 1));
  EXPECT_THAT(verify().findings, testing::Contains(HasSubstr("entry 1 stands there a second time")));
  overwrite("something else\n");
  EXPECT_FALSE(add("four"));
  overwrite(good);
  EXPECT_THAT(verify().findings, IsEmpty());
}

TEST_F(AuditMirrorTest, AConfiguredMirrorThatIsNotConnectedStopsEverything) {
  ASSERT_TRUE(
      write_file_atomic(bench_.home().folder() / "vouch.toml", as_bytes("[audit]\nmirror = \"m\"\n")));
  const Home home = Home::open(bench_.home().folder(), false).value();
  EXPECT_EQ(home.audit_mirror(), home.folder() / "m");
  Environment environment{home, bench_.database(), bench_.provider(), bench_.clock(), {}};
  const Status refused = record_audit(environment, {.actor = "alice", .action = "test.act"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().report(), HasSubstr("is not connected"));
  connect_audit_mirror(home, bench_.database());
  ASSERT_TRUE(record_audit(environment, {.actor = "alice", .action = "test.act"}));
  EXPECT_TRUE(fs::exists(home.folder() / "m"));
}

}  // namespace
}  // namespace vouch::ca
