// Commits, snapshots and marks, and templates.

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "store/test_database_contract.hpp"

namespace vouch::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using x509::CrlReason;

class CommitContract : public DatabaseContract {};

// --- commits and snapshots ---

TEST_P(CommitContract, AFailingWorkTakesBackEverythingItWroteAndItsErrorComesBackUnchanged) {
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_key_generation(sample::generation(authority_, 0, 0)));
    TRY(t.insert_template(sample::certificate_template("Web", 1, 0)));
    return t.publish_template(authority_, "Web");
  }));
  const RequestId open = add_intent(1), held = issue(2), plain = issue(3),
                  pending = add_request(Disposition::pending);
  ASSERT_TRUE(revoke(2, CrlReason::certificate_hold));
  const auto before = snapshot();
  const Status status = commit([&](Transaction& t) -> Status {
    (void)TRY(t.insert_authority(sample::authority("Lost CA")));
    TRY(t.update_settings(authority_, "lost"));
    TRY(t.insert_key_generation(sample::generation(authority_, 1, 1)));
    KeyGeneration changed = sample::generation(authority_, 0, 7);
    changed.chain = {sample::octets({1})};
    TRY(t.update_key_generation(changed));
    RequestRecord lost = sample::request(authority_);
    lost.transaction = "lost";
    (void)TRY(t.insert_request(lost));
    lost.id = pending;
    lost.transaction = "lost too";
    TRY(t.update_request(lost));
    TRY(t.insert_intent(sample::certificate(pending, authority_, 9)));
    TRY(t.abandon_intent(pending, "lost"));
    TRY(t.complete_intent(open, sample::signature(1)));
    TRY(t.release(authority_, sample::serial(2)));
    TRY(t.revoke(authority_, sample::revocation(3)));
    TRY(t.insert_crl(sample::crl(authority_, 1)));
    TRY(t.insert_template(sample::certificate_template("Lost", 1, 0)));
    TemplateRecord removed = sample::certificate_template("Web", 1, 1);
    removed.removed = true;
    TRY(t.insert_template(removed));
    return make_error(Errc::denied, "changed my mind").with_hint("none");
  });
  EXPECT_FAILS(status, Errc::denied);
  EXPECT_EQ(status.error().message(), "changed my mind");
  EXPECT_EQ(status.error().hint(), "none");

  const auto after = snapshot();
  EXPECT_EQ(after->authorities().value(), before->authorities().value());
  EXPECT_EQ(after->key_generations(authority_).value(), before->key_generations(authority_).value());
  EXPECT_EQ(after->requests({}).value(), before->requests({}).value());
  for (const RequestId id : {open, held, plain, pending})
    EXPECT_EQ(after->request(id).value(), before->request(id).value());
  EXPECT_EQ(after->certificates({}).value(), before->certificates({}).value());
  EXPECT_EQ(after->orphans(authority_).value(), before->orphans(authority_).value());
  EXPECT_EQ(after->request_of_transaction(authority_, "lost").value(), std::nullopt);
  EXPECT_EQ(after->last_crl_number(authority_).value(), 0u);
  EXPECT_EQ(after->templates().value(), before->templates().value());
  EXPECT_EQ(after->template_history("Lost").value(), before->template_history("Lost").value());
  EXPECT_THAT(after->published_templates(authority_).value(), ElementsAre("Web"));
  // The serial and the transaction keys of what was taken back are free.
  EXPECT_TRUE(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(pending, authority_, 9)); }));
  RequestRecord again = sample::request(authority_);
  again.transaction = "lost";
  add_request(again);
}

TEST_P(CommitContract, WorksThatFailAmongOthersLeaveTheOthersAlone) {
  constexpr int kThreads = 8, kEach = 40;
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        for (int n = 0; n < kEach; ++n) {
          const auto number = static_cast<std::uint32_t>(i * kEach + n);
          const bool fails = n % 3 == 0;
          const Status status = commit([&](Transaction& t) -> Status {
            const RequestId id = TRY(t.insert_request(sample::request(authority_)));
            TRY(t.insert_intent(sample::certificate(id, authority_, number)));
            if (fails) return make_error(Errc::denied, "work {}", number);
            return t.complete_intent(id, sample::signature(number));
          });
          ASSERT_EQ(status.has_value(), !fails);
          if (fails) {
            EXPECT_EQ(status.error().message(), fmt::format("work {}", number));
          }
          if (fails) ++failed;
          // What was committed is seen from here on.
          EXPECT_EQ(snapshot()->certificate(sample::serial(number)).has_value(), !fails);
        }
      });
  }
  const auto view = snapshot();
  EXPECT_EQ(view->counts().value().certificates, static_cast<std::uint64_t>(kThreads * kEach - failed));
  EXPECT_EQ(view->counts().value().requests, view->counts().value().certificates);
  EXPECT_THAT(view->orphans(authority_).value(), IsEmpty());
  EXPECT_THAT(database_->check().value(), IsEmpty());
}

