#include "ca/setup/renewal.hpp"

#include <gmock/gmock.h>

#include "ca/chain.hpp"
#include "ca/settings/change_settings.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RenewalTest : public testing::Test {
 protected:
  RenewResult must_renew(const std::string& name, const RenewOptions& options = {}) {
    auto renewed = renew(bench.environment(), name, options);
    EXPECT_TRUE(renewed) << renewed.error().report();
    return renewed ? std::move(*renewed) : RenewResult();
  }
  static RenewOptions new_key() {
    RenewOptions options;
    options.new_key = true;
    options.administrator = "root";
    return options;
  }
  void make_subordinate(const std::string& name, LocalAuthority& parent) {
    InitOptions options = bench.root_options(name);
    options.kind = store::AuthorityKind::subordinate;
    const auto made = init(bench.environment(), options);
    ASSERT_TRUE(made) << made.error().report();
    answer(name, parent, made->generation.request);
  }
  void answer(const std::string& name, LocalAuthority& parent, Bytes request) {
    const auto outcome = parent.sign_subordinate(request, {}, "admin");
    ASSERT_TRUE(outcome) << outcome.error().report();
    ASSERT_EQ(outcome->disposition, Disposition::issued) << outcome->message;
    const auto installed =
        install(bench.environment(), name, outcome->certificate, parent.chain().value(), {}, "admin");
    ASSERT_TRUE(installed) << installed.error().report();
  }
  static x509::CaVersion version_in(Bytes certificate) {
    const auto view = x509::parse_certificate(certificate).value();
    return x509::parse_ca_version(view.find(x509::oid::kMsCaVersion)->value).value();
  }
  std::vector<std::string> versions(const std::string& name) {
    std::vector<std::string> out;
    const auto snapshot = bench.database().snapshot().value();
    const auto generations = snapshot->key_generations(snapshot->authority(name)->id).value();
    for (const auto& each : generations) out.push_back(version_text(each));
    return out;
  }
  // Of CAs: the audit log has one too.
  std::size_t key_files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(bench.home().keys()), {})) - 1;
  }
  void write_policy(std::string_view text) const {
    const std::string all = "[Version]\nSignature=\"$Windows NT$\"\n" + std::string(text);
    ASSERT_TRUE(write_file_atomic(bench.home().folder() / "CAPolicy.inf", as_bytes(all)));
  }
  TestBench bench;
};

// MS-WCCE 3.2.1.4.3.2.39 and the table of Microsoft's "Certification Authority Renewal": the standard's
// example.
TEST_F(RenewalTest, IndexesAreCountedAsWindowsCountsThem) {
  (void)bench.make_root("R");
  for (const bool with_new_key : {true, false, false, true, false, true, false}) {
    RenewOptions options;
    options.new_key = with_new_key;
    (void)must_renew("R", options);
  }
  EXPECT_THAT(versions("R"), ElementsAre("V0.0", "V1.1", "V2.1", "V3.1", "V4.4", "V5.4", "V6.6", "V7.6"));
  const Buffer newest = bench.open("R")->current().generation.certificate;
  EXPECT_EQ(version_in(newest), (x509::CaVersion{7, 6}));
  const auto view = x509::parse_certificate(newest).value();
  // The wire form of 0x00060007.
  EXPECT_EQ(to_hex(view.find(x509::oid::kMsCaVersion)->value), "0203060007");
}

