#include "enroll/intune_simulator/simulator.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace vouch::enroll::intune_simulator {
namespace {

constexpr std::string_view kValidationService = "ScepRequestValidationFEService";
constexpr std::string_view kConnectorService = "PkiConnectorFEService";
constexpr std::string_view kValidationVersion = "2018-02-20", kConnectorVersion = "5019-05-05";
constexpr std::string_view kResource = "https://api.manage.microsoft.com/";
constexpr std::string_view kIntuneApplication = "0000000a-0000-0000-c000-000000000000";
constexpr std::size_t kMostRecords = 10'000, kMostBody = std::size_t{1} << 20;

std::int64_t number_member(const Value& table, std::string_view name, std::int64_t otherwise) {
  const Value* value = table.find(name);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : otherwise;
}
std::vector<std::string> texts_member(const Value& table, std::string_view name) {
  std::vector<std::string> out;
  if (const Value* value = table.find(name); value != nullptr && value->list_items() != nullptr)
    for (const Value& item : *value->list_items())
      if (item.text() != nullptr) out.push_back(*item.text());
  return out;
}

net::Response bad_request(std::string why) {
  return json_answer(400,
                     Value().set("error", Value().set("code", "BadRequest").set("message", std::move(why))));
}
net::Response answer_with(const Verdict& verdict) {
  return json_answer(200, Value().set("code", verdict.code).set("errorDescription", verdict.description));
}

// Old records go first.
void keep(Value& list, Value entry) {
  list.push(std::move(entry));
  if (list.list_items()->size() > kMostRecords) list.list_items()->erase(list.list_items()->begin());
}

net::Route post(std::string path, std::function<net::Response(const net::Request&)> handler) {
  return {.path = std::move(path),
          .methods = {net::Method::post},
          .handler = net::Blocking(std::move(handler)),
          .body_limit = kMostBody,
          .name = "simulator"};
}
net::Route get(std::string path, std::function<net::Response(const net::Request&)> handler) {
  return {.path = std::move(path),
          .methods = {net::Method::get},
          .handler = net::Blocking(std::move(handler)),
          .name = "simulator"};
}

// Of the request's own words about itself: the challenge password, without the NULs that some pad it with.
std::string challenge_in(const x509::RequestView& request) {
  std::string text = x509::challenge_password(request).value_or(std::string());
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Simulator::Simulator(ClientRegistration client, const crypto::Provider& provider, const Clock& clock)
    : client_(client),
      provider_(provider),
      clock_(clock),
      tokens_(std::move(client), provider, clock),
      keys_(provider),
      signing_certificate_(new_number()) {}

std::vector<net::Route> Simulator::routes() {
  std::vector<net::Route> routes;
  const std::string token = fmt::format("/{}/oauth2/v2.0/token", client_.tenant);
  routes.push_back(post(token, [this, token](const net::Request& request) {
    return tokens_.issue(request.body, url_ + token);
  }));
  routes.push_back(get(fmt::format("/v1.0/servicePrincipals/appId={}/endpoints", kIntuneApplication),
                       [this](const net::Request& request) { return endpoints(request); }));
  const auto service = [&](std::string_view name, std::string_view group, std::string_view version,
                           const std::string& operation, Operation function) {
    routes.push_back(post(fmt::format("/{}/{}/{}", name, group, operation),
                          [this, version, operation, function](const net::Request& request) {
                            return guarded(request, version, operation, function);
                          }));
  };
  service(kValidationService, "ScepActions", kValidationVersion, "validateRequest", &Simulator::validate);
  service(kValidationService, "ScepActions", kValidationVersion, "successNotification", &Simulator::success);
  service(kValidationService, "ScepActions", kValidationVersion, "failureNotification", &Simulator::failure);
  service(kConnectorService, "CertificateAuthorityRequests", kConnectorVersion, "downloadRevocationRequests",
          &Simulator::download);
  service(kConnectorService, "CertificateAuthorityRequests", kConnectorVersion, "uploadRevocationResults",
          &Simulator::upload);
  const auto control = [&](std::string_view name, Operation function) {
    routes.push_back(post(fmt::format("/simulator/{}", name), [this, function](const net::Request& request) {
      const auto body = parse_json(request.body.empty() ? "{}" : request.body);
      return body ? (this->*function)(*body) : bad_request(body.error().summary());
    }));
  };
  control("challenges", &Simulator::make_challenge);
  control("unassign", &Simulator::unassign);
  control("keys", &Simulator::register_key);
  control("next", &Simulator::force_next);
  control("forget-tokens", &Simulator::forget_tokens);
  control("revocations", &Simulator::queue_revocation);
  routes.push_back(get("/simulator/state", [this](const net::Request&) { return state(); }));
  return routes;
}

net::Response Simulator::endpoints(const net::Request& request) const {
  if (!tokens_.allows(request, url_))
    return json_answer(401, Value().set("error", "no token for this resource"));
  Value list = Value::list();
  for (const std::string_view name : {kValidationService, kConnectorService})
    list.push(Value().set("providerName", name).set("uri", fmt::format("{}/{}", url_, name)));
  return json_answer(200, Value().set("value", std::move(list)));
}

// What every call of a service has to have, and the answers that a test wants instead.
net::Response Simulator::guarded(const net::Request& request, std::string_view version,
                                 const std::string& name, Operation operation) {
  {
    const std::scoped_lock lock(guards_records_);
    if (auto& waiting = forced_[name]; !waiting.empty()) {
      const Forced forced = waiting.front();
      waiting.pop_front();
      if (forced.status != 200) return json_answer(forced.status, Value().set("error", "as it was told"));
      return answer_with({forced.code, "as it was told"});
    }
  }
  if (!tokens_.allows(request, kResource))
    return json_answer(401, Value().set("error", "no token for this resource"));
  if (request.field("api-version") != version)
    return bad_request(fmt::format("api-version has to be {}", version));
  if (request.field("client-request-id").size() != 36) return bad_request("client-request-id is no UUID");
  const auto body = parse_json(request.body);
  return body ? (this->*operation)(*body) : bad_request(body.error().summary());
}

net::Response Simulator::validate(const Value& body) {
  const Value* request = body.find("request");
  if (request == nullptr || text_member(*request, "transactionId").empty() ||
      text_member(*request, "callerInfo").empty())
    return bad_request("request needs transactionId, certificateRequest and callerInfo");
  const Verdict verdict = validate_request(*request);
  const std::scoped_lock lock(guards_records_);
  keep(validations_, Value()
                         .set("transactionId", text_member(*request, "transactionId"))
                         .set("callerInfo", text_member(*request, "callerInfo"))
                         .set("code", verdict.code));
  return answer_with(verdict);
}

Verdict Simulator::validate_request(const Value& request) {
  const auto der = from_base64(text_member(request, "certificateRequest"));
  const auto view = der ? x509::parse_request(*der) : Result<x509::RequestView>(der.error());
  if (!view) return {"CertificateRequestDecodingFailed", view.error().summary()};
  const std::string challenge = challenge_in(*view);
  if (challenge.empty()) return {"ChallengePasswordMissing", "there is no challenge password"};
  const OpenedBlob blob = keys_.open(challenge);
  if (blob.code != "Success") return {blob.code, "the challenge does not open"};
  const Expectation& expected = blob.expectation;
  if (expected.signing_certificate != signing_certificate_)
    return {"SigningCertThumbprintMismatch", expected.signing_certificate};
  if (clock_.now() < expected.issued)
    return {"ChallengeInvalidTimestamp", "made " + format_time(expected.issued)};
  if (clock_.now() >= expected.expires)
    return {"ChallengeExpired", "expired " + format_time(expected.expires)};
  if (Verdict verdict = check_records(expected, *view); !verdict.is_success()) return verdict;
  return check_request(*view, expected);
}

Verdict Simulator::check_records(const Expectation& expectation, const x509::RequestView& request) {
  const std::scoped_lock lock(guards_records_);
  if (!requests_.contains(expectation.request))
    return {"BadCertificateRequestIdInChallenge", expectation.request};
  if (!devices_.contains(expectation.device)) return {"BadDeviceIdInChallenge", expectation.device};
  if (!expectation.user.empty() && !users_.contains(expectation.user))
    return {"BadUserIdInChallenge", expectation.user};
  if (unassigned_.contains(expectation.request))
    return {"ScepProfileNoLongerTargetedToTheClient", expectation.request};
  if (!expectation.registered_key) return {"Success", {}};
  const auto keys = registered_.find(expectation.device);
  if (keys == registered_.end() || keys->second.empty())
    return {"AadKeyIdentifierListMissing", expectation.device};
  const std::string key = to_hex(provider_.digest(crypto::DigestAlgorithm::sha256, request.public_key_info));
  if (!keys->second.contains(key)) return {"RegisteredKeyMismatch", key};
  return {"Success", {}};
}

net::Response Simulator::success(const Value& body) {
  const Value* notification = body.find("notification");
  if (notification == nullptr) return bad_request("there is no notification");
  for (const std::string_view name :
       {"transactionId", "certificateRequest", "certificateThumbprint", "certificateSerialNumber",
        "certificateExpirationDateUtc", "issuingCertificateAuthority", "callerInfo"})
    if (text_member(*notification, name).empty())
      return bad_request(fmt::format("notification lacks {}", name));
  const std::scoped_lock lock(guards_records_);
  keep(successes_, *notification);
  return answer_with({"Success", {}});
}

net::Response Simulator::failure(const Value& body) {
  const Value* notification = body.find("notification");
  if (notification == nullptr) return bad_request("there is no notification");
  for (const std::string_view name :
       {"transactionId", "certificateRequest", "errorDescription", "callerInfo"})
    if (text_member(*notification, name).empty())
      return bad_request(fmt::format("notification lacks {}", name));
  if (number_member(*notification, "hResult", 0) == 0) return bad_request("notification lacks hResult");
  if (text_member(*notification, "errorDescription").size() > 255)
    return bad_request("errorDescription is longer than 255");
  const std::scoped_lock lock(guards_records_);
  keep(failures_, *notification);
  return answer_with({"Success", {}});
}

net::Response Simulator::download(const Value& body) {
  const Value* parameters = body.find("downloadParameters");
  const std::int64_t most = parameters != nullptr ? number_member(*parameters, "maxRequests", 0) : 0;
  if (most < 1 || most > 500) return bad_request("maxRequests has to be 1 to 500");
  const std::string issuer = text_member(*parameters, "issuerName");
  Value list = Value::list();
  const std::scoped_lock lock(guards_records_);
  for (const Revocation& revocation : revocations_) {
    if (!issuer.empty() && revocation.issuer != issuer) continue;
    if (static_cast<std::int64_t>(list.list_items()->size()) == most) break;
    list.push(Value()
                  .set("requestContext", revocation.context)
                  .set("serialNumber", revocation.serial)
                  .set("issuerName", revocation.issuer.empty() ? Value() : Value(revocation.issuer))
                  .set("caConfiguration", Value()));
  }
  return json_answer(200, Value().set("value", std::move(list)));
}

net::Response Simulator::upload(const Value& body) {
  const Value* results = body.find("results");
  if (results == nullptr || results->list_items() == nullptr || results->list_items()->empty())
    return bad_request("there are no results");
  const std::scoped_lock lock(guards_records_);
  for (const Value& result : *results->list_items()) {
    const std::string context = text_member(result, "requestContext");
    const auto found = std::ranges::find(revocations_, context, &Revocation::context);
    const Value* succeeded = result.find("succeeded");
    if (found == revocations_.end() || succeeded == nullptr || succeeded->boolean() == nullptr)
      return bad_request(fmt::format("nobody asked for '{}', or succeeded is missing", context));
    // As the library's constructor demands.
    if (*succeeded->boolean() && text_member(result, "errorCode") != "None")
      return bad_request("succeeded with an errorCode");
    keep(results_, Value(result).set("serialNumber", found->serial));
    revocations_.erase(found);
  }
  return json_answer(200, Value().set("value", true));
}

net::Response Simulator::make_challenge(const Value& body) {
  const std::string flaw = text_member(body, "flaw");
  Expectation expected;
  expected.request = new_number();
  expected.device =
      flaw == "device" || text_member(body, "device").empty() ? new_number() : text_member(body, "device");
  expected.user = flaw == "user" ? new_number() : text_member(body, "user");
  expected.signing_certificate = flaw == "certificate" ? new_number() : signing_certificate_;
  const std::chrono::minutes life(number_member(body, "minutes", 60));
  expected.issued = clock_.now() + (flaw == "future" ? std::chrono::hours(24) : std::chrono::hours(0));
  expected.expires = flaw == "expired" ? clock_.now() : expected.issued + life;
  expected.subject = text_member(body, "subject");
  expected.alternative_names = texts_member(body, "alternative_names");
  expected.extended_key_usage = texts_member(body, "extended_key_usage");
  expected.key_bits = static_cast<std::size_t>(std::max<std::int64_t>(number_member(body, "key_bits", 0), 0));
  for (const std::string& name : texts_member(body, "key_usage")) {
    const auto bit = x509::key_usage_from_name(name);
    if (!bit) return bad_request(bit.error().summary());
    expected.key_usage = static_cast<std::uint16_t>(expected.key_usage | *bit);
  }
  const Value* registered = body.find("registered_key");
  expected.registered_key =
      registered != nullptr && registered->boolean() != nullptr && *registered->boolean();
  {
    const std::scoped_lock lock(guards_records_);
    if (flaw != "request") requests_.insert(expected.request);
    if (flaw != "device") devices_.insert(expected.device);
    if (flaw != "user") users_.insert(expected.user);
  }
  auto challenge = flaw == "format" ? keys_.seal_nonsense() : keys_.seal(expected, flaw != "signature");
  if (!challenge) return bad_request(challenge.error().summary());
  return json_answer(200, Value()
                              .set("challenge", std::move(*challenge))
                              .set("request", expected.request)
                              .set("device", expected.device)
                              .set("expires", format_time(expected.expires)));
}

net::Response Simulator::unassign(const Value& body) {
  const std::scoped_lock lock(guards_records_);
  unassigned_.insert(text_member(body, "request"));
  return json_answer(200, Value::table());
}

net::Response Simulator::register_key(const Value& body) {
  const std::scoped_lock lock(guards_records_);
  registered_[text_member(body, "device")].insert(text_member(body, "sha256"));
  return json_answer(200, Value::table());
}

net::Response Simulator::force_next(const Value& body) {
  const std::int64_t status = number_member(body, "status", 200);
  if (status < 200 || status > 599) return bad_request("status has to be 200 to 599");
  const std::scoped_lock lock(guards_records_);
  forced_[text_member(body, "operation")].push_back(
      {text_member(body, "code"), static_cast<unsigned>(status)});
  return json_answer(200, Value::table());
}

net::Response Simulator::forget_tokens(const Value&) {
  tokens_.forget_all();
  return json_answer(200, Value::table());
}

net::Response Simulator::queue_revocation(const Value& body) {
  const std::string context = new_number();
  const std::scoped_lock lock(guards_records_);
  if (revocations_.size() >= kMostRecords) return bad_request("too many wait already");
  revocations_.push_back({context, text_member(body, "serialNumber"), text_member(body, "issuerName")});
  return json_answer(200, Value().set("requestContext", context));
}

net::Response Simulator::state() const {
  const std::scoped_lock lock(guards_records_);
  return json_answer(200, Value()
                              .set("validations", validations_)
                              .set("successes", successes_)
                              .set("failures", failures_)
                              .set("results", results_)
                              .set("revocations_waiting", static_cast<std::int64_t>(revocations_.size())));
}

std::string Simulator::new_number() const {
  Buffer octets(16);
  provider_.random(octets);
  return to_hex(octets);
}

}  // namespace vouch::enroll::intune_simulator
