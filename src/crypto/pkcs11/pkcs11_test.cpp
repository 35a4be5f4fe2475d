// Tokens on SoftHSM2: what its keys sign is verified by the provider of software keys, which knows nothing of
// tokens.
#include "crypto/pkcs11/pkcs11.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "base/pem.hpp"
#include "crypto/openssl/openssl.hpp"
#include "crypto/test_softhsm.hpp"

namespace vouch::crypto::pkcs11 {
namespace {

using testing::HasSubstr, testing::Not;

class TokensTest : public testing::Test {
 protected:
  PinSource right_pin() {
    return [this](const PinRequest&) -> Result<std::string> {
      ++asked_;
      return std::string(SoftHsm::kPin);
    };
  }
  static PinSource pin(std::string text) {
    return [text = std::move(text)](const PinRequest&) -> Result<std::string> { return text; };
  }
  TokenKey generate(std::string_view spec, std::string_view label, const TokenKeyOptions& options = {}) {
    auto made = tokens_->generate(hsm_.uri(label), parse_key_spec(spec).value(), options, right_pin());
    if (!made) throw std::runtime_error(made.error().report());
    return std::move(*made);
  }

  SoftHsm hsm_;
  std::shared_ptr<const Provider> provider_ = openssl::make_provider();
  std::shared_ptr<const Tokens> tokens_ = make_tokens(provider_);
  std::atomic<int> asked_ = 0;
};

TEST_F(TokensTest, KeysOfEveryKindSignWhatTheProviderVerifies) {
  for (const std::string_view spec :
       {"ec:P-256", "ec:P-384", "ec:P-521", "rsa:2048", "rsa-pss:3072", "ed25519"}) {
    SCOPED_TRACE(spec);
    const TokenKey made = generate(spec, spec);
    const KeySpec parsed = parse_key_spec(spec).value();
    std::vector<SignatureAlgorithm> algorithms;
    if (parsed.type == KeyType::ed25519)
      algorithms = {SignatureAlgorithm::ed25519};
    else
      for (const auto digest : {DigestAlgorithm::sha256, DigestAlgorithm::sha384, DigestAlgorithm::sha512})
        algorithms.push_back(signature_algorithm_for(parsed, digest).value());
    for (const SignatureAlgorithm algorithm : algorithms) {
      const auto signer = made.key->signer(algorithm).value();
      EXPECT_EQ(signer->algorithm(), algorithm);
      const auto signature = signer->sign(as_bytes("sample"));
      ASSERT_TRUE(signature) << signature.error().report();
      EXPECT_TRUE(provider_->verify(made.key->public_key_info(), algorithm, as_bytes("sample"), *signature));
      EXPECT_FALSE(provider_->verify(made.key->public_key_info(), algorithm, as_bytes("Sample"), *signature));
      EXPECT_TRUE(try_key(*provider_, *made.key, algorithm));
    }
    const auto other =
        parsed.type == KeyType::rsa ? SignatureAlgorithm::ecdsa_sha256 : SignatureAlgorithm::rsa_pkcs1_sha256;
    EXPECT_EQ(made.key->signer(other).error().code(), Errc::unsupported);
    EXPECT_EQ(made.key->to_pem({}).error().code(), Errc::unsupported);
  }
}

TEST_F(TokensTest, FindsAKeyByWhatItsUriSays) {
  const TokenKey made = generate("ec:P-256", "Root");
  EXPECT_EQ(made.uri.token, "Vouch test");
  EXPECT_EQ(made.uri.object, "Root");
  EXPECT_EQ(made.uri.id.size(), 16u);
  const TokenUri again = parse_token_uri(format_token_uri(made.uri)).value();
  for (const TokenUri& uri : {made.uri, again, hsm_.uri("Root")}) {
    const auto found = tokens_->find(uri, right_pin());
    ASSERT_TRUE(found) << found.error().report();
    EXPECT_EQ(to_hex(found->key->public_key_info()), to_hex(made.key->public_key_info()));
    EXPECT_EQ(found->uri, made.uri);
  }
  EXPECT_EQ(tokens_->find(hsm_.uri("root"), right_pin()).error().code(), Errc::not_found);
  const auto elsewhere = tokens_->find(hsm_.uri("Root", "Another"), right_pin());
  EXPECT_EQ(elsewhere.error().code(), Errc::unavailable);
  EXPECT_THAT(elsewhere.error().report(), HasSubstr("'Vouch test'"));  // says what is there
  // Two keys of one name: neither is guessed at.
  ASSERT_FALSE(tokens_->generate(hsm_.uri("Root"), {}, {}, right_pin()));
  EXPECT_EQ(tokens_->find(hsm_.uri(), right_pin())->uri, made.uri);  // the only one
  (void)generate("ec:P-256", "Second");
  EXPECT_EQ(tokens_->find(hsm_.uri(), right_pin()).error().code(), Errc::conflict);
}

TEST_F(TokensTest, ListsTheKeysOfAToken) {
  const TokenKey ec = generate("ec:P-384", "one");
  const TokenKey rsa = generate("rsa:2048", "two");
  const auto keys = tokens_->list(hsm_.uri(), right_pin()).value();
  ASSERT_EQ(keys.size(), 2u);
  for (const TokenKeyDescription& key : keys) {
    const TokenKey& same = key.uri.object == "one" ? ec : rsa;
    EXPECT_EQ(key.uri, same.uri);
    EXPECT_EQ(key.kind, key.uri.object == "one" ? "P-384" : "RSA 2048");
    EXPECT_EQ(to_hex(key.public_key_info), to_hex(same.key->public_key_info()));
    EXPECT_FALSE(key.extractable);
  }
  EXPECT_EQ(tokens_->list(hsm_.uri("two"), right_pin())->size(), 1u);
  // Another process, not logged in, sees what has a public key.
  EXPECT_EQ(make_tokens(provider_)->list(hsm_.uri("", "Nowhere"), {}).error().code(), Errc::unavailable);
}

TEST_F(TokensTest, ImportsSoftwareKeysOfEveryKind) {
  for (const std::string_view spec : {"ec:P-256", "ec:P-521", "rsa:2048", "ed25519"}) {
    SCOPED_TRACE(spec);
    const auto software = provider_->generate(parse_key_spec(spec).value()).value();
    const auto imported = tokens_->import(hsm_.uri(spec), *software, {}, right_pin());
    ASSERT_TRUE(imported) << imported.error().report();
    EXPECT_EQ(to_hex(imported->key->public_key_info()), to_hex(software->public_key_info()));
    const auto algorithm = signature_algorithm_for(parse_key_spec(spec).value(), {}).value();
    EXPECT_TRUE(try_key(*provider_, *imported->key, algorithm));
    // Found again by another process, from what is on the token alone.
    const auto found = make_tokens(provider_)->find(imported->uri, right_pin());
    ASSERT_TRUE(found) << found.error().report();
    EXPECT_EQ(to_hex(found->key->public_key_info()), to_hex(software->public_key_info()));
  }
  const auto listed = tokens_->list(hsm_.uri(), right_pin()).value();
  for (const auto& key : listed) EXPECT_FALSE(key.extractable);
}

TEST_F(TokensTest, RemovesWhatIsNotWanted) {
  const TokenKey made = generate("ec:P-256", "Root");
  const TokenKey kept = generate("ec:P-256", "Kept");
  EXPECT_TRUE(tokens_->remove(made.uri, right_pin()));
  EXPECT_EQ(tokens_->find(made.uri, right_pin()).error().code(), Errc::not_found);
  EXPECT_TRUE(try_key(*provider_, *kept.key, SignatureAlgorithm::ecdsa_sha256));
  EXPECT_EQ(tokens_->list(hsm_.uri(), right_pin())->size(), 1u);
}

TEST_F(TokensTest, TriesAWrongPinOnce) {
  const TokenUri uri = generate("ec:P-256", "Root").uri;
  // A process that is logged in would let the wrong PIN pass: a module keeps one login for all.
  tokens_.reset();
  const auto tokens = make_tokens(provider_);
  const auto first = tokens->find(uri, pin("wrong"));
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code(), Errc::denied);
  EXPECT_THAT(first.error().report(), HasSubstr("'Vouch test' refused the PIN"));
  EXPECT_THAT(first.error().report(), Not(HasSubstr("1234")));
  const auto second = tokens->find(uri, pin("wrong"));
  EXPECT_EQ(second.error().code(), Errc::denied);
  EXPECT_THAT(second.error().report(), HasSubstr("not tried again"));
  // The right one, without a new start.
  EXPECT_TRUE(tokens->find(uri, right_pin()));
}

TEST_F(TokensTest, MakesNothingWithoutTheRightPin) {
  EXPECT_EQ(tokens_->generate(hsm_.uri("Root"), {}, {}, pin("wrong")).error().code(), Errc::denied);
  EXPECT_TRUE(tokens_->list(hsm_.uri(), right_pin())->empty());
}

TEST_F(TokensTest, OutlivesATokenThatIsPulledAndPluggedIn) {
  const TokenKey made = generate("ec:P-256", "Root");
  const auto signer = made.key->signer(SignatureAlgorithm::ecdsa_sha256).value();
  ASSERT_TRUE(signer->sign(as_bytes("before")));
  for (int round = 0; round < 3; ++round) {
    hsm_.pull();
    for (int i = 0; i < 2; ++i) {
      const auto refused = signer->sign(as_bytes("while it is away"));
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code(), Errc::unavailable);
      EXPECT_THAT(refused.error().report(), HasSubstr("'Vouch test'"));
    }
    hsm_.plug_in();
    const auto signature = signer->sign(as_bytes("after"));
    ASSERT_TRUE(signature) << signature.error().report();
    EXPECT_TRUE(provider_->verify(made.key->public_key_info(), SignatureAlgorithm::ecdsa_sha256,
                                  as_bytes("after"), *signature));
  }
}

