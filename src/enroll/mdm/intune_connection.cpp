#include "enroll/mdm/intune_connection.hpp"

#include <algorithm>

#include "base/pem.hpp"
#include "base/text.hpp"
#include "enroll/mdm/webhook.hpp"
#include "net/url.hpp"
#include "x509/certificate.hpp"

namespace vouch::enroll::mdm {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostAnswer = std::size_t{4} << 20;  // 500 revocations

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string in_small_letters(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ascii_lower);
  return out;
}

// RFC 7515 2.
std::string base64url(Bytes octets) {
  std::string text = to_base64(octets);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::string form(std::initializer_list<std::pair<std::string_view, std::string_view>> items) {
  std::string out;
  for (const auto& [name, value] : items)
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, net::percent_encode(value));
  return out;
}

const std::string* text_of(const Value& table, std::string_view member) {
  const Value* value = table.find(member);
  return value != nullptr ? value->text() : nullptr;
}

// What a service says about an error, for the log: OAuth's error_description, Graph's error.message.
std::string said(const net::FetchResponse& response) {
  const auto answer = parse_json(as_text(response.body));
  std::string text;
  if (answer) {
    if (const std::string* description = text_of(*answer, "error_description")) text = *description;
    if (const std::string* description = text_of(*answer, "errorDescription")) text = *description;
    if (const Value* error = answer->find("error"))
      if (const std::string* message = text_of(*error, "message")) text = *message;
  }
  return text.empty() ? fmt::format("status {}", response.status)
                      : fmt::format("status {}: {}", response.status, safe_sentence(text));
}

bool is_final(unsigned status) { return status == 400 || status == 413 || status == 415 || status == 422; }

}  // namespace

IntuneConnection::IntuneConnection(IntuneSettings settings, const crypto::Provider& provider,
                                   const Clock& clock)
    : settings_(std::move(settings)), provider_(provider), clock_(clock), fetcher_(settings_.connection) {}

Result<std::shared_ptr<IntuneConnection>> IntuneConnection::create(IntuneSettings settings,
                                                                   const crypto::Provider& provider,
                                                                   const Clock& clock) {
  if (settings.tenant.empty() || settings.application.empty())
    return make_error(Errc::usage, "Intune's interface needs tenant and application")
        .with_hint("both are shown where the application is registered in the directory");
  const bool has_certificate = !settings.certificate.empty() && !settings.key.empty();
  if (settings.secret.empty() != has_certificate)
    return make_error(Errc::usage, "Intune's interface needs either a secret or a certificate with its key");
  const std::pair<std::string*, std::string_view> urls[] = {{&settings.login_url, "login_url"},
                                                            {&settings.graph_url, "graph_url"},
                                                            {&settings.validation_url, "validation_url"},
                                                            {&settings.connector_url, "connector_url"}};
  for (const auto& [url, name] : urls) {
    if (url->empty()) continue;
    TRY(check_outside_url(*url, name));
    *url = without_slash(*url);
  }
  std::shared_ptr<IntuneConnection> made(new IntuneConnection(std::move(settings), provider, clock));
  if (has_certificate) {
    const auto key =
        TRY(provider.load_private_key(made->settings_.key, {}).context("reading Intune's client key"));
    made->signer_ = TRY(
        key->signer(crypto::SignatureAlgorithm::rsa_pss_sha256).context("Intune's client key has to be RSA"));
    const Buffer certificate = TRY(pem_or_der(made->settings_.certificate, "CERTIFICATE", {"CERTIFICATE"})
                                       .context("reading Intune's client certificate"))
                                   .front()
                                   .der;
    const auto view =
        TRY(x509::parse_certificate(certificate).context("reading Intune's client certificate"));
    if (!equal(view.public_key_info, made->signer_->public_key_info()))
      return make_error(Errc::usage, "Intune's client certificate is not that of the key");
    made->key_thumbprint_ = base64url(provider.digest(crypto::DigestAlgorithm::sha256, certificate));
  }
  return made;
}

