#include "crypto/remote/signer_process.hpp"

#include <gmock/gmock.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "crypto/openssl/openssl.hpp"
#include "crypto/remote/signer_service.hpp"

namespace vouch::crypto::remote {
namespace {

using testing::HasSubstr;

// A real child for each start, with one P-256 and one RSA key, and a rule of its own: what begins with 'x' is
// not signed.
class SignerProcessTest : public testing::Test {
 protected:
  SignerProcessTest() {
    service_.keys = {{"file:ec", provider_->generate({}).value()},
                     {"file:rsa", provider_->generate({KeyType::rsa, 2048, false}).value()}};
    service_.may_sign = [](std::string_view, Bytes tbs) -> Status {
      if (!tbs.empty() && tbs[0] == 'x') return make_error(Errc::denied, "nothing that begins with x");
      return ok();
    };
  }
  ~SignerProcessTest() override { stop(); }
  void stop() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }
  Result<std::vector<Channel>> start_child(int channels) {
    stop();
    std::vector<Channel> front, back;
    for (int i = 0; i < channels; ++i) {
      auto [ours, theirs] = TRY(Channel::make_pair());
      front.push_back(std::move(ours));
      back.push_back(std::move(theirs));
    }
    child_ = ::fork();
    if (child_ == 0) {
      front.clear();
      std::vector<std::jthread> threads;
      for (const Channel& channel : back) threads.emplace_back([&] { (void)serve(channel, service_); });
      threads.clear();
      ::_exit(0);
    }
    return front;
  }
  std::shared_ptr<SignerProcess> start(int channels = 2, SignerProcess::Options options = {}) {
    options.restart_pause = std::chrono::milliseconds(1);
    auto process = SignerProcess::start([this, channels] { return start_child(channels); }, options);
    EXPECT_TRUE(process) << process.error().report();
    return *process;
  }

  std::shared_ptr<const Provider> provider_ = openssl::make_provider();
  SignerService service_;
  pid_t child_ = 0;
};

TEST_F(SignerProcessTest, SignaturesFitTheKeyAndTheKeyStaysThere) {
  const auto process = start();
  const auto keys = process->keys().value();
  ASSERT_EQ(keys.size(), 2u);
  const auto key = process->key("file:ec").value();
  const auto signer = key->signer(SignatureAlgorithm::ecdsa_sha256).value();
  const Buffer tbs(300, 0x42);
  const Buffer signature = signer->sign(tbs).value();
  EXPECT_TRUE(provider_->verify(service_.keys[0].key->public_key_info(), SignatureAlgorithm::ecdsa_sha256,
                                tbs, signature));
  EXPECT_EQ(key->to_pem("").error().code(), Errc::unsupported);
  EXPECT_EQ(process->key("file:other").error().code(), Errc::not_found);
}

TEST_F(SignerProcessTest, ALargeTextTravelsInASealedFile) {
  const auto signer = start()->key("file:ec").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
  for (const std::size_t size : {kMaxMessage - 8192, kMaxMessage - 8191, std::size_t{5} << 20}) {
    const Buffer tbs(size, 0x31);
    const auto signature = signer->sign(tbs);
    ASSERT_TRUE(signature) << size << signature.error().report();
    EXPECT_TRUE(
        provider_->verify(signer->public_key_info(), SignatureAlgorithm::ecdsa_sha256, tbs, *signature));
  }
}

TEST_F(SignerProcessTest, AFileThatCouldChangeIsNotSigned) {
  const auto process = start();
  const FileDescriptor file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_TRUE(write_all(file.get(), Buffer(100, 1), "test"));
  const auto answer = process->call(SignRequest{"file:ec", SignatureAlgorithm::ecdsa_sha256, {}}, file.get());
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().summary(), HasSubstr("not sealed"));
  const auto none = process->call(SignRequest{"file:ec", SignatureAlgorithm::ecdsa_sha256, {}});
  EXPECT_THAT(none.error().summary(), HasSubstr("missing"));
}

