// A private key file. Property: what loads is a whole key, so that its signature verifies with its own
// public key and it is the same key after writing and reading.
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  static const auto provider = crypto::openssl::make_provider();
  const auto key = provider->load_private_key(Bytes(data, size), {});
  if (!key) return 0;
  const Bytes public_key = (*key)->public_key_info();
  const auto info = x509::parse_public_key_info(public_key);
  if (!info) std::abort();
  const auto algorithm = crypto::signature_algorithm_for({.type = info->type}, {});
  const auto signer = (*key)->signer(algorithm.value());
  if (!signer) return 0;  // RSA too short for the digest
  const auto signature = (*signer)->sign(as_bytes("data"));
  if (!signature || !provider->verify(public_key, *algorithm, as_bytes("data"), *signature)) std::abort();
  const auto pem = (*key)->to_pem({});
  if (!pem) std::abort();
  const auto again = provider->load_private_key(as_bytes(*pem), {});
  if (!again || !equal((*again)->public_key_info(), public_key)) std::abort();
  return 0;
}
