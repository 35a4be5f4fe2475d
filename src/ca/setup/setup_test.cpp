#include "ca/setup/setup.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "ca/chain.hpp"
#include "ca/keys/key_strength.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

class SetupTest : public testing::Test {
 protected:
  InitOptions subordinate(std::string name) {
    InitOptions options = bench.root_options(std::move(name));
    options.kind = store::AuthorityKind::subordinate;
    return options;
  }
  Buffer sign(LocalAuthority& parent, Bytes request) {
    auto outcome = parent.sign_subordinate(request, {}, "admin");
    EXPECT_TRUE(outcome) << outcome.error().report();
    EXPECT_EQ(outcome->disposition, Disposition::issued) << outcome->message;
    return outcome->certificate;
  }
  TestBench bench;
};

TEST_F(SetupTest, ARootIsSelfSignedAndSaysWhatItIs) {
  const auto made = init(bench.environment(), bench.root_options());
  ASSERT_TRUE(made) << made.error().report();
  const auto certificate = x509::parse_certificate(made->generation.certificate).value();
  EXPECT_TRUE(equal(certificate.issuer, certificate.subject));
  EXPECT_TRUE(x509::parse_basic_constraints(certificate.find(x509::oid::kBasicConstraints)->value)->ca);
  EXPECT_EQ(certificate.not_after, add(kTestNow, Span{240, {}}));
  EXPECT_TRUE(build_chain(bench.provider(), made->generation.certificate, {})->empty());
}

TEST_F(SetupTest, TheKeyFileIsForItsOwnerOnly) {
  const auto made = init(bench.environment(), bench.root_options());
  struct stat info{};
  const fs::path file = bench.home().keys() / made->generation.key_reference.substr(5);
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SetupTest, TheSameNameTwiceIsRefusedAndLeavesNoKeyBehind) {
  ASSERT_TRUE(init(bench.environment(), bench.root_options()));
  EXPECT_EQ(init(bench.environment(), bench.root_options()).error().code(), Errc::conflict);
  EXPECT_EQ(std::distance(fs::directory_iterator(bench.home().keys()), {}), 2)
      << "the CA's and the audit log's";
}

TEST_F(SetupTest, AChainOfThreeIsInstalledAndReopened) {
  const auto root = bench.make_root();
  const auto policy_ca = init(bench.environment(), subordinate("Policy CA"));
  ASSERT_TRUE(policy_ca) << policy_ca.error().report();
  EXPECT_EQ(LocalAuthority::open(bench.environment(), "Policy CA").error().code(), Errc::unavailable);
  const auto installed = install(bench.environment(), "Policy CA", sign(*root, policy_ca->generation.request),
                                 root->chain().value(), {});
  ASSERT_TRUE(installed) << installed.error().report();
  EXPECT_EQ(installed->root_fingerprint,
            bench.provider().digest(crypto::DigestAlgorithm::sha256, root->current().generation.certificate));

  const auto middle = bench.open("Policy CA");
  const auto issuing = init(bench.environment(), subordinate("Issuing CA"));
  ASSERT_TRUE(install(bench.environment(), "Issuing CA", sign(*middle, issuing->generation.request),
                      middle->chain().value(), {}));
  EXPECT_EQ(bench.open("Issuing CA")->chain()->size(), 3u);
}

TEST_F(SetupTest, AMissingIssuerIsNamed) {
  const auto root = bench.make_root();
  const auto made = init(bench.environment(), subordinate("Sub"));
  const auto result = install(bench.environment(), "Sub", sign(*root, made->generation.request), {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::not_found);
  EXPECT_THAT(result.error().summary(), HasSubstr("CN=Test Root"));
}

TEST_F(SetupTest, AnotherCasCertificateIsNotInstalled) {
  const auto root = bench.make_root();
  const auto one = init(bench.environment(), subordinate("One"));
  ASSERT_TRUE(init(bench.environment(), subordinate("Two")));
  const auto result =
      install(bench.environment(), "Two", sign(*root, one->generation.request), root->chain().value(), {});
  EXPECT_EQ(result.error().code(), Errc::denied);
}

TEST_F(SetupTest, ARootOutsideTheTrustedOnesIsRefused) {
  const auto root = bench.make_root();
  const auto other = bench.make_root("Other Root");
  const auto made = init(bench.environment(), subordinate("Sub"));
  const Buffer answer = sign(*root, made->generation.request);
  EXPECT_EQ(install(bench.environment(), "Sub", answer, root->chain().value(), other->chain().value())
                .error()
                .code(),
            Errc::denied);
  EXPECT_TRUE(install(bench.environment(), "Sub", answer, {}, root->chain().value()));
}

TEST_F(SetupTest, ARootNeverTakesAParentsCertificate) {
  const auto root = bench.make_root();
  EXPECT_EQ(install(bench.environment(), "Test Root", root->current().generation.certificate, {}, {})
                .error()
                .code(),
            Errc::conflict);
}

TEST_F(SetupTest, APathLengthOfZeroStopsFurtherCas) {
  const auto root = bench.make_root();
  const auto made = init(bench.environment(), subordinate("Sub"));
  LocalAuthority::SubordinateOptions options;
  options.path_length = 0;
  const auto signed_request = root->sign_subordinate(made->generation.request, options, "admin");
  ASSERT_TRUE(signed_request) << signed_request.error().report();
  ASSERT_TRUE(install(bench.environment(), "Sub", signed_request->certificate, root->chain().value(), {}));
  const auto sub = bench.open("Sub");
  const auto below = init(bench.environment(), subordinate("Below"));
  const auto outcome = sub->sign_subordinate(below->generation.request, {}, "admin");
  ASSERT_TRUE(outcome) << outcome.error().report();
  EXPECT_EQ(outcome->disposition, Disposition::denied);
  EXPECT_THAT(outcome->message, HasSubstr("path"));
}

// Below 1024 bits nothing is signed, however the key came to be the CA's.
TEST_F(SetupTest, ACaWithAnRsaKeyBelow1024BitsDoesNotStart) {
  EXPECT_EQ(
      check_key_strength(x509::encode_rsa_public_key_info(Buffer(127, 0xff), Buffer{1, 0, 1})).error().code(),
      Errc::denied);
  EXPECT_TRUE(check_key_strength(x509::encode_rsa_public_key_info(Buffer(128, 0xff), Buffer{1, 0, 1})));
  InitOptions options = bench.root_options("Weak", crypto::parse_key_spec("rsa:1024").value());
  EXPECT_EQ(init(bench.environment(), options).error().code(), Errc::denied);
  options.force_weak_key = true;
  ASSERT_TRUE(init(bench.environment(), options));
  EXPECT_TRUE(bench.open("Weak"));
}

TEST_F(SetupTest, WithoutDefaultTemplatesASubordinateIsSignedAllTheSame) {
  const std::string text =
      "[Version]\nSignature=\"$Windows NT$\"\n[Certsrv_Server]\nLoadDefaultTemplates=0\n";
  ASSERT_TRUE(write_file_atomic(bench.home().folder() / "CAPolicy.inf", as_bytes(text)));
  const auto root = bench.make_root();
  EXPECT_THAT(bench.database().snapshot().value()->templates().value(), testing::IsEmpty());
  const auto made = init(bench.environment(), subordinate("Sub"));
  ASSERT_TRUE(made) << made.error().report();
  EXPECT_TRUE(
      install(bench.environment(), "Sub", sign(*root, made->generation.request), {}, root->chain().value()));
}

}  // namespace
}  // namespace vouch::ca
