#include "crypto/openssl/algorithms.hpp"

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>

#include <cstdio>
#include <cstdlib>

namespace vouch::crypto::openssl {
namespace {

Digest fetch(const char* name) {
  Digest digest(EVP_MD_fetch(nullptr, name, nullptr));
  if (digest == nullptr) {
    std::fprintf(stderr, "vouch: OpenSSL offers no %s; check its configuration\n", name);
    std::abort();
  }
  return digest;
}

// OSSL_PARAM takes its values by pointer to non-const, although it only reads these.
OSSL_PARAM text(const char* key, const char* value) {
  return OSSL_PARAM_construct_utf8_string(key, const_cast<char*>(value), 0);
}

}  // namespace

Algorithms::Algorithms()
    : md5_(fetch("MD5")),
      sha1_(fetch("SHA1")),
      sha256_(fetch("SHA256")),
      sha384_(fetch("SHA384")),
      sha512_(fetch("SHA512")) {
  using enum SignatureAlgorithm;
  add(rsa_pkcs1_md5, KeyFamily::rsa, false, md5_.get());
  add(rsa_pkcs1_sha1, KeyFamily::rsa, false, sha1_.get());
  add(rsa_pkcs1_sha256, KeyFamily::rsa, false, sha256_.get());
  add(rsa_pkcs1_sha384, KeyFamily::rsa, false, sha384_.get());
  add(rsa_pkcs1_sha512, KeyFamily::rsa, false, sha512_.get());
  add(rsa_pss_sha256, KeyFamily::rsa, true, sha256_.get());
  add(rsa_pss_sha384, KeyFamily::rsa, true, sha384_.get());
  add(rsa_pss_sha512, KeyFamily::rsa, true, sha512_.get());
  add(ecdsa_sha1, KeyFamily::ec, false, sha1_.get());
  add(ecdsa_sha256, KeyFamily::ec, false, sha256_.get());
  add(ecdsa_sha384, KeyFamily::ec, false, sha384_.get());
  add(ecdsa_sha512, KeyFamily::ec, false, sha512_.get());
  add(ed25519, KeyFamily::ed25519, false, nullptr);
}

void Algorithms::add(SignatureAlgorithm algorithm, KeyFamily family, bool pss, const EVP_MD* digest) {
  Entry& entry = entries_[index(algorithm)];
  entry.algorithm = {family, pss, digest, nullptr};
  if (digest == nullptr) return;
  const char* name = EVP_MD_get0_name(digest);
  auto next = entry.parameters.begin();
  *next++ = text(OSSL_SIGNATURE_PARAM_DIGEST, name);
  if (family == KeyFamily::rsa)
    *next++ = text(OSSL_SIGNATURE_PARAM_PAD_MODE,
                   pss ? OSSL_PKEY_RSA_PAD_MODE_PSS : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
  if (pss) {
    // RFC 4055 3.1: MGF1 with the same digest and a salt as long as the digest, for verification as well.
    *next++ = text(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, name);
    *next++ = text(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
  }
  *next = OSSL_PARAM_construct_end();
  entry.algorithm.parameters = entry.parameters.data();
}

const EVP_MD* Algorithms::digest(DigestAlgorithm digest) const {
  switch (digest) {
    case DigestAlgorithm::md5:
      return md5_.get();
    case DigestAlgorithm::sha1:
      return sha1_.get();
    case DigestAlgorithm::sha256:
      return sha256_.get();
    case DigestAlgorithm::sha384:
      return sha384_.get();
    case DigestAlgorithm::sha512:
      break;
  }
  return sha512_.get();
}

KeyFamily family_of(KeyType type) {
  if (type == KeyType::rsa) return KeyFamily::rsa;
  return type == KeyType::ed25519 ? KeyFamily::ed25519 : KeyFamily::ec;
}

CurveInfo curve_of(KeyType type) {
  if (type == KeyType::p384) return {"P-384", NID_secp384r1, 48};
  if (type == KeyType::p521) return {"P-521", NID_secp521r1, 66};
  return {"P-256", NID_X9_62_prime256v1, 32};
}

}  // namespace vouch::crypto::openssl
