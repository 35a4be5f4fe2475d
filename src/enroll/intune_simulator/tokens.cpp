#include "enroll/intune_simulator/tokens.hpp"

#include <algorithm>

#include "net/url.hpp"
#include "x509/certificate.hpp"

namespace vouch::enroll::intune_simulator {
namespace {

constexpr std::size_t kMostTokens = 1'000;

// RFC 7515 2.
Result<Buffer> from_base64url(std::string_view text) {
  std::string standard(text);
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  while (standard.size() % 4 != 0) standard += '=';
  return from_base64(standard);
}

std::int64_t number_member(const Value& table, std::string_view name) {
  const Value* value = table.find(name);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}

std::string find(const std::map<std::string, std::string>& form, const std::string& name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string() : found->second;
}

}  // namespace

net::Response json_answer(unsigned status, const Value& value) {
  net::Response response = net::text_response(status, to_json(value, 0));
  response.content_type = "application/json; charset=utf-8";
  return response;
}

net::Response Tokens::issue(std::string_view form, const std::string& audience) {
  const auto refuse = [](std::string_view error, const std::string& why) {
    return json_answer(error == "invalid_client" ? 401 : 400,
                       Value().set("error", error).set("error_description", why));
  };
  const auto items = net::parse_query(form, net::Plus::blank);
  if (!items) return refuse("invalid_request", items.error().summary());
  std::map<std::string, std::string> members;
  for (const auto& [name, value] : *items) members[name] = value;
  if (find(members, "grant_type") != "client_credentials")
    return refuse("unsupported_grant_type", "grant_type has to be client_credentials");
  if (const Status known = check_client(members, audience); !known)
    return refuse("invalid_client", known.error().summary());
  constexpr std::string_view kEnd = "/.default";
  const std::string scope = find(members, "scope");
  if (!scope.ends_with(kEnd)) return refuse("invalid_scope", "scope has to be RESOURCE/.default");
  Buffer random(24);
  provider_.random(random);
  const std::string token = "simulated." + to_hex(random);
  const std::scoped_lock lock(guards_tokens_);
  if (tokens_.size() >= kMostTokens) tokens_.clear();
  tokens_[token] = {scope.substr(0, scope.size() - kEnd.size()), clock_.now() + client_.token_life};
  return json_answer(200, Value()
                              .set("token_type", "Bearer")
                              .set("expires_in", std::int64_t{client_.token_life.count()})
                              .set("access_token", token));
}

Status Tokens::check_client(const std::map<std::string, std::string>& form,
                            const std::string& audience) const {
  if (find(form, "client_id") != client_.application)
    return make_error(Errc::denied, "the application '{}' is not registered here", find(form, "client_id"));
  const std::string assertion = find(form, "client_assertion");
  if (!assertion.empty()) {
    if (find(form, "client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
      return make_error(Errc::denied, "client_assertion_type is not RFC 7523's");
    return check_assertion(assertion, audience);
  }
  if (client_.secret.empty() ||
      !equal_constant_time(as_bytes(find(form, "client_secret")), as_bytes(client_.secret)))
    return make_error(Errc::denied, "the client secret is wrong");
  return ok();
}

Status Tokens::check_assertion(std::string_view assertion, const std::string& audience) const {
  if (client_.certificate.empty()) return make_error(Errc::denied, "no certificate is registered");
  const std::size_t first = assertion.find('.'), second = assertion.rfind('.');
  if (first == std::string_view::npos || second == first)
    return make_error(Errc::denied, "the assertion has no three parts");
  const Value header = TRY(parse_json(as_text(TRY(from_base64url(assertion.substr(0, first))))));
  const Value claims =
      TRY(parse_json(as_text(TRY(from_base64url(assertion.substr(first + 1, second - first - 1))))));
  const Buffer signature = TRY(from_base64url(assertion.substr(second + 1)));
  if (text_member(header, "alg") != "PS256") return make_error(Errc::denied, "alg has to be PS256");
  const auto thumbprint = TRY(from_base64url(text_member(header, "x5t#S256")));
  if (!equal(thumbprint, provider_.digest(crypto::DigestAlgorithm::sha256, client_.certificate)))
    return make_error(Errc::denied, "x5t#S256 is not that of the registered certificate");
  const auto certificate = TRY(x509::parse_certificate(client_.certificate));
  TRY(provider_
          .verify(certificate.public_key_info, crypto::SignatureAlgorithm::rsa_pss_sha256,
                  as_bytes(assertion.substr(0, second)), signature)
          .context("verifying the assertion"));
  const auto now = clock_.now().time_since_epoch().count();
  if (text_member(claims, "aud") != audience)
    return make_error(Errc::denied, "aud is '{}', and this is {}", text_member(claims, "aud"), audience);
  if (text_member(claims, "iss") != client_.application || text_member(claims, "sub") != client_.application)
    return make_error(Errc::denied, "iss and sub have to be the application");
  if (number_member(claims, "nbf") > now || number_member(claims, "exp") <= now ||
      text_member(claims, "jti").empty())
    return make_error(Errc::denied, "nbf, exp and jti: the assertion is not valid now");
  return ok();
}

bool Tokens::allows(const net::Request& request, std::string_view resource) const {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view field = request.field("Authorization");
  if (!field.starts_with(kScheme)) return false;
  const std::scoped_lock lock(guards_tokens_);
  const auto found = tokens_.find(std::string(field.substr(kScheme.size())));
  return found != tokens_.end() && found->second.resource == resource && clock_.now() < found->second.end;
}

void Tokens::forget_all() {
  const std::scoped_lock lock(guards_tokens_);
  tokens_.clear();
}

}  // namespace vouch::enroll::intune_simulator
