#include "crypto/provider.hpp"

#include <gmock/gmock.h>

namespace vouch::crypto {
namespace {

TEST(KeySpecs, AreReadAndPrintedTheSame) {
  for (const std::string_view text :
       {"ec:P-256", "ec:P-384", "ec:P-521", "rsa:2048", "rsa:3072", "rsa:8192", "rsa-pss:3072", "ed25519"})
    EXPECT_EQ(format_key_spec(parse_key_spec(text).value()), text);
  EXPECT_EQ(parse_key_spec("EC:p-384").value(), (KeySpec{.type = KeyType::p384}));
  EXPECT_EQ(parse_key_spec("RSA-PSS:2048").value(),
            (KeySpec{.type = KeyType::rsa, .rsa_bits = 2048, .pss = true}));
}

TEST(KeySpecs, OfWeakOrUnknownKeysAreRefused) {
  for (const std::string_view text :
       {"", "rsa", "rsa:", "rsa:768", "rsa:2047", "rsa:8448", "rsa:16384", "rsa:2048x", "rsa:-2048",
        "rsa:99999999999999999999999", "ec:P-224", "ec:", "dsa:2048", "ed25519:1", "rsa-pss", "ed448"}) {
    const auto spec = parse_key_spec(text);
    ASSERT_FALSE(spec.has_value()) << text;
    EXPECT_EQ(spec.error().code(), Errc::usage) << text;
    EXPECT_FALSE(spec.error().hint().empty()) << text;
  }
}

TEST(KeySpecs, LeadToTheSignatureAlgorithmThatFits) {
  const auto of = [](std::string_view spec, std::optional<DigestAlgorithm> digest = {}) {
    return signature_algorithm_for(parse_key_spec(spec).value(), digest).value();
  };
  EXPECT_EQ(of("ec:P-256"), SignatureAlgorithm::ecdsa_sha256);
  EXPECT_EQ(of("ec:P-384"), SignatureAlgorithm::ecdsa_sha384);
  EXPECT_EQ(of("ec:P-521"), SignatureAlgorithm::ecdsa_sha512);
  EXPECT_EQ(of("rsa:4096"), SignatureAlgorithm::rsa_pkcs1_sha256);
  EXPECT_EQ(of("rsa-pss:3072"), SignatureAlgorithm::rsa_pss_sha256);
  EXPECT_EQ(of("ed25519"), SignatureAlgorithm::ed25519);
  EXPECT_EQ(of("ec:P-256", DigestAlgorithm::sha512), SignatureAlgorithm::ecdsa_sha512);
  EXPECT_EQ(of("rsa:2048", DigestAlgorithm::sha384), SignatureAlgorithm::rsa_pkcs1_sha384);
  EXPECT_EQ(of("rsa-pss:2048", DigestAlgorithm::sha512), SignatureAlgorithm::rsa_pss_sha512);
}

TEST(KeySpecs, RefuseADigestThatDoesNotBelong) {
  const KeySpec ed25519{.type = KeyType::ed25519}, p256{.type = KeyType::p256};
  EXPECT_EQ(signature_algorithm_for(ed25519, DigestAlgorithm::sha512).error().code(), Errc::usage);
  EXPECT_EQ(signature_algorithm_for(p256, DigestAlgorithm::sha1).error().code(), Errc::unsupported);
}

TEST(Digests, AreFoundByTheirUsualSpellings) {
  for (const std::string_view name : {"sha256", "SHA-256", "SHA256", "Sha-256"})
    EXPECT_EQ(digest_from_name(name).value(), DigestAlgorithm::sha256) << name;
  EXPECT_EQ(digest_from_name("sha-384").value(), DigestAlgorithm::sha384);
  EXPECT_EQ(digest_from_name("SHA512").value(), DigestAlgorithm::sha512);
  EXPECT_EQ(digest_from_name("SHA-1").error().code(), Errc::unsupported);
  EXPECT_EQ(digest_from_name("md5").error().code(), Errc::unsupported);
  EXPECT_EQ(digest_from_name("whirlpool").error().code(), Errc::usage);
}

}  // namespace
}  // namespace vouch::crypto
