#include "store/sqlite/sqlite.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "store/sample_records.hpp"
#include "store/sqlite/process.hpp"
#include "store/sqlite/queries.hpp"
#include "store/sqlite/schema.hpp"

namespace vouch::store::sqlite {
namespace {

using sample::at;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using namespace std::chrono_literals;

class SqliteTest : public testing::Test {
 protected:
  std::unique_ptr<Database> open(const Options& options = {}) {
    return std::move(sqlite::open(file_, options).value());
  }
  // A database with one authority, number 1.
  std::unique_ptr<Database> create() {
    auto database = open();
    EXPECT_TRUE(database->commit([](Transaction& t) -> Status {
      (void)TRY(t.insert_authority(sample::authority("First CA")));
      return ok();
    }));
    return database;
  }
  // Statements behind the back of the database, without its constraints.
  void tamper(const std::string& sql) {
    auto connection = Connection::open(file_, 5s).value();
    const Status status = connection->execute(sql);
    ASSERT_TRUE(status) << status.error().report();
  }
  Error open_error(const Options& options = {}) {
    auto database = sqlite::open(file_, options);
    EXPECT_FALSE(database);
    return database ? Error(Errc::internal, "it opened") : database.error();
  }
  mode_t mode_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  }
  void write(const std::string& content) { std::ofstream(file_, std::ios::binary) << content; }
  std::string content() {
    const Buffer octets = read_file(file_).value();
    return {octets.begin(), octets.end()};
  }

  sample::TemporaryFolder folder_;
  const fs::path file_ = folder_ / "vouch.db";
};

Status issue_some(Database& database, std::uint32_t from, std::uint32_t count) {
  for (std::uint32_t n = from; n < from + count; ++n) (void)TRY(sample::issue(database, 1, n));
  return ok();
}

std::uint64_t certificates_in(const Database& database) {
  return database.snapshot().value()->counts().value().certificates;
}

// --- opening ---

TEST_F(SqliteTest, WhatWasCommittedIsThereAfterReopening) {
  ASSERT_TRUE(issue_some(*create(), 1, 5));
  const auto database = open({.create = false});
  EXPECT_EQ(certificates_in(*database), 5u);
  EXPECT_THAT(database->check().value(), IsEmpty());
  EXPECT_EQ(database->backend(), "sqlite");
}

TEST_F(SqliteTest, FilesAreForTheOwnerOnlyWhateverTheUmask) {
  for (const mode_t mask : {0000u, 0777u, 0022u}) {
    fs::remove(file_);
    const mode_t before = ::umask(mask);
    const auto database = create();
    ::umask(before);
    EXPECT_EQ(mode_of(file_), 0600u);
    EXPECT_EQ(mode_of(file_.string() + "-wal"), 0600u);
    EXPECT_EQ(mode_of(file_.string() + "-shm"), 0600u);
  }
}

TEST_F(SqliteTest, LocationsNameTheFilesAndTheirSizes) {
  const auto database = create();
  const auto locations = database->locations();
  ASSERT_EQ(locations.size(), 3u);
  EXPECT_EQ(locations[0].what, "database");
  EXPECT_EQ(locations[0].path, file_);
  EXPECT_EQ(locations[1].what, "write-ahead log");
  EXPECT_EQ(locations[1].octets, fs::file_size(file_.string() + "-wal"));
  EXPECT_GT(locations[1].octets, 0u);
}

TEST_F(SqliteTest, WithoutCreateAMissingFileIsNotFoundAndStaysMissing) {
  EXPECT_EQ(open_error({.create = false}).code(), Errc::not_found);
  EXPECT_FALSE(fs::exists(file_));
  const auto elsewhere = sqlite::open(folder_ / "no" / "vouch.db");
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code(), Errc::not_found);
  EXPECT_THAT(elsewhere.error().report(), HasSubstr("no/vouch.db"));
}

