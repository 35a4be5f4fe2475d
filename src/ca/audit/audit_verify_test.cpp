// What manipulations of the audit log are found: of every kind that somebody who can write the database can
// do.
#include "ca/audit/audit_verify.hpp"

#include <gmock/gmock.h>

#include <random>

#include "ca/audit/merkle.hpp"
#include "ca/setup/audit_key.hpp"
#include "ca/setup/renewal.hpp"
#include "ca/test_fixture.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::ca {
namespace {

using store::AuditRecord;
using testing::HasSubstr;
using testing::IsEmpty;

// A log as a CA leaves it, a head of it that is kept elsewhere, and the database's file to manipulate.
class AuditVerify : public testing::Test {
 protected:
  void SetUp() override {
    root_ = bench_.make_root();
    ASSERT_TRUE(load_default_templates(bench_.environment()));
    ASSERT_TRUE(publish_template(bench_.environment(), root_->record().id, "WebServer", "admin"));
    for (int i = 0; i < 14; ++i) {
      const std::string host = fmt::format("host-{}.example.com", i);
      const auto outcome = root_->submit(
          {bench_.request("CN=" + host, {"DNS:" + host}), "WebServer", i % 2 == 0 ? "alice" : "bob", "", {}});
      ASSERT_TRUE(outcome) << outcome.error().report();
      if (i % 3 == 0) {
        ASSERT_TRUE(root_->deny(outcome->request, "carol", "not now"));
      } else {
        const auto issued = root_->approve(outcome->request, "carol");
        ASSERT_TRUE(issued) << issued.error().report();
        if (i % 4 == 0) {
          const auto certificate = x509::parse_certificate(issued->certificate).value();
          ASSERT_TRUE(
              root_->revoke({to_buffer(certificate.serial), x509::CrlReason::superseded, {}}, "carol"));
        }
      }
      if (i % 5 == 4) {
        ASSERT_TRUE(sign_audit_head(bench_.environment(), ""));
      }
      bench_.clock().advance(std::chrono::seconds(7));
    }
    kept_ = sign_audit_head(bench_.environment(), "dave").value();
    ASSERT_GT(kept_.size, 30);
    raw_ = store::sqlite::Connection::open(bench_.home().database(), std::chrono::seconds(5)).value();
    sql("PRAGMA synchronous = OFF");
    sql("PRAGMA foreign_keys = OFF");
    for (const char* table : {"audit", "audit_heads", "audit_keys", "audit_statements"})
      sql(fmt::format("CREATE TABLE copy_of_{0} AS SELECT * FROM {0}", table));
  }

  void sql(const std::string& statement) {
    const Status done = raw_->execute(statement);
    ASSERT_TRUE(done) << statement << ": " << done.error().report();
  }
  void put_back() {
    sql("BEGIN");
    for (const char* table : {"audit", "audit_heads", "audit_keys", "audit_statements"}) {
      sql(fmt::format("DELETE FROM {}", table));
      sql(fmt::format("INSERT INTO {0} SELECT * FROM copy_of_{0}", table));
    }
    sql("COMMIT");
  }

  AuditReport verify(bool with_head = true) {
    AuditVerifyOptions options;
    if (with_head) options.heads.emplace_back("kept.head", kept_.checkpoint);
    auto report = verify_audit(bench_.environment(), options);
    if (!report) ADD_FAILURE() << report.error().report();
    return report.value_or(AuditReport{});
  }

