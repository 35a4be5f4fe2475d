// What a decision costs beside everything else that an issuance does; the goal is 5 µs for a web server.
#include <benchmark/benchmark.h>

#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

void decide_web_server(benchmark::State& state) {
  testing_support::Asked asked;
  asked.key = testing_support::rsa_key(2048);
  const x509::RequestView& request = asked.request();
  static const Buffer key_identifier(20, 0x5a);
  asked.question.subject_key_identifier = key_identifier;
  asked.question.request = &request;
  for (auto _ : state) benchmark::DoNotOptimize(decide(asked.question));
}
BENCHMARK(decide_web_server);

void format_its_trace(benchmark::State& state) {
  testing_support::Asked asked;
  const Trace trace = asked.decide().trace;
  for (auto _ : state) benchmark::DoNotOptimize(format_trace(trace));
}
BENCHMARK(format_its_trace);

}  // namespace
}  // namespace vouch::policy
