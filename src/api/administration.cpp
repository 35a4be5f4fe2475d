#include "api/administration.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/problem.hpp"
#include "net/url.hpp"

namespace vouch::api {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

constexpr std::array kMethods = {net::Method::get, net::Method::post, net::Method::put, net::Method::patch,
                                 net::Method::delete_};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  }
  return segments;
}

bool is_placeholder(std::string_view segment) { return segment.starts_with('{'); }

bool fits(const Operation& operation, std::span<const std::string_view> segments) {
  const auto wanted = segments_of(operation.path);
  return std::ranges::equal(wanted, segments, [](std::string_view want, std::string_view got) {
    return is_placeholder(want) ? !got.empty() : want == got;
  });
}

struct Found {
  const Operation* operation = nullptr;
  std::string allow;  // when only the method is wrong
};

Found find_operation(net::Method method, std::span<const std::string_view> segments) {
  Found found;
  for (const Operation& operation : operations()) {
    if (!fits(operation, segments)) continue;
    if (operation.method == method) return {&operation, {}};
    found.allow += fmt::format("{}{}", found.allow.empty() ? "" : ", ", net::name(operation.method));
  }
  return found;
}

Result<Parameters> parameters_of(const Operation& operation, std::span<const std::string_view> segments,
                                 std::string_view query) {
  Parameters parameters;
  const auto wanted = segments_of(operation.path);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (is_placeholder(wanted[i]))
      parameters[std::string(wanted[i].substr(1, wanted[i].size() - 2))] =
          TRY(net::percent_decode(segments[i]).context("reading the path"));
  for (auto& [name, value] : TRY(net::parse_query(query, net::Plus::blank).context("reading the query"))) {
    const auto known = std::ranges::find(operation.parameters, name, &Parameter::name);
    if (known == operation.parameters.end() || known->in_path)
      return make_error(Errc::malformed, "{} takes no parameter '{}'", operation.id, name)
          .with_hint("/api/v1/openapi.json describes what there is");
    if (!parameters.emplace(name, std::move(value)).second)
      return make_error(Errc::malformed, "the parameter '{}' is there twice", name);
  }
  return parameters;
}

Result<Value> body_of(const Operation& operation, const net::Request& request) {
  if (operation.body.empty()) {
    if (!request.body.empty()) return make_error(Errc::malformed, "{} takes no body", operation.id);
    return Value();
  }
  return read_body(request, operation.body);
}

// A call with what it refers to.
struct Asked {
  Caller caller;
  Parameters parameters;
  Value body;
};

Result<Asked> read_call(const Operation& operation, const net::Request& request, Caller caller,
                        std::span<const std::string_view> segments) {
  Parameters parameters = TRY(parameters_of(operation, segments, request.query));
  return Asked{std::move(caller), std::move(parameters), TRY(body_of(operation, request))};
}

Result<net::Response> answer(const Service& service, const net::Request& request, const Caller& caller) {
  const auto segments = segments_of(request.path.substr(kApiRoot.size()));
  const auto [operation, allow] =
      find_operation(request.method == net::Method::head ? net::Method::get : request.method, segments);
  if (!operation && allow.empty())
    return make_error(Errc::not_found, "there is no {}", request.path)
        .with_hint("/api/v1/openapi.json describes what there is");
  if (!operation) {
    net::Response response = problem_response(
        make_error(Errc::usage, "{} cannot be asked with {}", request.path, request.method_text));
    response.status = 405;
    response.fields.emplace_back("Allow", allow);
    return response;
  }
  const Asked asked = TRY(read_call(*operation, request, caller, segments));
  return json_response(TRY(operation->run({service, asked.caller, asked.parameters, asked.body})));
}

net::Response unknown_caller(const Error& error) {
  net::Response response = problem_response(error);
  if (error.code() == Errc::denied) response.status = 401;
  return response;
}

net::Response handle(const Service& service, const net::Request& request) {
  const auto caller = caller_of(request, service.environment, service.login_name);
  if (!caller) return unknown_caller(caller.error());
  auto response = answer(service, request, *caller);
  net::Response sent = response ? std::move(*response) : problem_response(response.error());
  sent.notes.user = caller->account;
  return sent;
}

struct AskedTogether {
  std::vector<net::Response> responses;  // of all; those of `asked` say only who asks
  std::vector<Asked> asked;
  std::vector<std::size_t> places;  // of what was asked, in `responses`
};

// The state of the database that callers are looked up in is let go here: whoever held it while a commit
// waits would keep the write-ahead log from beginning anew, and with it that very commit.
AskedTogether read_together(const Service& service, const Operation& operation,
                            std::span<const net::Request* const> requests) {
  AskedTogether read_all{std::vector<net::Response>(requests.size()), {}, {}};
  auto& [responses, asked, places] = read_all;
  Callers callers(service.environment, service.login_name);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const net::Request& request = *requests[i];
    auto caller = callers.of(request);
    if (!caller) {
      responses[i] = unknown_caller(caller.error());
      continue;
    }
    std::string user = caller->account;
    auto read =
        read_call(operation, request, std::move(*caller), segments_of(request.path.substr(kApiRoot.size())));
    if (read) {
      asked.push_back(std::move(*read));
      places.push_back(i);
    } else {
      responses[i] = problem_response(read.error());
    }
    responses[i].notes.user = std::move(user);
  }
  return read_all;
}