TEST_F(TokensTest, ServesThreadsWhileTheTokenComesAndGoes) {
  const TokenKey first = generate("ec:P-256", "first"), second = generate("rsa:2048", "second");
  const auto ec = first.key->signer(SignatureAlgorithm::ecdsa_sha256).value();
  const auto rsa = second.key->signer(SignatureAlgorithm::rsa_pkcs1_sha256).value();
  std::atomic<int> good = 0, away = 0, bad = 0;
  std::atomic<bool> stop = false;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, i] {
        const Signer& signer = i % 2 == 0 ? *ec : *rsa;
        while (!stop) {
          const auto signature = signer.sign(as_bytes("sample"));
          if (!signature)
            ++(signature.error().code() == Errc::unavailable ? away : bad);
          else if (provider_->verify(signer.public_key_info(), signer.algorithm(), as_bytes("sample"),
                                     *signature))
            ++good;
          else
            ++bad;
        }
      });
    for (int round = 0; round < 3; ++round) {
      const int before = good;
      while (good < before + 20) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      hsm_.pull();
      const int missed = away;
      while (away < missed + 3) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      hsm_.plug_in();
    }
    const int before = good;
    while (good < before + 20) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop = true;
  }
  EXPECT_EQ(bad, 0);
  EXPECT_GT(away, 0);
}

