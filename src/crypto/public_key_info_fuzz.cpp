// A public key from outside: parsed, imported, used. Properties: what was written by the standard form is
// encoded to the same octets again, and no key verifies a signature that nobody made.
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"

namespace {

using namespace vouch;

bool has_standard_form(Bytes input, const x509::PublicKeyInfo& key) {
  switch (key.type) {
    case x509::KeyType::rsa: {
      // RSA is read without NULL and under id-RSASSA-PSS as well; only one form is written.
      if (key.rsassa_pss) return true;
      const Buffer again = x509::encode_rsa_public_key_info(key.modulus, key.exponent);
      return equal(again, input) || again.size() >= input.size();
    }
    case x509::KeyType::ed25519:
      return equal(x509::encode_ed25519_public_key_info(key.point), input);
    case x509::KeyType::p256:
    case x509::KeyType::p384:
    case x509::KeyType::p521:
      break;
  }
  return equal(x509::encode_ec_public_key_info(key.type, key.point), input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto provider = crypto::openssl::make_provider();
  const Bytes input(data, size);
  const auto key = x509::parse_public_key_info(input);
  const auto verifier = provider->verifier(input);
  if (!key && verifier) std::abort();
  if (key && !has_standard_form(input, *key)) std::abort();
  if (!verifier) return 0;
  const Buffer signature(key->type == x509::KeyType::rsa ? key->modulus.size() : 64, 0x5a);
  for (const auto algorithm :
       {x509::SignatureAlgorithm::rsa_pkcs1_sha256, x509::SignatureAlgorithm::rsa_pss_sha256,
        x509::SignatureAlgorithm::ecdsa_sha256, x509::SignatureAlgorithm::ed25519})
    if ((*verifier)->verify(algorithm, as_bytes("data"), signature)) std::abort();
  return 0;
}
