// The signer process as vouch serve runs it: a keeper, a child in its sandbox, the keys of a real home.
#include "app/signer.hpp"

#include <gmock/gmock.h>

#include <signal.h>

#include <fstream>

#include "app/signer_keys.hpp"
#include "ca/audit/audit_head.hpp"
#include "ca/setup/renewal.hpp"
#include "ca/test_fixture.hpp"
#include "crypto/pkcs11/pkcs11.hpp"
#include "crypto/test_softhsm.hpp"
#include "daemon/configuration.hpp"
#include "daemon/test_service.hpp"
#include "revocation/crl_publication.hpp"

namespace vouch::app {
namespace {

using testing::HasSubstr;

std::shared_ptr<const crypto::Tokens> make_tokens() {
  return crypto::pkcs11::make_tokens(crypto::openssl::make_provider());
}

// The children of a process, as the kernel lists them.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> list;
  std::ifstream file(fmt::format("/proc/{}/task/{}/children", parent, parent));
  for (pid_t pid = 0; file >> pid;) list.push_back(pid);
  return list;
}

class SignerTest : public testing::Test {
 protected:
  // The CA is made with its key in this process, as the command line does; then it is opened with the key in
  // the other.
  void hold_keys(const daemon::SignerConfiguration& signer = {},
                 std::vector<daemon::scep::ProfileConfiguration> profiles = {}) {
    daemon::Configuration configuration;
    configuration.signer = signer;
    configuration.scep = std::move(profiles);
    auto plan = daemon::plan_key_holder(environment_, configuration);
    ASSERT_TRUE(plan) << plan.error().report();
    auto keys = app::hold_keys(std::move(*plan), make_tokens);
    ASSERT_TRUE(keys) << keys.error().report();
    environment_.keys = std::move(*keys);
    environment_.tokens = nullptr;
  }
  std::unique_ptr<ca::LocalAuthority> open(std::string_view name = "Test Root") {
    auto authority = ca::LocalAuthority::open(environment_, name);
    EXPECT_TRUE(authority) << authority.error().report();
    return authority ? std::move(*authority) : nullptr;
  }
  Result<ca::Outcome> issue(ca::LocalAuthority& authority) {
    ca::Submission submission;
    submission.request = bench_.request("CN=a.example.com", {"DNS:a.example.com"});
    submission.template_name = "WebServer";
    return authority.submit(submission);
  }
  void make_issuing_root(ca::InitOptions options) {
    options.automatic_issuance = true;
    const auto made = ca::init(environment_, options);
    ASSERT_TRUE(made) << made.error().report();
    const auto authority = open();
    ASSERT_TRUE(ca::publish_template(environment_, authority->record().id, "WebServer"));
  }
  static pid_t signer_pid() {
    for (const pid_t keeper : children_of(::getpid()))
      for (const pid_t child : children_of(keeper)) return child;
    return 0;
  }

