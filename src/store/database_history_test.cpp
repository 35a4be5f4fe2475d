// Random histories: whatever is done, SQLite answers as the memory does, word for word, and ends up the same.

#include <gmock/gmock.h>

#include <random>

#include "store/memory/memory.hpp"
#include "store/sample_records.hpp"
#include "store/sqlite/sqlite.hpp"

namespace vouch::store {
namespace {

using sample::at;
using x509::CrlReason;

// Numbers come from small ranges, so that what an operation names is often there, often not, and often taken.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_()) % limit; }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  AuthorityId authority() { return one_in(4) ? 1 + below(4) : 1; }
  RequestId request() { return 1 + below(30); }
  std::uint32_t serial() { return below(40); }
  CrlReason reason() {
    constexpr CrlReason kReasons[] = {CrlReason::unspecified, CrlReason::certificate_hold,
                                      CrlReason::certificate_hold, CrlReason::superseded,
                                      CrlReason::remove_from_crl};
    return kReasons[below(5)];
  }
  Disposition disposition() {
    constexpr Disposition kDispositions[] = {Disposition::pending, Disposition::foreign, Disposition::issuing,
                                             Disposition::issued,  Disposition::revoked, Disposition::failed,
                                             Disposition::denied};
    return kDispositions[below(7)];
  }
  RequestRecord request_record() {
    RequestRecord record = sample::request(authority(), disposition());
    record.requester = one_in(2) ? "anna" : "bert";
    record.template_name = one_in(2) ? "Web" : "";
    if (one_in(2)) record.transaction = "T" + std::to_string(below(20));
    if (one_in(2)) record.resolved_at = at(below(100));
    record.trace = std::string(below(50), 't');
    return record;
  }
  CertificateRecord certificate() {
    CertificateRecord record = sample::certificate(request(), authority(), serial());
    record.key_index = static_cast<std::uint16_t>(below(2));
    record.not_after = at(below(1000));
    if (one_in(20)) record.serial.clear();
    if (one_in(4)) record.location_set = below(5);
    return record;
  }
  CrlRecord crl() {
    CrlRecord record = sample::crl(authority(), below(30));
    record.delta = one_in(3);
    record.base_number = below(30);
    record.last_change = below(30);
    if (!record.delta && one_in(2)) record.sha256 = Buffer(32, 1);
    return record;
  }
  CrlTarget crl_target() {
    return {authority(),   static_cast<std::uint16_t>(below(2)), one_in(2), name(), below(9), below(9),
            at(below(99)), one_in(2) ? "no space" : ""};
  }
  TemplateRecord certificate_template() {
    TemplateRecord record = sample::certificate_template(name(), below(3), below(4));
    record.removed = one_in(4);
    return record;
  }
  std::string name() { return one_in(2) ? "Web" : "Üser"; }

