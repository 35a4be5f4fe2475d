#include "api/administration.hpp"

namespace vouch::api {
namespace {

Value content_of(std::string_view type, Value schema) {
  return Value().set("content", Value().set(std::string(type), Value().set("schema", std::move(schema))));
}

Value describe(const Parameter& parameter) {
  return Value()
      .set("name", parameter.name)
      .set("in", parameter.in_path ? "path" : "query")
      .set("required", parameter.in_path)
      .set("description", parameter.help)
      .set("schema", json_schema_of_type(parameter.type, parameter.values));
}

Value responses_of(const Operation& operation) {
  Value responses = Value::table();
  const auto said = [&](std::string_view description) {
    Value response = content_of("application/json", json_schema_of_type(operation.answer));
    return response.set("description", description);
  };
  responses.set("200", said("done"));
  if (operation.answer == "Outcome") {
    responses.set("202", said("pending: ask again later"));
    responses.set("422", said("refused, with the rule"));
  }
  Value problem = content_of("application/problem+json", json_schema_of_type("Problem"));
  return responses.set("default", problem.set("description", "what went wrong, and how to mend it"));
}

Value describe(const Operation& operation) {
  Value value;
  value.set("operationId", operation.id).set("summary", operation.summary);
  value.set("description", fmt::format("For {}.", operation.who));
  if (!operation.parameters.empty()) {
    Value parameters = Value::list();
    for (const Parameter& parameter : operation.parameters) parameters.push(describe(parameter));
    value.set("parameters", std::move(parameters));
  }
  if (!operation.body.empty()) {
    Value body = content_of("application/json", json_schema_of_type(operation.body));
    value.set("requestBody", body.set("required", true));
  }
  return value.set("responses", responses_of(operation));
}

std::string_view verb_of(net::Method method) {
  switch (method) {
    case net::Method::post:
      return "post";
    case net::Method::put:
      return "put";
    case net::Method::patch:
      return "patch";
    case net::Method::delete_:
      return "delete";
    default:
      return "get";
  }
}

}  // namespace

Value describe_api() {
  Value paths = Value::table(), shapes = Value::table();
  for (const Operation& operation : operations()) {
    const std::string path = fmt::format("{}{}", kApiRoot, operation.path);
    Value item = paths.find(path) ? *paths.find(path) : Value::table();
    item.set(std::string(verb_of(operation.method)), describe(operation));
    paths.set(path, std::move(item));
  }
  for (const Schema& schema : schemas()) shapes.set(std::string(schema.name), json_schema(schema));
  Value info;
  info.set("title", "Vouch administration API").set("version", "1");
  info.set("description",
           "Requests, certificates, CRLs, templates, roles and the audit log of a certification service. "
           "Over TLS the client's certificate says who asks; over the Unix socket the login user does.");
  Value security = Value().set("type", "mutualTLS");
  Value components;
  components.set("schemas", std::move(shapes));
  components.set("securitySchemes", Value().set("certificate", std::move(security)));
  Value document;
  document.set("openapi", "3.1.0").set("info", std::move(info)).set("paths", std::move(paths));
  document.set("components", std::move(components));
  return document.set("security", Value::list().push(Value().set("certificate", Value::list())));
}

}  // namespace vouch::api