TEST_F(RenewalTest, TheSameKeyIsCertifiedAgainAndNamesItsPredecessor) {
  const auto before = bench.make_root("R");
  const Buffer old = before->current().generation.certificate;
  bench.clock().advance(24h);
  const RenewResult renewed = must_renew("R");
  EXPECT_THAT(renewed.cross, IsEmpty());
  const auto view = x509::parse_certificate(renewed.generation.certificate).value();
  const auto old_view = x509::parse_certificate(old).value();
  EXPECT_TRUE(equal(view.public_key_info, old_view.public_key_info));
  EXPECT_TRUE(equal(view.subject, old_view.subject));
  EXPECT_EQ(view.not_before, kTestNow + 24h);
  EXPECT_EQ(view.not_after - view.not_before, old_view.not_after - old_view.not_before);
  EXPECT_TRUE(equal(x509::parse_previous_cert_hash(view.find(x509::oid::kMsPreviousCertHash)->value).value(),
                    bench.provider().digest(crypto::DigestAlgorithm::sha1, old)));
  EXPECT_EQ(key_files(), 1u);
  const auto after = bench.open("R");
  EXPECT_THAT(after->keys(), SizeIs(2));
  EXPECT_EQ(after->keys()[0].signer, after->keys()[1].signer) << "the key is loaded twice";
  EXPECT_EQ(after->crl_keys(), std::vector<const CaKey*>{&after->current()});
}

TEST_F(RenewalTest, ANewKeySignsWhatComesAndTheOldOneKeepsItsCrl) {
  const auto before = bench.make_root("R");
  (void)must_renew("R", new_key());
  const auto after = bench.open("R");
  ASSERT_THAT(after->keys(), SizeIs(2));
  EXPECT_FALSE(
      equal(after->keys()[0].generation.public_key_info, after->keys()[1].generation.public_key_info));
  EXPECT_EQ(after->current().generation.key_index, 1u);
  EXPECT_THAT(after->crl_keys(), ElementsAre(&after->keys()[0], &after->keys()[1]));
  EXPECT_EQ(key_files(), 2u);
}

// RFC 4210 4.4: whoever trusts one of the two reaches what the other has signed.
TEST_F(RenewalTest, CrossCertificatesLeadFromEachKeyToTheOther) {
  const auto before = bench.make_root("R");
  const RenewResult renewed = must_renew("R", new_key());
  ASSERT_THAT(renewed.cross, SizeIs(2));
  const Buffer& old_root = before->current().generation.certificate;
  const Buffer& new_root = renewed.generation.certificate;
  const auto old_view = x509::parse_certificate(old_root).value(),
             new_view = x509::parse_certificate(new_root).value();
  const auto new_with_old = x509::parse_certificate(renewed.cross[0]).value();
  const auto old_with_new = x509::parse_certificate(renewed.cross[1]).value();
  const auto verifies = [&](const x509::CertificateView& certificate, const x509::CertificateView& issuer) {
    return bool(bench.provider().verify(
        issuer.public_key_info, x509::parse_signature_algorithm(certificate.signature_algorithm).value(),
        certificate.tbs, certificate.signature));
  };
  EXPECT_TRUE(equal(new_with_old.public_key_info, new_view.public_key_info));
  EXPECT_TRUE(verifies(new_with_old, old_view));
  EXPECT_EQ(new_with_old.not_after, old_view.not_after);
  EXPECT_TRUE(equal(old_with_new.public_key_info, old_view.public_key_info));
  EXPECT_TRUE(verifies(old_with_new, new_view));
  EXPECT_EQ(old_with_new.not_before, old_view.not_before);
  EXPECT_EQ(old_with_new.not_after, old_view.not_after);
  // Numbered and recorded like any certificate, and so revocable.
  const auto snapshot = bench.database().snapshot().value();
  const auto found = cross_certificates(*snapshot, renewed.record.id).value();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].pair, "0-1");
  EXPECT_EQ(found[1].pair, "1-0");
  const auto published = publish_ca_certificates(*bench.open("R")).value();
  for (const char* name : {"R.crt", "R(1).crt", "R(0-1).crt", "R(1-0).crt"})
    EXPECT_THAT(published, Contains(bench.home().published() / name));
}

TEST_F(RenewalTest, AnExpiredRootIsRenewedWithoutCrossCertificates) {
  InitOptions options = bench.root_options("R");
  options.validity = Span{1, {}};
  ASSERT_TRUE(init(bench.environment(), options));
  bench.clock().advance(24h * 60);
  const RenewResult renewed = must_renew("R", new_key());
  EXPECT_THAT(renewed.cross, IsEmpty());
  const auto after = bench.open("R");
  EXPECT_THAT(after->keys(), SizeIs(1)) << "an expired key without a living certificate is left out";
}

