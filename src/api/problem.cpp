#include "api/problem.hpp"

#include <algorithm>

#include "base/value.hpp"

namespace vouch::api {
namespace {

constexpr std::string_view kTypePrefix = "urn:vouch:error:";

struct Category {
  Errc code;
  std::string_view name, title;
};
constexpr Category kCategories[] = {
#define VOUCH_ERROR(name, exit, text) {Errc::name, #name, text},
#include "base/errors.def"
#undef VOUCH_ERROR
};

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::usage:
    case Errc::malformed:
      return 400;
    case Errc::denied:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::limit_exceeded:
      return 413;
    case Errc::unsupported:
      return 501;
    case Errc::unavailable:
    case Errc::timeout:
      return 503;
    case Errc::pending:
      return 202;
    case Errc::found_bad:
      return 422;
    case Errc::internal:
      return 500;
  }
  return 500;
}

}  // namespace

net::Response problem_response(const Error& error) {
  Value lines = Value::list();
  for (const std::string& line : error.context_lines()) lines.push(line);
  const Category& category = kCategories[static_cast<std::size_t>(error.code())];
  net::Response response;
  response.status = status_of(error.code());
  response.content_type = "application/problem+json";
  response.body = to_json(Value()
                              .set("type", fmt::format("{}{}", kTypePrefix, category.name))
                              .set("title", category.title)
                              .set("status", static_cast<std::uint64_t>(response.status))
                              .set("detail", error.message())
                              .set("while", std::move(lines))
                              .set("hint", error.hint().empty() ? Value() : Value(error.hint())),
                          0) +
                  "\n";
  response.fields.emplace_back("Cache-Control", "no-store");
  return response;
}

Error error_of(const net::FetchResponse& response) {
  const auto problem = parse_json(as_text(response.body));
  const std::string known = problem ? text_member(*problem, "type") : std::string();
  std::string_view type = known;
  if (!type.starts_with(kTypePrefix))
    return make_error(Errc::unavailable, "{} answered with status {}", response.url, response.status)
        .with_hint("is a vouch of this version there, and nothing else between?");
  type.remove_prefix(kTypePrefix.size());
  const auto category = std::ranges::find(kCategories, type, &Category::name);
  Error error(category == std::end(kCategories) ? Errc::unavailable : category->code,
              text_member(*problem, "detail"));
  if (const Value* lines = problem->find("while"); lines && lines->list_items())
    for (const Value& line : *lines->list_items())
      if (line.text()) error = std::move(error).context(*line.text());
  const std::string hint = text_member(*problem, "hint");
  return hint.empty() ? error : std::move(error).with_hint(std::string(hint));
}

}  // namespace vouch::api
