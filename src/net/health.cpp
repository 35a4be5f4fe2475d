#include "net/health.hpp"

#include "base/value.hpp"

namespace vouch::net {
namespace {

Response uncached(Response response) {
  response.fields.emplace_back("Cache-Control", "no-store");
  return response;
}

Route route(std::string path, AnswerNow handler) {
  return {.path = std::move(path),
          .methods = {Method::get},
          .handler = std::move(handler),
          .body_limit = 0,
          .name = {}};
}

}  // namespace

Route healthz_route() {
  return route("/healthz",
               [alive = prepare(uncached(text_response(200, "ok\n")))](const Request&) { return alive; });
}

Route readyz_route(HealthChecks checks) {
  return route("/readyz", [checks = std::move(checks)](const Request&) {
    bool ready = true;
    Value list = Value::list();
    for (const HealthCheck& check : checks()) {
      ready = ready && check.good;
      Value one = Value::table();
      one.set("name", check.name).set("ok", check.good);
      if (!check.detail.empty()) one.set("detail", check.detail);
      list.push(std::move(one));
    }
    Response response;
    response.status = ready ? 200 : 503;
    response.content_type = "application/json";
    response.body = to_json(Value::table().set("ready", ready).set("checks", std::move(list)), 0) + "\n";
    return prepare(uncached(std::move(response)));
  });
}

Route metrics_route(const Metrics& metrics) {
  return route("/metrics", [&metrics](const Request&) {
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics.text();
    return prepare(uncached(std::move(response)));
  });
}

}  // namespace vouch::net
