// /api/v1/audit
#include "api/describe.hpp"
#include "api/operation.hpp"
#include "ca/audit_verify.hpp"

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
};

}  // namespace

std::span<const Operation> audit_operations() { return kOperations; }

}  // namespace vouch::api