Result<Value> IntuneConnection::post(const IntuneService& service, std::string_view path, const Value& body) {
  std::string text = to_json(body, 0);
  bool unauthorized = false;
  auto answer = try_post(service, path, text, unauthorized);
  // A token can be taken back before its end.
  if (unauthorized) answer = try_post(service, path, text, unauthorized);
  wipe(text);
  if (answer || answer.error().code() == Errc::denied) {
    last_.set(ok());  // what it does not take is not the service's state
    return answer;
  }
  Error error = make_error(Errc::unavailable, "{}", answer.error().summary())
                    .with_hint(std::string(answer.error().hint()));
  last_.set(error);
  return error;
}

Result<Value> IntuneConnection::try_post(const IntuneService& service, std::string_view path,
                                         const std::string& body, bool& unauthorized) {
  unauthorized = false;
  net::FetchRequest request;
  request.url = fmt::format("{}/{}", TRY(location_of(service.name)), path);
  request.method = "POST";
  request.body = body;
  request.content_type = "application/json; charset=utf-8";
  request.fields = {{"Authorization", "Bearer " + TRY(token_for(settings_.resource))},
                    {"client-request-id", new_uuid()},
                    {"api-version", std::string(service.api_version)},
                    {"Accept", "application/json"}};
  const auto response = fetch(std::move(request));
  const std::string what = fmt::format("{} {}", service.name, path);
  if (!response) {
    forget_locations();
    return make_error(Errc::unavailable, "{}: {}", what, response.error().summary());
  }
  if (response->status == 200) {
    auto answer = parse_json(as_text(response->body));
    if (answer && answer->members()) return answer;
    return make_error(Errc::unavailable, "{} answered with what is no JSON object", what);
  }
  if (response->status == 401) {
    unauthorized = true;
    forget_tokens();
  }
  // The service may have moved.
  forget_locations();
  return make_error(is_final(response->status) ? Errc::denied : Errc::unavailable, "{}: {}", what,
                    said(*response));
}

Result<net::FetchResponse> IntuneConnection::fetch(net::FetchRequest request) {
  request.most = kMostAnswer;
  request.total_time = settings_.patience;
  request.connect_time = std::min(request.connect_time, settings_.patience);
  auto response = fetcher_.fetch(request);
  wipe(request.body);
  return response;
}

// The scopes that Microsoft's library asks for: "https://api.manage.microsoft.com//.default" has two slashes.
Result<std::string> IntuneConnection::token_for(const std::string& resource) {
  const std::scoped_lock lock(guards_tokens_);
  if (const auto found = tokens_.find(resource); found != tokens_.end() && clock_.now() < found->second.end)
    return found->second.text;
  Token token = TRY(fetch_token(resource));
  std::string text = token.text;
  tokens_.insert_or_assign(resource, std::move(token));
  return text;
}

