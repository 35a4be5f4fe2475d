// Keys that the authority knows something of: lists, its own keys, what it has certified and what was
// revoked.
#include "ca/keys/key_checks.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "ca/keys/key_files.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

// A root that issues by WebServer at once.
class KeyChecksTest : public testing::Test {
 protected:
  void SetUp() override {
    auto options = bench_.root_options();
    options.automatic_issuance = true;
    ASSERT_TRUE(init(bench_.environment(), options));
    reopen();
    ASSERT_TRUE(publish_template(bench_.environment(), authority_->record().id, "WebServer"));
  }
  void reopen() { authority_ = bench_.open("Test Root"); }
  std::unique_ptr<crypto::PrivateKey> key(const char* spec = "ec:P-256") {
    return bench_.provider().generate(crypto::parse_key_spec(spec).value()).value();
  }
  Outcome submit(const crypto::PrivateKey& key, const std::string& host, const char* by = "WebServer") {
    return submit(bench_.request_with(key, "CN=" + host, {"DNS:" + host}), by);
  }
  Outcome submit(Buffer request, const char* by = "WebServer") {
    auto outcome = authority_->submit({std::move(request), by, "alice", "", {}});
    if (!outcome) ADD_FAILURE() << outcome.error().report();
    return outcome.value_or(Outcome());
  }
  Buffer serial_of(const Outcome& outcome) {
    return to_buffer(x509::serial_octets(x509::parse_certificate(outcome.certificate)->serial));
  }

  TestBench bench_;
  std::unique_ptr<LocalAuthority> authority_;
};

TEST_F(KeyChecksTest, OneKeyIsForOneSubject) {
  const auto shared = key();
  const Outcome first = submit(*shared, "a.example.com");
  EXPECT_EQ(first.disposition, Disposition::issued) << first.message;
  const Outcome renewal = submit(*shared, "a.example.com");
  EXPECT_EQ(renewal.disposition, Disposition::issued) << renewal.message;
  const Outcome other = submit(*shared, "b.example.com");
  EXPECT_EQ(other.disposition, Disposition::denied);
  EXPECT_EQ(other.reason, "key.reuse");
  EXPECT_THAT(other.message, HasSubstr(fmt::format("request {} (CN=a.example.com)", first.request)));
}

TEST_F(KeyChecksTest, ATemplateLetsSubjectsShareAKey) {
  ASSERT_TRUE(set_in_template(bench_.environment(), "WebServer", "key_reuse", "true", "root"));
  const auto shared = key();
  EXPECT_EQ(submit(*shared, "a.example.com").disposition, Disposition::issued);
  EXPECT_EQ(submit(*shared, "b.example.com").disposition, Disposition::issued);
}

// Both are decided before either is stored; the transaction that comes second sees the first.
TEST_F(KeyChecksTest, TwoSubjectsAtTheSameMomentAreStillOneTooMany) {
  const auto shared = key();
  const std::vector<Submission> both{
      {bench_.request_with(*shared, "CN=a.example.com", {"DNS:a.example.com"}), "WebServer", "alice", "", {}},
      {bench_.request_with(*shared, "CN=b.example.com", {"DNS:b.example.com"}), "WebServer", "bob", "", {}},
      {bench_.request_with(*shared, "CN=a.example.com", {"DNS:a.example.com"}),
       "WebServer",
       "alice",
       "",
       {}}};
  const auto outcomes = authority_->submit(both);
  ASSERT_TRUE(outcomes[0] && outcomes[1] && outcomes[2]);
  EXPECT_EQ(outcomes[0]->disposition, Disposition::issued);
  EXPECT_EQ(outcomes[1]->disposition, Disposition::denied);
  EXPECT_EQ(outcomes[1]->reason, "key.reuse");
  EXPECT_TRUE(outcomes[1]->certificate.empty());
  EXPECT_EQ(outcomes[2]->disposition, Disposition::issued) << "the same subject";
  EXPECT_FALSE(bench_.database().snapshot().value()->certificate_of_request(outcomes[1]->request));
}

TEST_F(KeyChecksTest, AKeyThatWasCompromisedIsRefusedForGood) {
  const auto stolen = key();
  const Outcome outcome = submit(*stolen, "a.example.com");
  ASSERT_TRUE(authority_->revoke({serial_of(outcome), x509::CrlReason::key_compromise, {}}, "manager"));
  const Outcome again = submit(*stolen, "a.example.com");
  EXPECT_EQ(again.disposition, Disposition::denied);
  EXPECT_EQ(again.reason, "key.compromised");
  reopen();
  EXPECT_EQ(submit(*stolen, "a.example.com").reason, "key.compromised");
}

