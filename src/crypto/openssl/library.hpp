#pragma once
// What the objects of this folder share: made once by make_provider, kept alive by whoever uses it.

#include "crypto/openssl/keys.hpp"

namespace vouch::crypto::openssl {

struct Library {
  Algorithms algorithms;
  KeyImporter importer;
};
using SharedLibrary = std::shared_ptr<Library>;
using SharedKey = std::shared_ptr<EVP_PKEY>;

// A digest of at most 64 octets, in place.
class DigestValue {
 public:
  // False only when memory ran out.
  bool compute(EVP_MD_CTX* context, const EVP_MD* algorithm, Bytes data) {
    return EVP_DigestInit_ex2(context, algorithm, nullptr) == 1 &&
           EVP_DigestUpdate(context, data.data(), data.size()) == 1 &&
           EVP_DigestFinal_ex(context, octets_.data(), &size_) == 1;
  }
  const std::uint8_t* data() const { return octets_.data(); }
  std::size_t size() const { return size_; }

 private:
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> octets_{};
  unsigned size_ = 0;
};

}  // namespace vouch::crypto::openssl
