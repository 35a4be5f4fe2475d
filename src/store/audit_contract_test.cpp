// The audit log, and roles.

#include "store/test_database_contract.hpp"

namespace vouch::store {
namespace {

using sample::at;
using testing::ElementsAre;
using testing::IsEmpty;

class AuditContract : public DatabaseContract {};

// --- audit ---

std::vector<std::int64_t> sequences(const Snapshot& view, const AuditFilter& filter) {
  std::vector<std::int64_t> found;
  EXPECT_TRUE(view.for_each_audit(filter, [&](const AuditRecord& record) {
    found.push_back(record.sequence);
    return ok();
  }));
  return found;
}

TEST_P(AuditContract, AuditEntriesComeBackAsTheyWereAppendedAndInOrder) {
  EXPECT_EQ(snapshot()->audit_size().value(), 0);
  for (const std::int64_t n : {1, 2, 3})
    ASSERT_TRUE(commit([&](Transaction& t) -> Status {
      EXPECT_EQ(t.audit_size().value(), n - 1);
      TRY(t.append_audit(sample::audit(n)));
      EXPECT_EQ(t.audit_size().value(), n);
      return ok();
    }));
  const auto view = snapshot();
  EXPECT_EQ(view->audit_size().value(), 3);
  std::vector<AuditRecord> records;
  ASSERT_TRUE(view->for_each_audit({}, [&](const AuditRecord& record) {
    records.push_back(record);
    return ok();
  }));
  EXPECT_THAT(records, ElementsAre(sample::audit(1), sample::audit(2), sample::audit(3)));
  std::vector<std::pair<std::int64_t, Buffer>> leaves;
  ASSERT_TRUE(view->for_each_audit_leaf(2, 3, [&](std::int64_t sequence, Bytes leaf) {
    leaves.emplace_back(sequence, to_buffer(leaf));
    return ok();
  }));
  EXPECT_THAT(leaves, ElementsAre(std::pair(std::int64_t{2}, Buffer(32, 2)),
                                  std::pair(std::int64_t{3}, Buffer(32, 3))));
}

TEST_P(AuditContract, AnAuditEntryFollowsTheLastOne) {
  for (const std::int64_t n : {0, 2, -1})
    EXPECT_FAILS(commit([&](Transaction& t) { return t.append_audit(sample::audit(n)); }), Errc::conflict);
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(1)); }));
  EXPECT_FAILS(commit([](Transaction& t) { return t.append_audit(sample::audit(1)); }), Errc::conflict);
  EXPECT_EQ(snapshot()->audit_size().value(), 1);
}

TEST_P(AuditContract, AWorkThatFailsTakesItsAuditEntryBack) {
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(1)); }));
  EXPECT_FAILS(commit([](Transaction& t) -> Status {
                 TRY(t.append_audit(sample::audit(2)));
                 return make_error(Errc::denied, "no");
               }),
               Errc::denied);
  EXPECT_EQ(snapshot()->audit_size().value(), 1);
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(2)); }));
}

TEST_P(AuditContract, AuditEntriesAreFound) {
  ASSERT_TRUE(commit([](Transaction& t) -> Status {
    for (std::int64_t n = 1; n <= 6; ++n) {
      AuditRecord record = sample::audit(n);
      if (n == 4) record.actor = "bob", record.action = "request", record.authority = "Other";
      TRY(t.append_audit(record));
    }
    return ok();
  }));
  const auto view = snapshot();
  const auto find = [&](auto change) {
    AuditFilter filter;
    change(filter);
    return sequences(*view, filter);
  };
  EXPECT_THAT(find([](AuditFilter& f) { f.first = 2, f.last = 3; }), ElementsAre(2, 3));
  EXPECT_THAT(find([](AuditFilter& f) { f.first = 3, f.last = 2; }), IsEmpty());
  EXPECT_THAT(find([](AuditFilter& f) { f.since = at(5); }), ElementsAre(5, 6));
  EXPECT_THAT(find([](AuditFilter& f) { f.until = at(2); }), ElementsAre(1, 2));
  EXPECT_THAT(find([](AuditFilter& f) { f.actor = "bob"; }), ElementsAre(4));
  EXPECT_THAT(find([](AuditFilter& f) { f.authority = "Other"; }), ElementsAre(4));
  EXPECT_THAT(find([](AuditFilter& f) { f.object = "request 5"; }), ElementsAre(5));
  EXPECT_THAT(find([](AuditFilter& f) { f.action = "request.issue"; }), ElementsAre(2, 6));
  EXPECT_THAT(find([](AuditFilter& f) { f.action = "request.*"; }), ElementsAre(2, 6));
  EXPECT_THAT(find([](AuditFilter& f) { f.action = "re?uest"; }), IsEmpty());
  EXPECT_THAT(find([](AuditFilter& f) { f.newest_first = true, f.limit = 2; }), ElementsAre(6, 5));
  EXPECT_THAT(find([](AuditFilter& f) { f.limit = 2; }), ElementsAre(1, 2));
  EXPECT_FAILS(view->for_each_audit({}, [](const AuditRecord&) { return make_error(Errc::denied, "stop"); }),
               Errc::denied);
}

