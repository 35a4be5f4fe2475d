#pragma once
// Keys from their numbers, with what OpenSSL does not check itself; and the numbers of new keys.

#include "crypto/openssl/algorithms.hpp"
#include "crypto/openssl/pkcs8.hpp"

namespace vouch::crypto::openssl {

// Makes OpenSSL's keys with EVP_PKEY_fromdata: its decoders cost five times a verification. Keeps its
// contexts, because looking an algorithm up by name costs as much as half an import.
class KeyImporter {
 public:
  // Fails with `malformed` for numbers that are no key (points beside the curve, an even exponent) and
  // `unsupported` for RSA keys so large that a single verification takes seconds.
  Result<Key> import_public(const x509::PublicKeyInfo& info);
  // Fails with `malformed` also when the numbers contradict each other.
  Result<Key> import_private(const PrivateNumbers& numbers);

 private:
  struct Importer {
    KeyContext context;
  };
  Result<Key> from_data(Pool<Importer>& pool, const char* algorithm, int selection,
                        const OSSL_PARAM* parameters);
  Result<Key> import_rsa_private(const PrivateNumbers& numbers);
  Result<Key> import_ec_private(const PrivateNumbers& numbers);

  Pool<Importer> rsa_, ec_;
};

Result<Key> generate_key(const KeySpec& spec);
// SubjectPublicKeyInfo in this project's encoding.
Result<Buffer> public_key_info_of(const EVP_PKEY& key, KeyType type);

}  // namespace vouch::crypto::openssl
