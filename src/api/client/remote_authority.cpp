#include "api/client/remote_authority.hpp"

#include <algorithm>

#include "api/administration.hpp"
#include "api/problem.hpp"
#include "api/submission.hpp"
#include "base/pem.hpp"
#include "net/url.hpp"
#include "x509/certificate.hpp"

namespace vouch::api {
namespace {

constexpr std::size_t kLargestAnswer = std::size_t{4} << 20;
constexpr std::size_t kLargestCrl = std::size_t{64} << 20;  // as PEM

// What the field may carry: no control characters, and not too long. The rest is cut off, because a note
// never keeps anybody from his certificate.
std::string note_of(std::string_view name) {
  std::string note(name.substr(0, 256));
  std::ranges::replace_if(
      note, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return note;
}

bool is_outcome(unsigned status) { return status == 200 || status == 202 || status == 422; }

}  // namespace

Result<Value> RemoteAuthority::ask(const Ask& ask) const {
  net::FetchRequest request{.url = settings_.url + std::string(kApiRoot) + ask.path,
                            .method = ask.method,
                            .most = ask.most == 0 ? kLargestAnswer : ask.most,
                            .total_time = settings_.patience,
                            .unix_socket = settings_.unix_socket};
  if (!ask.body.is_null()) {
    request.body = to_json(ask.body, 0);
    request.content_type = "application/json";
  }
  if (!ask.for_whom.empty()) request.fields.emplace_back(kOnBehalfOf, note_of(ask.for_whom));
  const auto response = TRY(fetcher_.fetch(request).context("asking the authority at {}", settings_.url));
  const bool is_json = response.content_type.starts_with("application/json");
  if (!is_outcome(response.status) || !is_json)
    return error_of(response).context(fmt::format("asking the authority at {}", settings_.url));
  return parse_json(as_text(response.body)).context("reading the answer of {}", settings_.url);
}

Result<ca::Outcome> RemoteAuthority::ask_for_outcome(const Ask& what) const {
  return outcome_of(TRY(ask(what)));
}

std::vector<Result<ca::Outcome>> RemoteAuthority::submit(std::span<const ca::Submission> submissions) {
  std::vector<Result<ca::Outcome>> outcomes;
  outcomes.reserve(submissions.size());
  for (const ca::Submission& submission : submissions)
    outcomes.push_back(ask_for_outcome({.method = "POST",
                                        .path = "/requests",
                                        .body = describe(submission, settings_.ca),
                                        .for_whom = submission.requester}));
  return outcomes;
}

Result<ca::Outcome> RemoteAuthority::approve(ca::RequestId request, std::string_view manager) {
  return ask_for_outcome(
      {.method = "POST", .path = fmt::format("/requests/{}/approve", request), .for_whom = manager});
}

Result<ca::Outcome> RemoteAuthority::deny(ca::RequestId request, std::string_view manager,
                                          std::string_view why) {
  return ask_for_outcome({.method = "POST",
                          .path = fmt::format("/requests/{}/deny", request),
                          .body = Value().set("reason", why),
                          .for_whom = manager});
}

Result<ca::Outcome> RemoteAuthority::retrieve(ca::RequestId request) {
  return ask_for_outcome({.method = "GET", .path = fmt::format("/requests/{}/outcome", request)});
}

Result<std::optional<ca::Submitted>> RemoteAuthority::find_submitted(std::string_view client_transaction) {
  const auto answer =
      ask({.method = "GET",
           .path = fmt::format("/submissions/{}?ca={}", net::percent_encode(client_transaction),
                               net::percent_encode(settings_.ca))});
  if (!answer && answer.error().code() == Errc::not_found) return std::optional<ca::Submitted>();
  if (!answer) return answer.error();
  TRY(check_shape(*answer, *find_schema("Submitted"), "the authority's answer"));
  const std::string pem = text_member(*answer, "certificate_request");
  // A signed message around it has a block of another name.
  auto blocks = TRY(pem_or_der(as_bytes(pem), "CERTIFICATE REQUEST", {"CERTIFICATE REQUEST"}));
  return std::optional<ca::Submitted>({*answer->find("request")->integer(), std::move(blocks.front().der),
                                       text_member(*answer, "transaction"), TRY(attributes_of(*answer))});
}

Result<RemoteAuthority::Certificate> RemoteAuthority::certificate(Bytes serial) const {
  const Value answer = TRY(ask({.method = "GET", .path = fmt::format("/certificates/{}", to_hex(serial))}));
  TRY(check_shape(answer, *find_schema("Certificate"), "the authority's answer"));
  const Value& record = *answer.find("record");
  Certificate certificate;
  certificate.template_name = text_member(record, "template");
  certificate.revoked = !text_member(record, "revoked_at").empty();
  if (const std::string pem = text_member(answer, "certificate"); !pem.empty())
    certificate.der = std::move(TRY(pem_or_der(as_bytes(pem), "CERTIFICATE", {"CERTIFICATE"})).front().der);
  return certificate;
}

Result<Buffer> RemoteAuthority::crl_about(Bytes serial) const {
  const Value answer = TRY(ask(
      {.method = "GET", .path = fmt::format("/certificates/{}/crl", to_hex(serial)), .most = kLargestCrl}));
  TRY(check_shape(answer, *find_schema("CrlContent"), "the authority's answer"));
  const std::string pem = text_member(answer, "crl");
  return std::move(TRY(pem_or_der(as_bytes(pem), "X509 CRL", {"X509 CRL"})).front().der);
}

Status RemoteAuthority::revoke(const ca::Revocation& revocation, std::string_view manager) {
  Value body = Value().set("reason", x509::to_string(revocation.reason));
  if (revocation.invalidity_date) body.set("invalid_since", format_time(*revocation.invalidity_date));
  (void)TRY(ask({.method = "POST",
                 .path = fmt::format("/certificates/{}/revoke", to_hex(revocation.serial)),
                 .body = std::move(body),
                 .for_whom = manager}));
  return ok();
}

Status RemoteAuthority::release(Bytes serial, std::string_view manager) {
  (void)TRY(ask({.method = "POST",
                 .path = fmt::format("/certificates/{}/release", to_hex(serial)),
                 .for_whom = manager}));
  return ok();
}

Result<std::vector<Buffer>> RemoteAuthority::chain() const {
  const Value answer =
      TRY(ask({.method = "GET", .path = fmt::format("/cas/{}/chain", net::percent_encode(settings_.ca))}));
  TRY(check_shape(answer, *find_schema("Chain"), "the authority's answer"));
  const std::string pem = text_member(answer, "certificates");
  std::vector<Buffer> chain;
  for (auto& block : TRY(pem_or_der(as_bytes(pem), "CERTIFICATE", {"CERTIFICATE"})))
    chain.push_back(std::move(block.der));
  return chain;
}

Result<ca::Outcome> RemoteAuthority::sign_subordinate(const Subordinate& what) {
  Value body;
  body.set("ca", settings_.ca).set("request", to_pem("CERTIFICATE REQUEST", what.request));
  if (what.path_length) body.set("path_length", static_cast<std::uint64_t>(*what.path_length));
  if (!what.validity.empty()) body.set("validity", what.validity);
  if (!what.transaction.empty()) body.set("transaction", what.transaction);
  return ask_for_outcome(
      {.method = "POST", .path = "/subordinates", .body = std::move(body), .for_whom = what.for_whom});
}

Result<RemoteAuthority::Challenge> RemoteAuthority::ask_for_challenge(const Ask& what) const {
  const Value answer = TRY(ask(what));
  TRY(check_shape(answer, *find_schema("MintedChallenge"), "the authority's answer"));
  const Value& record = *answer.find("challenge");
  return Challenge{*record.find("id")->integer(), Secret(text_member(answer, "text")),
                   TRY(parse_time(text_member(record, "expires_at"))), text_member(answer, "warning")};
}

Result<RemoteAuthority::Challenge> RemoteAuthority::mint_challenge(Value order,
                                                                   std::string_view for_whom) const {
  order.set("ca", settings_.ca);
  return ask_for_challenge(
      {.method = "POST", .path = "/challenges", .body = std::move(order), .for_whom = for_whom});
}

Result<RemoteAuthority::Challenge> RemoteAuthority::mint_password(std::string_view profile,
                                                                  std::string_view for_whom) const {
  return ask_for_challenge({.method = "POST",
                            .path = "/challenges/passwords",
                            .body = Value().set("ca", settings_.ca).set("profile", profile),
                            .for_whom = for_whom});
}

Result<Value> RemoteAuthority::mint(std::string_view what, Value order, std::string_view for_whom) const {
  order.set("ca", settings_.ca);
  return ask({.method = "POST",
              .path = fmt::format("/challenges{}", what),
              .body = std::move(order),
              .for_whom = for_whom});
}

Status RemoteAuthority::report_refusals(std::span<const ca::FrontEndRefusal> refusals) const {
  Value list = Value::list();
  for (const ca::FrontEndRefusal& refusal : refusals) {
    Value value;
    value.set("profile", refusal.profile).set("client", refusal.client);
    value.set("transaction", refusal.transaction).set("code", refusal.code);
    value.set("expected", refusal.expected).set("received", refusal.received).set("why", refusal.why);
    if (!refusal.user.empty()) value.set("user", refusal.user);
    value.set("seen_at", format_time(refusal.seen_at.value_or(Time())));
    if (refusal.left_out != 0) value.set("left_out", refusal.left_out);
    list.push(std::move(value));
  }
  (void)TRY(ask({.method = "POST",
                 .path = "/audit/refusals",
                 .body = Value().set("ca", settings_.ca).set("refusals", std::move(list))}));
  return ok();
}

Result<RemoteCaller> RemoteAuthority::caller() const {
  const Value answer = TRY(ask({.method = "GET", .path = "/caller"}));
  TRY(check_shape(answer, *find_schema("Caller"), "the authority's answer"));
  RemoteCaller caller{text_member(answer, "account")};
  for (const Value& grant : *answer.find("roles")->list_items())
    caller.grants.push_back({TRY(ca::role_from_name(text_member(grant, "role"))), text_member(grant, "ca"),
                             text_member(grant, "template")});
  return caller;
}

Result<std::vector<std::string>> RemoteAuthority::cas() const {
  const Value answer = TRY(ask({.method = "GET", .path = "/cas"}));
  TRY(check_shape(answer, *find_schema("Cas"), "the authority's answer"));
  std::vector<std::string> names;
  for (const Value& each : *answer.find("cas")->list_items()) names.push_back(text_member(each, "name"));
  return names;
}

Result<std::vector<std::string>> RemoteAuthority::templates() const {
  const Value answer =
      TRY(ask({.method = "GET", .path = fmt::format("/cas/{}", net::percent_encode(settings_.ca))}));
  const Value* list = answer.find("templates");
  if (!list || !list->list_items())
    return make_error(Errc::malformed, "the answer of {} lacks the list 'templates'", settings_.url);
  std::vector<std::string> names;
  for (const Value& name : *list->list_items())
    if (name.text()) names.push_back(*name.text());
  return names;
}

bool RemoteCaller::holds(ca::Role role, std::string_view ca, std::string_view template_name) const {
  return std::ranges::any_of(grants, [&](const Grant& grant) {
    return grant.role == role && (grant.ca.empty() || grant.ca == ca) &&
           (grant.template_name.empty() || grant.template_name == template_name);
  });
}

}  // namespace vouch::api