// RFC 6749 4.4; with a certificate RFC 7523 2.2.
Result<IntuneConnection::Token> IntuneConnection::fetch_token(const std::string& resource) {
  net::FetchRequest request;
  request.url =
      fmt::format("{}/{}/oauth2/v2.0/token", settings_.login_url, net::percent_encode(settings_.tenant));
  request.method = "POST";
  request.content_type = "application/x-www-form-urlencoded";
  const std::string scope = resource + "/.default";
  if (signer_)
    request.body = form({{"grant_type", "client_credentials"},
                         {"client_id", settings_.application},
                         {"scope", scope},
                         {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                         {"client_assertion", TRY(assertion(request.url))}});
  else
    request.body = form({{"grant_type", "client_credentials"},
                         {"client_id", settings_.application},
                         {"scope", scope},
                         {"client_secret", settings_.secret}});
  const auto response = fetch(std::move(request));
  if (!response)
    return make_error(Errc::unavailable, "no token for {}: {}", resource, response.error().summary());
  if (response->status != 200)
    return make_error(Errc::unavailable, "no token for {}: {}", resource, said(*response))
        .with_hint(
            "is the application registered, its secret or certificate current, its permission granted?");
  const Value answer = TRY(parse_json(as_text(response->body)).context("reading the token's answer"));
  const std::string* text = text_of(answer, "access_token");
  const Value* life = answer.find("expires_in");
  if (text == nullptr || text->empty() || life == nullptr || life->integer() == nullptr)
    return make_error(Errc::unavailable, "the answer with the token lacks access_token or expires_in");
  // Not used to the last second: it has to last until the call has arrived.
  const seconds given(std::clamp<std::int64_t>(*life->integer(), 0, 86'400));
  return Token{*text, clock_.now() + given - std::min(seconds(300), given / 2)};
}

// A JWT (RFC 7519) signed with the client's certificate (PS256, x5t#S256).
Result<std::string> IntuneConnection::assertion(const std::string& audience) const {
  const auto now = clock_.now().time_since_epoch().count();
  const std::string header =
      to_json(Value().set("alg", "PS256").set("typ", "JWT").set("x5t#S256", key_thumbprint_), 0);
  const std::string claims = to_json(Value()
                                         .set("aud", audience)
                                         .set("iss", settings_.application)
                                         .set("sub", settings_.application)
                                         .set("jti", new_uuid())
                                         .set("iat", std::int64_t{now})
                                         .set("nbf", std::int64_t{now - 60})
                                         .set("exp", std::int64_t{now + 540}),
                                     0);
  const std::string text = base64url(as_bytes(header)) + "." + base64url(as_bytes(claims));
  return text + "." + base64url(TRY(signer_->sign(as_bytes(text)).context("signing the client assertion")));
}

Result<std::string> IntuneConnection::location_of(std::string_view service) {
  const std::string& fixed =
      service == kScepValidation.name ? settings_.validation_url : settings_.connector_url;
  if (!fixed.empty()) return fixed;
  const std::string name = in_small_letters(service);
  const std::scoped_lock lock(guards_locations_);
  if (locations_.empty()) locations_ = TRY(discover());
  const auto found = locations_.find(name);
  if (found == locations_.end())
    return make_error(Errc::unavailable, "{} lists no service {}", settings_.graph_url, service)
        .with_hint("the application needs the permission to read service principals' endpoints");
  return found->second;
}

Result<std::map<std::string, std::string>> IntuneConnection::discover() {
  net::FetchRequest request;
  request.url = fmt::format("{}/v1.0/servicePrincipals/appId={}/endpoints", settings_.graph_url,
                            net::percent_encode(settings_.intune_application));
  // Microsoft's library takes the resource with a slash at its end, and has one slash before .default.
  request.fields = {{"Authorization", "Bearer " + TRY(token_for(settings_.graph_url))},
                    {"client-request-id", new_uuid()},
                    {"Accept", "application/json"}};
  const auto response = fetch(std::move(request));
  if (!response)
    return make_error(Errc::unavailable, "asking where the services are: {}", response.error().summary());
  if (response->status != 200)
    return make_error(Errc::unavailable, "asking where the services are: {}", said(*response));
  const Value answer = TRY(parse_json(as_text(response->body)).context("reading where the services are"));
  const Value* list = answer.find("value");
  if (list == nullptr || list->list_items() == nullptr)
    return make_error(Errc::unavailable, "the answer about the services has no list 'value'");
  std::map<std::string, std::string> locations;
  for (const Value& item : *list->list_items()) {
    const std::string* name = text_of(item, "providerName");
    if (name == nullptr) name = text_of(item, "serviceName");
    const std::string* url = text_of(item, "uri");
    // A token is sent there.
    if (name != nullptr && url != nullptr && check_outside_url(*url, *name))
      locations.emplace(in_small_letters(*name), without_slash(*url));
  }
  return locations;
}

// RFC 9562 5.4.
std::string IntuneConnection::new_uuid() const {
  Buffer octets(16);
  provider_.random(octets);
  octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0f) | 0x40);
  octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3f) | 0x80);
  const std::string hex = to_hex(octets);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

void IntuneConnection::forget_tokens() {
  const std::scoped_lock lock(guards_tokens_);
  tokens_.clear();
}

void IntuneConnection::forget_locations() {
  const std::scoped_lock lock(guards_locations_);
  locations_.clear();
}

}  // namespace vouch::enroll::mdm