  std::vector<AuditRecord> entries() {
    std::vector<AuditRecord> records;
    EXPECT_TRUE(bench_.database().snapshot().value()->for_each_audit({}, [&](const AuditRecord& record) {
      records.push_back(record);
      return ok();
    }));
    return records;
  }
  // What an attacker writes who knows how the log is made.
  void write(std::vector<AuditRecord> records, bool leaves) {
    sql("BEGIN");
    sql("DELETE FROM audit");
    std::int64_t sequence = 0;
    for (AuditRecord& record : records) {
      record.sequence = ++sequence;
      if (leaves) record.leaf = audit_leaf(bench_.provider(), record);
      ASSERT_TRUE(raw_->run("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", record.sequence,
                            record.time, record.actor, record.action, record.authority, record.object,
                            record.details, record.outcome, record.leaf));
    }
    sql("COMMIT");
  }
  // And who makes the stored heads fit, but for what only the key can make.
  void rewrite_heads(const crypto::Signer* signer) {
    const auto records = entries();
    const auto heads = bench_.database().snapshot().value()->audit_heads().value();
    const auto keys = bench_.database().snapshot().value()->audit_keys().value();
    const std::string origin = audit_log_origin(bench_.provider(), keys);
    sql("DELETE FROM audit_heads");
    for (store::AuditHead head : heads) {
      if (head.size > static_cast<std::int64_t>(records.size())) continue;
      MerkleFrontier tree(bench_.provider());
      for (std::int64_t i = 0; i < head.size; ++i) tree.add(records[static_cast<std::size_t>(i)].leaf);
      head.root = tree.root();
      head.frontier = tree.nodes();
      const auto blank = head.checkpoint.find("\n\n");
      std::string body = fmt::format("{}\n{}\n{}\ntime {}\n", origin, head.size, to_base64(head.root),
                                     format_time(head.time));
      std::string signature = head.checkpoint.substr(blank);
      if (signer) {
        const std::string verifier =
            audit_verifier_key(bench_.provider(), origin, signer->public_key_info()).value();
        Buffer octets = from_hex(verifier.substr(origin.size() + 1, 8)).value();
        append(octets, signer->sign(as_bytes(body)).value());
        signature = fmt::format("\n\u2014 {} {}\n", origin, to_base64(octets));
      }
      head.checkpoint = body + signature;
      ASSERT_TRUE(raw_->run("INSERT INTO audit_heads VALUES (?1, ?2, ?3, ?4, ?5)", head.size, head.time,
                            head.root, head.checkpoint, frontier_of(head)));
    }
  }
  static Buffer frontier_of(const store::AuditHead& head) {
    Buffer all;
    for (const Buffer& node : head.frontier) append(all, node);
    return all;
  }
  // Everything anew with a key of the attacker's own.
  void take_over(const crypto::PrivateKey& key) {
    const auto signer = key.signer(crypto::SignatureAlgorithm::ed25519).value();
    ASSERT_TRUE(raw_->run("UPDATE audit_keys SET public_key_info = ?1", key.public_key_info()));
    const auto keys = bench_.database().snapshot().value()->audit_keys().value();
    const std::string statement =
        audit_statement(bench_.provider(), audit_log_origin(bench_.provider(), keys), key.public_key_info(),
                        "Test Root", root_->current().generation.public_key_info, kTestNow);
    ASSERT_TRUE(raw_->run("UPDATE audit_statements SET statement = ?1", statement));
    rewrite_heads(signer.get());
  }

  TestBench bench_;
  std::unique_ptr<LocalAuthority> root_;
  store::AuditHead kept_;
  std::unique_ptr<store::sqlite::Connection> raw_;
};

TEST_F(AuditVerify, ALogThatNobodyTouchedIsGood) {
  const AuditReport report = verify();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.entries, kept_.size);
  EXPECT_EQ(report.covered, kept_.size);
  EXPECT_EQ(report.root, kept_.root);
  EXPECT_EQ(report.heads_good, bench_.database().snapshot().value()->audit_heads()->size() + 1);
  // It grows, and the head stays good.
  ASSERT_TRUE(record_audit(bench_.environment(), {.actor = "alice", .action = "test.act"}));
  EXPECT_THAT(verify().findings, IsEmpty());
  EXPECT_EQ(verify().covered, kept_.size);
}

TEST_F(AuditVerify, FindingsSayWhatIsWrong) {
  const auto first_finding = [&] {
    const AuditReport report = verify();
    put_back();
    return report.findings.empty() ? std::string("(none)") : report.findings.front();
  };
  sql("UPDATE audit SET actor = 'mallory' WHERE sequence = 7");
  EXPECT_THAT(first_finding(), HasSubstr("entry 7 ("));
  sql("DELETE FROM audit WHERE sequence = 9");
  EXPECT_THAT(first_finding(), HasSubstr("entry 9 is removed: after 8 comes 10"));
  sql("DELETE FROM audit WHERE sequence BETWEEN 9 AND 11");
  EXPECT_THAT(first_finding(), HasSubstr("entries 9 to 11 are removed"));
  sql(fmt::format("DELETE FROM audit WHERE sequence > {}", kept_.size - 2));
  EXPECT_THAT(first_finding(), HasSubstr(fmt::format("the log ends at entry {}; the stored head of size {}",
                                                     kept_.size - 2, kept_.size)));
  sql("DELETE FROM audit_heads");
  EXPECT_THAT(first_finding(), HasSubstr("stored heads were removed"));
  sql("UPDATE audit_heads SET checkpoint = replace(checkpoint, 'time 2026', 'time 2025')");
  EXPECT_THAT(first_finding(), HasSubstr("does not say what was signed"));
  auto records = entries();
  std::swap(records[4], records[5]);
  write(records, true);
  EXPECT_THAT(first_finding(), HasSubstr("was changed, removed, inserted or moved"));
  sql("UPDATE audit_statements SET signature = x'00'");
  EXPECT_THAT(first_finding(), HasSubstr("is not signed by its key"));
  sql("DELETE FROM audit_statements");
  EXPECT_THAT(first_finding(), HasSubstr("other key"));
  EXPECT_EQ(first_finding(), "(none)");
}