TEST_P(CommitContract, AnExceptionInAWorkIsItsErrorAndTakesItsWritesBack) {
  const Status status = commit([&](Transaction& t) -> Status {
    TRY(t.update_settings(authority_, "lost"));
    throw std::runtime_error("thrown");
  });
  EXPECT_FAILS(status, Errc::internal);
  EXPECT_THAT(std::string(status.error().message()), HasSubstr("thrown"));
  EXPECT_NE(snapshot()->authority("First CA").value().settings, "lost");
  EXPECT_TRUE(commit([&](Transaction& t) { return t.update_settings(authority_, "kept"); }));
}

TEST_P(CommitContract, CommitInsideAWorkIsAnError) {
  Status inner = ok();
  EXPECT_TRUE(commit([&](Transaction&) {
    inner = database_->commit([](Transaction&) { return ok(); });
    return ok();
  }));
  EXPECT_FAILS(inner, Errc::internal);
}

TEST_P(CommitContract, ASnapshotSeesOneStateHoweverLongItIsHeld) {
  issue(1);
  const auto view = snapshot();
  issue(2);
  ASSERT_TRUE(revoke(1));
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.update_settings(authority_, "later"));
    return t.insert_crl(sample::crl(authority_, 1));
  }));
  const auto later = snapshot();
  EXPECT_EQ(view->counts().value().certificates, 1u);
  EXPECT_EQ(view->certificate(sample::serial(1)).value().revocation, std::nullopt);
  EXPECT_FAILS(view->certificate(sample::serial(2)), Errc::not_found);
  EXPECT_EQ(view->last_crl_number(authority_).value(), 0u);
  EXPECT_NE(view->authority("First CA").value().settings, "later");
  EXPECT_EQ(later->counts().value().certificates, 2u);
  EXPECT_EQ(later->last_crl_number(authority_).value(), 1u);
  issue(3);
  EXPECT_EQ(later->counts().value().certificates, 2u);
}

TEST_P(CommitContract, AWorkIsSeenAsAWholeOrNotAtAll) {
  constexpr int kReaders = 3;
  std::latch reading(kReaders);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int i = 0; i < kReaders; ++i)
    readers.emplace_back([&] {
      bool first = true;
      while (!stop || first) {
        const auto view = snapshot();
        const std::uint64_t last = view->last_crl_number(authority_).value();
        const std::string settings = view->authority("First CA").value().settings;
        if (last != 0) {
          EXPECT_EQ(settings, std::to_string(last));
        }
        if (std::exchange(first, false)) reading.count_down();
      }
    });
  reading.wait();
  for (std::uint64_t n = 1; n <= 200; ++n)
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      TRY(t.update_settings(authority_, std::to_string(n)));
      return t.insert_crl(sample::crl(authority_, n));
    }));
  stop = true;
}

TEST_P(CommitContract, ASnapshotMayOutliveTheDatabase) {
  issue(1);
  auto view = snapshot();
  database_.reset();
  EXPECT_EQ(view->counts().value().certificates, 1u);
}

TEST_P(CommitContract, ChangesOfTemplatesAreCounted) {
  const std::uint64_t before = snapshot()->template_changes().value();
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_template(sample::certificate_template("A", 1, 0)); }));
  const std::uint64_t between = snapshot()->template_changes().value();
  EXPECT_GT(between, before);
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_template(sample::certificate_template("A", 1, 1)); }));
  EXPECT_GT(snapshot()->template_changes().value(), between);
  EXPECT_FALSE(
      commit([&](Transaction& t) { return t.insert_template(sample::certificate_template("A", 1, 1)); }));
  EXPECT_EQ(snapshot()->template_changes().value(), between + 1);
}

TEST_P(CommitContract, CountsCountWhatTheySay) {
  EXPECT_EQ(snapshot()->counts().value().requests, 0u);
  add_request(Disposition::pending);
  add_request(Disposition::pending);
  add_request(Disposition::denied);
  add_intent(1);
  issue(2);
  issue(3);
  ASSERT_TRUE(revoke(3));
  TemplateRecord removed = sample::certificate_template("B", 1, 1);
  removed.removed = true;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_crl(sample::crl(authority_, 1)));
    TRY(t.insert_template(sample::certificate_template("A", 1, 0)));
    TRY(t.insert_template(sample::certificate_template("A", 1, 1)));
    TRY(t.insert_template(sample::certificate_template("B", 1, 0)));
    return t.insert_template(removed);
  }));
  const Counts counts = snapshot()->counts().value();
  EXPECT_EQ(counts.requests, 6u);
  EXPECT_EQ(counts.pending, 2u);
  EXPECT_EQ(counts.certificates, 2u);
  EXPECT_EQ(counts.revoked, 1u);
  EXPECT_EQ(counts.crls, 1u);
  EXPECT_EQ(counts.templates, 1u);
  EXPECT_THAT(database_->check().value(), IsEmpty());
  EXPECT_FALSE(database_->backend().empty());
}