TEST_F(SqliteTest, AnEmptyFileIsADatabaseToBeOnlyWhenOneIsToBeCreated) {
  write("");
  const Error error = open_error({.create = false});
  EXPECT_EQ(error.code(), Errc::malformed);
  EXPECT_THAT(error.report(), HasSubstr("is empty"));
  EXPECT_EQ(certificates_in(*create()), 0u);
}

TEST_F(SqliteTest, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string text(20'000, 'x');
  write(text);
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::malformed);
  EXPECT_THAT(error.report(), HasSubstr(file_.string()));
  EXPECT_THAT(error.report(), HasSubstr("not a database"));
  EXPECT_EQ(content(), text);
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_EQ(open_error().code(), Errc::malformed);
}

TEST_F(SqliteTest, TheDatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  write("");
  tamper("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
  const std::string before = content();
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::malformed);
  EXPECT_THAT(error.report(), HasSubstr("another program"));
  EXPECT_EQ(content(), before);
}

TEST_F(SqliteTest, ATruncatedFileIsMalformedWhereverItWasCut) {
  ASSERT_TRUE(issue_some(*create(), 1, 50));
  const std::string whole = content();
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{99}, std::size_t{100}, std::size_t{511}, std::size_t{512},
        std::size_t{600}, std::size_t{5000}, std::size_t{8192}, whole.size() / 2, whole.size() - 8192}) {
    write(whole.substr(0, size));
    auto database = sqlite::open(file_, {.create = false});
    // A cut may be seen only when what is missing is read.
    Status status = database ? ok() : Status(database.error());
    if (status) {
      auto findings = (*database)->check();
      status = findings && findings->empty() ? ok() : make_error(Errc::malformed, "found");
    }
    ASSERT_FALSE(status) << size;
    EXPECT_EQ(status.error().code(), Errc::malformed) << size << ": " << status.error().report();
  }
}

TEST_F(SqliteTest, FlippedOctetsNeverCrashAndNeverComeBackAsInternalErrors) {
  ASSERT_TRUE(issue_some(*create(), 1, 30));
  const std::string whole = content();
  unsigned noticed = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    std::string damaged = whole;
    damaged[(i * 7919) % damaged.size()] ^= static_cast<char>(1 << (i % 8));
    write(damaged);
    const Status status = [&]() -> Status {
      auto database = TRY(sqlite::open(file_, {.create = false}));
      const auto snapshot = TRY(database->snapshot());
      (void)TRY(snapshot->authorities());
      (void)TRY(snapshot->certificates({}));
      for (RequestId id = 1; id <= 30; ++id) (void)TRY(snapshot->request(id));
      const auto findings = TRY(database->check());
      return findings.empty() ? ok() : make_error(Errc::malformed, "found");
    }();
    if (status) continue;  // an unused octet, or a value of which nothing else depends
    ++noticed;
    EXPECT_THAT(status.error().code(), testing::AnyOf(Errc::malformed, Errc::not_found, Errc::unavailable))
        << i << ": " << status.error().report();
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(file_.string() + suffix);
  }
  EXPECT_GT(noticed, 10u);
}

// As root nothing is read-only, so another user tries.
int as_nobody(const std::function<int()>& main) {
  return ChildProcess([&] {
           if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 100;
           return main();
         })
      .wait();
}

TEST_F(SqliteTest, AFileOrFolderThatMayNotBeWrittenIsDeniedByName) {
  create();
  const auto denied = [&](std::string_view named) {
    const auto database = sqlite::open(file_);
    if (database || database.error().code() != Errc::denied || database.error().hint().empty()) return 1;
    return database.error().report().find(named) == std::string::npos ? 2 : 0;
  };
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
  ASSERT_EQ(::chmod(file_.c_str(), 0444), 0);
  EXPECT_EQ(as_nobody([&] { return denied(file_.string()); }), 0) << "file";
  ASSERT_EQ(::chmod(file_.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0555), 0);
  EXPECT_EQ(as_nobody([&] { return denied("write-ahead log"); }), 0) << "folder";
  fs::remove(file_);
  EXPECT_EQ(as_nobody([&] { return denied(file_.string()); }), 0) << "new file";
}