TEST_F(AuditVerify, ACertificateKeptElsewhereShowsAKeyThatItsCaDidNotBind) {
  AuditVerifyOptions options;
  options.trusted = {root_->current().generation.certificate};
  EXPECT_THAT(verify_audit(bench_.environment(), options)->findings, IsEmpty());
  const auto other = bench_.make_root("Other Root");
  options.trusted = {other->current().generation.certificate};
  EXPECT_THAT(verify_audit(bench_.environment(), options)->findings, IsEmpty()) << "it has bound it too";
  TestBench elsewhere;
  const auto stranger = elsewhere.make_root("Test Root");
  options.trusted = {stranger->current().generation.certificate};
  ASSERT_EQ(verify_audit(bench_.environment(), options)->findings.size(), 1u);
  EXPECT_THAT(verify_audit(bench_.environment(), options)->findings[0], HasSubstr("has not signed"));
}

TEST_F(AuditVerify, EachKeyOfACaVouchesForTheAuditKey) {
  RenewOptions renewal;
  renewal.new_key = true;
  renewal.administrator = "admin";
  const auto renewed = renew(bench_.environment(), "Test Root", renewal);
  ASSERT_TRUE(renewed) << renewed.error().report();
  EXPECT_EQ(bench_.database().snapshot().value()->audit_statements()->size(), 2u);
  AuditVerifyOptions options;
  options.trusted = {renewed->generation.certificate};
  const auto report = verify_audit(bench_.environment(), options);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_THAT(report->notes, IsEmpty());
}

TEST_F(AuditVerify, ANewAuditKeyGoesOnWithTheLogAndHeadsOfTheOldOneStayGood) {
  ASSERT_TRUE(make_new_audit_key(*root_, "", "admin"));
  EXPECT_EQ(bench_.database().snapshot().value()->audit_keys()->size(), 2u);
  const auto head = sign_audit_head(bench_.environment(), "");
  ASSERT_TRUE(head) << head.error().report();
  AuditVerifyOptions options;
  options.heads = {{"old.head", kept_.checkpoint}, {"new.head", head->checkpoint}};
  const auto report = verify_audit(bench_.environment(), options);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_EQ(report->covered, head->size);
}

TEST_F(AuditVerify, AHeadOfAnotherLogOrWithAChangedSignatureIsBad) {
  TestBench elsewhere;
  (void)elsewhere.make_root("Test Root");
  const auto foreign = sign_audit_head(elsewhere.environment(), "").value();
  AuditVerifyOptions options;
  options.heads = {{"foreign.head", foreign.checkpoint}};
  EXPECT_THAT(verify_audit(bench_.environment(), options)->findings.front(), HasSubstr("other log"));
  std::string changed = kept_.checkpoint;
  changed.replace(changed.find("time 2026"), 9, "time 2027");
  options.heads = {{"changed.head", changed}};
  EXPECT_THAT(verify_audit(bench_.environment(), options)->findings.front(),
              HasSubstr("the signature of changed.head is bad"));
  options.heads = {{"no.head", "hello\n"}};
  EXPECT_FALSE(verify_audit(bench_.environment(), options));
}

