// /api/v1/requests, /subordinates
#include <algorithm>

#include "api/describe.hpp"
#include "api/submission.hpp"
#include "base/pem.hpp"

namespace vouch::api {
namespace {

Result<Answer> submit(const Call& call) {
  const ca::Submission submission = TRY(submission_of(call.body, call.caller));
  return answer_of(TRY(TRY(call.authority())->submit(submission)));
}

// Those for one CA share its commits.
std::vector<Result<Answer>> submit_together(std::span<const Call> calls) {
  struct Group {
    std::shared_ptr<ca::LocalAuthority> authority;
    std::vector<ca::Submission> submissions{};
    std::vector<std::size_t> places{};
  };
  std::vector<Group> groups;
  const auto add = [&](std::size_t place) -> Status {
    auto submission = TRY(submission_of(calls[place].body, calls[place].caller));
    auto authority = TRY(calls[place].authority());
    auto group = std::ranges::find(groups, authority, &Group::authority);
    if (group == groups.end()) group = groups.insert(group, Group{std::move(authority)});
    group->submissions.push_back(std::move(submission));
    group->places.push_back(place);
    return ok();
  };
  std::vector<Result<Answer>> answers(calls.size(), Answer(Value()));
  for (std::size_t i = 0; i < calls.size(); ++i)
    if (const Status added = add(i); !added) answers[i] = added.error();
  for (const Group& group : groups) {
    const auto outcomes = group.authority->submit(group.submissions);
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      answers[group.places[i]] = outcomes[i] ? answer_of(*outcomes[i]) : Result<Answer>(outcomes[i].error());
  }
  return answers;
}

Result<Answer> sign_subordinate(const Call& call) {
  ca::LocalAuthority::SubordinateOptions options;
  if (const Value* length = call.body.find("path_length"); length && length->integer()) {
    if (*length->integer() < 0 || *length->integer() > 255)
      return make_error(Errc::malformed, "the body.path_length is out of range: 0 to 255");
    options.path_length = static_cast<std::uint32_t>(*length->integer());
  }
  if (const std::string validity = text_member(call.body, "validity"); !validity.empty())
    options.validity = TRY(parse_span(validity).context("reading the body.validity"));
  options.transaction = TRY(transaction_of(call.body, call.caller));
  const Buffer request = TRY(request_of(call.body));
  return answer_of(TRY(TRY(call.authority())->sign_subordinate(request, options, call.account())));
}

Result<Answer> list(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  store::RequestFilter filter;
  filter.authority = TRY(call.named_authority(*snapshot));
  if (const std::string state = call.parameter("state"); !state.empty())
    filter.disposition = TRY(store::disposition_from_name(state));
  filter.template_name = call.parameter("template");
  filter.requester = call.parameter("requester");
  filter.after = TRY(call.number("after")).value_or(0);
  filter.limit = TRY(page_size(call));
  const auto names = TRY(authority_names(*snapshot));
  const auto page = TRY(snapshot->requests(filter));
  Value requests = Value::list();
  for (const auto& record : page) requests.push(describe(record, names));
  return Answer(Value()
                    .set("requests", std::move(requests))
                    .set("next", page.size() == filter.limit ? Value(page.back().id) : Value()));
}

Result<store::RequestId> id_of(const Call& call) {
  const auto id = TRY(call.number("id"));
  if (!id || *id == 0)
    return make_error(Errc::malformed, "'{}' is not a request number", call.parameter("id"));
  return *id;
}

// Whoever asked sees what became of it; others need the role reader.
Result<store::RequestRecord> visible_request(const Call& call) {
  const auto id = TRY(id_of(call));
  auto record = TRY(call.environment().database.snapshot())->request(id);
  if (record && ca::principal_of(record->requester) == ca::principal_of(call.account())) return record;
  return TRY(ca::snapshot_for_reading(call.environment(), call.account()))->request(id);
}

Result<Answer> show(const Call& call) {
  const auto record = TRY(visible_request(call));
  return Answer(describe(record, TRY(authority_names(*TRY(call.environment().database.snapshot())))));
}

Result<Answer> trace(const Call& call) {
  const auto record = TRY(visible_request(call));
  const auto snapshot = TRY(call.environment().database.snapshot());
  const auto names = TRY(authority_names(*snapshot));
  const auto steps =
      TRY(policy::parse_trace(record.trace).context("reading the trace of request {}", record.id));
  const auto certificate = snapshot->certificate_of_request(record.id);
  if (!certificate && certificate.error().code() != Errc::not_found) return certificate.error();
  return Answer(Value()
                    .set("request", describe(record, names))
                    .set("certificate", certificate ? describe(*certificate, names) : Value())
                    .set("trace", policy::describe_trace(steps)));
}

Result<Answer> retrieve(const Call& call) {
  const auto record = TRY(visible_request(call));
  return answer_of(TRY(TRY(find_authority(call.service, record.authority))->retrieve(record.id)));
}

// The authority itself asks for the role, so that there is one place that does.
Result<std::shared_ptr<ca::LocalAuthority>> authority_of_request(const Call& call, store::RequestId id) {
  const auto record = TRY(TRY(call.environment().database.snapshot())->request(id));
  return find_authority(call.service, record.authority);
}

Result<Answer> find_submitted(const Call& call) {
  const std::string name = TRY(client_transaction_of(call.parameter("client_transaction"), call.caller));
  const auto found = TRY(TRY(call.authority())->find_submitted(name));
  if (!found) return make_error(Errc::not_found, "nothing was handed in under this client transaction");
  return Answer(Value()
                    .set("request", found->request)
                    .set("certificate_request", to_pem("CERTIFICATE REQUEST", found->certificate_request))
                    .set("transaction", without_account(found->transaction, call.caller))
                    .set("attributes", describe_attributes(found->attributes)));
}

Result<Answer> approve(const Call& call) {
  const auto id = TRY(id_of(call));
  return answer_of(TRY(TRY(authority_of_request(call, id))->approve(id, call.account())));
}

Result<Answer> deny(const Call& call) {
  const auto id = TRY(id_of(call));
  const std::string reason = text_member(call.body, "reason");
  return Answer(TRY(describe(TRY(TRY(authority_of_request(call, id))->deny(id, call.account(), reason)))));
}

constexpr Parameter kId[] = {{"id", true, "integer", "RequestID"}};
constexpr Parameter kClientTransaction[] = {
    {"client_transaction", true, "string", "as the submission gave it"}, kCaFilter};
constexpr Parameter kList[] = {
    kCaFilter,
    {"state", false, "string", "only requests in this state",
     "pending|issued|denied|failed|revoked|foreign|issuing"},
    {"template", false, "string", "only requests for this template"},
    {"requester", false, "string", "only requests of this account"},
    kAfter,
    kLimit,
};
constexpr Operation kOperations[] = {
    {"submitRequest",
     net::Method::post,
     "/requests",
     "hand in a certification request: 200 issued, 202 pending, 422 refused",
     "enrollers",
     {},
     "Submission",
     "Outcome",
     &submit,
     &submit_together},
    {"listRequests", net::Method::get, "/requests", "the request queue", "readers", kList, "", "Requests",
     &list},
    {"showRequest", net::Method::get, "/requests/{id}", "a request", "who asked, and readers", kId, "",
     "RequestSummary", &show},
    {"traceRequest", net::Method::get, "/requests/{id}/trace", "how it was decided", "who asked, and readers",
     kId, "", "Trace", &trace},
    {"retrieveRequest", net::Method::get, "/requests/{id}/outcome",
     "what became of it: 200 issued, 202 pending, 422 refused", "who asked, and readers", kId, "", "Outcome",
     &retrieve},
    {"findSubmission", net::Method::get, "/submissions/{client_transaction}",
     "the newest request that this account handed in under a client transaction", "who asked",
     kClientTransaction, "", "Submitted", &find_submitted},
    {"approveRequest", net::Method::post, "/requests/{id}/approve", "approve it and issue its certificate",
     "certificate managers; for a CA certificate administrators", kId, "", "Outcome", &approve},
    {"denyRequest", net::Method::post, "/requests/{id}/deny", "deny it", "certificate managers", kId,
     "Denial", "Outcome", &deny},
    {"signSubordinate",
     net::Method::post,
     "/subordinates",
     "sign the request of a subordinate CA: 202 where four eyes or two managers have to see it",
     "administrators",
     {},
     "Subordinate",
     "Outcome",
     &sign_subordinate},
};

}  // namespace

std::span<const Operation> request_operations() { return kOperations; }

}  // namespace vouch::api
