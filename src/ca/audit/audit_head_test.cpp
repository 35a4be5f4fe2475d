#include "ca/audit/audit_head.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include "ca/audit/merkle.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

class AuditHead : public testing::Test {
 protected:
  void SetUp() override { root_ = bench_.make_root(); }
  std::unique_ptr<store::Snapshot> snapshot() { return std::move(bench_.database().snapshot().value()); }
  void add_entry(std::string object) {
    ASSERT_TRUE(record_audit(bench_.environment(),
                             {.actor = "alice", .action = "test.act", .object = std::move(object)}));
  }
  TestBench bench_;
  std::unique_ptr<LocalAuthority> root_;
};

TEST_F(AuditHead, SettingUpMakesAKeyThatTheCaVouchesFor) {
  const auto keys = snapshot()->audit_keys().value();
  ASSERT_EQ(keys.size(), 1u);
  const std::string file = keys[0].key_reference.substr(5);
  struct stat info{};
  ASSERT_EQ(::stat((bench_.home().keys() / file).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto statements = snapshot()->audit_statements().value();
  ASSERT_EQ(statements.size(), 1u);
  const CaKey& ca_key = root_->current();
  EXPECT_TRUE(bench_.provider().verify(ca_key.generation.public_key_info, ca_key.signer->algorithm(),
                                       as_bytes(statements[0].statement), statements[0].signature));
  EXPECT_THAT(statements[0].statement, HasSubstr("\nCA: Test Root\n"));
  EXPECT_THAT(statements[0].statement,
              HasSubstr("\naudit key: " + to_base64(keys[0].public_key_info) + "\n"));
  // A second CA of the home vouches for the same key.
  (void)bench_.make_root("Second Root");
  EXPECT_EQ(snapshot()->audit_keys().value(), keys);
  EXPECT_EQ(snapshot()->audit_statements().value().size(), 2u);
}

TEST_F(AuditHead, AHeadCoversTheEntriesAndItsOwn) {
  add_entry("one");
  const auto head = sign_audit_head(bench_.environment(), "alice").value();
  EXPECT_EQ(head.size, snapshot()->audit_size().value());
  std::vector<std::string> actions;
  MerkleFrontier tree(bench_.provider());
  ASSERT_TRUE(snapshot()->for_each_audit({}, [&](const store::AuditRecord& record) {
    actions.push_back(record.action);
    tree.add(audit_leaf(bench_.provider(), record));
    return ok();
  }));
  EXPECT_EQ(actions.back(), "audit.head");
  EXPECT_EQ(head.root, tree.root());
  EXPECT_EQ(snapshot()->last_audit_head().value(), head);
  // Nothing happened since: the same head.
  EXPECT_EQ(sign_audit_head(bench_.environment(), "bob").value(), head);
  // The next one goes on from it.
  add_entry("two");
  const auto next = sign_audit_head(bench_.environment(), "").value();
  EXPECT_EQ(next.size, head.size + 2);
  MerkleFrontier all(bench_.provider());
  ASSERT_TRUE(snapshot()->for_each_audit_leaf(1, next.size, [&](std::int64_t, Bytes leaf) {
    all.add(leaf);
    return ok();
  }));
  EXPECT_EQ(next.root, all.root());
}

TEST_F(AuditHead, ACheckpointIsASignedNote) {
  add_entry("one");
  const auto head = sign_audit_head(bench_.environment(), "").value();
  const auto keys = snapshot()->audit_keys().value();
  const std::string origin = audit_log_origin(bench_.provider(), keys);
  const auto checkpoint = parse_checkpoint(head.checkpoint).value();
  EXPECT_EQ(checkpoint.origin, origin);
  EXPECT_EQ(checkpoint.size, head.size);
  EXPECT_EQ(checkpoint.root, head.root);
  EXPECT_EQ(checkpoint.time, kTestNow);
  EXPECT_EQ(head.checkpoint,
            fmt::format("{}\n{}\n{}\ntime {}\n\n\u2014 {} {}\n", origin, head.size, to_base64(head.root),
                        format_time(kTestNow), origin,
                        head.checkpoint.substr(head.checkpoint.rfind(' ') + 1,
                                               head.checkpoint.size() - head.checkpoint.rfind(' ') - 2)));
  EXPECT_EQ(check_signature(bench_.provider(), checkpoint, keys), HeadSignature::good);
  // Signed note: the signature is over the text, and the key's name is its hash with the name of the log.
  ASSERT_EQ(checkpoint.signatures.size(), 1u);
  EXPECT_TRUE(bench_.provider().verify(keys[0].public_key_info, crypto::SignatureAlgorithm::ed25519,
                                       as_bytes(head.checkpoint.substr(0, head.checkpoint.find("\n\n") + 1)),
                                       checkpoint.signatures[0].signature));
  const std::string verifier = audit_verifier_key(bench_.provider(), origin, keys[0].public_key_info).value();
  EXPECT_TRUE(verifier.starts_with(origin + "+" + to_hex(checkpoint.signatures[0].key_id) + "+A"))
      << verifier;  // 0x01 and what follows begin with A in base64
}

TEST_F(AuditHead, OtherTextsAreNoCheckpoints) {
  add_entry("one");
  const std::string good = sign_audit_head(bench_.environment(), "").value().checkpoint;
  EXPECT_TRUE(parse_checkpoint(good));
  const auto refuses = [](const std::string& text) {
    const auto parsed = parse_checkpoint(text);
    EXPECT_FALSE(parsed) << text;
    return !parsed;
  };
  EXPECT_TRUE(refuses(""));
  EXPECT_TRUE(refuses(good.substr(0, good.find("\n\n") + 1)));
  EXPECT_TRUE(refuses(good.substr(0, good.size() - 1)));
  EXPECT_TRUE(refuses(good + "no signature\n"));
  EXPECT_TRUE(refuses("a\n01\n" + to_base64(Buffer(32)) + "\n\n\u2014 a AAAAAAAA\n"));
  EXPECT_TRUE(refuses("a\n-1\n" + to_base64(Buffer(32)) + "\n\n\u2014 a AAAAAAAA\n"));
  EXPECT_TRUE(refuses("a\n1\n" + to_base64(Buffer(31)) + "\n\n\u2014 a AAAAAAAA\n"));
  EXPECT_TRUE(refuses(std::string(100'000, 'a')));
  // Witnesses and extension lines are let through.
  EXPECT_TRUE(parse_checkpoint("a\n1\n" + to_base64(Buffer(32)) +
                               "\nmore\n\n\u2014 a AAAAAAAA\n\u2014 witness AAAAAAAA\n"));
}

TEST_F(AuditHead, WithoutTheKeyThereIsNoHead) {
  const std::string file = snapshot()->audit_keys().value()[0].key_reference.substr(5);
  fs::remove(bench_.home().keys() / file);
  const auto head = sign_audit_head(bench_.environment(), "");
  ASSERT_FALSE(head);
  EXPECT_THAT(head.error().report(), HasSubstr("opening the audit key"));
}

}  // namespace
}  // namespace vouch::ca
