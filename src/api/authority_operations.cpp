// /api/v1/caller, /cas, /status
#include "api/describe.hpp"
#include "api/operation.hpp"
#include "base/pem.hpp"

namespace vouch::api {
namespace {

Result<Answer> caller(const Call& call) {
  const auto snapshot = TRY(call.environment().database.snapshot());
  const auto names = TRY(authority_names(*snapshot));
  const auto roles = TRY(ca::RoleTable::read(*snapshot));
  Value held = Value::list();
  for (const ca::Grant& grant : roles.held_by(call.account(), call.environment().groups))
    held.push(describe(grant, names));
  return Answer(Value()
                    .set("account", call.account())
                    .set("way", call.caller.is_local ? "socket" : "certificate")
                    .set("roles", std::move(held)));
}

Result<Answer> list(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  Value cas = Value::list();
  for (const auto& record : TRY(snapshot->authorities())) cas.push(TRY(summarize(*snapshot, record)));
  return Answer(Value().set("cas", std::move(cas)));
}

Result<Answer> show(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  return Answer(TRY(describe(call.environment(), *snapshot, TRY(snapshot->authority(call.parameter("ca"))))));
}

// What every certificate's AIA gives to everybody; so any caller may have it.
Result<Answer> chain(const Call& call) {
  std::string pem;
  for (const Buffer& der : TRY(TRY(call.authority())->chain())) pem += to_pem("CERTIFICATE", der);
  return Answer(Value().set("certificates", std::move(pem)));
}

Result<Answer> status(const Call& call) {
  (void)TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  return Answer(TRY(call.service.status()));
}

constexpr Parameter kCa[] = {{"ca", true, "string", "the CA's name"}};
constexpr Operation kOperations[] = {
    {"showCaller",
     net::Method::get,
     "/caller",
     "who you are here, and which roles you hold",
     "everybody",
     {},
     "",
     "Caller",
     &caller},
    {"listCas", net::Method::get, "/cas", "the CAs of this home", "readers", {}, "", "Cas", &list},
    {"showCa", net::Method::get, "/cas/{ca}", "a CA with its settings, keys and certificates", "readers", kCa,
     "", "any", &show},
    {"getChain", net::Method::get, "/cas/{ca}/chain", "the CA certificate and its parents", "everybody", kCa,
     "", "Chain", &chain},
    {"showStatus",
     net::Method::get,
     "/status",
     "the health of the hierarchy as vouch status --json tells it, at most about a minute old; 503 while the "
     "first report is being made",
     "readers",
     {},
     "",
     "any",
     &status},
};

}  // namespace

std::span<const Operation> authority_operations() { return kOperations; }

}  // namespace vouch::api
