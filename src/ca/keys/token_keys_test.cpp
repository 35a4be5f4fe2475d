// A CA whose key is on a token that comes and goes.
#include "ca/keys/token_keys.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "ca/keys/key_care.hpp"
#include "ca/keys/key_files.hpp"
#include "ca/keys/key_waiting.hpp"
#include "ca/setup/import_pkcs12.hpp"
#include "ca/setup/renewal.hpp"
#include "ca/test_fixture.hpp"
#include "crypto/pkcs11/pkcs11.hpp"
#include "crypto/test_softhsm.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr, testing::IsEmpty;

class TokenBench : public TestBench {
 public:
  TokenBench() : tokens_(crypto::pkcs11::make_tokens(crypto::openssl::make_provider())) {}

  Environment environment() override {
    Environment environment = TestBench::environment();
    environment.tokens = tokens_;
    environment.pin = [this](const crypto::PinRequest&) -> Result<std::string> {
      ++pins;
      return pin;
    };
    return environment;
  }
  InitOptions options(std::string name, std::string_view object = {}) {
    InitOptions options = root_options(std::move(name));
    options.token_uri = format_token_uri(hsm.uri(object));
    options.automatic_issuance = true;
    return options;
  }
  std::unique_ptr<LocalAuthority> make(const std::string& name) {
    const auto made = init(environment(), options(name));
    if (!made) ADD_FAILURE() << made.error().report();
    const auto snapshot = database().snapshot().value();
    EXPECT_TRUE(publish_template(environment(), snapshot->authority(name)->id, "WebServer"));
    return open(name);
  }
  Submission submission(const std::string& name) {
    const auto key = provider().generate({}).value();
    return {request_with(*key, "CN=" + name, {"DNS:" + name}), "WebServer", "alice", "", {}};
  }
  // Private keys of CAs in files; the audit log's own is one.
  std::size_t key_files() const {
    std::size_t files = 0;
    for (const auto& file : fs::directory_iterator(home().keys()))
      if (!file.path().filename().string().starts_with("audit-")) ++files;
    return files;
  }
  // As a new process would: nothing loaded, nobody logged in.
  void forget_tokens() {
    tokens_.reset();
    tokens_ = crypto::pkcs11::make_tokens(crypto::openssl::make_provider());
  }

  crypto::SoftHsm hsm;
  std::string pin = crypto::SoftHsm::kPin;
  int pins = 0;

 private:
  std::shared_ptr<const crypto::Tokens> tokens_;
};

TEST(TokenKeys, ACaSignsOnItsToken) {
  TokenBench bench;
  const auto authority = bench.make("Token Root");
  const auto& generation = authority->current().generation;
  EXPECT_THAT(generation.key_reference, HasSubstr("pkcs11:token=Vouch%20test;object=Token%20Root;id="));
  const auto outcome = authority->submit(bench.submission("www.example.com"));
  ASSERT_TRUE(outcome) << outcome.error().report();
  const auto certificate = x509::parse_certificate(outcome->certificate).value();
  EXPECT_TRUE(bench.provider().verify(generation.public_key_info, authority->settings().signature_algorithm,
                                      certificate.tbs, certificate.signature));
  EXPECT_EQ(bench.key_files(), 0u);
}

TEST(TokenKeys, SeveralCasShareATokenAndItsLogin) {
  TokenBench bench;
  const auto first = bench.make("First"), second = bench.make("Second");
  const int before = bench.pins;
  for (const auto& authority : {first.get(), second.get()}) {
    const auto outcome = authority->submit(bench.submission("www.example.com"));
    ASSERT_TRUE(outcome) << outcome.error().report();
  }
  EXPECT_FALSE(
      equal(first->current().generation.public_key_info, second->current().generation.public_key_info));
  EXPECT_EQ(bench.pins, before);
}

TEST(TokenKeys, SetUpUsesTheKeyThatTheUriNames) {
  TokenBench bench;
  const auto made = init(bench.environment(), bench.options("One", "shared key"));
  ASSERT_TRUE(made) << made.error().report();
  EXPECT_THAT(made->key_origin, HasSubstr("was made on"));
  const auto found = init(bench.environment(), bench.options("Two", "shared key"));
  ASSERT_TRUE(found) << found.error().report();
  EXPECT_THAT(found->key_origin, HasSubstr("was there already"));
  EXPECT_TRUE(equal(found->generation.public_key_info, made->generation.public_key_info));
}