TEST_F(TokensTest, DecryptsAsASoftwareKeyDoes) {
  const auto software = provider_->generate(parse_key_spec("rsa:2048").value()).value();
  const auto on_token = tokens_->import(hsm_.uri("RA"), *software, {.decrypts = true}, right_pin());
  ASSERT_TRUE(on_token) << on_token.error().report();
  const auto token = on_token->key->decrypter();
  ASSERT_TRUE(token) << token.error().report();
  const auto reference = software->decrypter().value();
  // Ciphertexts: any number below the modulus is one; almost none has right padding.
  Buffer garbage(256);
  provider_->random(garbage);
  garbage[0] = 0;
  const auto substitute = (*token)->decrypt(KeyTransport::rsa_pkcs1, garbage, 32);
  ASSERT_TRUE(substitute) << substitute.error().report();
  EXPECT_EQ(substitute->size(), 32u);
  EXPECT_EQ(*substitute, (*token)->decrypt(KeyTransport::rsa_pkcs1, garbage, 32).value());
  EXPECT_EQ(*substitute, tokens_->find(on_token->uri, right_pin())
                             ->key->decrypter()
                             .value()
                             ->decrypt(KeyTransport::rsa_pkcs1, garbage, 32)
                             .value());
  EXPECT_EQ((*token)->decrypt(KeyTransport::rsa_pkcs1, Bytes(garbage).first(100), 32).error().code(),
            Errc::malformed);
  EXPECT_EQ(generate("ec:P-256", "ec").key->decrypter().error().code(), Errc::unsupported);

  // What openssl encrypts.
  const std::string pem = to_pem("PUBLIC KEY", on_token->key->public_key_info());
  ASSERT_TRUE(write_file_atomic(hsm_.folder() / "key.pem", as_bytes(pem)));
  ASSERT_TRUE(write_file_atomic(hsm_.folder() / "secret", as_bytes("0123456789abcdef")));
  for (const auto& [options, transport] :
       {std::pair{"-pkeyopt rsa_padding_mode:pkcs1", KeyTransport::rsa_pkcs1},
        std::pair{"-pkeyopt rsa_padding_mode:oaep", KeyTransport::rsa_oaep_sha1}}) {
    const std::string command =
        fmt::format("cd '{}' && openssl pkeyutl -encrypt -pubin -inkey key.pem -in secret -out cipher {}",
                    hsm_.folder().string(), options);
    ASSERT_EQ(std::system(command.c_str()), 0);
    const Buffer cipher = read_file(hsm_.folder() / "cipher").value();
    const auto plain = (*token)->decrypt(transport, cipher, 16);
    ASSERT_TRUE(plain) << plain.error().report();
    EXPECT_EQ(as_text(*plain), "0123456789abcdef");
    EXPECT_EQ(reference->decrypt(transport, cipher, 16).value(), *plain);
  }
}

