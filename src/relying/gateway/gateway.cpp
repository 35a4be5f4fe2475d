#include "relying/gateway/gateway.hpp"

#include <algorithm>

#include "relying/gateway/redact.hpp"

namespace vouch::relying {
namespace {

using net::Method, net::Request, net::Response;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kEnvoy = "/v1/auth/envoy";
constexpr std::size_t kMostQuestion = std::size_t{1} << 20;

Response json_response(unsigned status, const Value& value) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = vouch::to_json(value) + "\n";
  return response;
}

// An error as the command line prints it with --json, so that one reader does for both.
Response failure(const Error& error) {
  const unsigned status = error.code() == Errc::denied ? 403 : error.code() == Errc::not_found ? 404 : 400;
  Value value = Value::table();
  value.set("code", name(error.code())).set("message", error.summary());
  value.set("hint", error.hint().empty() ? Value() : Value(error.hint()));
  return json_response(status, Value().set("error", std::move(value)));
}

bool wants_json(const Request& request) {
  return request.field("Accept").find("application/json") != std::string_view::npos;
}

void add(Fields& fields, std::string_view name, std::string_view text) {
  if (!text.empty()) fields.emplace_back(fmt::format("X-Vouch-{}", name), field_text(text));
}

// Whom the certificate names. Its own words: whoever reads them for an identity takes them of accepted ones
// only.
void add_subject(Fields& fields, const validate::Certificate& certificate) {
  add(fields, "Subject", certificate.subject_text());
  add(fields, "Issuer", certificate.issuer_text());
  add(fields, "Serial", x509::serial_to_text(certificate.view().serial));
  add(fields, "Fingerprint", to_hex(certificate.fingerprint()));
  if (!certificate.alternative_names) return;
  std::string all;
  for (const x509::GeneralName& one : *certificate.alternative_names)
    all += (all.empty() ? "" : ", ") + one.to_text();
  add(fields, "San", all);
  for (const x509::GeneralName& one : *certificate.alternative_names)
    if (const auto upn = one.as_upn()) {
      add(fields, "Upn", *upn);
      return;
    }
}

Fields fields_of(const Decision& decision) {
  Fields fields;
  add(fields, "Decision", decision.accepted ? "accepted" : "refused");
  add(fields, "Profile", decision.profile);
  if (decision.code != 0) add(fields, "Code", fmt::format("{}", decision.code));
  add(fields, "Name", decision.name);
  add(fields, "Reason", without_credentials(decision.message));
  if (!decision.path.sent.empty()) add_subject(fields, *decision.path.sent.front());
  if (const auto until = decision.unseen_until()) add(fields, "Unseen-Until", format_time(*until));
  return fields;
}

// A line of its own for people who look at the answer.
std::string sentence_of(const Decision& decision) {
  if (decision.accepted) return "accepted\n";
  const std::string code = decision.code == 0 ? "" : fmt::format(" (AADSTS{})", decision.code);
  return fmt::format("refused: {}{}: {}\n", decision.name, code, without_credentials(decision.message));
}

Response refuse(unsigned status, std::string_view name, const std::string& reason) {
  Response response = net::text_response(status, fmt::format("refused: {}: {}\n", name, reason));
  add(response.fields, "Decision", "refused");
  add(response.fields, "Name", name);
  add(response.fields, "Reason", reason);
  return response;
}

net::Route route(std::string path, std::vector<Method> methods,
                 std::function<Response(const Request&)> handler, std::size_t body_limit = 65'536) {
  net::Route made;
  made.path = std::move(path);
  made.methods = std::move(methods);
  made.handler = net::Blocking(std::move(handler));
  made.body_limit = body_limit;
  return made;
}

}  // namespace

