#pragma once
// Keys from their numbers, with what OpenSSL does not check itself; and the numbers of new keys.

#include "crypto/openssl/algorithms.hpp"
#include "crypto/pkcs8.hpp"

namespace vouch::crypto::openssl {

// Makes OpenSSL's keys with EVP_PKEY_fromdata: its decoders cost five times a verification. Keeps its
// contexts, because looking an algorithm up by name costs as much as half an import.
class KeyImporter {
 public:
  // Fails with `malformed` for numbers that are no key (points beside the curve, an even exponent) and
  // `unsupported` for RSA keys so large that a single verification takes seconds.
  Result<Key> import_public(const x509::PublicKeyInfo& info);
  // For one verification: what import_public gives, in a key that is used again where that is possible.
  // Setting a P-256 key up costs a quarter of a verification, giving one another point almost nothing.
  struct Borrowed {
    Key key;
  };
  Result<std::unique_ptr<Borrowed>> borrow_public(const x509::PublicKeyInfo& info);
  void give_back(std::unique_ptr<Borrowed> borrowed, KeyType type);
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

  // Where keys of a curve wait for their next point; none for the types whose keys are always new.
  Pool<Borrowed>* waiting(KeyType type);

  Pool<Importer> rsa_, ec_;
  Pool<Borrowed> p256_, p384_, p521_;
};

// For one verification of an old signature. Fails with `usage` without parameters, `unsupported` for sizes
// that FIPS 186-4 does not have.
Result<Key> import_dsa_public(const x509::DsaPublicKey& key);
Result<Key> generate_key(const KeySpec& spec);
// SubjectPublicKeyInfo in this project's encoding.
Result<Buffer> public_key_info_of(const EVP_PKEY& key, KeyType type);

}  // namespace vouch::crypto::openssl
