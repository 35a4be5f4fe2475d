// Signer and Verifier beside the bare primitives they stand on. Compare within one run: CPU time per
// operation, the Bare ones being the calibrators.

#include <benchmark/benchmark.h>

#include "crypto/openssl/library.hpp"
#include "crypto/openssl/openssl.hpp"

namespace vouch::crypto::openssl {
namespace {

// As long as a certificate's to-be-signed part.
const Buffer& tbs() {
  static const Buffer octets(800, 0x5a);
  return octets;
}

KeySpec spec_of(SignatureAlgorithm algorithm) {
  const bool rsa = algorithm == SignatureAlgorithm::rsa_pkcs1_sha256;
  return rsa ? KeySpec{.type = KeyType::rsa, .rsa_bits = 2048} : KeySpec{.type = KeyType::p256};
}

// A digest is at hand: nothing but the private key's operation.
void BM_BareSign(benchmark::State& state, SignatureAlgorithm algorithm) {
  const Algorithms algorithms;
  const Key key = generate_key(spec_of(algorithm)).value();
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (EVP_PKEY_sign_init_ex(context.get(), algorithms.signature(algorithm).parameters) != 1)
    return state.SkipWithError("sign_init");
  Buffer digest(32, 1), signature(256);
  for (auto _ : state) {
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(context.get(), signature.data(), &size, digest.data(), digest.size()) != 1)
      return state.SkipWithError("sign");
  }
}

void BM_Signer(benchmark::State& state, SignatureAlgorithm algorithm) {
  static const auto provider = make_provider();
  const auto signer = provider->generate(spec_of(algorithm)).value()->signer(algorithm).value();
  for (auto _ : state) benchmark::DoNotOptimize(signer->sign(tbs()).value());
}

void BM_BareVerify(benchmark::State& state, SignatureAlgorithm algorithm) {
  const Algorithms algorithms;
  const Key key = generate_key(spec_of(algorithm)).value();
  const KeyContext sign(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)),
      verify(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  const OSSL_PARAM* parameters = algorithms.signature(algorithm).parameters;
  Buffer digest(32, 1), signature(256);
  std::size_t size = signature.size();
  if (EVP_PKEY_sign_init_ex(sign.get(), parameters) != 1 ||
      EVP_PKEY_verify_init_ex(verify.get(), parameters) != 1 ||
      EVP_PKEY_sign(sign.get(), signature.data(), &size, digest.data(), digest.size()) != 1)
    return state.SkipWithError("init");
  for (auto _ : state)
    if (EVP_PKEY_verify(verify.get(), signature.data(), size, digest.data(), digest.size()) != 1)
      return state.SkipWithError("verify");
}

struct Signed {
  std::shared_ptr<const Provider> provider = make_provider();
  Buffer public_key, signature;
  explicit Signed(SignatureAlgorithm algorithm) {
    const auto key = provider->generate(spec_of(algorithm)).value();
    public_key = to_buffer(key->public_key_info());
    signature = key->signer(algorithm).value()->sign(tbs()).value();
  }
};

void BM_Verifier(benchmark::State& state, SignatureAlgorithm algorithm) {
  const Signed message(algorithm);
  const auto verifier = message.provider->verifier(message.public_key).value();
  for (auto _ : state)
    if (!verifier->verify(algorithm, tbs(), message.signature)) return state.SkipWithError("verify");
}

// A key seen once, as in a request: parse, import, verify.
void BM_VerifyOnce(benchmark::State& state, SignatureAlgorithm algorithm) {
  const Signed message(algorithm);
  for (auto _ : state)
    if (!message.provider->verify(message.public_key, algorithm, tbs(), message.signature))
      return state.SkipWithError("verify");
}

void BM_Digest(benchmark::State& state) {
  const auto provider = make_provider();
  for (auto _ : state) benchmark::DoNotOptimize(provider->digest(DigestAlgorithm::sha256, tbs()));
}
BENCHMARK(BM_Digest);

// What the checks of a new key cost beside verifying its request once.
void BM_Weakness(benchmark::State& state, SignatureAlgorithm algorithm) {
  const auto provider = make_provider();
  const auto key = provider->generate(spec_of(algorithm)).value();
  const auto info = x509::parse_public_key_info(key->public_key_info()).value();
  for (auto _ : state) benchmark::DoNotOptimize(provider->weakness(info));
}

#define VOUCH_BENCHMARK(name)                                      \
  BENCHMARK_CAPTURE(name, p256, SignatureAlgorithm::ecdsa_sha256); \
  BENCHMARK_CAPTURE(name, rsa2048, SignatureAlgorithm::rsa_pkcs1_sha256)
VOUCH_BENCHMARK(BM_BareSign);
VOUCH_BENCHMARK(BM_Signer);
VOUCH_BENCHMARK(BM_BareVerify);
VOUCH_BENCHMARK(BM_Verifier);
VOUCH_BENCHMARK(BM_VerifyOnce);
VOUCH_BENCHMARK(BM_Weakness);

}  // namespace
}  // namespace vouch::crypto::openssl
