#include "challenge/sealed.hpp"

#include <gmock/gmock.h>

#include "challenge/test_challenge.hpp"

namespace vouch::challenge {
namespace {

// A CA with one sealing key and one minter.
class SealedTest : public testing::TestWithParam<const char*> {
 protected:
  SealedTest() {
    provider_->random(secret_);
    sealer_ = provider_->sealer(secret_).value();
    sealing_id_ = sealing_key_id(*provider_, secret_);
    key_ = provider_->generate(crypto::parse_key_spec(GetParam()).value()).value();
    signer_ = signer_of(*key_);
    minter_id_ = minter_key_id(*provider_, key_->public_key_info());
  }
  static std::unique_ptr<crypto::Signer> signer_of(const crypto::PrivateKey& key) {
    const auto info = x509::parse_public_key_info(key.public_key_info()).value();
    return key.signer(crypto::signature_algorithm_for({info.type, info.bits, false}, {}).value()).value();
  }
  std::string sealed(const Bound& bound = sample_bound()) {
    return seal(bound, {sealing_id_, *sealer_}, {minter_id_, *signer_}, *provider_).value();
  }
  OpeningKeys keys() {
    return {"Device CA", [this](Bytes id) { return equal(id, sealing_id_) ? sealer_ : nullptr; },
            [this](Bytes id) {
              return equal(id, minter_id_) ? std::optional(to_buffer(key_->public_key_info())) : std::nullopt;
            }};
  }
  std::string code(std::string_view text) {
    const auto opened = open(text, keys(), *provider_);
    return opened ? "" : std::string(name_of(opened.error().code));
  }

  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  Buffer secret_ = Buffer(32);
  std::shared_ptr<const crypto::Sealer> sealer_;
  std::unique_ptr<crypto::PrivateKey> key_;
  std::unique_ptr<crypto::Signer> signer_;
  Buffer sealing_id_, minter_id_;
};

TEST_P(SealedTest, OpensToWhatWasSealed) {
  const auto opened = open(sealed(), keys(), *provider_);
  ASSERT_TRUE(opened) << name_of(opened.error().code);
  EXPECT_EQ(opened->bound, sample_bound());
  EXPECT_EQ(opened->sealing_key, sealing_id_);
  EXPECT_EQ(opened->minter_key, minter_id_);
}

TEST_P(SealedTest, IsAPrintableStringOfModestLengthThatShowsNothing) {
  const std::string text = sealed();
  EXPECT_TRUE(text.starts_with("VC1."));
  EXPECT_TRUE(x509::is_printable_string(text));
  EXPECT_EQ(text.find_first_of("_=!@#$%^&*"), std::string::npos);  // Windows takes none of these
  EXPECT_LE(text.size(), 1200U);
  EXPECT_NE(sealed(), text);  // a nonce of its own each time
  const Buffer der = from_base64(text.substr(4) + std::string((4 - (text.size() - 4) % 4) % 4, '=')).value();
  EXPECT_THAT(std::string(as_text(der)), testing::Not(testing::HasSubstr("alice")));
}

TEST_P(SealedTest, FormIsCheckedFirst) {
  const std::string text = sealed();
  EXPECT_EQ(code(""), "ChallengeDecodingError");
  EXPECT_EQ(code("VC1."), "ChallengeDecodingError");
  EXPECT_EQ(code("VC2" + text.substr(3)), "ChallengeDecodingError");
  EXPECT_EQ(code(text + "="), "ChallengeDecodingError");
  EXPECT_EQ(code(text.substr(0, 40) + "\n" + text.substr(40)), "ChallengeDecodingError");
  EXPECT_EQ(code(text.substr(0, text.size() / 2)), "ChallengeDecodingError");
  EXPECT_EQ(code(text + "AAAA"), "ChallengeDecodingError");
  EXPECT_EQ(code("VC1." + std::string(kLongest, 'A')), "ChallengeDecodingError");
}

TEST_P(SealedTest, WhatAnotherKeySealedOrSomebodyChangedDoesNotOpen) {
  const std::string text = sealed();
  std::string changed = text;
  changed[text.size() - 20] = changed[text.size() - 20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(code(changed), "ChallengeDecryptionError");
  sealing_id_[0] ^= 1;  // this CA's key is another
  EXPECT_EQ(code(text), "ChallengeDecryptionError");
}

TEST_P(SealedTest, AnotherCaCannotUseIt) {
  auto theirs = keys();
  theirs.realm = "Other CA";  // even with the same keys: the associated data differ
  EXPECT_EQ(name_of(open(sealed(), theirs, *provider_).error().code), "ChallengeDecryptionError");
}

TEST_P(SealedTest, WhoSealsWithoutAMintersKeyMintsNothing) {
  const auto stranger = provider_->generate(crypto::parse_key_spec(GetParam()).value()).value();
  const auto signer = signer_of(*stranger);
  const auto with = [&](const Buffer& id) {
    return seal(sample_bound(), {sealing_id_, *sealer_}, {id, *signer}, *provider_).value();
  };
  EXPECT_EQ(code(with(minter_id_)), "SignatureValidationFailed");  // under a minter's name
  EXPECT_EQ(code(with(minter_key_id(*provider_, stranger->public_key_info()))), "SignatureValidationFailed");
}

// Somebody with the sealing key takes a signed challenge out and seals it under another key of the CA.
TEST_P(SealedTest, ASignatureCountsUnderItsOwnSealingKeyOnly) {
  const Buffer other_secret(32, 0x42);
  const std::shared_ptr<const crypto::Sealer> other = provider_->sealer(other_secret).value();
  const Buffer other_id = sealing_key_id(*provider_, other_secret);
  struct Resealer final : crypto::Sealer {  // seals what was signed for the first key
    const crypto::Sealer& other;
    explicit Resealer(const crypto::Sealer& to) : other(to) {}
    Result<Buffer> seal(Bytes nonce, Bytes associated, Bytes plain) const override {
      return other.seal(nonce, associated, plain);
    }
    Result<Buffer> open(Bytes, Bytes, Bytes) const override { return make_error(Errc::denied, "not asked"); }
  };
  // seal() signs over the key id it is given and seals with whatever it is handed: the blob names the first
  // key and opens under the second.
  const std::string text =
      seal(sample_bound(), {sealing_id_, Resealer(*other)}, {minter_id_, *signer_}, *provider_).value();
  auto both = keys();
  both.sealer = [&](Bytes) { return other; };
  EXPECT_TRUE(open(text, both, *provider_));  // it does open when the second key bears the first one's name
  EXPECT_EQ(code(text), "ChallengeDecryptionError");
}

TEST_P(SealedTest, KeysOverlap) {
  const std::string before = sealed();
  const auto old = sealer_;
  const Buffer old_id = sealing_id_;
  provider_->random(secret_);
  sealer_ = provider_->sealer(secret_).value();
  sealing_id_ = sealing_key_id(*provider_, secret_);
  auto both = keys();
  both.sealer = [&](Bytes id) {
    return equal(id, old_id) ? old : equal(id, sealing_id_) ? sealer_ : nullptr;
  };
  EXPECT_TRUE(open(before, both, *provider_));
  EXPECT_TRUE(open(sealed(), both, *provider_));
  EXPECT_EQ(code(before), "ChallengeDecryptionError");  // once the old one is gone
}

TEST_P(SealedTest, HasALimit) {
  Bound bound = sample_bound();
  for (int i = 0; i < 60; ++i)
    bound.allowed_names.push_back(x509::GeneralName::dns(std::string(120, 'a') + std::to_string(i)));
  const auto text = seal(bound, {sealing_id_, *sealer_}, {minter_id_, *signer_}, *provider_);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Errc::limit_exceeded);
}

INSTANTIATE_TEST_SUITE_P(Minters, SealedTest, testing::Values("ed25519", "ec:P-256"),
                         [](const auto& test) { return std::string(test.index == 0 ? "Ed25519" : "P256"); });

}  // namespace
}  // namespace vouch::challenge