TEST_P(CommitContract, MarksAreKeptByName) {
  EXPECT_EQ(snapshot()->mark("one").value(), "");
  ASSERT_TRUE(commit([](Transaction& t) -> Status {
    TRY(t.set_mark("one", "first"));
    TRY(t.set_mark("two", "ü"));
    EXPECT_EQ(t.mark("one").value(), "first");
    return t.set_mark("one", "second");
  }));
  EXPECT_EQ(snapshot()->mark("one").value(), "second");
  EXPECT_EQ(snapshot()->mark("two").value(), "ü");
  EXPECT_FALSE(commit([](Transaction& t) -> Status {
    TRY(t.set_mark("one", "third"));
    return make_error(Errc::denied, "no");
  }));
  EXPECT_EQ(snapshot()->mark("one").value(), "second");
}

TEST_P(CommitContract, TheChangeMarkChangesWithEachCommit) {
  const auto before = database_->change_mark();
  (void)snapshot()->counts();
  EXPECT_EQ(database_->change_mark(), before) << "reading changes nothing";
  (void)issue(1);
  const auto issued = database_->change_mark();
  EXPECT_NE(issued, before);
  ASSERT_TRUE(revoke(1));
  EXPECT_NE(database_->change_mark(), issued);
}

// What another process commits is seen as well: a second object has its own connections.
TEST(SqliteChangeMark, SeesTheCommitsOfOthers) {
  const sample::TemporaryFolder folder;
  const auto ours = std::move(sqlite::open(folder / "vouch.db").value());
  const auto others = std::move(sqlite::open(folder / "vouch.db").value());
  for (int i = 0; i < 3; ++i) {
    const auto before = ours->change_mark();
    EXPECT_EQ(ours->change_mark(), before);
    ASSERT_TRUE(others->commit([&](Transaction& t) { return t.set_mark("n", std::to_string(i)); }));
    EXPECT_NE(ours->change_mark(), before);
  }
}

// --- templates ---

TEST_P(CommitContract, TheNewestVersionOfATemplateCountsAndAllAreKept) {
  const auto insert = [&](const TemplateRecord& record) {
    return commit([&](Transaction& t) { return t.insert_template(record); });
  };
  const TemplateRecord v1_0 = sample::certificate_template("Wéb", 1, 0),
                       v1_9 = sample::certificate_template("Wéb", 1, 9),
                       v1_10 = sample::certificate_template("Wéb", 1, 10),
                       v2_0 = sample::certificate_template("Wéb", 2, 0),
                       user = sample::certificate_template("User", 4, 1);
  for (const TemplateRecord& record : {v1_0, v1_10, v1_9, user}) ASSERT_TRUE(insert(record));
  EXPECT_EQ(snapshot()->certificate_template("Wéb").value(), v1_10);
  ASSERT_TRUE(insert(v2_0));
  EXPECT_EQ(snapshot()->certificate_template("Wéb").value(), v2_0);
  EXPECT_THAT(snapshot()->templates().value(), ElementsAre(user, v2_0));
  EXPECT_THAT(snapshot()->template_history("Wéb").value(), ElementsAre(v1_0, v1_9, v1_10, v2_0));
  EXPECT_FAILS(insert(v1_9), Errc::conflict);
  EXPECT_FAILS(snapshot()->certificate_template("wéb"), Errc::not_found);
  EXPECT_THAT(snapshot()->template_history("none").value(), IsEmpty());
}

TEST_P(CommitContract, ARemovedTemplateIsGoneButForItsHistoryAndComesBackWithANewVersion) {
  TemplateRecord record = sample::certificate_template("Web", 1, 0),
                 removed = sample::certificate_template("Web", 1, 1);
  removed.removed = true;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_template(record));
    TRY(t.publish_template(authority_, "Web"));
    return t.insert_template(removed);
  }));
  EXPECT_FAILS(snapshot()->certificate_template("Web"), Errc::not_found);
  EXPECT_THAT(snapshot()->templates().value(), IsEmpty());
  EXPECT_THAT(snapshot()->template_history("Web").value(), ElementsAre(record, removed));
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), IsEmpty()) << "nobody issues what is gone";
  EXPECT_FAILS(commit([&](Transaction& t) { return t.publish_template(authority_, "Web"); }),
               Errc::not_found);
  const TemplateRecord again = sample::certificate_template("Web", 1, 2);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_template(again); }));
  EXPECT_EQ(snapshot()->certificate_template("Web").value(), again);
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), IsEmpty());
}

TEST_P(CommitContract, TemplatesArePublishedByAuthority) {
  const AuthorityId other = add_authority("Other CA");
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    for (const char* name : {"Web", "User", "Code"})
      TRY(t.insert_template(sample::certificate_template(name, 1, 0)));
    TRY(t.publish_template(authority_, "Web"));
    TRY(t.publish_template(authority_, "User"));
    TRY(t.publish_template(authority_, "Web"));  // again: no harm
    return t.publish_template(other, "Code");
  }));
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), ElementsAre("User", "Web"));
  EXPECT_THAT(snapshot()->published_templates(other).value(), ElementsAre("Code"));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.withdraw_template(authority_, "Web"); }));
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), ElementsAre("User"));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.withdraw_template(authority_, "Web"); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.publish_template(authority_, "none"); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.publish_template(55, "Web"); }), Errc::not_found);
}

INSTANTIATE_TEST_SUITE_P(Backends, CommitContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