  ca::TestBench bench_;
  ca::Environment environment_ = bench_.environment();
};

TEST_F(SignerTest, IssuesPublishesAndSealsWithKeysThatAreElsewhere) {
  make_issuing_root(bench_.root_options());
  hold_keys();
  // The proof: nobody here could read them.
  for (const auto& file : fs::directory_iterator(bench_.home().keys()))
    fs::permissions(file.path(), fs::perms::none), fs::rename(file.path(), file.path().string() + ".away");
  const auto authority = open();
  const auto outcome = issue(*authority);
  ASSERT_TRUE(outcome) << outcome.error().report();
  EXPECT_EQ(outcome->disposition, ca::Disposition::issued);
  const auto published = revocation::publish_crls(*authority, "bob");
  ASSERT_TRUE(published) << published.error().report();
  const auto head = ca::sign_audit_head(environment_, "bob");
  ASSERT_TRUE(head) << head.error().report();
}

TEST_F(SignerTest, ASignerThatIsKilledIsReplacedAndNobodyNotices) {
  make_issuing_root(bench_.root_options());
  hold_keys();
  const auto authority = open();
  for (int round = 0; round < 3; ++round) {
    const pid_t pid = signer_pid();
    ASSERT_GT(pid, 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    const auto outcome = issue(*authority);
    ASSERT_TRUE(outcome) << outcome.error().report();
    EXPECT_EQ(outcome->disposition, ca::Disposition::issued);
    EXPECT_NE(signer_pid(), pid);
  }
}

TEST_F(SignerTest, AKeyThatCameLaterIsLoadedByItsReference) {
  make_issuing_root(bench_.root_options());
  hold_keys();
  environment_.keys->check(environment_, open()->current().generation.key_reference).value();
  // As the command line would, beside the service.
  ASSERT_TRUE(ca::init(bench_.environment(), bench_.root_options("Second Root")));
  const auto second = open("Second Root");
  ASSERT_NE(second, nullptr);
  EXPECT_TRUE(revocation::publish_crls(*second, "bob"));
}

TEST_F(SignerTest, SignsNothingButWhatTheKeyIsThereFor) {
  make_issuing_root(bench_.root_options());
  hold_keys();
  const auto authority = open();
  const auto key = environment_.keys->find(environment_, authority->current().generation.key_reference);
  ASSERT_TRUE(key) << key.error().report();
  const auto signer = (*key)->signer(crypto::SignatureAlgorithm::ecdsa_sha256).value();
  const auto refused = signer->sign(as_bytes("pay to the bearer"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::malformed);
  const auto audit_key = bench_.database().snapshot().value()->audit_keys().value().front();
  const auto audit = environment_.keys->find(environment_, audit_key.key_reference).value();
  const auto audit_signer = audit->signer(crypto::SignatureAlgorithm::ed25519).value();
  const auto certificate = x509::parse_certificate(authority->current().generation.certificate).value();
  const auto wrong = audit_signer->sign(certificate.tbs);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().summary(), HasSubstr("does not sign a certificate"));
}

// SignedAttrs with contentType and messageDigest, as a SCEP answer has them.
Buffer message_attributes() {
  return from_hex(
             "3138301806092a864886f70d010903310b06092a864886f70d010701301c06092a864886f70d010904310f040d"
             "30313233343536373839616263")
      .value();
}

TEST_F(SignerTest, ACaKeyAnswersDevicesOnlyWhereASecondPurposeWasSettledAtTheStart) {
  make_issuing_root(bench_.root_options("Test Root", crypto::parse_key_spec("rsa:2048").value()));
  const std::string reference = open()->current().generation.key_reference;
  const auto use = [&] {
    const auto key = environment_.keys->find(environment_, reference).value();
    const auto signature =
        key->signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha256).value()->sign(message_attributes());
    const Buffer key_octets(16, 7);
    const Buffer encrypted =
        bench_.provider()
            .encrypt_key(crypto::KeyTransport::rsa_pkcs1, key->public_key_info(), key_octets)
            .value();
    const auto opened =
        key->decrypter().value()->decrypt(crypto::KeyTransport::rsa_pkcs1, encrypted, key_octets.size());
    EXPECT_EQ(signature.has_value(), opened.has_value());
    return opened.has_value();
  };
  hold_keys();
  EXPECT_FALSE(use());
  hold_keys({}, {{.name = "devices"}});
  EXPECT_TRUE(use());
}

TEST_F(SignerTest, AKeyIsNotOpenedForSomethingElse) {
  make_issuing_root(bench_.root_options());
  const auto access = ca::key_access(environment_);
  SignerKeys keys(access);
  const auto authority = open();
  const store::KeyGeneration& generation = authority->current().generation;
  ASSERT_TRUE(keys.add({generation.key_reference, generation.certificate}));
  // The same key, as that of an audit log.
  const auto again = keys.add({"file:other.key", generation.public_key_info});
  EXPECT_FALSE(again);
  EXPECT_EQ(keys.add({"file:../keys/x.key", generation.public_key_info}).error().code(), Errc::malformed);
  // A certificate in the CA's name that it never signed.
  const auto outcome = issue(*authority);
  Buffer forged = outcome.value().certificate;
  forged.back() ^= 1;
  const auto refused = keys.add({"file:leaf.key", forged});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().summary(), HasSubstr("not signed by the CA that it names"));
}

TEST_F(SignerTest, ThePassphraseIsAskedForBeforeTheFork) {
  environment_.passphrase = [](std::string_view) -> Result<std::string> {
    return std::string("correct horse");
  };
  ca::InitOptions options = bench_.root_options();
  options.passphrase = "correct horse";
  make_issuing_root(options);
  hold_keys();
  environment_.passphrase = [](std::string_view) -> Result<std::string> {
    return make_error(Errc::denied, "nobody is asked twice");
  };
  const auto authority = open();
  ASSERT_TRUE(issue(*authority));
  ::kill(signer_pid(), SIGKILL);
  EXPECT_TRUE(issue(*authority)) << "the next process has it as well";
}

TEST_F(SignerTest, ATokenThatGoesAndComesBackIsFoundWithoutARestart) {
  crypto::SoftHsm hsm;
  environment_.tokens = make_tokens();
  environment_.pin = [](const crypto::PinRequest&) -> Result<std::string> { return crypto::SoftHsm::kPin; };
  ca::InitOptions options = bench_.root_options();
  options.token_uri = crypto::format_token_uri(hsm.uri("ca"));
  make_issuing_root(options);
  daemon::SignerConfiguration configuration;
  configuration.writable = hsm.folder().string();
  hold_keys(configuration);
  const auto authority = open();
  ASSERT_TRUE(issue(*authority));
  hsm.pull();
  const Status gone = environment_.keys->check(environment_, authority->current().generation.key_reference);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().summary(), HasSubstr("Vouch test"));
  const auto waiting = issue(*authority);
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code(), Errc::unavailable);
  hsm.plug_in();
  const Status back = environment_.keys->check(environment_, authority->current().generation.key_reference);
  EXPECT_TRUE(back) << back.error().report();
  ASSERT_TRUE(authority->repair());
  EXPECT_EQ(authority->retrieve(2)->disposition, ca::Disposition::issued) << "the request was kept";
}

}  // namespace
}  // namespace vouch::app