TEST_P(AuditContract, AuditHeadsKeysAndStatementsAreKept) {
  EXPECT_EQ(snapshot()->last_audit_head().value(), std::nullopt);
  const AuditHead small{2, at(1), Buffer(32, 1), "checkpoint\n", {Buffer(32, 1)}};
  const AuditHead large{7, at(2), Buffer(32, 2), "later", {Buffer(32, 2), Buffer(32, 3), Buffer(32, 4)}};
  const AuditKey key{{1, 2, 3}, "file:audit.key", at(0)};
  const AuditKey next{{1, 2, 4}, "file:audit-2.key", at(9)};
  const AuditStatement statement{authority_, 2, "what is said", {5, 0}, {9, 9}};
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_audit_head(small));
    TRY(t.insert_audit_head(large));
    TRY(t.insert_audit_key(key));
    TRY(t.insert_audit_key(next));
    return t.insert_audit_statement(statement);
  }));
  const auto view = snapshot();
  EXPECT_THAT(view->audit_heads().value(), ElementsAre(small, large));
  EXPECT_EQ(view->last_audit_head().value(), large);
  EXPECT_THAT(view->audit_keys().value(), ElementsAre(key, next));
  EXPECT_THAT(view->audit_statements().value(), ElementsAre(statement));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_audit_head(small); }), Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_audit_key(key); }), Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_audit_statement({99, 0, "", {}, {}}); }),
               Errc::not_found);
}

TEST_P(AuditContract, TheMirrorHearsOfEntriesBeforeTheyAreDurable) {
  std::vector<std::pair<std::int64_t, std::int64_t>> heard;
  Status answer = ok();
  EXPECT_FALSE(database_->has_audit_mirror());
  database_->mirror_audit([&](const Snapshot& state, std::int64_t before, std::int64_t after) {
    heard.emplace_back(before, after);
    EXPECT_EQ(state.audit_size().value(), after);
    return answer;
  });
  EXPECT_TRUE(database_->has_audit_mirror());
  ASSERT_TRUE(commit([](Transaction& t) -> Status {
    TRY(t.append_audit(sample::audit(1)));
    return t.append_audit(sample::audit(2));
  }));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_settings(authority_, "no entry"); }));
  EXPECT_FAILS(commit([](Transaction& t) -> Status {
                 TRY(t.append_audit(sample::audit(3)));
                 return make_error(Errc::denied, "no");
               }),
               Errc::denied);
  EXPECT_THAT(heard, ElementsAre(std::pair(std::int64_t{0}, std::int64_t{2})));
  answer = make_error(Errc::unavailable, "the mirror is full");
  const auto refused = commit([&](Transaction& t) -> Status {
    TRY(t.update_settings(authority_, "lost"));
    return t.append_audit(sample::audit(3));
  });
  EXPECT_FAILS(refused, Errc::unavailable);
  EXPECT_EQ(snapshot()->audit_size().value(), 2);
  EXPECT_EQ(snapshot()->authority("First CA").value().settings, "no entry");
  answer = ok();
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(3)); }));
  EXPECT_EQ(heard.back(), std::pair(std::int64_t{2}, std::int64_t{3}));
}

// --- roles ---

TEST_P(AuditContract, RoleChangesAreKeptInTheirOrder) {
  EXPECT_EQ(snapshot()->role_version().value(), 0);
  RoleChange first{0, "alice", "manager", authority_, "WebServer", "group:web", true, at(1), "root"};
  RoleChange second{0, "*", "reader", 0, "", "", false, at(2), "alice"};
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_role_change(first));
    return t.insert_role_change(second);
  }));
  first.id = 1;
  second.id = 2;
  EXPECT_THAT(snapshot()->role_changes().value(), ElementsAre(first, second));
  EXPECT_EQ(snapshot()->role_version().value(), 2);
}

INSTANTIATE_TEST_SUITE_P(Backends, AuditContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