 private:
  std::mt19937 random_;
};

// One operation with random arguments; what it answered, as text.
std::string answer(const Status& status) {
  return status ? "ok" : fmt::format("{}: {}", name(status.error().code()), status.error().message());
}
std::string answer(const Result<std::int64_t>& id) {
  return id ? std::to_string(*id) : answer(Status(id.error()));
}

std::string operate(Generator& g, Transaction& t) {
  switch (g.below(20)) {
    case 0:
      return answer(t.insert_authority(sample::authority(g.name())));
    case 1:
      return answer(t.update_settings(g.authority(), std::to_string(g.below(99))));
    case 2:
    case 3:
    case 4:
      return answer(t.insert_request(g.request_record()));
    case 5: {
      RequestRecord record = g.request_record();
      record.id = g.request();
      return answer(t.update_request(record));
    }
    case 6:
    case 7:
    case 8:
      return answer(t.insert_intent(g.certificate()));
    case 9:
    case 10:
      return answer(t.complete_intent(g.request(), sample::signature(g.below(9))));
    case 11:
      return answer(t.abandon_intent(g.request(), "abandoned"));
    case 12:
    case 13: {
      RevocationRecord record = sample::revocation(g.serial(), g.reason());
      record.revoked_at = at(g.below(999));
      if (g.one_in(3)) record.invalidity_date = at(g.below(99));
      return answer(t.revoke(g.authority(), record));
    }
    case 14:
      return answer(t.release(g.authority(), sample::serial(g.serial())));
    case 15: {
      CrlRecord record = g.crl();
      if (g.one_in(2)) return answer(t.insert_crl(record));
      record.size = g.below(1000);
      return answer(t.update_crl(record));
    }
    case 16:
      return answer(t.insert_template(g.certificate_template()));
    case 17:
      return answer(t.location_set(g.authority(), g.name()));
    case 18:
      return answer(t.put_crl_target(g.crl_target()));
    default:
      return g.one_in(3) ? answer(t.withdraw_template(g.authority(), g.name()))
                         : answer(t.publish_template(g.authority(), g.name()));
  }
}

// One Work of several operations; it fails at the end one time in four.
std::string work_on(Database& database, unsigned seed) {
  std::string log;
  const Status status = database.commit([&](Transaction& t) -> Status {
    Generator g(seed);
    const std::uint32_t operations = 1 + g.below(8);
    for (std::uint32_t i = 0; i < operations; ++i) log += operate(g, t) + "\n";
    if (g.one_in(4)) return make_error(Errc::denied, "taken back");
    return ok();
  });
  return log + answer(status);
}

void expect_same(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(a.authorities().value(), b.authorities().value());
  EXPECT_EQ(a.requests({}).value(), b.requests({}).value());
  for (const int disposition : {9, 12, 16, 20, 21, 30, 31}) {
    RequestFilter filter;
    filter.disposition = static_cast<Disposition>(disposition);
    filter.requester = "anna";
    EXPECT_EQ(a.requests(filter).value(), b.requests(filter).value()) << disposition;
  }
  for (const std::optional<bool> revoked :
       {std::optional<bool>(), std::optional(true), std::optional(false)}) {
    CertificateFilter filter;
    filter.revoked = revoked;
    EXPECT_EQ(a.certificates(filter).value(), b.certificates(filter).value());
  }
  for (RequestId id = 1; id <= 60; ++id) {
    const auto request_a = a.request(id), request_b = b.request(id);
    ASSERT_EQ(request_a.has_value(), request_b.has_value()) << id;
    if (!request_a) continue;
    EXPECT_EQ(*request_a, *request_b);
    EXPECT_EQ(a.request_of_transaction(request_a->authority, request_a->transaction).value(),
              b.request_of_transaction(request_a->authority, request_a->transaction).value());
    const auto certificate_a = a.certificate_of_request(id), certificate_b = b.certificate_of_request(id);
    ASSERT_EQ(certificate_a.has_value(), certificate_b.has_value()) << id;
    if (certificate_a) {
      EXPECT_EQ(*certificate_a, *certificate_b);
    }
  }
  for (std::uint32_t n = 0; n < 40; ++n)
    EXPECT_EQ(a.certificate(sample::serial(n)).has_value(), b.certificate(sample::serial(n)).has_value())
        << n;
  for (AuthorityId authority = 1; authority <= 4; ++authority) {
    EXPECT_EQ(a.orphans(authority).value(), b.orphans(authority).value());
    EXPECT_EQ(a.crls(authority).value(), b.crls(authority).value());
    EXPECT_EQ(a.last_crl_number(authority).value(), b.last_crl_number(authority).value());
    EXPECT_EQ(a.published_templates(authority).value(), b.published_templates(authority).value());
    for (std::uint16_t key_index = 0; key_index < 2; ++key_index) {
      const auto walk = [&](const Snapshot& snapshot) {
        std::string text;
        EXPECT_TRUE(snapshot.for_each_revoked(
            authority, key_index, at(300), [&](const Snapshot::RevokedEntry& entry) {
              text += fmt::format("{} {} {} {}\n", to_hex(entry.serial), format_time(entry.revoked_at),
                                  static_cast<int>(entry.reason),
                                  entry.invalidity_date ? format_time(*entry.invalidity_date) : "-");
              return ok();
            }));
        return text;
      };
      EXPECT_EQ(walk(a), walk(b));
      const auto walk_changes = [&](const Snapshot& snapshot) {
        std::string text;
        EXPECT_TRUE(
            snapshot.for_each_changed(authority, key_index, 2, [&](const Snapshot::ChangedEntry& entry) {
              text += fmt::format("{} {} {} {} {} {} {} {}\n", to_hex(entry.serial), entry.changed,
                                  format_time(entry.revoked_at), static_cast<int>(entry.reason),
                                  entry.invalidity_date ? format_time(*entry.invalidity_date) : "-",
                                  format_time(entry.not_after), entry.released, entry.held_since);
              return ok();
            }));
        return text;
      };
      EXPECT_EQ(walk_changes(a), walk_changes(b));
      EXPECT_EQ(a.changes_on_crls(authority, key_index, 7).value(),
                b.changes_on_crls(authority, key_index, 7).value());
      for (const bool delta : {false, true})
        EXPECT_EQ(a.newest_crls(authority, key_index, delta, 2).value(),
                  b.newest_crls(authority, key_index, delta, 2).value());
    }
    EXPECT_EQ(a.last_change(authority).value(), b.last_change(authority).value());
    EXPECT_EQ(a.crl_targets(authority).value(), b.crl_targets(authority).value());
    EXPECT_EQ(a.location_sets(authority, at(400)).value(), b.location_sets(authority, at(400)).value());
  }
  EXPECT_EQ(a.templates().value(), b.templates().value());
  for (const char* name : {"Web", "Üser"})
    EXPECT_EQ(a.template_history(name).value(), b.template_history(name).value());
  const Counts x = a.counts().value(), y = b.counts().value();
  EXPECT_EQ(std::tie(x.requests, x.pending, x.certificates, x.revoked, x.crls, x.templates),
            std::tie(y.requests, y.pending, y.certificates, y.revoked, y.crls, y.templates));
}

class RandomHistory : public testing::TestWithParam<unsigned> {};

TEST_P(RandomHistory, SqliteAnswersAsTheMemoryDoes) {
  const sample::TemporaryFolder folder;
  const auto memory = memory::open();
  const auto sqlite = std::move(sqlite::open(folder / "vouch.db").value());
  std::unique_ptr<Snapshot> earlier_memory, earlier_sqlite;
  for (unsigned step = 0; step < 300; ++step) {
    const unsigned seed = GetParam() * 1000 + step;
    ASSERT_EQ(work_on(*memory, seed), work_on(*sqlite, seed)) << "step " << step;
    if (step % 30 == 10) {
      earlier_memory = std::move(memory->snapshot().value());
      earlier_sqlite = std::move(sqlite->snapshot().value());
    }
    if (step % 30 == 29) expect_same(*earlier_memory, *earlier_sqlite);
    if (HasFailure()) FAIL() << "step " << step;
  }
  const auto final_memory = std::move(memory->snapshot().value()),
             final_sqlite = std::move(sqlite->snapshot().value());
  expect_same(*final_memory, *final_sqlite);
  // The history went where it matters.
  const Counts counts = final_memory->counts().value();
  EXPECT_GT(counts.certificates, 5u);
  EXPECT_GT(counts.revoked, 0u);
  // Requests that were "issued" without a certificate are what the generator does and `check` must find.
  const auto findings = sqlite->check().value();
  // So are deltas without a base.
  for (const std::string& finding : findings)
    EXPECT_THAT(finding, testing::AnyOf(testing::HasSubstr("has no certificate"),
                                        testing::HasSubstr("names a base CRL that does not exist")));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, testing::Range(1u, 9u));

}  // namespace
}  // namespace vouch::store
