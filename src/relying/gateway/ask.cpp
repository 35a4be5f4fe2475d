#include "relying/gateway/ask.hpp"

#include <algorithm>

namespace vouch::relying {
namespace {

constexpr std::size_t kMostAnswer = std::size_t{64} << 20;
// Longer than any decision takes (Profile::total_time).
constexpr std::chrono::seconds kForDecision{90}, kForLook{10};

Error error_in(const net::FetchResponse& response) {
  const auto document = parse_json(as_text(response.body));
  const Value* error = document ? document->find("error") : nullptr;
  const Value* message = error ? error->find("message") : nullptr;
  if (!message || !message->text())
    return make_error(Errc::unavailable, "the gateway answers {}", response.status);
  const Value* hint = error->find("hint");
  return make_error(response.status == 403   ? Errc::denied
                    : response.status == 404 ? Errc::not_found
                                             : Errc::usage,
                    "{}", *message->text())
      .with_hint(hint && hint->text() ? *hint->text() : "");
}

std::string text_in(const Value& value, std::string_view key) {
  const Value* member = value.find(key);
  return member && member->text() ? *member->text() : std::string();
}

}  // namespace

Result<net::FetchResponse> GatewayClient::call(std::string_view method, std::string_view target,
                                               std::string body, std::chrono::milliseconds patience) {
  net::FetchRequest request{.url = fmt::format("http://localhost{}", target)};
  request.method = method;
  if (!body.empty()) {
    request.body = std::move(body);
    request.content_type = "application/json";
  }
  request.most = kMostAnswer;
  request.total_time = patience;
  request.unix_socket = socket_.string();
  auto response = TRY(fetcher_.fetch(request).context("asking the gateway at {}", socket_.string()));
  if (response.status != 200) return error_in(response);
  return response;
}

Result<Value> GatewayClient::call_for_json(std::string_view method, std::string_view target, std::string body,
                                           std::chrono::milliseconds patience) {
  const auto response = TRY(call(method, target, std::move(body), patience));
  return parse_json(as_text(response.body)).context("reading what the gateway at {} says", socket_.string());
}

bool GatewayClient::is_gateway() {
  net::FetchRequest request{.url = "http://localhost/v1/auth/nginx"};
  request.total_time = kForLook;
  request.unix_socket = socket_.string();
  const auto response = fetcher_.fetch(request);
  return response && response->status == 401;  // no certificate was shown
}

Result<Answer> GatewayClient::ask(const Asked& asked) {
  Answer answer;
  answer.whole = TRY(call_for_json("POST", "/v1/decide", to_json(asked), kForDecision));
  const Value* accepted = answer.whole.find("accepted");
  if (!accepted || !accepted->boolean())
    return make_error(Errc::malformed, "what answers at {} is no gateway", socket_.string());
  answer.accepted = *accepted->boolean();
  if (const Value* code = answer.whole.find("code"); code && code->integer())
    answer.code = static_cast<unsigned>(*code->integer());
  answer.name = text_in(answer.whole, "name");
  answer.message = text_in(answer.whole, "message");
  return answer;
}

Result<Value> GatewayClient::status() { return call_for_json("GET", "/v1/status", "", kForLook); }

Result<std::vector<std::string>> GatewayClient::decisions(const DecisionFilter& filter) {
  const auto response = TRY(call("GET", "/v1/decisions?" + to_query(filter), "", kForLook));
  std::vector<std::string> lines;
  for (std::string_view rest = as_text(response.body); !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    if (end != 0) lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

Result<Value> GatewayClient::trace(const Value& message) {
  if (message.is_null()) return call_for_json("GET", "/v1/trace", "", kForLook);
  return call_for_json("POST", "/v1/trace", vouch::to_json(message, 0), kForLook);
}

Result<Value> GatewayClient::clear_trace() { return call_for_json("DELETE", "/v1/trace", "", kForLook); }

}  // namespace vouch::relying