TEST_F(RenewalTest, TheHashKindOfKeyAndValidityCanChange) {
  const auto before = bench.make_root("R");
  RenewOptions options = new_key();
  options.key = crypto::parse_key_spec("rsa-pss:2048").value();
  options.digest = crypto::DigestAlgorithm::sha384;
  options.validity = Span{12, {}};
  (void)must_renew("R", options);
  const auto after = bench.open("R");
  EXPECT_EQ(after->current().signer->algorithm(), crypto::SignatureAlgorithm::rsa_pss_sha384);
  EXPECT_EQ(after->current().not_after, add(kTestNow, Span{12, {}}));
  // The old key is of another kind and keeps the digest.
  EXPECT_EQ(after->keys()[0].signer->algorithm(), crypto::SignatureAlgorithm::ecdsa_sha384);
  options = {};
  options.key = crypto::KeySpec{};
  EXPECT_EQ(renew(bench.environment(), "R", options).error().code(), Errc::usage);
}

TEST_F(RenewalTest, CaPolicyIsReadAgain) {
  write_policy("[BasicConstraintsExtension]\nPathLength=2\n");
  auto made = init(bench.environment(), bench.root_options("R", crypto::parse_key_spec("rsa:2048").value()));
  ASSERT_TRUE(made) << made.error().report();
  EXPECT_EQ(bench.open("R")->current().path_length, 2u);
  write_policy(
      "[BasicConstraintsExtension]\nPathLength=1\n[Certsrv_Server]\nRenewalKeyLength=3072\n"
      "RenewalValidityPeriod=Years\nRenewalValidityPeriodUnits=7\nCRLPeriod=Weeks\nCRLPeriodUnits=3\n"
      "HashAlgorithm=SHA512\nAlternateSignatureAlgorithm=1\n");
  const RenewResult renewed = must_renew("R", new_key());
  ASSERT_TRUE(renewed.policy);
  EXPECT_EQ(renewed.policy->file, (bench.home().folder() / "CAPolicy.inf").string());
  const auto after = bench.open("R");
  EXPECT_EQ(after->current().path_length, 1u);
  EXPECT_EQ(crypto::format_key_spec(after->settings().key), "rsa-pss:3072");
  EXPECT_EQ(after->current().signer->algorithm(), crypto::SignatureAlgorithm::rsa_pss_sha512);
  EXPECT_EQ(after->current().not_after, add(kTestNow, Span{84, {}}));
  EXPECT_EQ(after->settings().crl_period, (Span{0, 24h * 21}));
  EXPECT_LE(add(kTestNow, after->settings().crl_overlap), add(kTestNow, after->settings().crl_period));
}

TEST_F(RenewalTest, AMalformedCaPolicyStopsTheRenewal) {
  (void)bench.make_root("R");
  write_policy("[Certsrv_Server]\nRenewalKeyLength=long\n");
  const auto renewed = renew(bench.environment(), "R", new_key());
  ASSERT_FALSE(renewed);
  EXPECT_THAT(renewed.error().summary(), HasSubstr("CAPolicy.inf:4:"));
  EXPECT_THAT(versions("R"), ElementsAre("V0.0"));
  EXPECT_EQ(key_files(), 1u);
}

TEST_F(RenewalTest, ASubordinateGoesOnUntilTheAnswerIsInstalled) {
  const auto root = bench.make_root("R");
  make_subordinate("S", *root);
  RenewOptions options = new_key();
  options.key = crypto::parse_key_spec("ec:P-384").value();
  const RenewResult renewed = must_renew("S", options);
  EXPECT_TRUE(renewed.generation.certificate.empty());
  {
    const auto meanwhile = bench.open("S");
    EXPECT_EQ(version_text(meanwhile->current().generation), "V0.0");
    EXPECT_EQ(meanwhile->current().signer->algorithm(), crypto::SignatureAlgorithm::ecdsa_sha256);
  }
  const auto again = renew(bench.environment(), "S", options);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::conflict);
  answer("S", *root, renewed.generation.request);
  const auto after = bench.open("S");
  EXPECT_EQ(version_text(after->current().generation), "V1.1");
  EXPECT_EQ(after->current().signer->algorithm(), crypto::SignatureAlgorithm::ecdsa_sha384);
  EXPECT_EQ(version_in(after->current().generation.certificate), (x509::CaVersion{1, 1}));
  const auto view = x509::parse_certificate(after->current().generation.certificate).value();
  EXPECT_NE(view.find(x509::oid::kMsPreviousCertHash), nullptr);
  EXPECT_EQ(after->settings().renewal_due, half_life(view.not_before, view.not_after));
  EXPECT_THAT(after->crl_keys(), SizeIs(2));
}

