// Passphrases and authenticated encryption, against the values of the standards.
#include <gmock/gmock.h>

#include "crypto/openssl/openssl.hpp"

namespace vouch::crypto {
namespace {

Buffer hex(std::string_view text) { return from_hex(text).value(); }

class SealerTest : public testing::Test {
 protected:
  std::shared_ptr<const Provider> provider = openssl::make_provider();
};

// RFC 7914 12: scrypt (P="password", S="NaCl", N=1024, r=8, p=16, dkLen=64), its first 32 octets.
TEST_F(SealerTest, ScryptGivesTheValuesOfRfc7914) {
  const auto key = provider->derive_key("password", as_bytes("NaCl"), {10, 8, 16}, 32);
  ASSERT_TRUE(key) << key.error().report();
  EXPECT_EQ(to_hex(*key), "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
}

TEST_F(SealerTest, CostsThatNoHonestFileHasAreRefused) {
  for (const PassphraseCost cost :
       {PassphraseCost{24, 8, 1}, {0, 8, 1}, {17, 0, 1}, {17, 8, 0}, {17, 8, 255}, {63, 8, 1}}) {
    const auto key = provider->derive_key("x", as_bytes("salt"), cost, 32);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code(), Errc::limit_exceeded);
  }
}

// The GCM specification (McGrew and Viega), test case 16: AES-256 with associated data.
TEST_F(SealerTest, GcmGivesTheValuesOfItsSpecification) {
  const auto sealer =
      provider->sealer(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")).value();
  const Buffer nonce = hex("cafebabefacedbaddecaf888"),
               associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Buffer plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b1"
          "6aedf5aa0d"
          "e657ba637b39");
  const auto sealed = sealer->seal(nonce, associated, plain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(to_hex(*sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
            "c5f61e6393ba"
            "7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(sealer->open(nonce, associated, *sealed).value(), plain);
}

TEST_F(SealerTest, WhatWasChangedDoesNotOpen) {
  const auto sealer = provider->sealer(Buffer(32, 7)).value();
  const Buffer nonce(12, 1), associated{1, 2, 3};
  for (const std::size_t size : {0U, 1U, 40U}) {
    const Buffer sealed = sealer->seal(nonce, associated, Buffer(size, 9)).value();
    EXPECT_EQ(sealer->open(nonce, associated, sealed).value(), Buffer(size, 9));
    for (std::size_t at = 0; at < sealed.size(); ++at) {
      Buffer changed = sealed;
      changed[at] ^= 0x40;
      const auto opened = sealer->open(nonce, associated, changed);
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code(), Errc::denied);
    }
    EXPECT_FALSE(sealer->open(Buffer(12, 2), associated, sealed));
    EXPECT_FALSE(sealer->open(nonce, Buffer{1, 2}, sealed));
    EXPECT_FALSE(provider->sealer(Buffer(32, 8)).value()->open(nonce, associated, sealed));
    EXPECT_FALSE(sealer->open(nonce, associated, Bytes(sealed).first(sealed.size() - 1)));
  }
}

TEST_F(SealerTest, KeysOfAnotherSizeAreRefused) { EXPECT_FALSE(provider->sealer(Buffer(16))); }

}  // namespace
}  // namespace vouch::crypto