// --- migrations ---

constexpr const char* kSteps[] = {
    "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)",
    "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1",
    "CREATE TABLE b (z INTEGER) STRICT; INSERT INTO b SELECT y + 1 FROM a",
};

std::int64_t one_number(Connection& connection, const std::string& sql) {
  Query query = connection.query_once(sql).value();
  EXPECT_TRUE(query.step().value());
  return query.integer(0);
}

TEST_F(SqliteTest, AnOlderSchemaIsBroughtUpStepByStep) {
  write("");
  const auto connection = Connection::open(file_, 1s).value();
  const std::span<const char* const> all(kSteps);
  ASSERT_TRUE(migrate(*connection, all.first(1)));
  EXPECT_EQ(one_number(*connection, "PRAGMA user_version"), 1);
  ASSERT_TRUE(migrate(*connection, all));
  EXPECT_EQ(one_number(*connection, "PRAGMA user_version"), 3);
  EXPECT_EQ(one_number(*connection, "SELECT z FROM b"), 3);
  ASSERT_TRUE(migrate(*connection, all)) << "once more changes nothing";
  EXPECT_EQ(one_number(*connection, "SELECT count(*) FROM b"), 1);
}

TEST_F(SqliteTest, TheStepToShardsLeavesWhatIsThereOnTheCompleteList) {
  write("");
  const auto connection = Connection::open(file_, 1s).value();
  constexpr std::size_t kBefore = 5;
  ASSERT_TRUE(migrate(*connection, migrations().first(kBefore)));
  ASSERT_TRUE(connection->execute(
      "INSERT INTO authorities VALUES (1, 'CA', 1, 1, 0, '');"
      "INSERT INTO requests VALUES (1, 1, 20, 0, NULL, '', '', '', '', '', '', '', x'', '');"
      "INSERT INTO certificates VALUES (1, 1, 0, x'05', 0, 9, '', '', x'', x'', 0);"
      "INSERT INTO revocations VALUES (1, 0, x'05', 1, 9, 3, 4, NULL, 1);"
      "INSERT INTO crls (authority, number, key_index, delta, this_update, next_update, next_publish, "
      "entries, "
      "size, sha256, file) VALUES (1, 1, 0, 0, 3, 5, 4, 1, 100, x'01', 'a.crl');"));
  ASSERT_TRUE(migrate(*connection, migrations()));
  for (const char* table : {"certificates", "revocations", "crls"})
    EXPECT_EQ(one_number(*connection, fmt::format("SELECT count(*) FROM {} WHERE shard = 0", table)), 1)
        << table;
  EXPECT_EQ(one_number(*connection, "SELECT count(*) FROM carried_shards"), 0);
}

// A list of a shard is one range of an index that holds all it needs; so are its deltas.
TEST_F(SqliteTest, AShardIsReadByItsIndexAlone) {
  write("");
  const auto connection = Connection::open(file_, 1s).value();
  ASSERT_TRUE(migrate(*connection, migrations()));
  const auto plan = [&](std::string_view sql) {
    Query query = connection->query_once(fmt::format("EXPLAIN QUERY PLAN {}", sql)).value();
    std::string text;
    while (query.step().value()) text += query.text(3) + "\n";
    return text;
  };
  const std::string base = plan(
      "SELECT serial, revoked_at, reason, invalidity_date FROM revocations INDEXED BY revocations_by_shard "
      "WHERE authority = 1 AND key_index = 0 AND shard = 2 AND shard <> 0 AND not_after >= 9 ORDER BY "
      "serial");
  EXPECT_THAT(base,
              HasSubstr("COVERING INDEX revocations_by_shard (authority=? AND key_index=? AND shard=?)"));
  EXPECT_THAT(base, Not(HasSubstr("TEMP B-TREE"))) << "in the order of the list already";
  const std::string newest = plan(
      "SELECT number FROM crls WHERE authority = 1 AND key_index = 0 AND delta = 0 AND shard = 2 AND sha256 "
      "<> "
      "x'' ORDER BY number DESC LIMIT 1");
  EXPECT_THAT(newest, HasSubstr("crls_by_series (authority=? AND key_index=? AND shard=? AND delta=?)"));
}

