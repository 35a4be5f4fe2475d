#include <benchmark/benchmark.h>

#include "x509/crl.hpp"
#include "x509/request.hpp"

namespace vouch::x509 {
namespace {

constexpr Time kNow{std::chrono::seconds(1'780'000'000)};

// SubjectPublicKeyInfo of an RSA-2048 key, by its octets alone.
Buffer rsa_key() {
  Buffer modulus(256, 0xab);
  const std::uint8_t exponent[] = {1, 0, 1};
  return encode_rsa_public_key_info(modulus, exponent);
}

Buffer issuer_name() {
  return encode_name(make_name(
      {{oid::kCountry, "DE"}, {oid::kOrganization, "Contoso"}, {oid::kCommonName, "Issuing CA 1"}}));
}

// What a server template has the same in all its certificates.
std::vector<Extension> fixed_extensions() {
  const Buffer key_id(20, 0x11);
  return {
      make_extension(oid::kAuthorityKeyIdentifier, false, encode_authority_key_identifier({key_id, {}, {}})),
      make_extension(oid::kKeyUsage, true, encode_key_usage(digital_signature | key_encipherment)),
      make_extension(oid::kExtendedKeyUsage, false, encode_extended_key_usage({oid::kServerAuth})),
      make_extension(oid::kCrlDistributionPoints, false,
                     encode_distribution_point_uris({"http://pki.example.com/crl/issuing-1.crl"})),
      make_extension(oid::kAuthorityInfoAccess, false,
                     encode_info_access({{oid::kAdOcsp, GeneralName::uri("http://ocsp.example.com")},
                                         {oid::kAdCaIssuers,
                                          GeneralName::uri("http://pki.example.com/aia/issuing-1.crt")}})),
  };
}

std::vector<Extension> varying_extensions() {
  const Buffer key_id(20, 0x22);
  return {make_extension(oid::kSubjectKeyIdentifier, false, encode_subject_key_identifier(key_id)),
          make_extension(oid::kSubjectAltName, false,
                         encode_general_names({GeneralName::dns("www.example.com")}))};
}

struct Sample {
  Buffer issuer = issuer_name();
  Buffer subject = encode_name(make_name({{oid::kCommonName, "www.example.com"}}));
  Buffer key = rsa_key();
  Buffer serial = Buffer(18, 0x42);
  Buffer extensions;
  TbsTemplate tbs_template{SignatureAlgorithm::ecdsa_sha256, issuer, fixed_extensions()};

  Sample() {
    for (const Extension& extension : varying_extensions()) append(extensions, encode_extension(extension));
  }
  TbsTemplate::Fields fields() const {
    return {serial, kNow, kNow + std::chrono::days(397), subject, key, extensions};
  }
};

void BM_TbsTemplateFill(benchmark::State& state) {
  const Sample sample;
  for (auto _ : state) benchmark::DoNotOptimize(sample.tbs_template.fill(sample.fields()));
}
BENCHMARK(BM_TbsTemplateFill);

void BM_ParseCertificate(benchmark::State& state) {
  const Sample sample;
  const Buffer signature(72, 0x30);
  const Buffer der = encode_certificate(sample.tbs_template.fill(sample.fields()),
                                        encode(SignatureAlgorithm::ecdsa_sha256), signature);
  for (auto _ : state) benchmark::DoNotOptimize(parse_certificate(der).value());
}
BENCHMARK(BM_ParseCertificate);

void BM_ParseRequest(benchmark::State& state) {
  const Sample sample;
  const Buffer signature(256, 0x30);
  const Buffer der =
      encode_request(encode_request_info({sample.subject, sample.key, varying_extensions(), {}}),
                     encode(SignatureAlgorithm::rsa_pkcs1_sha256), signature);
  for (auto _ : state) benchmark::DoNotOptimize(parse_request(der).value());
}
BENCHMARK(BM_ParseRequest);

// revokedCertificates as our CAs make them: serials of 18 octets, a reason each.
Buffer entries(std::int64_t count) {
  Buffer out;
  std::array<std::uint8_t, 18> serial{1};
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::size_t octet = 0; octet < 8; ++octet)
      serial[1 + octet] = static_cast<std::uint8_t>(i >> (56 - 8 * octet));
    append_crl_entry(out, {serial, kNow + std::chrono::seconds(i), CrlReason::superseded, {}});
  }
  return out;
}

void BM_AppendCrlEntries(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(entries(state.range(0)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_AppendCrlEntries)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// As a CRL is streamed: a buffer of 64 KiB that is written out and used again.
void BM_StreamCrlEntries(benchmark::State& state) {
  std::array<std::uint8_t, 18> serial{1};
  for (auto _ : state) {
    Buffer out;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      for (std::size_t octet = 0; octet < 8; ++octet)
        serial[1 + octet] = static_cast<std::uint8_t>(i >> (56 - 8 * octet));
      append_crl_entry(out, {serial, kNow + std::chrono::seconds(i), CrlReason::superseded, {}});
      if (out.size() < 65536) continue;
      benchmark::DoNotOptimize(out.data());
      out.clear();
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_StreamCrlEntries)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void BM_WalkCrl(benchmark::State& state) {
  const Buffer der = entries(state.range(0));
  for (auto _ : state)
    for (CrlEntryReader reader(der); !reader.at_end();) benchmark::DoNotOptimize(reader.next().value());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_WalkCrl)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vouch::x509