std::string field_text(std::string_view text) {
  constexpr std::size_t kMost = 1024;
  std::string out;
  for (const char c : text) {
    if (out.size() >= kMost) break;
    if (c >= ' ' && c <= '~' && c != '%')
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Gateway::Gateway(Inputs inputs)
    : inputs_(std::move(inputs)),
      seconds_(inputs_.metrics.histogram("vouch_gateway_decision_seconds", "Time that decisions took.")) {
  inputs_.metrics.gauge_from("vouch_gateway_log_lines_lost",
                             "Lines of the decision log that the disk did not take.", {},
                             [&log = inputs_.log] { return static_cast<double>(log.lost()); });
}

std::vector<net::Route> Gateway::routes() {
  using enum Method;
  const std::vector<Method> every{get, post, put, patch, delete_, options};
  std::vector<net::Route> routes;
  for (const Spelling spelling : {Spelling::nginx, Spelling::rfc9440})
    routes.push_back(
        route(fmt::format("/v1/auth/{}", to_string(spelling)), {get, post},
              [this, spelling](const Request& request) { return answer_proxy(request, spelling); }));
  // Envoy puts the path of the request behind ours, and uses its method.
  for (const auto match : {net::Route::Match::exact, net::Route::Match::prefix}) {
    routes.push_back(route(
        std::string(kEnvoy) + (match == net::Route::Match::prefix ? "/" : ""), every,
        [this](const Request& request) { return answer_proxy(request, Spelling::envoy); }, kMostQuestion));
    routes.back().match = match;
  }
  routes.push_back(route(
      "/v1/decide", {post}, [this](const Request& request) { return answer_question(request); },
      kMostQuestion));
  routes.push_back(
      route("/v1/status", {get}, [this](const Request& request) { return answer_status(request); }));
  routes.push_back(
      route("/v1/decisions", {get}, [this](const Request& request) { return answer_decisions(request); }));
  routes.push_back(route("/v1/trace", {get, post, delete_},
                         [this](const Request& request) { return answer_trace(request); }));
  return routes;
}

Result<Decision> Gateway::decide(const Asked& asked) {
  const Profile profile = TRY(inputs_.profile(asked.profile));
  Decision decision = inputs_.decide(asked.question, profile);
  seconds_.observe(std::chrono::duration<double>(decision.taken).count());
  inputs_.metrics
      .counter("vouch_gateway_decisions_total", "Decisions, by outcome, code and profile.",
               {{"result", decision.accepted ? "accepted" : "refused"},
                {"code", decision.code == 0 ? decision.name : fmt::format("{}", decision.code)},
                {"profile", profile.name}})
      .add();
  inputs_.log.write(decision, asked.client);
  inputs_.trace.add(decision, asked.client);
  return decision;
}

// Whatever cannot be read is refused, never let through; and a proxy knows three answers only.
Response Gateway::answer_proxy(const Request& request, Spelling spelling) {
  Asked asked;
  asked.client = to_string(spelling);
  // Of Envoy's requests the query is the visitor's.
  if (spelling != Spelling::envoy)
    if (const Status read = read_query(request.query, asked); !read)
      return refuse(403, "question.malformed", read.error().summary());
  auto certificates = client_certificates(request, spelling);
  if (!certificates) return refuse(403, "question.malformed", certificates.error().summary());
  if (certificates->empty()) return refuse(401, "certificate.absent", "the client has sent no certificate");
  asked.question.chain = std::move(*certificates);
  const auto decision = decide(asked);
  if (!decision) return refuse(403, "question.malformed", decision.error().summary());
  const unsigned status = decision->accepted ? 200 : 403;
  Response response = wants_json(request)
                          ? json_response(status, tree_without_credentials(to_value(*decision)))
                          : net::text_response(status, sentence_of(*decision));
  response.fields = fields_of(*decision);
  response.fields.emplace_back("Cache-Control", "no-store");
  return response;
}

Response Gateway::answer_question(const Request& request) {
  auto asked = read_question(request.body);
  if (!asked) return failure(asked.error());
  if (asked->client.empty()) asked->client = "api";
  const auto decision = decide(*asked);
  if (!decision) return failure(decision.error());
  return json_response(200, to_value(*decision));
}

Status Gateway::check_administrator(const Request& request) const {
  if (request.peer && request.peer->user && inputs_.is_administrator(*request.peer->user)) return ok();
  return make_error(Errc::denied, "log, trace and status are for the administrator of this host")
      .with_hint("ask on the Unix socket, as root or as the user that the gateway runs as");
}

Response Gateway::answer_status(const Request& request) const {
  if (const Status may = check_administrator(request); !may) return failure(may.error());
  return json_response(200, tree_without_credentials(inputs_.status()));
}

Response Gateway::answer_decisions(const Request& request) const {
  if (const Status may = check_administrator(request); !may) return failure(may.error());
  const auto filter = read_decision_filter(request.query);
  if (!filter) return failure(filter.error());
  Response response;
  response.content_type = "application/jsonl";
  std::string lines;
  for (const std::string& line : inputs_.log.find(*filter)) lines += line + '\n';
  response.body = std::move(lines);
  return response;
}

Response Gateway::answer_trace(const Request& request) {
  if (const Status may = check_administrator(request); !may) return failure(may.error());
  const Time now = inputs_.clock.now();
  if (request.method == Method::delete_) {
    inputs_.trace.clear();
  } else if (request.method == Method::post) {
    const auto wanted = parse_json(request.body);
    const Value* on = wanted ? wanted->find("on") : nullptr;
    if (!on || !on->boolean())
      return failure(make_error(Errc::malformed,
                                "the trace is set by {{\"on\": true, \"seconds\": 600, "
                                "\"refused_only\": true}}, the last two as wanted"));
    Trace::Switch state{.on = *on->boolean()};
    constexpr std::int64_t kLongest = 7 * 86'400;
    if (const Value* seconds = wanted->find("seconds"); seconds && seconds->integer())
      state.until = now + std::chrono::seconds(std::clamp<std::int64_t>(*seconds->integer(), 1, kLongest));
    const Value* refused = wanted->find("refused_only");
    state.refused_only = refused && refused->boolean() && *refused->boolean();
    inputs_.trace.set(state);
  }
  return json_response(200, inputs_.trace.to_value(now));
}

}  // namespace vouch::relying
