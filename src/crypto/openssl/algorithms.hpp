#pragma once
// The algorithms fetched once, and how each signature algorithm is told to OpenSSL.

#include <openssl/params.h>

#include <array>

#include "crypto/openssl/handles.hpp"
#include "crypto/provider.hpp"

namespace vouch::crypto::openssl {

enum class KeyFamily { rsa, ec, ed25519, none };

struct Algorithm {
  KeyFamily family = KeyFamily::none;
  bool pss = false;
  const EVP_MD* digest = nullptr;          // none for Ed25519, which hashes itself
  const OSSL_PARAM* parameters = nullptr;  // for EVP_PKEY_sign_init_ex and EVP_PKEY_verify_init_ex
};

// Immutable after construction: threads share it without a lock.
class Algorithms {
 public:
  Algorithms();
  Algorithms(const Algorithms&) = delete;
  Algorithms& operator=(const Algorithms&) = delete;

  const EVP_MD* digest(DigestAlgorithm digest) const;
  // Of the family `none` for what OpenSSL is not asked to do (DSA).
  const Algorithm& signature(SignatureAlgorithm algorithm) const {
    return entries_[index(algorithm)].algorithm;
  }

 private:
  static constexpr std::size_t index(SignatureAlgorithm algorithm) {
    return static_cast<std::size_t>(algorithm);
  }
  static constexpr std::size_t kCount = static_cast<std::size_t>(SignatureAlgorithm::dsa_sha1) + 1;
  struct Entry {
    Algorithm algorithm;
    std::array<OSSL_PARAM, 5> parameters{};  // what algorithm.parameters points to
  };
  void add(SignatureAlgorithm algorithm, KeyFamily family, bool pss, const EVP_MD* digest);

  Digest md5_, sha1_, sha256_, sha384_, sha512_;
  std::array<Entry, kCount> entries_;
};

KeyFamily family_of(KeyType type);
// The name OpenSSL knows a curve by, its OpenSSL number, and the octets of a coordinate.
struct CurveInfo {
  const char* name;
  int number;
  std::size_t octets;
};
CurveInfo curve_of(KeyType type);

}  // namespace vouch::crypto::openssl