TEST_F(SignerProcessTest, WhatTheChildRefusesIsRefusedWithItsReason) {
  const auto signer = start()->key("file:ec").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
  const auto refused = signer->sign(as_bytes("x marks the spot"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  EXPECT_THAT(refused.error().summary(), HasSubstr("nothing that begins with x"));
  // The algorithm has to fit the key.
  const auto process = start();
  EXPECT_FALSE(process->key("file:ec")
                   .value()
                   ->signer(SignatureAlgorithm::rsa_pkcs1_sha256)
                   .value()
                   ->sign(Buffer(3, 1)));
}

TEST_F(SignerProcessTest, SeveralAreSignedInTheirOrderAndWhatIsRefusedKeepsNothingFromTheOthers) {
  const auto signer = start()->key("file:ec").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
  // More than one message holds, one that has to be refused, and one that travels by itself.
  std::vector<Buffer> texts;
  for (std::uint8_t i = 0; i < 2 * kMaxTogether + 3; ++i) texts.push_back(Buffer(1'000, i));
  texts[5].assign(10, 'x');
  texts[40].assign(kMaxMessage, 1);
  const std::vector<Bytes> all(texts.begin(), texts.end());
  const auto signatures = signer->sign_all(all);
  ASSERT_EQ(signatures.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i == 5) {
      ASSERT_FALSE(signatures[i]);
      EXPECT_EQ(signatures[i].error().code(), Errc::denied);
      continue;
    }
    ASSERT_TRUE(signatures[i]) << i << signatures[i].error().report();
    EXPECT_TRUE(provider_->verify(signer->public_key_info(), SignatureAlgorithm::ecdsa_sha256, texts[i],
                                  *signatures[i]))
        << i;
  }
  EXPECT_TRUE(signer->sign_all({}).empty());
}

TEST_F(SignerProcessTest, AChildThatIsGoneIsStartedAgainForSeveral) {
  const auto process = start(2);
  const auto signer = process->key("file:ec").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  const Buffer text(10, 0x30);
  for (const auto& signature : signer->sign_all(std::vector<Bytes>(3, text)))
    EXPECT_TRUE(signature) << signature.error().report();
  EXPECT_EQ(process->starts(), 2u);
}

TEST_F(SignerProcessTest, DecryptsWithImplicitRejection) {
  const auto decrypter = start()->key("file:rsa").value()->decrypter().value();
  const auto key = decrypter->decrypt(KeyTransport::rsa_pkcs1, Buffer(256, 0x17), 16);
  ASSERT_TRUE(key) << key.error().report();
  EXPECT_EQ(key->size(), 16u);
}

TEST_F(SignerProcessTest, ManyThreadsShareFewChannels) {
  const auto process = start(2);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint8_t t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        const auto signer = process->key("file:ec").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
        for (std::uint8_t i = 0; i < 50; ++i) {
          const Buffer tbs{0x30, t, i};
          const auto signature = signer->sign(tbs);
          if (signature &&
              provider_->verify(signer->public_key_info(), SignatureAlgorithm::ecdsa_sha256, tbs, *signature))
            ++good;
        }
      });
  }
  EXPECT_EQ(good, 400);
  EXPECT_EQ(process->starts(), 1u);
}

TEST_F(SignerProcessTest, AKilledChildIsStartedAgainAndNothingIsMixedUp) {
  const auto process = start(2);
  const auto signer = process->key("file:ec").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
  for (int round = 0; round < 5; ++round) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    const auto signature = signer->sign(Buffer(10, 0x30));
    ASSERT_TRUE(signature) << "the caller does not notice: " << signature.error().report();
  }
  EXPECT_EQ(process->starts(), 6u);
}

TEST_F(SignerProcessTest, AKeyThatCameLaterIsOpenedAndStaysOpenOverARestart) {
  const std::shared_ptr<const PrivateKey> later = provider_->generate({}).value();
  service_.open = [later](const OpenRequest& request) -> Result<std::shared_ptr<const PrivateKey>> {
    if (request.reference != "file:later" || as_text(request.evidence) != "certificate")
      return make_error(Errc::denied, "that key is not opened");
    return later;
  };
  const auto process = start();
  EXPECT_EQ(process->key("file:later").error().code(), Errc::not_found);
  EXPECT_EQ(process->open({"file:other", {}}).error().code(), Errc::denied);
  const auto opened = process->open({"file:later", to_buffer(as_bytes("certificate"))});
  ASSERT_TRUE(opened) << opened.error().report();
  EXPECT_TRUE(equal(*opened, later->public_key_info()));
  const auto signer = process->key("file:later").value()->signer(SignatureAlgorithm::ecdsa_sha256).value();
  ASSERT_TRUE(signer->sign(Buffer(10, 0x30)));
  stop();
  EXPECT_TRUE(signer->sign(Buffer(10, 0x30)));
  EXPECT_EQ(process->starts(), 2u);
}

TEST_F(SignerProcessTest, WithoutAHookNoFurtherKeyIsTaken) {
  const auto opened = start()->open({"file:later", {}});
  EXPECT_EQ(opened.error().code(), Errc::unsupported);
}

TEST_F(SignerProcessTest, AStartThatFailsIsSaid) {
  const auto process = SignerProcess::start(
      []() -> Result<std::vector<Channel>> { return make_error(Errc::unavailable, "no such program"); }, {});
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().summary(), HasSubstr("starting the signer process"));
}

}  // namespace
}  // namespace vouch::crypto::remote
