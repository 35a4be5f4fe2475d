#include "crypto/openssl/decrypter.hpp"

#include <gmock/gmock.h>

namespace vouch::crypto::openssl {
namespace {

constexpr std::size_t kModulus = 64, kKey = 16;

Buffer padded_key() {
  Buffer em(kModulus, 0xff);  // padding octets, none of them zero
  em[0] = 0;
  em[1] = 2;
  em[kModulus - kKey - 1] = 0;
  for (std::size_t i = kModulus - kKey; i < kModulus; ++i) em[i] = static_cast<std::uint8_t>(i);
  return em;
}

Buffer unpad(Bytes em) {
  const Buffer substitute(kKey, 0xaa);
  Buffer key(kKey);
  unpad_or_substitute(em, substitute, key);
  return key;
}

TEST(Unpadding, GivesTheKeyOfAGoodPadding) {
  const Buffer em = padded_key();
  EXPECT_TRUE(equal(unpad(em), Bytes(em).last(kKey)));
}

TEST(Unpadding, DoesNotLookAtTheKeyItself) {
  for (const std::uint8_t octet : Buffer{0x00, 0x01, 0x80, 0xff}) {
    Buffer em = padded_key();
    std::fill(em.end() - kKey, em.end(), octet);
    EXPECT_EQ(unpad(em), Buffer(kKey, octet));
  }
}

TEST(Unpadding, GivesTheSubstituteForEveryWrongOctet) {
  const Buffer substitute(kKey, 0xaa);
  for (int wrong = 1; wrong < 256; ++wrong) {
    Buffer first = padded_key(), second = padded_key(), separator = padded_key();
    first[0] = static_cast<std::uint8_t>(first[0] ^ wrong);
    second[1] = static_cast<std::uint8_t>(second[1] ^ wrong);
    separator[kModulus - kKey - 1] = static_cast<std::uint8_t>(wrong);
    EXPECT_EQ(unpad(first), substitute) << wrong;
    EXPECT_EQ(unpad(second), substitute) << wrong;
    EXPECT_EQ(unpad(separator), substitute) << wrong;
  }
  for (std::size_t i = 2; i < kModulus - kKey - 1; ++i) {
    Buffer zero = padded_key();
    zero[i] = 0;
    EXPECT_EQ(unpad(zero), substitute) << i;
  }
}

}  // namespace
}  // namespace vouch::crypto::openssl