TEST(TokenKeys, SetUpWithAWrongPinOrNameLeavesNothing) {
  TokenBench bench;
  bench.pin = "wrong";
  const auto refused = init(bench.environment(), bench.options("Root"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  bench.pin = crypto::SoftHsm::kPin;
  // The database refuses after the key was made: it goes from the token again.
  ASSERT_TRUE(init(bench.environment(), bench.root_options("Taken")));
  InitOptions taken = bench.options("Other", "kept key");
  taken.subject_suffix = "not a name";
  EXPECT_FALSE(init(bench.environment(), taken));
  const auto keys = list_token_keys(bench.environment(), format_token_uri(bench.hsm.uri()));
  ASSERT_TRUE(keys) << keys.error().report();
  EXPECT_TRUE(keys->empty());
  EXPECT_FALSE(bench.database().snapshot().value()->authority("Root"));
}

TEST(TokenKeys, WhatNeedsNoKeyWorksWithoutTheToken) {
  TokenBench bench;
  auto authority = bench.make("Token Root");
  const auto issued = authority->submit(bench.submission("a.example.com")).value();
  authority.reset();
  bench.forget_tokens();
  bench.hsm.pull();
  bench.pins = 0;
  authority = bench.open("Token Root");
  ASSERT_NE(authority, nullptr);
  EXPECT_EQ(authority->retrieve(issued.request)->certificate, issued.certificate);
  const auto serial = to_buffer(x509::parse_certificate(issued.certificate)->serial);
  EXPECT_TRUE(authority->revoke({serial, x509::CrlReason::superseded, {}}, "admin"));
  EXPECT_EQ(authority->chain()->size(), 1u);
  EXPECT_EQ(bench.pins, 0);

  // What would issue is decided and kept.
  const auto submitted = authority->submit(bench.submission("b.example.com"));
  ASSERT_FALSE(submitted);
  EXPECT_EQ(submitted.error().code(), Errc::unavailable);
  EXPECT_THAT(submitted.error().report(), HasSubstr("'Vouch test' is not there"));
  EXPECT_THAT(submitted.error().report(), HasSubstr("vouch request retrieve 2"));
  const auto waiting = authority->retrieve(2);
  EXPECT_EQ(waiting->disposition, Disposition::issuing);
  EXPECT_THAT(waiting->message, HasSubstr("waits to be signed: "));
  EXPECT_THAT(waiting->message, HasSubstr("'Vouch test' is not there"));
  bench.hsm.plug_in();
  const auto finished = authority->retrieve(2);
  ASSERT_TRUE(finished) << finished.error().report();
  EXPECT_EQ(finished->disposition, Disposition::issued);
  EXPECT_FALSE(finished->certificate.empty());
}

TEST(TokenKeys, AWrongPinAtSigningIsTriedOnceAndMendedWithoutARestart) {
  TokenBench bench;
  bench.make("Token Root").reset();
  bench.forget_tokens();
  bench.pin = "wrong";
  const auto authority = bench.open("Token Root");
  EXPECT_EQ(authority->submit(bench.submission("a.example.com")).error().code(), Errc::denied);
  const auto again = authority->submit(bench.submission("b.example.com"));
  EXPECT_EQ(again.error().code(), Errc::denied);
  EXPECT_THAT(again.error().report(), HasSubstr("not tried again"));
  bench.pin = crypto::SoftHsm::kPin;
  ASSERT_TRUE(authority->submit(bench.submission("c.example.com")));
  for (const RequestId id : {1, 2, 3})
    EXPECT_EQ(authority->retrieve(id)->disposition, Disposition::issued) << id;
}

// The requirement in one: a loop issues from several threads while the token is pulled and plugged in. Every
// request that was accepted ends as exactly one certificate, by the token's key, without a restart.
TEST(TokenKeys, NothingIsLostWhileTheTokenComesAndGoes) {
  TokenBench bench;
  const auto authority = bench.make("Token Root");
  constexpr int kThreads = 4;
  std::vector<std::vector<Submission>> work(kThreads);
  for (int t = 0; t < kThreads; ++t)
    for (int i = 0; i < 40; ++i)
      work[static_cast<std::size_t>(t)].push_back(bench.submission(fmt::format("h{}-{}.example.com", t, i)));
  std::atomic<int> issued = 0, refused = 0, other = 0, running = kThreads;
  {
    std::vector<std::jthread> threads;
    for (const auto& mine : work)
      threads.emplace_back([&] {
        for (const Submission& submission : mine) {
          const auto outcome = authority->submit(submission);
          if (outcome && outcome->disposition == Disposition::issued)
            ++issued;
          else if (!outcome && outcome.error().code() == Errc::unavailable)
            ++refused;
          else
            ++other;
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        --running;
      });
    for (int round = 0; round < 3 && running > 0; ++round) {
      const int before = issued;
      while (issued < before + 8 && running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      bench.hsm.pull();
      const int missed = refused;
      while (refused < missed + 4 && running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      bench.hsm.plug_in();
    }
  }
  EXPECT_EQ(other, 0);
  EXPECT_GT(refused, 3);
  EXPECT_GT(issued, 20);
  ASSERT_TRUE(authority->repair());
  EXPECT_FALSE(authority->has_unfinished());
  const auto snapshot = bench.database().snapshot().value();
  EXPECT_TRUE(snapshot->orphans(authority->record().id)->empty());
  store::RequestFilter all;
  all.limit = 10'000;
  const auto requests = snapshot->requests(all).value();
  EXPECT_EQ(requests.size(), 160u);
  std::set<Buffer> serials;
  for (const auto& request : requests) {
    ASSERT_EQ(request.disposition, Disposition::issued) << request.id;
    const auto certificate = snapshot->certificate_of_request(request.id).value();
    serials.insert(certificate.serial);
    EXPECT_TRUE(bench.provider().verify(authority->current().generation.public_key_info,
                                        authority->settings().signature_algorithm, certificate.tbs,
                                        certificate.signature));
  }
  EXPECT_EQ(serials.size(), 160u);
  EXPECT_EQ(bench.key_files(), 0u) << "no software key takes the token's place";
  EXPECT_THAT(bench.database().check().value(), IsEmpty());
}

TEST(TokenKeys, AFileKeyMovesOntoAToken) {
  TokenBench bench;
  ASSERT_TRUE(init(bench.environment(), bench.root_options("Moving")));
  const auto record = bench.database().snapshot().value()->authority("Moving").value();
  MigrationOptions options{format_token_uri(bench.hsm.uri()), false, "admin"};

  bench.pin = "wrong";
  EXPECT_EQ(migrate_key(bench.environment(), record, options).error().code(), Errc::denied);
  EXPECT_TRUE(is_key_file(bench.open("Moving")->current().generation.key_reference)) << "nothing has changed";

  bench.pin = crypto::SoftHsm::kPin;
  options.delete_file = true;
  const auto moved = migrate_key(bench.environment(), record, options);
  ASSERT_TRUE(moved) << moved.error().report();
  EXPECT_TRUE(moved->file_deleted);
  EXPECT_EQ(bench.key_files(), 0u);
  const auto authority = bench.open("Moving");
  EXPECT_EQ(authority->current().generation.key_reference, moved->to);
  const auto signature = authority->current().signer->sign(as_bytes("x"));
  ASSERT_TRUE(signature) << signature.error().report();
  EXPECT_TRUE(bench.provider().verify(authority->current().generation.public_key_info,
                                      authority->settings().signature_algorithm, as_bytes("x"), *signature));
  EXPECT_EQ(migrate_key(bench.environment(), record, options).error().code(), Errc::conflict);
  EXPECT_EQ(export_pkcs12(bench.environment(), record, "secret", "admin").error().code(), Errc::unsupported);
  const auto trials = try_keys(bench.environment(), record, "admin").value();
  ASSERT_EQ(trials.size(), 1u);
  EXPECT_FALSE(trials[0].problem);
}

// A CA on a token gets no software key by being renewed.
TEST(TokenKeys, RenewalMakesTheNewKeyOnTheSameToken) {
  TokenBench bench;
  bench.make("Token Root").reset();
  RenewOptions options;
  options.new_key = true;
  options.administrator = "admin";
  const auto renewed = renew(bench.environment(), "Token Root", options);
  ASSERT_TRUE(renewed) << renewed.error().report();
  EXPECT_THAT(renewed->generation.key_reference,
              HasSubstr("pkcs11:token=Vouch%20test;object=Token%20Root%20%28V1.1%29"));
  EXPECT_EQ(bench.key_files(), 0u);
  const auto authority = bench.open("Token Root");
  ASSERT_EQ(authority->keys().size(), 2u);
  for (const CaKey& key : authority->keys()) {
    const auto signature = key.signer->sign(as_bytes("x"));
    ASSERT_TRUE(signature) << signature.error().report();
    EXPECT_TRUE(bench.provider().verify(key.generation.public_key_info, key.signer->algorithm(),
                                        as_bytes("x"), *signature));
  }
  EXPECT_FALSE(equal(authority->keys()[0].generation.public_key_info,
                     authority->keys()[1].generation.public_key_info));
}

TEST(KeyCare, IsForAdministrators) {
  TestBench bench(TestRoles::granted);
  ASSERT_TRUE(init(bench.environment(), bench.root_options("Guarded")));  // by "admin"
  const auto record = bench.database().snapshot().value()->authority("Guarded").value();
  const auto denied = [](const auto& result) { return !result && result.error().code() == Errc::denied; };
  EXPECT_TRUE(denied(export_pkcs12(bench.environment(), record, "secret", "mallory")));
  EXPECT_TRUE(denied(try_keys(bench.environment(), record, "mallory")));
  EXPECT_TRUE(denied(migrate_key(bench.environment(), record, {"pkcs11:token=x", false, "mallory"})));
  EXPECT_TRUE(denied(let_pass(bench.environment(), {"name", "Guarded", "sign", kTestNow}, "mallory")));
  EXPECT_TRUE(export_pkcs12(bench.environment(), record, "secret", "admin"));
  EXPECT_TRUE(try_keys(bench.environment(), record, "admin"));
}

TEST(TokenKeys, AForeignKeyOfTheSameNameIsRefused) {
  TokenBench bench;
  auto authority = bench.make("Token Root");
  const std::string reference = authority->current().generation.key_reference;
  authority.reset();
  // Somebody replaces the key on the token by another of the same name and id.
  const auto environment = bench.environment();
  const auto uri = crypto::parse_token_uri(reference).value();
  ASSERT_TRUE(environment.tokens->remove(uri, environment.pin));
  crypto::TokenUri same = uri;
  same.type.clear();
  ASSERT_TRUE(environment.tokens->generate(same, {}, {}, environment.pin));
  authority = bench.open("Token Root");
  const auto refused = authority->submit(bench.submission("a.example.com"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::conflict);
}

// The home's keys as another process holds them: every use is a journey, and they are counted.
class FarKeys final : public KeySource {
 public:
  Result<std::unique_ptr<crypto::PrivateKey>> find(const Environment& environment,
                                                   std::string_view reference) const override {
    return std::make_unique<Key>(TRY(load_key(key_access(environment), reference)), journeys_);
  }
  Status check(const Environment&, std::string_view) const override { return ok(); }
  int journeys() const { return *journeys_; }

 private:
  using Count = std::shared_ptr<std::atomic<int>>;
  class FarSigner final : public crypto::Signer {
   public:
    FarSigner(std::unique_ptr<crypto::Signer> near, Count journeys)
        : near_(std::move(near)), journeys_(std::move(journeys)) {}
    crypto::SignatureAlgorithm algorithm() const override { return near_->algorithm(); }
    Bytes public_key_info() const override { return near_->public_key_info(); }
    Result<Buffer> sign(Bytes tbs) const override {
      ++*journeys_;
      return near_->sign(tbs);
    }
    std::vector<Result<Buffer>> sign_all(std::span<const Bytes> all) const override {
      ++*journeys_;
      return near_->sign_all(all);
    }

   private:
    const std::unique_ptr<crypto::Signer> near_;
    const Count journeys_;
  };
  class Key final : public crypto::PrivateKey {
   public:
    Key(std::unique_ptr<crypto::PrivateKey> near, Count journeys)
        : near_(std::move(near)), journeys_(std::move(journeys)) {}
    Bytes public_key_info() const override { return near_->public_key_info(); }
    Result<std::unique_ptr<crypto::Signer>> signer(crypto::SignatureAlgorithm algorithm) const override {
      return std::make_unique<FarSigner>(TRY(near_->signer(algorithm)), journeys_);
    }
    Result<std::unique_ptr<crypto::Decrypter>> decrypter() const override { return near_->decrypter(); }
    Result<std::string> to_pem(std::string_view passphrase) const override {
      return near_->to_pem(passphrase);
    }

   private:
    const std::unique_ptr<crypto::PrivateKey> near_;
    const Count journeys_;
  };
  const Count journeys_ = std::make_shared<std::atomic<int>>(0);
};

TEST(FarKeys, CertificatesOfOneCallAreSignedInOneJourney) {
  TestBench bench;
  InitOptions options = bench.root_options("Far");
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  ASSERT_TRUE(publish_template(bench.environment(), 1, "WebServer"));
  Environment environment = bench.environment();
  const auto keys = std::make_shared<FarKeys>();
  environment.keys = keys;
  const auto authority = LocalAuthority::open(environment, "Far").value();
  std::vector<Submission> submissions;
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("host{}.example.com", i);
    submissions.push_back({bench.request("CN=" + name, {"DNS:" + name}), "WebServer", "alice", "", {}});
  }
  const int before = keys->journeys();
  for (const auto& outcome : authority->submit(submissions)) {
    ASSERT_TRUE(outcome) << outcome.error().report();
    EXPECT_EQ(outcome->disposition, Disposition::issued);
  }
  EXPECT_EQ(keys->journeys(), before + 1);
}

TEST(KeyWaiting, OneUnlockLetsOneOperationPass) {
  TestBench bench;
  const Environment environment = bench.environment();
  std::atomic<int> passed = 0, failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        if (wait_for_unlock(environment, "Root", "sign", std::chrono::seconds(2)))
          ++passed;
        else
          ++failed;
      });
    while (waiting_operations(bench.home())->size() < 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(passed, 0);
    const auto waiting = waiting_operations(bench.home()).value();
    EXPECT_EQ(waiting[0].ca, "Root");
    EXPECT_TRUE(let_pass(bench.home(), waiting[0]));
    EXPECT_EQ(let_pass(bench.home(), waiting[0]).error().code(), Errc::not_found);
  }
  EXPECT_EQ(passed, 1);
  EXPECT_EQ(failed, 2);
  EXPECT_THAT(waiting_operations(bench.home()).value(), IsEmpty());
}

TEST(KeyWaiting, WhatNobodyLetsPassKeepsItsIntent) {
  TestBench bench;
  InitOptions options = bench.root_options("Careful");
  options.interactive_key = true;
  options.automatic_issuance = true;
  ASSERT_TRUE(init(bench.environment(), options));
  ASSERT_TRUE(publish_template(bench.environment(), 1, "WebServer"));
  ASSERT_TRUE(
      write_file_atomic(bench.home().configuration_file(), as_bytes("[keys]\nunlock_patience = \"1s\"\n")));
  const Home home = Home::open(bench.home().folder(), false).value();
  Environment environment{home, bench.database(), bench.provider(), bench.clock(), {}};
  std::vector<std::string> told;
  environment.tell = [&](const std::string& text) { told.push_back(text); };
  const auto authority = LocalAuthority::open(environment, "Careful").value();
  const Submission submission{
      bench.request("CN=a.example.com", {"DNS:a.example.com"}), "WebServer", "alice", "", {}};
  const auto refused = authority->submit(submission);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::timeout);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], HasSubstr("ca unlock --once"));
  {
    const std::jthread administrator([&] {
      while (waiting_operations(home)->empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      EXPECT_TRUE(let_pass(home, waiting_operations(home)->front()));
    });
    EXPECT_EQ(authority->retrieve(1)->disposition, Disposition::issued);
  }
}

}  // namespace
}  // namespace vouch::ca
