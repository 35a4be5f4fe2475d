// /api/v1/challenges, /challenge-minters, /challenge-keys
#include <algorithm>

#include "api/describe.hpp"
#include "api/operation.hpp"
#include "ca/challenges.hpp"

namespace vouch::api {
namespace {

Value describe_minted(const ca::Minted& minted, const AuthorityNames& names, Time now) {
  return Value()
      .set("challenge", describe(minted.record, names, now))
      .set("text", minted.text.text())
      .set("warning", text_or_null(minted.warning));
}

Result<Answer> mint(const Call& call) {
  const ca::MintOrder order = TRY(ca::mint_order_of(call.body));
  const auto authority = TRY(call.authority());
  const ca::Minted minted =
      TRY(ca::mint_challenge(call.environment(), authority->record().name, order, call.account()));
  return Answer(describe_minted(minted, {{authority->record().id, authority->record().name}},
                                call.environment().clock.now()));
}

Result<Answer> mint_password(const Call& call) {
  ca::PasswordOrder order{.profile = text_member(call.body, "profile"),
                          .device = text_member(call.body, "device")};
  if (const Value* length = call.body.find("length"); length && length->integer())
    order.length = static_cast<std::size_t>(std::clamp<std::int64_t>(*length->integer(), 0, 1000));
  const auto authority = TRY(call.authority());
  const ca::Minted minted =
      TRY(ca::mint_password(call.environment(), authority->record().name, order, call.account()));
  return Answer(describe_minted(minted, {{authority->record().id, authority->record().name}},
                                call.environment().clock.now()));
}

Result<Answer> list(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  store::ChallengeFilter filter;
  filter.authority = TRY(call.named_authority(*snapshot));
  if (const std::string state = call.parameter("state"); !state.empty())
    filter.state = TRY(store::challenge_state_from_name(state));
  filter.profile = call.parameter("profile");
  filter.device = call.parameter("device");
  filter.after = TRY(call.number("after")).value_or(0);
  filter.limit = TRY(page_size(call));
  const auto names = TRY(authority_names(*snapshot));
  const auto page = TRY(snapshot->challenges(filter));
  Value challenges = Value::list();
  for (const auto& record : page) challenges.push(describe(record, names, call.environment().clock.now()));
  return Answer(Value()
                    .set("challenges", std::move(challenges))
                    .set("next", page.size() == filter.limit ? Value(page.back().id) : Value()));
}

Result<Answer> show(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  const auto record = TRY(snapshot->challenge(TRY(call.number("id")).value_or(0)));
  return Answer(describe(record, TRY(authority_names(*snapshot)), call.environment().clock.now()));
}

Result<Answer> cancel(const Call& call) {
  ca::Cancellation which{.device = text_member(call.body, "device"),
                         .profile = text_member(call.body, "profile")};
  if (const Value* id = call.body.find("id"); id && id->integer()) which.id = *id->integer();
  const std::size_t cancelled = TRY(
      ca::cancel_challenges(call.environment(), TRY(call.authority())->record().name, which, call.account()));
  return Answer(Value().set("cancelled", std::uint64_t{cancelled}));
}

Result<Answer> list_minters(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  Value list = Value::list();
  for (const ca::Minter& minter : TRY(ca::minters(*snapshot, TRY(call.authority())->record().id)))
    list.push(describe(minter));
  return Answer(Value().set("minters", std::move(list)));
}

Result<Answer> list_keys(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  Value list = Value::list();
  for (const auto& key : TRY(snapshot->challenge_keys(TRY(call.authority())->record().id)))
    list.push(describe(key));
  return Answer(Value().set("keys", std::move(list)));
}

constexpr Parameter kId[] = {{"id", true, "integer", "the challenge's number"}};
constexpr Parameter kCa[] = {kCaFilter};
constexpr Parameter kList[] = {
    kCaFilter,
    {"state", false, "string", "only those in this state", "minted|claimed|issued|failed|cancelled"},
    {"profile", false, "string", "only of this profile"},
    {"device", false, "string", "only of this device"},
    kAfter,
    kLimit,
};
constexpr Operation kOperations[] = {
    {"mintChallenge",
     net::Method::post,
     "/challenges",
     "mint a challenge that is bound to one device's request",
     "minters, within their rights",
     {},
     "MintOrder",
     "MintedChallenge",
     &mint},
    {"mintPassword",
     net::Method::post,
     "/challenges/passwords",
     "make a one-time password for one enrolment with a profile",
     "minters with the right to passwords, and administrators",
     {},
     "PasswordOrder",
     "MintedChallenge",
     &mint_password},
    {"cancelChallenges",
     net::Method::post,
     "/challenges/cancel",
     "cancel challenges by number, device or profile",
     "certificate managers, and who minted them",
     {},
     "ChallengeCancellation",
     "CancelledChallenges",
     &cancel},
    {"listChallenges", net::Method::get, "/challenges", "what was minted and what became of it", "readers",
     kList, "", "Challenges", &list},
    {"showChallenge", net::Method::get, "/challenges/{id}", "a challenge, without its text", "readers", kId,
     "", "Challenge", &show},
    {"listChallengeMinters", net::Method::get, "/challenge-minters", "who may mint what", "readers", kCa, "",
     "ChallengeMinters", &list_minters},
    {"listChallengeKeys", net::Method::get, "/challenge-keys", "the keys of challenges", "readers", kCa, "",
     "ChallengeKeys", &list_keys},
};

}  // namespace

std::span<const Operation> challenge_operations() { return kOperations; }

}  // namespace vouch::api
