#include "crypto/signature_digest.hpp"

namespace vouch::crypto {

using x509::DigestAlgorithm, x509::SignatureAlgorithm;

std::optional<DigestAlgorithm> digest_of(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::rsa_pkcs1_sha256:
    case SignatureAlgorithm::rsa_pss_sha256:
    case SignatureAlgorithm::ecdsa_sha256:
      return DigestAlgorithm::sha256;
    case SignatureAlgorithm::rsa_pkcs1_sha384:
    case SignatureAlgorithm::rsa_pss_sha384:
    case SignatureAlgorithm::ecdsa_sha384:
      return DigestAlgorithm::sha384;
    case SignatureAlgorithm::rsa_pkcs1_sha512:
    case SignatureAlgorithm::rsa_pss_sha512:
    case SignatureAlgorithm::ecdsa_sha512:
    case SignatureAlgorithm::ed25519:
      return DigestAlgorithm::sha512;
    case SignatureAlgorithm::rsa_pkcs1_sha1:
    case SignatureAlgorithm::ecdsa_sha1:
    case SignatureAlgorithm::dsa_sha1:
      return DigestAlgorithm::sha1;
    case SignatureAlgorithm::rsa_pkcs1_md5:
      return DigestAlgorithm::md5;
  }
  return std::nullopt;
}

}  // namespace vouch::crypto