TEST_F(RenewalTest, ARenewalThatWaitsCanBeGivenUp) {
  const auto root = bench.make_root("R");
  make_subordinate("S", *root);
  const RenewResult first = must_renew("S", new_key());
  RenewOptions options;
  options.replace = true;
  const RenewResult second = must_renew("S", options);
  EXPECT_EQ(version_text(second.generation), "V1.0");
  EXPECT_FALSE(fs::exists(bench.home().keys() / first.generation.key_reference.substr(5)));
  answer("S", *root, second.generation.request);
  EXPECT_THAT(versions("S"), ElementsAre("V0.0", "V1.0"));
}

TEST_F(RenewalTest, AfterASameKeyRenewalTheOldCertificateIsNoAnswer) {
  const auto root = bench.make_root("R");
  make_subordinate("S", *root);
  const Buffer old = bench.open("S")->current().generation.certificate;
  (void)must_renew("S");
  const auto installed = install(bench.environment(), "S", old, root->chain().value(), {});
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().code(), Errc::denied);
  EXPECT_THAT(installed.error().summary(), HasSubstr("has this certificate already"));
}

// What a crash leaves between the steps of a renewal: a key file that nothing refers to; a recorded
// generation whose cross-certificates are intended and not signed.
TEST_F(RenewalTest, ACrashBetweenTheStepsLeavesAWorkingCa) {
  (void)bench.make_root("R");
  const auto stray = bench.provider().generate({}).value();
  ASSERT_TRUE(write_file_new(bench.home().keys() / "R-stray.key", as_bytes(stray->to_pem("").value()), 0600));
  EXPECT_EQ(version_text(bench.open("R")->current().generation), "V0.0");

  struct Crash {};
  class CrashingDatabase final : public store::Database {
   public:
    CrashingDatabase(store::Database& inner, int commits) : inner_(inner), left_(commits) {}
    Status commit(const Work& work) override {
      if (left_-- == 0) throw Crash();
      return inner_.commit(work);
    }
    void mirror_audit(AuditMirror mirror) override { inner_.mirror_audit(std::move(mirror)); }
    bool has_audit_mirror() const override { return inner_.has_audit_mirror(); }
    Result<std::unique_ptr<store::Snapshot>> snapshot() const override { return inner_.snapshot(); }
    ChangeMark change_mark() const override { return inner_.change_mark(); }
    std::string_view backend() const override { return inner_.backend(); }
    std::vector<store::Location> locations() const override { return inner_.locations(); }
    Result<std::vector<std::string>> check() const override { return inner_.check(); }
    Status copy_to(const fs::path& target) const override { return inner_.copy_to(target); }
    Result<store::Replayed> replay(const fs::path& file) override { return inner_.replay(file); }
    Status fold() override { return inner_.fold(); }

   private:
    store::Database& inner_;
    int left_;
  };
  const auto crash_after = [&](int commits) {
    CrashingDatabase database(bench.database(), commits);
    const Environment all = bench.environment();
    const Environment environment{all.home, database, all.provider, all.clock, all.passphrase};
    EXPECT_THROW((void)renew(environment, "R", new_key()), Crash);
    bench.reopen();
  };
  crash_after(0);  // the key is saved, the generation not recorded
  EXPECT_THAT(versions("R"), ElementsAre("V0.0"));
  auto authority = bench.open("R");
  EXPECT_EQ(version_text(authority->current().generation), "V0.0");
  EXPECT_EQ(authority->repaired(), 0u);
  authority.reset();
  crash_after(1);  // recorded, the cross-certificates not signed
  authority = bench.open("R");
  EXPECT_EQ(version_text(authority->current().generation), "V1.1");
  EXPECT_EQ(authority->repaired(), 2u);
  const auto snapshot = bench.database().snapshot().value();
  EXPECT_THAT(cross_certificates(*snapshot, authority->record().id).value(), SizeIs(2));
  EXPECT_THAT(bench.database().check().value(), IsEmpty());
}