// The same for requests of one operation that came at the same time.
std::vector<net::Response> handle_together(const Service& service, const Operation& operation,
                                           std::span<const net::Request* const> requests) {
  auto [responses, asked, places] = read_together(service, operation, requests);
  std::vector<Call> calls;
  calls.reserve(asked.size());
  for (const Asked& each : asked) calls.push_back({service, each.caller, each.parameters, each.body});
  const auto answers = operation.run_together(calls);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    net::Response response = answers[i] ? json_response(*answers[i]) : problem_response(answers[i].error());
    response.notes.user = std::move(responses[places[i]].notes.user);
    responses[places[i]] = std::move(response);
  }
  return std::move(responses);
}

// The path of an operation that is run together is a route of its own, also for the other methods.
void add_routes_of(const Service& service, const Operation& operation, std::vector<net::Route>& routes) {
  net::Route route{.path = fmt::format("{}{}", kApiRoot, operation.path),
                   .methods = {operation.method},
                   .handler = std::make_shared<net::Together>(
                       [&service, &operation](std::span<const net::Request* const> requests) {
                         return handle_together(service, operation, requests);
                       }),
                   .body_limit = kLargestBody,
                   .name = "api"};
  net::Route others = route;
  others.methods.clear();
  std::ranges::copy_if(kMethods, std::back_inserter(others.methods),
                       [&](net::Method method) { return method != operation.method; });
  others.handler =
      net::Blocking([&service](const net::Request& request) { return handle(service, request); });
  routes.push_back(std::move(route));
  routes.push_back(std::move(others));
}

}  // namespace

Result<Value> read_body(const net::Request& request, std::string_view schema) {
  const std::string_view type = request.field("Content-Type");
  if (!type.starts_with("application/json"))
    return make_error(Errc::malformed, "the body has to be application/json and is {}",
                      type.empty() ? std::string_view("of no type") : type);
  Value body = TRY(parse_json(request.body).context("reading the body"));
  TRY(check_shape(body, *find_schema(schema), "the body"));
  return body;
}

net::Response json_response(const Answer& answer) {
  net::Response response;
  response.status = answer.status;
  response.content_type = "application/json";
  response.body = to_json(answer.body, 0) + "\n";
  response.fields.emplace_back("Cache-Control", "no-store");
  return response;
}

std::string Call::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

Result<std::optional<std::int64_t>> Call::number(std::string_view name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::optional<std::int64_t>{};
  std::int64_t value = 0;
  const std::string& text = found->second;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || stop != text.data() + text.size() || value < 0)
    return make_error(Errc::malformed, "{}: '{}' is not a whole number", name, text);
  return std::optional(value);
}

Result<std::optional<Time>> Call::time(std::string_view name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::optional<Time>{};
  return std::optional(TRY(parse_time(found->second).context("reading the parameter {}", name)));
}

Result<std::shared_ptr<ca::LocalAuthority>> Call::authority() const {
  const std::string named = parameter("ca");
  return find_authority(service, named.empty() ? text_member(body, "ca") : named);
}

Result<std::optional<store::AuthorityId>> Call::named_authority(const store::Snapshot& snapshot) const {
  std::string named = parameter("ca");
  if (named.empty()) named = text_member(body, "ca");
  if (named.empty()) return std::optional<store::AuthorityId>{};
  return std::optional(TRY(snapshot.authority(named)).id);
}

Result<std::size_t> page_size(const Call& call) {
  const std::int64_t limit = TRY(call.number("limit")).value_or(100);
  if (limit < 1 || limit > 1000) return make_error(Errc::malformed, "limit is out of range: 1 to 1000");
  return static_cast<std::size_t>(limit);
}

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = [] {
    std::vector<Operation> list;
    for (const auto part :
         {authority_operations(), request_operations(), certificate_operations(), crl_operations(),
          template_operations(), role_operations(), audit_operations(), challenge_operations()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

std::vector<net::Route> administration_routes(const Service& service) {
  net::Response description;
  description.content_type = "application/json";
  description.body = to_json(describe_api()) + "\n";
  net::Route openapi{.path = fmt::format("{}/openapi.json", kApiRoot),
                     .methods = {net::Method::get},
                     .handler = net::AnswerNow([prepared = net::prepare(std::move(description))](
                                                   const net::Request&) { return prepared; })};
  net::Route all{
      .path = fmt::format("{}/", kApiRoot),
      .methods = {kMethods.begin(), kMethods.end()},
      .handler = net::Blocking([&service](const net::Request& request) { return handle(service, request); }),
      .body_limit = kLargestBody,
      .match = net::Route::Match::prefix,
      .name = "api"};
  std::vector<net::Route> routes{std::move(openapi), std::move(all)};
  for (const Operation& operation : operations())
    if (operation.run_together) add_routes_of(service, operation, routes);
  return routes;
}

}  // namespace vouch::api
