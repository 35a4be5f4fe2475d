// /api/v1/crls
#include "api/describe.hpp"
#include "api/operation.hpp"
#include "revocation/crl_publication.hpp"

namespace vouch::api {
namespace {

Result<Answer> list(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  const auto only = TRY(call.named_authority(*snapshot));
  Value crls = Value::list();
  for (const auto& authority : TRY(snapshot->authorities())) {
    if (only && *only != authority.id) continue;
    for (const auto& record : TRY(snapshot->crls(authority.id)))
      crls.push(describe(record, authority.name, {call.environment().home.folder() / record.file}));
  }
  return Answer(Value().set("crls", std::move(crls)));
}

Result<Answer> publish(const Call& call) {
  const auto authority = TRY(call.authority());
  const auto published =
      TRY(flag_of(call.body, "delta") ? revocation::publish_deltas(*authority, call.account())
                                      : revocation::publish_crls(*authority, call.account()));
  Value crls = Value::list(), failures = Value::list();
  for (const auto& crl : published) {
    crls.push(describe(crl.record, authority->record().name, crl.files));
    for (const store::CrlTarget& failed : crl.failures)
      failures.push(Value().set("target", failed.target).set("error", failed.error));
  }
  return Answer(Value().set("crls", std::move(crls)).set("failures", std::move(failures)));
}

constexpr Parameter kList[] = {kCaFilter};
constexpr Operation kOperations[] = {
    {"listCrls", net::Method::get, "/crls", "the CRLs that were published", "readers", kList, "", "Crls",
     &list},
    {"publishCrls",
     net::Method::post,
     "/crls",
     "publish CRLs now, to every place",
     "certificate managers and administrators",
     {},
     "Publication",
     "Published",
     &publish},
};

}  // namespace

std::span<const Operation> crl_operations() { return kOperations; }

}  // namespace vouch::api
