// CPU of one validation of a chain of three, signatures of issuers cached,
// beside the one signature verification that is left: `validate_bench`
// prints both and their ratio (bars: 1.3 for P-256, 1.75 for RSA-2048).
#include <benchmark/benchmark.h>
#include <time.h>

#include "validate/test_pki.hpp"
#include "validate/validator.hpp"

namespace vouch::validate {
namespace {

struct Chain {
  explicit Chain(const crypto::KeySpec& keys) {
    const auto provider = pki.provider();
    pki.use("Root", provider->generate(keys).value());
    pki.use("Sub", provider->generate(keys).value());
    store = test::trust({pki.ca("Root")}, {pki.ca("Sub", "Root")});
    leaf = pki.der({.subject = "leaf",
                    .issuer = "Sub",
                    .ca = false,
                    .purposes = {x509::oid::kClientAuth},
                    .names = {x509::GeneralName::upn("alice@corp.example")}});
    issuer = pki.ca("Sub", "Root");
    profile.purpose = Purpose::tls_client;
    profile.revocation = RevocationRule::none;
  }
  test::TestPki pki;
  std::shared_ptr<TrustStore> store;
  Buffer leaf;
  CertificatePtr issuer;
  Profile profile;
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// In turns, so that what the machine does meanwhile falls on both.
void ratio(benchmark::State& state, const crypto::KeySpec& keys) {
  Chain chain(keys);
  const Validator validator(chain.pki.provider(), chain.store, std::make_shared<SignatureCache>());
  const auto view = x509::parse_certificate(chain.leaf).value();
  const auto algorithm = x509::parse_signature_algorithm(view.signature_algorithm).value();
  const auto* verifier = chain.issuer->verifier(*chain.pki.provider()).value();
  double validations = 0, verifications = 0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    const Decision decision = validator.validate(chain.leaf, {}, {test::kNow, chain.profile, {}, nullptr});
    const double middle = cpu_seconds();
    const bool fits = verifier->verify(algorithm, view.tbs, view.signature).has_value();
    verifications += cpu_seconds() - middle;
    validations += middle - start;
    if (!decision.accepted || !fits) state.SkipWithError("the chain does not hold");
  }
  const auto n = static_cast<double>(state.iterations());
  state.counters["validation_us"] = validations / n * 1e6;
  state.counters["verification_us"] = verifications / n * 1e6;
  state.counters["ratio"] = validations / verifications;
}

BENCHMARK_CAPTURE(ratio, P256, crypto::KeySpec{x509::KeyType::p256, 0, false})->MinTime(1.0);
BENCHMARK_CAPTURE(ratio, RSA2048, crypto::KeySpec{x509::KeyType::rsa, 2048, false})->MinTime(1.0);

}  // namespace
}  // namespace vouch::validate
