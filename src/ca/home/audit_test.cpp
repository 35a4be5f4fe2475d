#include "ca/home/audit.hpp"

#include <gmock/gmock.h>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

TEST(AuditDetails, PlainWordsStandAsTheyAreAndTheRestIsQuoted) {
  const std::string text = AuditDetails()
                               .add("serial", "0a:ff")
                               .add("why", "two words")
                               .add("none", "")
                               .add("n", 5)
                               .add("lines", "a\n\"b\"");
  EXPECT_EQ(text, R"(serial=0a:ff why="two words" n=5 lines="a\n\"b\"")");
}

TEST(AuditDetails, ALongValueIsCutOffAndSaysSo) {
  const std::string text = AuditDetails().add("message", std::string(999, 'x') + "ü" + std::string(9, 'y'));
  EXPECT_THAT(text, HasSubstr("xxx… (1010 octets)"));
  EXPECT_EQ(text.find("\xc3…"), std::string::npos);
}

// Computed with Python: hashlib.sha256(b"\0" + b"".join(b"%d:%s" % (len(f), f) for f in fields))
TEST(Audit, TheLeafIsTheHashOfLengthsAndTexts) {
  const store::AuditRecord record{1,     kTestNow, "alice", "request.issue", "Test Root", "request 1",
                                  "a=b", "done",   {}};
  EXPECT_EQ(encode_audit_entry(record), "13:vouch-audit-11:1" + std::to_string(format_time(kTestNow).size()) +
                                            ":" + format_time(kTestNow) +
                                            "5:alice13:request.issue9:Test Root9:request 13:a=b4:done");
  TestBench bench;
  EXPECT_EQ(to_hex(audit_leaf(bench.provider(), record)),
            "eed90c0c256cdf36376f58fd9963a21c3aa3b15a5e98524c9d7acdfe129c4af4");
}

TEST(Audit, AnEntryIsWrittenWithTheActAndGoesWithIt) {
  TestBench bench;
  const Environment environment = bench.environment();
  const std::int64_t before = bench.database().snapshot().value()->audit_size().value();
  ASSERT_TRUE(
      record_audit(environment, {.actor = "alice", .action = "test.act", .authority = "", .object = "x"}));
  const Status failed = bench.database().commit([&](store::Transaction& t) -> Status {
    TRY(record_audit(environment, t, {.actor = "", .action = "test.lost", .authority = "", .object = "x"}));
    return make_error(Errc::denied, "no");
  });
  ASSERT_FALSE(failed);
  const auto snapshot = bench.database().snapshot().value();
  ASSERT_EQ(snapshot->audit_size().value(), before + 1);
  store::AuditFilter last;
  last.first = before + 1;
  ASSERT_TRUE(snapshot->for_each_audit(last, [&](const store::AuditRecord& record) {
    EXPECT_EQ(record.actor, "alice");
    EXPECT_EQ(record.action, "test.act");
    EXPECT_EQ(record.time, kTestNow);
    EXPECT_EQ(record.outcome, "done");
    EXPECT_EQ(record.leaf, audit_leaf(bench.provider(), record));
    return ok();
  }));
}

}  // namespace
}  // namespace vouch::ca