TEST_F(AuditVerify, AThousandManipulationsAreFoundAgainstAHeadKeptElsewhere) {
  std::mt19937 random(20261118);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const std::vector<AuditRecord> original = entries();
  const std::size_t size = original.size();
  ASSERT_EQ(static_cast<std::int64_t>(size), kept_.size);
  const auto attacker = bench_.provider().generate({crypto::KeyType::ed25519, 0, false}).value();

  const auto change_text = [&](AuditRecord& record) {
    std::string* const columns[] = {&record.actor,  &record.action,  &record.authority,
                                    &record.object, &record.details, &record.outcome};
    std::string& column = *columns[below(6)];
    if (!column.empty() && below(2) == 0)
      column[below(column.size())] ^= 1;
    else
      column += static_cast<char>('a' + static_cast<int>(below(26)));
  };
  const auto change_one = [&](std::vector<AuditRecord>& records) {
    AuditRecord& record = records[below(records.size())];
    if (below(4) == 0)
      record.time += std::chrono::seconds(1 + static_cast<std::int64_t>(below(100'000)));
    else
      change_text(record);
  };
  const auto swap_two = [&](std::vector<AuditRecord>& records) {
    for (;;) {
      AuditRecord& a = records[below(size)];
      AuditRecord& b = records[below(size)];
      AuditRecord same = a;
      same.sequence = b.sequence;
      same.leaf = b.leaf;
      if (same == b) continue;  // two that say the same are no manipulation
      std::swap(a, b);
      return;
    }
  };
  const auto forged = [&] {
    AuditRecord record = original[below(size)];
    record.actor = "mallory";
    record.object += " more";
    return record;
  };

  std::map<std::size_t, int> tried;
  constexpr std::size_t kKinds = 19;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::size_t kind = static_cast<std::size_t>(attempt) % kKinds;
    ++tried[kind];
    std::vector<AuditRecord> records = original;
    std::string what;
    switch (kind) {
      case 0: {
        what = "one column of one entry";
        change_one(records);
        write(records, false);
        break;
      }
      case 1:
        what = "one column, and the leaf hash";
        change_one(records);
        write(records, true);
        break;
      case 2:
        what = "one column, all hashes, the stored heads";
        change_one(records);
        write(records, true);
        rewrite_heads(nullptr);
        break;
      case 3:
        what = "one column, all hashes, and no stored heads";
        change_one(records);
        write(records, true);
        sql("DELETE FROM audit_heads");
        break;
      case 4:
        what = "one leaf hash";
        records[below(size)].leaf[below(32)] ^= static_cast<std::uint8_t>(1u << below(8));
        write(records, false);
        break;
      case 5:
        what = "one entry deleted";
        sql(fmt::format("DELETE FROM audit WHERE sequence = {}", 1 + below(size)));
        break;
      case 6:
        what = "one entry deleted, the rest renumbered";
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(below(size)));
        write(records, true);
        break;
      case 7:
        what = "one entry deleted and a forged one appended";
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(below(size)));
        records.push_back(forged());
        write(records, true);
        break;
      case 8:
        what = "two entries swapped";
        swap_two(records);
        write(records, false);
        break;
      case 9:
        what = "two entries swapped, with hashes";
        swap_two(records);
        write(records, true);
        break;
      case 10:
        what = "two entries swapped, with hashes and heads";
        swap_two(records);
        write(records, true);
        rewrite_heads(nullptr);
        break;
      case 11:
        what = "the tail cut off";
        records.resize(below(size));
        write(records, false);
        break;
      case 12:
        what = "the tail cut off, with its heads";
        records.resize(below(size));
        write(records, true);
        sql(fmt::format("DELETE FROM audit_heads WHERE size > {}", records.size()));
        break;
      case 13: {
        what = "the tail cut off and forged anew";
        const std::size_t keep = below(size);
        records.resize(keep);
        while (records.size() < size) records.push_back(forged());
        write(records, true);
        rewrite_heads(nullptr);
        break;
      }
      case 14:
        what = "an entry inserted";
        records.insert(records.begin() + static_cast<std::ptrdiff_t>(below(size)), forged());
        write(records, true);
        break;
      case 15:
        what = "an entry inserted before the first";
        sql(fmt::format(
            "INSERT INTO audit SELECT {}, time, actor, action, authority, object, details, outcome, "
            "leaf FROM audit WHERE sequence = {}",
            -static_cast<std::int64_t>(below(9)), 1 + below(size)));
        break;
      case 16:
        what = "a stored head removed";
        sql(fmt::format(
            "DELETE FROM audit_heads WHERE size IN (SELECT size FROM audit_heads ORDER BY random() LIMIT {})",
            1 + below(3)));
        break;
      case 17: {
        what = "a column of a stored head";
        const char* const changes[] = {"time = time + 1", "size = size - 1", "root = zeroblob(32)",
                                       "frontier = zeroblob(length(frontier))",
                                       "checkpoint = replace(checkpoint, char(10), char(10) || 'x')"};
        sql(fmt::format(
            "UPDATE audit_heads SET {} WHERE size = (SELECT size FROM audit_heads ORDER BY random() "
            "LIMIT 1)",
            changes[below(5)]));
        break;
      }
      default:
        what = "everything anew, with the attacker's own key";
        change_one(records);
        write(records, true);
        take_over(*attacker);
        break;
    }
    if (HasFatalFailure()) return;
    EXPECT_FALSE(verify().findings.empty()) << attempt << ": " << what;
    put_back();
    if (attempt % 100 == 0) {
      EXPECT_THAT(verify().findings, IsEmpty()) << "and nothing when it is put back";
    }
  }
  EXPECT_EQ(tried.size(), kKinds);
  EXPECT_THAT(verify().findings, IsEmpty());
}

}  // namespace
}  // namespace vouch::ca
