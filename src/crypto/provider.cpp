#include "crypto/provider.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"

namespace vouch::crypto {
namespace {

constexpr std::size_t kMinRsaBits = 1024, kMaxRsaBits = 8192, kRsaStep = 8;

Error unknown_key_spec(std::string_view text) {
  return make_error(Errc::usage, "'{}' is not a kind of key", text)
      .with_hint("use ec:P-256, ec:P-384, ec:P-521, rsa:2048 to rsa:8192, rsa-pss:3072 or ed25519");
}

}  // namespace

std::vector<Result<Buffer>> Signer::sign_all(std::span<const Bytes> all) const {
  std::vector<Result<Buffer>> signatures;
  signatures.reserve(all.size());
  for (const Bytes tbs : all) signatures.push_back(sign(tbs));
  return signatures;
}

Result<KeySpec> parse_key_spec(std::string_view text) {
  const std::string spec = lower_case(text);
  if (spec == "ec:p-256") return KeySpec{.type = KeyType::p256};
  if (spec == "ec:p-384") return KeySpec{.type = KeyType::p384};
  if (spec == "ec:p-521") return KeySpec{.type = KeyType::p521};
  if (spec == "ed25519") return KeySpec{.type = KeyType::ed25519};

  const std::size_t colon = spec.find(':');
  const std::string_view family = std::string_view(spec).substr(0, colon);
  if (colon == std::string::npos || (family != "rsa" && family != "rsa-pss")) return unknown_key_spec(text);
  const std::string_view digits = std::string_view(spec).substr(colon + 1);
  std::size_t bits = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (failure != std::errc() || end != digits.data() + digits.size()) return unknown_key_spec(text);
  if (bits < kMinRsaBits || bits > kMaxRsaBits || bits % kRsaStep != 0)
    return make_error(Errc::usage, "an RSA key of {} bits is not made here", bits)
        .with_hint(fmt::format("use {} to {} bits in steps of {}", kMinRsaBits, kMaxRsaBits, kRsaStep));
  return KeySpec{.type = KeyType::rsa, .rsa_bits = bits, .pss = family == "rsa-pss"};
}

std::string format_key_spec(const KeySpec& spec) {
  switch (spec.type) {
    case KeyType::rsa:
      return fmt::format("{}:{}", spec.pss ? "rsa-pss" : "rsa", spec.rsa_bits);
    case KeyType::p256:
    case KeyType::p384:
    case KeyType::p521:
      return fmt::format("ec:{}", x509::to_string(spec.type));
    case KeyType::ed25519:
      break;
  }
  return "ed25519";
}

namespace {

// RFC 5480 4: a digest as strong as the curve.
DigestAlgorithm default_digest(KeyType type) {
  if (type == KeyType::p384) return DigestAlgorithm::sha384;
  if (type == KeyType::p521) return DigestAlgorithm::sha512;
  return DigestAlgorithm::sha256;
}

}  // namespace

Result<SignatureAlgorithm> signature_algorithm_for(const KeySpec& spec,
                                                   std::optional<DigestAlgorithm> digest) {
  using enum SignatureAlgorithm;
  if (spec.type == KeyType::ed25519) {
    if (digest)
      return make_error(Errc::usage, "an Ed25519 key signs with its own digest, not with {}",
                        x509::to_string(*digest));
    return ed25519;
  }
  // In the order SHA-256, SHA-384, SHA-512.
  constexpr std::array kEcdsa = {ecdsa_sha256, ecdsa_sha384, ecdsa_sha512};
  constexpr std::array kPkcs1 = {rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512};
  constexpr std::array kPss = {rsa_pss_sha256, rsa_pss_sha384, rsa_pss_sha512};
  const auto& family = spec.type != KeyType::rsa ? kEcdsa : spec.pss ? kPss : kPkcs1;
  switch (digest.value_or(default_digest(spec.type))) {
    case DigestAlgorithm::md5:
    case DigestAlgorithm::sha1:
      break;
    case DigestAlgorithm::sha256:
      return family[0];
    case DigestAlgorithm::sha384:
      return family[1];
    case DigestAlgorithm::sha512:
      return family[2];
  }
  return make_error(Errc::unsupported, "nothing is signed with {}", x509::to_string(*digest))
      .with_hint("use SHA-256, SHA-384 or SHA-512");
}

std::size_t key_size(ContentCipher cipher) {
  switch (cipher) {
    case ContentCipher::aes128_cbc:
      return 16;
    case ContentCipher::aes192_cbc:
    case ContentCipher::des_ede3_cbc:
      return 24;
    case ContentCipher::des_cbc:
      return 8;
    case ContentCipher::aes256_cbc:
      break;
  }
  return 32;
}

std::size_t block_size(ContentCipher cipher) {
  return cipher == ContentCipher::des_ede3_cbc || cipher == ContentCipher::des_cbc ? 8 : 16;
}

bool is_broken(ContentCipher cipher) { return cipher == ContentCipher::des_cbc; }

std::string_view to_string(ContentCipher cipher) {
  switch (cipher) {
    case ContentCipher::aes128_cbc:
      return "AES-128-CBC";
    case ContentCipher::aes192_cbc:
      return "AES-192-CBC";
    case ContentCipher::aes256_cbc:
      return "AES-256-CBC";
    case ContentCipher::des_cbc:
      return "DES-CBC";
    case ContentCipher::des_ede3_cbc:
      break;
  }
  return "DES-EDE3-CBC";
}

Result<DigestAlgorithm> digest_from_name(std::string_view name) {
  std::string plain = lower_case(name);
  std::erase(plain, '-');
  if (plain == "sha256") return DigestAlgorithm::sha256;
  if (plain == "sha384") return DigestAlgorithm::sha384;
  if (plain == "sha512") return DigestAlgorithm::sha512;
  const bool known_but_broken = plain == "sha1" || plain == "md5";
  return make_error(known_but_broken ? Errc::unsupported : Errc::usage,
                    "'{}' is not a digest that signs here", name)
      .with_hint("use sha256, sha384 or sha512");
}

Result<Buffer> key_identifier(const Provider& provider, Bytes public_key_info) {
  const x509::PublicKeyInfo key = TRY(x509::parse_public_key_info(public_key_info));
  return provider.digest(DigestAlgorithm::sha1, key.key_bits);
}

}  // namespace vouch::crypto