TEST_F(RenewalTest, HalfLifeIsRecorded) {
  const auto root = bench.make_root("R");
  const CaKey& key = root->current();
  EXPECT_EQ(root->settings().renewal_due, kTestNow + (key.not_after - kTestNow) / 2);
  bench.clock().advance(24h * 365);
  (void)must_renew("R");
  EXPECT_EQ(bench.open("R")->settings().renewal_due,
            bench.clock().now() + (key.not_after - key.not_before) / 2);
}

TEST_F(RenewalTest, TheHashChangesWithoutARenewal) {
  (void)bench.make_root("R");
  const auto changed = change_setting(bench.environment(), "R", "hash", "sha512", "admin");
  ASSERT_TRUE(changed) << changed.error().report();
  EXPECT_EQ(bench.open("R")->current().signer->algorithm(), crypto::SignatureAlgorithm::ecdsa_sha512);
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"hash", "sha1"},
                                                                  {"hash", ""},
                                                                  {"nothing", "x"},
                                                                  {"alternate-signature-algorithm", "yes"},
                                                                  {"automatic-issuance", "maybe"},
                                                                  {"default-validity", "0d"}})
    EXPECT_FALSE(change_setting(bench.environment(), "R", name, value, "admin")) << name << '=' << value;
  EXPECT_THAT(change_setting(bench.environment(), "R", "automatic-issuance", "yes", "admin")->warning,
              HasSubstr("less secure"));
}

TEST_F(RenewalTest, WeakKeysAreForcedOrRefused) {
  (void)bench.make_root("R");
  RenewOptions options = new_key();
  options.key = crypto::parse_key_spec("rsa:1024").value();
  const auto refused = renew(bench.environment(), "R", options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  options.force_weak_key = true;
  EXPECT_THAT(must_renew("R", options).warnings, Contains(HasSubstr("1024 bits is weak")));
  EXPECT_TRUE(bench.open("R"));
}

// A parent takes policies, purposes and path length from a subordinate's request, and nothing that names
// somebody.
TEST_F(RenewalTest, AParentGivesASubordinateWhatItsCaPolicyAsksFor) {
  const auto root = bench.make_root("R");
  write_policy(
      "[PolicyStatementExtension]\nPolicies=P\n[P]\nOID=1.2.3.4\nNotice=Hello\n[BasicConstraintsExtension]\n"
      "PathLength=3\n[EnhancedKeyUsageExtension]\nOID=1.3.6.1.5.5.7.3.2\n[Extensions]\n1.2.3.4.5=BQA=\n"
      "1.3.6.1.5.5.7.1.1=MAA=\n");
  make_subordinate("S", *root);
  const auto sub = bench.open("S");
  const auto view = x509::parse_certificate(sub->current().generation.certificate).value();
  const auto policies =
      x509::parse_certificate_policies(view.find(x509::oid::kCertificatePolicies)->value).value();
  EXPECT_EQ(policies.at(0).policy.dotted(), "1.2.3.4");
  EXPECT_EQ(sub->current().path_length, 3u);
  EXPECT_THAT(x509::parse_extended_key_usage(view.find(x509::oid::kExtendedKeyUsage)->value).value(),
              ElementsAre(x509::oid::kClientAuth));
  EXPECT_EQ(to_hex(view.find(x509::Oid{1, 2, 3, 4, 5})->value), "0500");
  EXPECT_NE(to_hex(view.find(x509::oid::kAuthorityInfoAccess)->value), "3000") << "the parent's own AIA";
}

}  // namespace
}  // namespace vouch::ca
