// Anything as what a client sends to /ocsp: the first octet chooses POST or GET, the rest is the body or the
// path after "/ocsp/". Properties: the answer is an OCSP response of the right type; a request that has its
// form is answered about the certificates that it asks for, in their order, with what the source says, its
// nonce, and never beyond the source's times; what is kept is sent again octet by octet.
#include <algorithm>
#include <cstdlib>

#include "api/ocsp.hpp"
#include "crypto/openssl/openssl.hpp"
#include "net/url.hpp"

namespace {

using namespace vouch;
using x509::OcspCertStatus, x509::OcspResponseStatus;

constexpr Time kNow{std::chrono::seconds{1'795'000'000}};
constexpr std::chrono::hours kValidity{8};

void require(bool holds) {
  if (!holds) std::abort();
}

// One CA: the Name without attributes, and the key "key". tests/lib/fuzz_seeds.py asks about it.
class Source final : public revocation::OcspSource {
 public:
  explicit Source(const crypto::Provider& provider) {
    revocation::OcspIssuer issuer;
    issuer.ca = "Fuzz";
    issuer.subject = {0x30, 0x00};
    issuer.key_bits = to_buffer(as_bytes(std::string_view("key")));
    const auto key = provider.generate({}).value();
    issuer.signer = key->signer(crypto::SignatureAlgorithm::ecdsa_sha256).value();
    issuer.responder_key_hash = Buffer(20, 7);
    issuer.certificate = {0x30, 0x00};
    issuer.until = kNow + std::chrono::hours(24 * 14);
    issuers_ = std::make_shared<const revocation::OcspIssuers>(1, issuer);
  }
  // By the last octet of the serial.
  static revocation::CertificateStatus said(Bytes serial) {
    switch (serial.empty() ? 0 : serial.back() % 4) {
      case 0:
        return {.status = OcspCertStatus::good};
      case 1:
        return {OcspCertStatus::revoked, kNow - std::chrono::hours(1), x509::CrlReason::key_compromise};
      case 2:
        return {OcspCertStatus::revoked, kNow - std::chrono::hours(2), {}};
      default:
        return {};
    }
  }
  std::shared_ptr<const revocation::OcspIssuers> issuers() const override { return issuers_; }
  Result<revocation::CertificateStatus> status(const revocation::OcspIssuer&, Bytes serial) const override {
    return said(serial);
  }
  Result<Validity> validity(const revocation::OcspIssuer&, Time now) const override {
    return Validity{now, now + kValidity};
  }
  Result<std::uint64_t> epoch() const override { return 1; }
  std::optional<std::uint64_t> known_epoch() const override { return 1; }

 private:
  std::shared_ptr<const revocation::OcspIssuers> issuers_;
};

struct Bench {
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  ManualClock clock{kNow};
  net::Metrics metrics;
  Source source{*provider};
  std::shared_ptr<const api::OcspFace> face = std::make_shared<const api::OcspFace>(
      source, *provider, clock, metrics, api::OcspFaceSettings{.cache_octets = 1 << 20});
  net::Router router;
  Bench() {
    for (net::Route& route : api::ocsp_routes(face)) require(router.add(std::move(route)).has_value());
  }
};

void check_answer(const x509::OcspRequestView& asked, const x509::OcspResponseView& answer) {
  require(answer.responses.size() == asked.requests.size());
  for (std::size_t i = 0; i < answer.responses.size(); ++i) {
    const x509::OcspSingleResponse& about = answer.responses[i];
    require(equal(about.id.whole, asked.requests[i].id.whole));
    const auto said = Source::said(x509::serial_octets(about.id.serial));
    require(about.status == said.status && about.reason == said.reason);
    require(about.this_update == kNow && about.next_update == kNow + kValidity);
  }
  const auto nonce = asked.nonce(), mirrored = answer.nonce();
  require(nonce.has_value() == mirrored.has_value() && (!nonce || equal(*nonce, *mirrored)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Bench bench;
  if (size == 0) return 0;
  const Bytes input(data + 1, size - 1);
  net::Request http;
  const std::string path = "/ocsp/" + std::string(as_text(input));
  Buffer octets;
  if (data[0] % 2 == 0) {
    http.method = net::Method::post;
    http.path = "/ocsp";
    http.body = as_text(input);
    octets = to_buffer(input);
  } else {
    http.method = net::Method::get;
    http.path = path;
    octets = net::decode_base64_in_target(path.substr(6)).value_or(Buffer());
  }
  const net::Route* route = bench.router.find(http.method, http.path).route;
  require((route == nullptr) == (http.method == net::Method::get && input.empty()));  // 405
  if (route == nullptr) return 0;
  const auto* handler = std::get_if<net::NowOrBlocking>(&route->handler);
  require(handler != nullptr);
  const net::Response response = handler->otherwise(http);
  require(response.status == 200 && response.content_type == "application/ocsp-response");
  const auto answer = x509::parse_ocsp_response(as_bytes(response.body.view()));
  require(answer.has_value());
  const auto asked = x509::parse_ocsp_request(octets);
  if (answer->status == OcspResponseStatus::successful) {
    require(asked.has_value());
    check_answer(*asked, *answer);
  } else {
    require(asked ? answer->status == OcspResponseStatus::unauthorized ||
                        answer->status == OcspResponseStatus::malformed_request
                  : answer->status == OcspResponseStatus::malformed_request);
  }
  if (const net::Prepared kept = handler->now(http))
    require(kept->body.view() == response.body.view() && kept->status == 200);
  return 0;
}
