// /api/v1/audit
#include <algorithm>

#include "api/describe.hpp"
#include "api/operation.hpp"
#include "ca/audit/audit_verify.hpp"
#include "ca/refusals.hpp"

namespace vouch::api {
namespace {

Result<Answer> list(const Call& call) {
  store::AuditFilter filter;
  filter.since = TRY(call.time("since"));
  filter.until = TRY(call.time("until"));
  filter.actor = call.parameter("actor");
  filter.action = call.parameter("action");
  filter.object = call.parameter("object");
  filter.authority = call.parameter("ca");
  filter.newest_first = true;
  filter.limit = TRY(page_size(call));
  if (const auto before = TRY(call.number("before"))) filter.last = *before - 1;
  Value entries = Value::list();
  std::int64_t last = 0;
  TRY(ca::read_audit(call.environment(), filter, call.account(), [&](const store::AuditRecord& record) {
    entries.push(ca::describe_audit_entry(record));
    last = record.sequence;
    return ok();
  }));
  const bool full = entries.list_items()->size() == filter.limit;
  return Answer(Value().set("entries", std::move(entries)).set("next", full ? Value(last) : Value()));
}

Result<Answer> sign_head(const Call& call) {
  const auto head = TRY(ca::order_audit_head(call.environment(), call.account()));
  return Answer(Value().set("size", head.size).set("checkpoint", head.checkpoint));
}

Result<Answer> report_refusals(const Call& call) {
  std::vector<ca::FrontEndRefusal> refusals;
  for (const Value& item : *call.body.find("refusals")->list_items()) {
    ca::FrontEndRefusal refusal{text_member(item, "profile"),     text_member(item, "client"),
                                text_member(item, "transaction"), text_member(item, "code"),
                                text_member(item, "expected"),    text_member(item, "received"),
                                text_member(item, "why"),         text_member(item, "user")};
    refusal.seen_at = TRY(parse_time(text_member(item, "seen_at")));
    if (const Value* left_out = item.find("left_out"); left_out && left_out->integer())
      refusal.left_out = static_cast<std::uint64_t>(std::max<std::int64_t>(*left_out->integer(), 0));
    refusals.push_back(std::move(refusal));
  }
  TRY(ca::take_refusals(call.environment(), TRY(call.authority())->record(), call.account(), refusals));
  return Answer(Value().set("kept", std::uint64_t{refusals.size()}));
}

constexpr Parameter kList[] = {
    {"since", false, "time", "not before"},
    {"until", false, "time", "not after"},
    {"actor", false, "string", "of this account"},
    {"action", false, "string", "cert.revoke; request.* is every action on requests"},
    {"object", false, "string", "about this: request 5"},
    kCaFilter,
    {"before", false, "integer", "`next` of the page before"},
    kLimit,
};
constexpr Operation kOperations[] = {
    {"listAudit", net::Method::get, "/audit", "the audit log, newest first", "auditors", kList, "",
     "AuditEntries", &list},
    {"signAuditHead",
     net::Method::post,
     "/audit/head",
     "sign the head of the audit log now",
     "auditors",
     {},
     "",
     "AuditHead",
     &sign_head},
    {"reportRefusals",
     net::Method::post,
     "/audit/refusals",
     "keep what a front end on another host has refused before the CA saw it",
     "enrollers",
     {},
     "Refusals",
     "RefusalsKept",
     &report_refusals},
};

}  // namespace

std::span<const Operation> audit_operations() { return kOperations; }

}  // namespace vouch::api
