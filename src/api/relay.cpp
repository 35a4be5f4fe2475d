#include "api/relay.hpp"

#include <charconv>

#include "api/administration.hpp"
#include "api/problem.hpp"
#include "api/submission.hpp"
#include "base/pem.hpp"
#include "net/url.hpp"

namespace vouch::api {
namespace {

class Relay {
 public:
  Relay(ca::Authority& authority, std::string ca, LoginName login_name)
      : authority_(authority), ca_(std::move(ca)), login_name_(std::move(login_name)) {}

  net::Response answer(const net::Request& request) const {
    const auto account = account_of(request);
    auto answer = account ? handle(request, *account) : Result<Answer>(account.error());
    if (!answer) return problem_response(answer.error());
    net::Response response = json_response(*answer);
    response.notes.user = *account;
    return response;
  }

 private:
  Result<std::string> account_of(const net::Request& request) const {
    if (!request.peer->user)
      return make_error(Errc::denied, "a registration authority takes requests on its Unix socket alone");
    return login_of(*request.peer->user, login_name_);
  }

  Result<Answer> handle(const net::Request& request, const std::string& account) const {
    const std::string_view path = request.path.substr(kApiRoot.size());
    if (request.method == net::Method::post && path == "/requests") return submit(request, account);
    constexpr std::string_view kRequests = "/requests/", kOutcome = "/outcome", kCas = "/cas/",
                               kChain = "/chain";
    const bool asks = request.method == net::Method::get;
    if (asks && path.starts_with(kRequests) && path.ends_with(kOutcome))
      return retrieve(path.substr(kRequests.size(), path.size() - kRequests.size() - kOutcome.size()));
    if (asks && path.starts_with(kCas) && path.ends_with(kChain))
      return chain(path.substr(kCas.size(), path.size() - kCas.size() - kChain.size()));
    return make_error(Errc::not_found, "a registration authority has no {} {}", request.method_text,
                      request.path)
        .with_hint("everything but requests and their outcomes is asked of the CA itself");
  }

  Status check_name(std::string_view name) const {
    if (name.empty() || name == ca_) return ok();
    return make_error(Errc::not_found, "this registration authority passes requests to CA '{}', not to '{}'",
                      ca_, name);
  }

  Result<Answer> submit(const net::Request& request, const std::string& account) const {
    const Value body = TRY(read_body(request, "Submission"));
    TRY(check_name(text_member(body, "ca")));
    return answer_of(TRY(authority_.submit(TRY(submission_of(body, {account, true})))));
  }

  Result<Answer> retrieve(std::string_view id) const {
    ca::RequestId number = 0;
    const auto [stop, problem] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (problem != std::errc{} || stop != id.data() + id.size() || number <= 0)
      return make_error(Errc::malformed, "'{}' is not a request number", id);
    return answer_of(TRY(authority_.retrieve(number)));
  }

  Result<Answer> chain(std::string_view name) const {
    TRY(check_name(TRY(net::percent_decode(name))));
    std::string pem;
    for (const Buffer& der : TRY(authority_.chain())) pem += to_pem("CERTIFICATE", der);
    return Answer(Value().set("certificates", std::move(pem)));
  }

  ca::Authority& authority_;
  const std::string ca_;
  const LoginName login_name_;
};

}  // namespace

std::vector<net::Route> relay_routes(ca::Authority& authority, std::string ca, LoginName login_name) {
  const auto relay = std::make_shared<const Relay>(authority, std::move(ca), std::move(login_name));
  return {{.path = fmt::format("{}/", kApiRoot),
           .methods = {net::Method::get, net::Method::post},
           .handler = net::Blocking([relay](const net::Request& request) { return relay->answer(request); }),
           .body_limit = kLargestBody,
           .match = net::Route::Match::prefix,
           .name = "relay"}};
}

}  // namespace vouch::api