TEST_F(SqliteTest, AStepThatFailsLeavesTheVersionBeforeIt) {
  write("");
  const auto connection = Connection::open(file_, 1s).value();
  const char* const broken[] = {kSteps[0],
                                "CREATE TABLE c (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1)"};
  const Status status = migrate(*connection, broken);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().report(), HasSubstr("from schema 1 to 2"));
  EXPECT_EQ(one_number(*connection, "PRAGMA user_version"), 1);
  EXPECT_EQ(one_number(*connection, "SELECT count(*) FROM sqlite_schema"), 1);
  EXPECT_FALSE(connection->in_transaction());
  EXPECT_TRUE(migrate(*connection, kSteps));
}

TEST_F(SqliteTest, ANewerSchemaIsRefusedAndLeftAlone) {
  create();
  tamper(fmt::format("PRAGMA user_version = {}", migrations().size() + 1));
  const std::string before = content();
  const Error error = open_error();
  EXPECT_EQ(error.code(), Errc::malformed);
  EXPECT_THAT(error.report(), HasSubstr("newer vouch"));
  EXPECT_THAT(error.report(), HasSubstr("use the newer program"));
  EXPECT_EQ(content(), before);
}

TEST_F(SqliteTest, SeveralProcessesMayCreateTheDatabaseAtOnce) {
  for (int round = 0; round < 5; ++round) {
    const auto create_it = [&] {
      auto database = sqlite::open(file_);
      if (!database) std::fputs(database.error().report().c_str(), stderr);
      return database ? 0 : 1;
    };
    {
      ChildProcess a(create_it), b(create_it), c(create_it);
      EXPECT_EQ(a.wait(), 0);
      EXPECT_EQ(b.wait(), 0);
      EXPECT_EQ(c.wait(), 0);
    }
    EXPECT_THAT(open()->check().value(), IsEmpty());
    fs::remove(file_);
  }
}

// --- several writers ---

TEST_F(SqliteTest, TwoDatabasesOnOneFileBothWrite) {
  create();
  {
    const auto one = open(), two = open();
    std::jthread first([&] { EXPECT_TRUE(issue_some(*one, 1000, 100)); });
    std::jthread second([&] { EXPECT_TRUE(issue_some(*two, 2000, 100)); });
  }
  const auto database = open();
  EXPECT_EQ(certificates_in(*database), 200u);
  EXPECT_THAT(database->check().value(), IsEmpty());
}

TEST_F(SqliteTest, TwoProcessesBothWriteFromSeveralThreads) {
  create();
  const auto write_from = [&](std::uint32_t first) {
    const auto database = open();
    std::atomic<int> failures{0};
    {
      std::vector<std::jthread> threads;
      for (std::uint32_t i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
          if (!issue_some(*database, first + i * 1000, 40)) ++failures;
        });
    }
    return failures == 0 ? 0 : 1;
  };
  ChildProcess child([&] { return write_from(100'000); });
  EXPECT_EQ(write_from(0), 0);
  EXPECT_EQ(child.wait(), 0);
  const auto database = open();
  EXPECT_EQ(certificates_in(*database), 320u);
  EXPECT_EQ(database->snapshot().value()->counts().value().requests, 320u);
  EXPECT_THAT(database->check().value(), IsEmpty());
}

TEST_F(SqliteTest, ASecondWriterWaitsForTheFirst) {
  create();
  const auto database = open();
  const auto other = Connection::open(file_, 1s).value();
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  std::atomic<bool> released{false};
  std::jthread holder([&] {
    std::this_thread::sleep_for(300ms);
    released = true;
    EXPECT_TRUE(other->execute("COMMIT"));
  });
  EXPECT_TRUE(database->commit([&](Transaction& t) {
    EXPECT_TRUE(released);
    return t.update_settings(1, "second");
  }));
}

TEST_F(SqliteTest, ASecondWriterThatWaitsTooLongIsToldWhyAndMayTryAgain) {
  create();
  const auto database = open({.busy_timeout = 100ms});
  const auto other = Connection::open(file_, 1s).value();
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  bool ran = false;
  const auto work = [&](Transaction& t) {
    ran = true;
    return t.update_settings(1, "second");
  };
  const auto began = std::chrono::steady_clock::now();
  const Status status = database->commit(work);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 100ms);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::unavailable);
  EXPECT_THAT(status.error().report(), HasSubstr("another program has been writing"));
  EXPECT_FALSE(ran);
  // Reading goes on meanwhile.
  EXPECT_EQ(certificates_in(*database), 0u);
  ASSERT_TRUE(other->execute("ROLLBACK"));
  EXPECT_TRUE(database->commit(work));
}