TEST_F(TokensTest, SaysWhatIsWrongWithAModule) {
  TokenUri uri = hsm_.uri("Root");
  uri.module_path = "/nonexistent/module.so";
  EXPECT_EQ(tokens_->find(uri, right_pin()).error().code(), Errc::not_found);
  uri.module_path = (hsm_.folder() / "softhsm2.conf").string();
  EXPECT_EQ(tokens_->find(uri, right_pin()).error().code(), Errc::unsupported);
  uri.module_path.clear();
  EXPECT_EQ(tokens_->find(uri, right_pin()).error().code(), Errc::usage);
  uri.module_name = "softhsm2";
  EXPECT_EQ(tokens_->find(uri, right_pin()).error().code(), Errc::not_found);  // the key
  EXPECT_TRUE(tokens_->generate(uri, {}, {}, right_pin()));
}

TEST_F(TokensTest, AsksForThePinOnceForSeveralKeys) {
  (void)generate("ec:P-256", "one");
  const int before = asked_;
  (void)generate("ec:P-256", "two");
  EXPECT_TRUE(tokens_->find(hsm_.uri("one"), right_pin()));
  EXPECT_EQ(asked_, before);
}

TEST(PinSource, ReadsFilesAndRunsNothing) {
  const SoftHsm hsm;
  const std::string file = (hsm.folder() / "pin").string();
  ASSERT_TRUE(write_file_atomic(file, as_bytes("1234\nsecond line\n"), 0600));
  EXPECT_EQ(read_pin_source(file).value(), "1234");
  EXPECT_EQ(read_pin_source("file:" + file).value(), "1234");
  EXPECT_EQ(read_pin_source("file://" + file).value(), "1234");
  EXPECT_EQ(read_pin_source("|cat " + file).error().code(), Errc::unsupported);
  EXPECT_EQ(read_pin_source("pin").error().code(), Errc::unsupported);
  EXPECT_EQ(read_pin_source(file + ".no").error().code(), Errc::not_found);
  ASSERT_TRUE(write_file_atomic(file, as_bytes("\n"), 0600));
  EXPECT_EQ(read_pin_source(file).error().code(), Errc::malformed);
}

}  // namespace
}  // namespace vouch::crypto::pkcs11
