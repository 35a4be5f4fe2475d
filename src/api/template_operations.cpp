// /api/v1/templates
#include "api/describe.hpp"
#include "api/operation.hpp"
#include "ca/settings/templates.hpp"

namespace vouch::api {
namespace {

// By template: the CAs that publish it.
using Publishers = std::map<std::string, std::vector<std::string>, std::less<>>;

Result<Publishers> publishers(const store::Snapshot& snapshot) {
  Publishers by;
  for (const auto& authority : TRY(snapshot.authorities()))
    for (const std::string& name : TRY(snapshot.published_templates(authority.id)))
      by[name].push_back(authority.name);
  return by;
}

Value publishers_of(const Publishers& by, std::string_view name) {
  const auto found = by.find(name);
  return found == by.end() ? Value::list() : texts(found->second);
}

Result<Answer> list(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  const Publishers by = TRY(publishers(*snapshot));
  Value templates = Value::list();
  for (const auto& [value, record] : TRY(ca::list_templates(*snapshot)))
    templates.push(Value()
                       .set("name", value.name)
                       .set("display_name", value.display_name)
                       .set("version", fmt::format("{}.{}", record.major, record.minor))
                       .set("changed_at", format_time(record.changed_at))
                       .set("changed_by", record.changed_by)
                       .set("published_by", publishers_of(by, value.name)));
  return Answer(Value().set("templates", std::move(templates)));
}

Result<Answer> answer_of(const store::Snapshot& snapshot, const std::string& name) {
  const auto entry = TRY(ca::find_template(snapshot, name));
  return Answer(Value()
                    .set("template", policy::describe_template(entry.value))
                    .set("toml", policy::format_template(entry.value))
                    .set("changed_at", format_time(entry.record.changed_at))
                    .set("changed_by", entry.record.changed_by)
                    .set("published_by", publishers_of(TRY(publishers(snapshot)), name)));
}

Result<Answer> show(const Call& call) {
  return answer_of(*TRY(ca::snapshot_for_reading(call.environment(), call.account())),
                   call.parameter("name"));
}

Result<bool> exists(const Call& call, std::string_view name) {
  const auto entry = ca::find_template(*TRY(call.environment().database.snapshot()), name);
  if (!entry && entry.error().code() != Errc::not_found) return entry.error();
  return entry.has_value();
}

Result<Answer> put(const Call& call) {
  const std::string name = call.parameter("name");
  auto value = TRY(policy::parse_template(text_member(call.body, "toml"), "the body.toml"));
  if (value.name != name)
    return make_error(Errc::malformed, "the template in the body is called '{}' and the path says '{}'",
                      value.name, name);
  const bool replace = TRY(exists(call, name));
  TRY(ca::add_template(call.environment(), std::move(value), replace, call.account()));
  return answer_of(*TRY(call.environment().database.snapshot()), name);
}

Result<Answer> remove(const Call& call) {
  Answer last = TRY(answer_of(*TRY(call.environment().database.snapshot()), call.parameter("name")));
  TRY(ca::remove_template(call.environment(), call.parameter("name"), call.account()));
  return last;
}

Result<Answer> published_now(const Call& call, const store::AuthorityRecord& record) {
  const auto names = TRY(TRY(call.environment().database.snapshot())->published_templates(record.id));
  return Answer(Value().set("ca", record.name).set("templates", texts(names)));
}

Result<Answer> publish(const Call& call) {
  const auto authority = TRY(call.authority());
  TRY(ca::publish_template(call.environment(), authority->record().id, call.parameter("name"),
                           call.account()));
  return published_now(call, authority->record());
}

Result<Answer> withdraw(const Call& call) {
  const auto authority = TRY(call.authority());
  TRY(ca::withdraw_template(call.environment(), authority->record().id, call.parameter("name"),
                            call.account()));
  return published_now(call, authority->record());
}

constexpr Parameter kName[] = {{"name", true, "string", "the template's name"}};
constexpr Operation kOperations[] = {
    {"listTemplates",
     net::Method::get,
     "/templates",
     "the certificate templates",
     "readers",
     {},
     "",
     "Templates",
     &list},
    {"showTemplate", net::Method::get, "/templates/{name}", "a template", "readers", kName, "", "Template",
     &show},
    {"putTemplate", net::Method::put, "/templates/{name}", "add a template, or a new version of one",
     "administrators", kName, "TemplateText", "Template", &put},
    {"removeTemplate", net::Method::delete_, "/templates/{name}",
     "remove a template that no CA publishes; the answer is what it was", "administrators", kName, "",
     "Template", &remove},
    {"publishTemplate", net::Method::post, "/templates/{name}/publish", "let a CA issue it", "administrators",
     kName, "CaChoice", "PublishedTemplates", &publish},
    {"withdrawTemplate", net::Method::post, "/templates/{name}/withdraw", "stop a CA issuing it",
     "administrators", kName, "CaChoice", "PublishedTemplates", &withdraw},
};

}  // namespace

std::span<const Operation> template_operations() { return kOperations; }

}  // namespace vouch::api
