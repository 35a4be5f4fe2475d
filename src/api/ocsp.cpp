#include "api/ocsp.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace vouch::api {
namespace {

using revocation::OcspAnswer;
using x509::OcspResponseStatus;

constexpr std::string_view kType = "application/ocsp-response";
constexpr std::size_t kMaxBody = 64 << 10;

// The request that a GET carries after "/ocsp/"; empty: none that can be read.
Buffer request_in_target(const net::Request& http) {
  constexpr std::string_view kPrefix = "/ocsp/";
  // A query belongs to the base64 when a client did not encode '?', which base64 does not have: ignore it.
  return net::decode_base64_in_target(http.path.substr(std::min(kPrefix.size(), http.path.size())))
      .value_or(Buffer());
}

}  // namespace

OcspFace::OcspFace(const revocation::OcspSource& source, const crypto::Provider& provider, const Clock& clock,
                   net::Metrics& metrics, OcspFaceSettings settings)
    : source_(source),
      provider_(provider),
      clock_(clock),
      settings_(settings),
      responder_(source, provider, clock, settings.responder),
      cache_(settings.cache_octets),
      from_cache_(metrics.counter("vouch_ocsp_answers_total", "OCSP answers.", {{"from", "cache"}})),
      ahead_(metrics.counter("vouch_ocsp_answers_total", "OCSP answers.", {{"from", "ahead"}})),
      made_(metrics.counter("vouch_ocsp_answers_total", "OCSP answers.", {{"from", "signer"}})),
      failed_(metrics.counter("vouch_ocsp_answers_total", "OCSP answers.", {{"from", "error"}})) {
  metrics.gauge_from("vouch_ocsp_cache_octets", "Memory of OCSP answers that are kept.", {},
                     [this] { return static_cast<double>(cache_.octets()); });
}

std::vector<net::Route> ocsp_routes(const std::shared_ptr<const OcspFace>& face) {
  const auto get = net::NowOrBlocking{
      .now = [face](const net::Request& http) { return face->at_once(http, request_in_target(http)); },
      .otherwise = [face](const net::Request& http) { return face->answer(http, request_in_target(http)); }};
  const auto post = net::NowOrBlocking{
      .now = [face](const net::Request& http) { return face->at_once(http, as_bytes(http.body)); },
      .otherwise = [face](const net::Request& http) { return face->answer(http, as_bytes(http.body)); }};
  std::vector<net::Route> routes;
  for (const std::string_view path : {"/ocsp", "/ocsp/"})
    routes.push_back({.path = std::string(path),
                      .methods = {net::Method::post},
                      .handler = post,
                      .body_limit = kMaxBody,
                      .name = "ocsp"});
  routes.push_back({.path = "/ocsp/",
                    .methods = {net::Method::get},
                    .handler = get,
                    .match = net::Route::Match::prefix,
                    .name = "ocsp"});
  return routes;
}

// Memory alone: a kept answer that is fresh, and nothing has been revoked or released since it was looked at.
net::Prepared OcspFace::at_once(const net::Request& http, Bytes request) const {
  const Kept kept = cache_.find(as_text(request));
  if (!kept || clock_.now() >= kept->fresh_until) return nullptr;
  const auto epoch = source_.known_epoch();
  if (!epoch || *epoch != kept->epoch.load(std::memory_order_acquire)) return nullptr;
  from_cache_.add();
  const auto since = kept->answer.validity.this_update.time_since_epoch().count();
  return net::is_unchanged(http, kept->etag, since) ? kept->unchanged : kept->whole;
}

net::Response OcspFace::answer(const net::Request& http, Bytes request) const {
  if (auto kept = look(request); kept && *kept) {
    from_cache_.add();
    note(ok());
    const auto since = (*kept)->answer.validity.this_update.time_since_epoch().count();
    net::Response response = (*kept)->response;
    if (net::is_unchanged(http, (*kept)->etag, since)) response.status = 304;
    return response;
  }
  Error trouble(Errc::internal, "");
  OcspAnswer made = responder_.respond(request, &trouble);
  if (made.status == OcspResponseStatus::try_later) {
    note(Status(trouble));
    failed_.add();
    // Signer or database are out of reach. What was said before and is valid still is better than nothing:
    // whoever revoked it has not been told that it is done.
    const Kept kept = cache_.find(as_text(request));
    const bool is_valid = kept && clock_.now() < kept->answer.validity.next_update;
    if (is_valid && responder_.still_holds(kept->answer).value_or(true)) return kept->response;
    return fleeting_answer(made);
  }
  (made.status != OcspResponseStatus::successful ? failed_ : made.signed_ahead ? ahead_ : made_).add();
  if (made.status == OcspResponseStatus::successful && !made.signed_ahead) note(ok());
  if (!made.cacheable) return fleeting_answer(made);
  return keep(request, std::move(made))->response;
}

// A kept answer that is fresh and says what the source says now; null: there is none.
Result<Kept> OcspFace::look(Bytes request) const {
  Kept kept = cache_.find(as_text(request));
  if (!kept || clock_.now() >= kept->fresh_until) return Kept();
  const std::uint64_t epoch = TRY(source_.epoch());
  if (epoch != kept->epoch.load(std::memory_order_acquire)) {
    if (!TRY(responder_.still_holds(kept->answer))) return Kept();
    kept->epoch.store(epoch, std::memory_order_release);
  }
  return kept;
}

Kept OcspFace::keep(Bytes request, OcspAnswer answer) const {
  auto kept = std::make_shared<KeptAnswer>();
  const auto& [this_update, next_update] = answer.validity;
  // Half of what is left: an answer from a CRL is as old as the CRL from the start.
  const Time now = clock_.now();
  kept->fresh_until = now + (next_update - now) / 2;
  kept->epoch = answer.epoch;
  kept->etag = fmt::format(
      "\"{}\"", to_hex(Bytes(provider_.digest(crypto::DigestAlgorithm::sha256, answer.der)).first(16)));
  // RFC 5019 6.2: never beyond nextUpdate, however late the answer is taken from here.
  const auto max_age = std::min(settings_.max_age, next_update - kept->fresh_until);
  net::Response& response = kept->response;
  response.content_type = kType;
  response.body = net::Body(answer.der);
  response.fields = {
      {"Last-Modified", net::format_http_date(this_update.time_since_epoch().count())},
      {"Expires", net::format_http_date(next_update.time_since_epoch().count())},
      {"ETag", kept->etag},
      {"Cache-Control", fmt::format("max-age={}, public, no-transform, must-revalidate",
                                    std::chrono::duration_cast<std::chrono::seconds>(max_age).count())}};
  kept->whole = net::prepare(response);
  net::Response unchanged = response;
  unchanged.status = 304;
  kept->unchanged = net::prepare(std::move(unchanged));
  answer.der.clear();
  kept->answer = std::move(answer);
  cache_.put(as_text(request), kept);
  return kept;
}

// Errors, and answers that are for one client alone.
net::Response OcspFace::fleeting_answer(const OcspAnswer& answer) const {
  net::Response response;
  response.content_type = kType;
  response.body = net::Body(answer.der);
  response.fields = {{"Cache-Control", "no-store"}};
  return response;
}

void OcspFace::note(const Status& outcome) const {
  const std::scoped_lock lock(guards_outcome_);
  outcome_ = outcome;
}
Status OcspFace::last_outcome() const {
  const std::scoped_lock lock(guards_outcome_);
  return outcome_;
}

}  // namespace vouch::api
