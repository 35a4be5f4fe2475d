#pragma once
// The HTTP faces of the relying party: a proxy, a VPN or a RADIUS server asks whether a certificate is good,
// and gets the answer with its reason. Stateless but for log, trace and counters; who decides is handed in.
//
//   GET  /v1/auth/nginx, /v1/auth/rfc9440     200, or 401 without a certificate, 403 refused; the reason in
//   fields X-Vouch-… any  /v1/auth/envoy/…                     the same, as Envoy's ext_authz asks with the
//   path of the request POST /v1/decide                           a question as JSON; 200 with the whole
//   decision GET  /v1/status, /v1/decisions, GET|POST|DELETE /v1/trace      for the administrator, on the
//   Unix socket
//
// docs/mechanisms/gateway.md has the fields.

#include <functional>
#include <vector>

#include "net/metrics.hpp"
#include "net/router.hpp"
#include "relying/gateway/decision_log.hpp"
#include "relying/gateway/question.hpp"
#include "relying/gateway/trace.hpp"

namespace vouch::relying {

class Gateway {
 public:
  struct Inputs {
    std::function<Decision(const Question&, const Profile&)> decide;
    // By name; an empty one is the default. Fails with `not_found`.
    std::function<Result<Profile>(std::string_view)> profile;
    std::function<Value()> status;
    // Whether this user of the host may look into log and trace.
    std::function<bool(const net::LocalUser&)> is_administrator;
    const Clock& clock;
    net::Metrics& metrics;
    DecisionLog& log;
    Trace& trace;
  };
  // What the inputs refer to outlives the object.
  explicit Gateway(Inputs inputs);

  // The object outlives the routes.
  std::vector<net::Route> routes();

 private:
  net::Response answer_proxy(const net::Request& request, Spelling spelling);
  net::Response answer_question(const net::Request& request);
  net::Response answer_status(const net::Request& request) const;
  net::Response answer_decisions(const net::Request& request) const;
  net::Response answer_trace(const net::Request& request);
  Result<Decision> decide(const Asked& asked);
  Status check_administrator(const net::Request& request) const;

  const Inputs inputs_;
  net::Histogram& seconds_;
};

// A text as an HTTP field can carry it: printable ASCII, everything else percent-encoded, cut at 1,024
// octets.
std::string field_text(std::string_view text);

}  // namespace vouch::relying