// --- no space ---

// A limit on the size of files stands for a full disk: writing beyond it fails with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t octets) {
    before_signal_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = octets;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_signal_);
  }

 private:
  rlimit before_{};
  void (*before_signal_)(int) = nullptr;
};

TEST_F(SqliteTest, ACommitThatCannotBeWrittenIsUnavailableAndChangesNothing) {
  const auto database = create();
  std::uint32_t issued = 0;
  Status status = ok();
  {
    const FileSizeLimit limit(fs::file_size(file_.string() + "-wal") + 300'000);
    while (status && issued < 1000) {
      status = issue_some(*database, issued, 1);
      if (status) ++issued;
    }
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Errc::unavailable);
    EXPECT_THAT(status.error().report(), HasSubstr(file_.string()));
    EXPECT_FALSE(status.error().hint().empty());
    // It stays so, and reading goes on.
    EXPECT_FALSE(
        database->commit([](Transaction& t) { return t.update_settings(1, std::string(100'000, 'x')); }));
    EXPECT_EQ(certificates_in(*database), issued);
  }
  EXPECT_GT(issued, 0u);
  // With space again it works, and the interrupted issuance can be finished.
  EXPECT_TRUE(issue_some(*database, 5000, 10));
  EXPECT_EQ(certificates_in(*database), issued + 10);
  const auto orphans = database->snapshot().value()->orphans(1).value();
  EXPECT_LE(orphans.size(), 1u);
  EXPECT_THAT(database->check().value(), IsEmpty());
}

TEST_F(SqliteTest, WithoutSpaceEveryMemberOfAGroupIsToldAndNoneIsWritten) {
  const auto database = create();
  constexpr int kThreads = 8;
  std::atomic<int> done{0}, unavailable{0};
  {
    const FileSizeLimit limit(fs::file_size(file_.string() + "-wal") + 1'000'000);
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        for (std::uint32_t n = 0; n < 500; ++n) {
          const Status status = issue_some(*database, i * 1000 + n, 1);
          if (status) {
            ++done;
            continue;
          }
          EXPECT_EQ(status.error().code(), Errc::unavailable) << status.error().report();
          ++unavailable;
          break;
        }
      });
  }
  EXPECT_EQ(unavailable, kThreads);
  EXPECT_EQ(certificates_in(*database), static_cast<std::uint64_t>(done));
  EXPECT_THAT(database->check().value(), IsEmpty());
  EXPECT_TRUE(issue_some(*database, 50'000, 1));
}

TEST_F(SqliteTest, AFullDatabaseInsideAWorkFailsTheWholeGroupEvenIfTheWorkLooksAway) {
  create();
  const auto connection = Connection::open(file_, 1s).value();
  ASSERT_TRUE(connection->execute(
      fmt::format("PRAGMA max_page_count = {}", one_number(*connection, "PRAGMA page_count"))));
  ASSERT_TRUE(connection->execute("BEGIN IMMEDIATE"));
  const Status status = connection->run("INSERT INTO templates VALUES (?1, 1, 0, ?2, 0, 0, '')",
                                        std::string_view("big"), std::string_view(std::string(200'000, 'x')));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::unavailable);
  EXPECT_THAT(status.error().report(), HasSubstr("free space"));
  ASSERT_TRUE(connection->failure()) << "a Work that ignores its error must not be committed";
  connection->forget_failure();
  EXPECT_FALSE(connection->failure());
}

// --- the write-ahead log ---

TEST_F(SqliteTest, TheLogStaysBoundedWhileReadersComeAndGoAllTheTime) {
  const auto database = create();
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      // The next snapshot begins before the last one ends.
      std::unique_ptr<Snapshot> last;
      while (!stop) {
        auto next = std::move(database->snapshot().value());
        EXPECT_TRUE(next->authorities());
        std::this_thread::sleep_for(2ms);
        last = std::move(next);
        last.reset();
      }
    });
  std::uintmax_t largest = 0;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(database->commit([&](Transaction& t) {
      return t.update_settings(1, std::string(1'000'000, static_cast<char>('a' + i % 26)));
    }));
    largest = std::max(largest, fs::file_size(file_.string() + "-wal"));
  }
  stop = true;
  EXPECT_LT(largest, 100'000'000u) << "200 MB were written";
}

TEST_F(SqliteTest, TheLogIsCopiedBesideTheCommitsAndBeginsAnew) {
  std::uintmax_t largest = 0;
  {
    const auto database = create();
    for (int i = 0; i < 150; ++i) {
      ASSERT_TRUE(database->commit([&](Transaction& t) {
        return t.update_settings(1, std::string(1'000'000, static_cast<char>('a' + i % 26)));
      }));
      largest = std::max(largest, fs::file_size(file_.string() + "-wal"));
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_THAT(database->check().value(), IsEmpty());
  }
  EXPECT_GT(largest, 16'000'000u) << "nothing was copied early";
  EXPECT_LT(largest, 90'000'000u) << "150 MB were written";
  const auto again = open({.create = false});
  EXPECT_EQ(again->snapshot().value()->authority("First CA")->settings,
            std::string(1'000'000, static_cast<char>('a' + 149 % 26)));
}

TEST_F(SqliteTest, ASnapshotHeldThroughManyCommitsStillSeesItsState) {
  const auto database = create();
  const auto snapshot = std::move(database->snapshot().value());
  const AuthorityRecord before = snapshot->authority("First CA").value();
  for (int i = 0; i < 80; ++i)
    ASSERT_TRUE(
        database->commit([&](Transaction& t) { return t.update_settings(1, std::string(1'000'000, 'x')); }));
  EXPECT_EQ(snapshot->authority("First CA").value(), before);
}

// --- checks ---

struct Damage {
  const char* name;
  const char* sql;
  const char* finding;
};
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class DamageTest : public SqliteTest, public testing::WithParamInterface<Damage> {};

TEST_P(DamageTest, IsFound) {
  {
    const auto database = create();
    ASSERT_TRUE(issue_some(*database, 1, 5));
    ASSERT_TRUE(database->commit([](Transaction& t) -> Status {
      TRY(t.revoke(1, sample::revocation(2)));
      TRY(t.insert_crl(sample::crl(1, 1)));
      TRY(t.insert_crl(sample::crl(1, 2)));
      const RequestId id = TRY(t.insert_request(sample::request(1)));
      return t.insert_intent(sample::certificate(id, 1, 6));
    }));
    EXPECT_THAT(database->check().value(), IsEmpty());
  }
  tamper(GetParam().sql);
  EXPECT_THAT(open()->check().value(), Contains(HasSubstr(GetParam().finding)));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, DamageTest,
    testing::Values(Damage{"DeltaWithoutBase", "UPDATE crls SET delta = 1, base_number = 9, sha256 = x'01'",
                           "delta CRL number 2 names a base CRL that does not exist"},
                    Damage{"ChangeNeverMade", "UPDATE revocations SET changed = 99",
                           "the number of a change that was never made"},
                    Damage{"CertificateGone", "DELETE FROM certificates WHERE request = 3",
                           "request 3 is to be issued and has no certificate"},
                    Damage{"IntentWithoutCertificate", "DELETE FROM certificates WHERE request = 6",
                           "request 6 waits for a signature and has no"},
                    Damage{"IntentOfASigned", "INSERT INTO intents VALUES (4)",
                           "request 4 is signed and waits"},
                    Damage{"SignatureGone", "DELETE FROM signatures WHERE request = 1",
                           "request 1 is not signed and nothing waits"},
                    Damage{"SignatureAlone", "INSERT INTO signatures VALUES (77, x'00')",
                           "request 77 has a signature without"},
                    Damage{"RequestGone", "DELETE FROM requests WHERE id = 5",
                           "certificate of request 5, which does not exist"},
                    Damage{"SerialTwice",
                           "UPDATE certificates SET serial = (SELECT serial FROM certificates WHERE request "
                           "= 1) WHERE request = 3",
                           "certificate of request 3 is not registered"},
                    Damage{"SerialNotRegistered", "DELETE FROM serials WHERE request = 2",
                           "certificate of request 2 is not registered"},
                    Damage{"RevocationOfNothing", "UPDATE revocations SET serial = x'99'",
                           "a revocation names the certificate of request 2"},
                    Damage{"RevocationOfAnotherEnd", "UPDATE revocations SET not_after = 5",
                           "a revocation names the certificate of request 2"},
                    Damage{"RevocationOfAnUnsigned", "UPDATE revocations SET request = 6",
                           "request 6 is revoked and not signed"},
                    Damage{"CrlNumberBack", "UPDATE crls SET number = 9 WHERE number = 1",
                           "CRL number 2 was given after"}),
    [](const auto& damage) { return damage.param.name; });

TEST_F(SqliteTest, ADamagedPageIsFound) {
  ASSERT_TRUE(issue_some(*create(), 1, 50));
  std::string damaged = content();
  std::fill(damaged.begin() + 3 * 8192, damaged.begin() + 4 * 8192, '\xff');
  std::fill(damaged.begin() + 6 * 8192, damaged.begin() + 7 * 8192, '\xff');
  write(damaged);
  const auto database = sqlite::open(file_);
  ASSERT_TRUE(database) << database.error().report();
  const auto findings = (*database)->check();
  if (findings)
    EXPECT_THAT(*findings, testing::Not(IsEmpty()));
  else
    EXPECT_EQ(findings.error().code(), Errc::malformed);
}

TEST_F(SqliteTest, ARowWithImpossibleValuesIsMalformedNotAGuess) {
  ASSERT_TRUE(issue_some(*create(), 1, 3));
  tamper(
      "UPDATE requests SET disposition = 77 WHERE id = 1; UPDATE requests SET attributes = '5:abc' WHERE id "
      "= 2;"
      "UPDATE certificates SET key_index = 70000 WHERE request = 3; UPDATE authorities SET kind = 9");
  const auto snapshot = std::move(open()->snapshot().value());
  EXPECT_EQ(snapshot->request(1).error().code(), Errc::malformed);
  EXPECT_EQ(snapshot->request(2).error().code(), Errc::malformed);
  EXPECT_EQ(snapshot->certificate_of_request(3).error().code(), Errc::malformed);
  EXPECT_EQ(snapshot->authorities().error().code(), Errc::malformed);
}

TEST(AttributesTest, AnyTextGoesThereAndBack) {
  const std::map<std::string, std::string> tables[] = {
      {},
      {{"", ""}},
      {{"a", "1:b"}, {"a1:b", ""}},
      {{"5:alice", "\n"}, {std::string("\0x", 2), std::string(300, ':')}}};
  for (const auto& attributes : tables)
    EXPECT_EQ(decode_attributes(encode_attributes(attributes)).value(), attributes);
}

TEST(AttributesTest, DamagedTextIsMalformed) {
  for (const char* text :
       {"1", "1:", "1:a", "1:a2:b", ":", "-1:a1:b", "99999999999999999999:a1:b", "1:a1:b1:c", "a:b"})
    EXPECT_FALSE(decode_attributes(text)) << text;
}

}  // namespace
}  // namespace vouch::store::sqlite