TEST_F(KeyChecksTest, AHoldThatTurnsIntoACompromiseCounts) {
  const auto stolen = key();
  const Outcome outcome = submit(*stolen, "a.example.com");
  ASSERT_TRUE(authority_->revoke({serial_of(outcome), x509::CrlReason::certificate_hold, {}}, "manager"));
  EXPECT_EQ(submit(*stolen, "a.example.com").disposition, Disposition::issued);
  ASSERT_TRUE(authority_->revoke({serial_of(outcome), x509::CrlReason::key_compromise, {}}, "manager"));
  EXPECT_EQ(submit(*stolen, "a.example.com").reason, "key.compromised");
}

TEST_F(KeyChecksTest, OtherReasonsSayNothingAboutTheKey) {
  const auto mine = key();
  const Outcome outcome = submit(*mine, "a.example.com");
  ASSERT_TRUE(authority_->revoke({serial_of(outcome), x509::CrlReason::superseded, {}}, "manager"));
  EXPECT_EQ(submit(*mine, "a.example.com").disposition, Disposition::issued);
}

TEST_F(KeyChecksTest, TheCasOwnKeyGetsNoCertificateFromIt) {
  const auto own = load_key(bench_.environment(), authority_->current().generation.key_reference).value();
  const Outcome outcome = submit(*own, "a.example.com");
  EXPECT_EQ(outcome.reason, "key.authority");
  EXPECT_THAT(outcome.message, HasSubstr("the key of CA 'Test Root'"));
}

TEST_F(KeyChecksTest, APointBesideItsCurveIsNamedAsTheReason) {
  const auto good = key();
  Buffer der = bench_.request_with(*good, "CN=a.example.com", {"DNS:a.example.com"});
  const auto view = x509::parse_request(der).value();
  const auto at =
      static_cast<std::size_t>(view.public_key_info.data() - der.data()) + view.public_key_info.size() - 1;
  der[at] ^= 1;
  const Outcome outcome = submit(std::move(der));
  EXPECT_EQ(outcome.reason, "key.curve");
  EXPECT_THAT(outcome.message, HasSubstr("received a point that is not on it"));
}

// --- CVE-2008-0166, with a key that Debian's OpenSSL made in 2008. The number in the list is what
// `openssl rsa -noout -modulus -in testdata/keys/debian-weak-2048.key | sha1sum` prints.

TEST_F(KeyChecksTest, AKeyOfTheListsIsRefused) {
  ASSERT_TRUE(bench_.configure("[keys]\nblocklists = \"lists\"\n"));
  ASSERT_TRUE(write_file_atomic(bench_.home().folder() / "lists" / "blacklist.RSA-2048",
                                as_bytes("# weak\n042dcb33f1f6f3ce9eee\n")));
  reopen();
  const auto weak =
      bench_.provider().load_private_key(read_file("testdata/keys/debian-weak-2048.key").value(), "").value();
  const Outcome outcome = submit(*weak, "a.example.com");
  EXPECT_EQ(outcome.reason, "key.blocklist");
  EXPECT_THAT(outcome.message, HasSubstr("lists/blacklist.RSA-2048"));
  EXPECT_EQ(submit(*key("rsa:2048"), "b.example.com").disposition, Disposition::issued);
}

TEST_F(KeyChecksTest, ADamagedListStopsIssuingRatherThanChecking) {
  ASSERT_TRUE(bench_.configure("[keys]\nblocklists = \"lists\"\n"));
  ASSERT_TRUE(write_file_atomic(bench_.home().folder() / "lists" / "blacklist.RSA-2048", as_bytes("oops\n")));
  reopen();
  const auto outcome =
      authority_->submit({bench_.request_with(*key("rsa:2048"), "CN=a.example.com", {"DNS:a.example.com"}),
                          "WebServer",
                          "a",
                          "",
                          {}});
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().report(), HasSubstr("blacklist.RSA-2048:1: expected 20 hexadecimal digits"));
}

TEST(KeyNumberTest, IsTheStartOfTheHash) {
  const auto provider = crypto::openssl::make_provider();
  // printf abc | sha256sum
  EXPECT_EQ(key_number(*provider, as_bytes("abc")), 0xba7816bf8f01cfea);
}

}  // namespace
}  // namespace vouch::ca
