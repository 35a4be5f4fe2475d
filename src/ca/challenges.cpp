#include "ca/challenges.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "base/text.hpp"
#include "ca/challenge_desk.hpp"
#include "ca/home/audit.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/settings_change.hpp"
#include "challenge/password.hpp"
#include "x509/extensions.hpp"

namespace vouch::ca {

using store::ChallengeKind, store::ChallengeRecord, store::ChallengeState;

namespace {

// A single password has no end; the year 9999 is the last one that times are written in.
constexpr Time kNever{std::chrono::sys_days(std::chrono::year(9999) / std::chrono::December / 31)};

// --- the order ---

Error wrong(std::string_view member, std::string_view wanted, const Value& got) {
  return make_error(Errc::malformed, "the order's '{}' has to be {} and is {}", member, wanted, got.kind());
}

Result<std::string> text_in(const Value& table, std::string_view member) {
  const Value* value = table.find(member);
  if (!value || value->is_null()) return std::string();
  if (!value->text()) return wrong(member, "a text", *value);
  return *value->text();
}

Result<std::vector<std::string>> texts_in(const Value& table, std::string_view member) {
  std::vector<std::string> out;
  const Value* value = table.find(member);
  if (!value || value->is_null()) return out;
  if (!value->list_items()) return wrong(member, "a list of texts", *value);
  for (const Value& item : *value->list_items()) {
    if (!item.text()) return wrong(member, "a list of texts", item);
    out.push_back(*item.text());
  }
  return out;
}

Result<std::optional<bool>> flag_in(const Value& table, std::string_view member) {
  const Value* value = table.find(member);
  if (!value || value->is_null()) return std::optional<bool>();
  if (!value->boolean()) return wrong(member, "true or false", *value);
  return std::optional(*value->boolean());
}

Result<std::optional<std::uint32_t>> number_in(const Value& table, std::string_view member) {
  const Value* value = table.find(member);
  if (!value || value->is_null()) return std::optional<std::uint32_t>();
  if (!value->integer() || *value->integer() < 0 || *value->integer() > 65'535)
    return wrong(member, "a number up to 65,535", *value);
  return std::optional(static_cast<std::uint32_t>(*value->integer()));
}

Status check_members(const Value& table, std::span<const std::string_view> known, std::string_view what) {
  if (!table.members())
    return make_error(Errc::malformed, "{} has to be an object and is {}", what, table.kind());
  for (const auto& [name, value] : *table.members())
    if (std::ranges::find(known, name) == known.end()) {
      const std::string_view near = nearest(name, known);
      return make_error(Errc::malformed, "{} has a member '{}', which there is not", what, name)
          .with_hint(near.empty() ? fmt::format("it has: {}", fmt::join(known, ", "))
                                  : fmt::format("did you mean {}?", near));
    }
  return ok();
}

Result<challenge::AndroidDevice> android_of(const Value& table) {
  constexpr std::string_view kMembers[] = {"os_version", "shipped_version", "encryption", "pin_set",
                                           "dedicated"};
  TRY(check_members(table, kMembers, "the order's 'android'"));
  challenge::AndroidDevice device;
  device.os_version = TRY(number_in(table, "os_version"));
  device.shipped_version = TRY(number_in(table, "shipped_version"));
  device.pin_set = TRY(flag_in(table, "pin_set"));
  device.dedicated = TRY(flag_in(table, "dedicated")).value_or(false);
  const std::string encryption = TRY(text_in(table, "encryption"));
  if (encryption == "full-disk")
    device.encryption = challenge::Encryption::full_disk;
  else if (encryption == "file-based")
    device.encryption = challenge::Encryption::file_based;
  else if (!encryption.empty() && encryption != "unknown")
    return make_error(Errc::malformed, "'{}' is no encryption of a device", encryption)
        .with_hint("one of: full-disk, file-based, unknown");
  return device;
}

Result<x509::KeyType> key_type_of(std::string_view name) {
  using enum x509::KeyType;
  for (const x509::KeyType type : {rsa, p256, p384, p521, ed25519})
    if (equal_ignoring_case(name, x509::to_string(type))) return type;
  return make_error(Errc::usage, "'{}' is no kind of key", name)
      .with_hint("one of: RSA, P-256, P-384, P-521, Ed25519");
}

Result<std::vector<x509::GeneralName>> names_of(const std::vector<std::string>& texts) {
  std::vector<x509::GeneralName> names;
  names.reserve(texts.size());
  for (const std::string& text : texts) names.push_back(TRY(x509::GeneralName::from_text(text)));
  return names;
}

Status take_purposes(const MintOrder& order, challenge::Bound& bound) {
  if (!order.usage.empty()) {
    bound.usage.emplace();
    bound.usage->subset = order.usage_subset;
    for (const std::string& name : order.usage)
      bound.usage->bits =
          static_cast<std::uint16_t>(bound.usage->bits | TRY(x509::key_usage_from_name(name)));
  }
  if (order.purposes.empty()) return ok();
  bound.purposes.emplace();
  bound.purposes->subset = order.purposes_subset;
  for (const std::string& name : order.purposes)
    bound.purposes->purposes.push_back(TRY(x509::oid_from_name(name)));
  return ok();
}

Result<challenge::Bound> bound_of(const MintOrder& order, const store::AuthorityRecord& authority, Time now) {
  challenge::Bound bound;
  bound.realm = authority.name;
  bound.issued_at = bound.not_before = now;
  bound.expires = add(now, order.lifetime);
  bound.audience = order.profile;
  bound.template_name = order.template_name;
  bound.request_id = order.request_id;
  bound.device = order.device;
  bound.user = order.user;
  bound.sid = order.sid;
  if (!bound.sid.empty() && x509::parse_sid(x509::encode_sid(bound.sid)).value_or("") != bound.sid)
    return make_error(Errc::usage, "'{}' is no security identifier", bound.sid)
        .with_hint("write it as S-1-5-21-…");
  for (const std::string& subject : order.subjects)
    bound.subjects.push_back(TRY(x509::name_from_rfc4514(subject).context("reading the order's subject")));
  bound.required_names = TRY(names_of(order.required_names).context("reading the order's names"));
  bound.allowed_names = TRY(names_of(order.allowed_names).context("reading the order's names"));
  TRY(take_purposes(order, bound));
  for (const std::string& name : order.key_types) bound.key.types.push_back(TRY(key_type_of(name)));
  for (const std::string& name : order.hashes)
    bound.hashes.push_back(TRY(crypto::digest_from_name(name).context("reading the order's hashes")));
  bound.key.min_bits = order.min_bits;
  bound.key.max_bits = order.max_bits;
  bound.key.spki_sha256 = TRY(from_hex(order.spki_sha256).context("reading the order's hash of the key"));
  if (order.validity) bound.validity = add(now, *order.validity) - now;
  return bound;
}

// --- who may ---

bool administers(const Environment& environment, const store::Snapshot& snapshot,
                 store::AuthorityId authority, std::string_view account) {
  const auto roles = RoleTable::read(snapshot);
  return roles && roles->allows(
                      {.account = principal_of(account), .role = Role::administrator, .authority = authority},
                      environment.groups);
}

bool may_use(const Environment& environment, const Minter& minter, std::string_view account) {
  return std::ranges::any_of(minter.rights.accounts, [&](const std::string& principal) {
    return is_principal(principal, principal_of(account), environment.groups);
  });
}

// The minters that an account may use, all of them for an administrator.
Result<std::vector<Minter>> minters_of(const Environment& environment, const store::Snapshot& snapshot,
                                       store::AuthorityId authority, std::string_view account) {
  auto all = TRY(minters(snapshot, authority));
  if (!administers(environment, snapshot, authority, account))
    std::erase_if(all, [&](const Minter& minter) { return !may_use(environment, minter, account); });
  return all;
}

struct Attempt {
  std::string_view account, authority, profile, device;
};
Error refuse(const Environment& environment, const Attempt& attempt, std::string_view why, std::string hint,
             const Overstep& overstep = {}) {
  const Status audited = record_audit(environment, {.actor = std::string(attempt.account),
                                                    .action = "challenge.mint",
                                                    .authority = std::string(attempt.authority),
                                                    .object = fmt::format("profile {}", attempt.profile),
                                                    .details = AuditDetails()
                                                                   .add("device", attempt.device)
                                                                   .add("why", why)
                                                                   .add("expected", overstep.allowed)
                                                                   .add("received", overstep.asked),
                                                    .outcome = std::string(audit_outcome::denied)});
  if (!audited) return audited.error();
  return make_error(Errc::denied, "{}", why).with_hint(std::move(hint));
}

Result<Minter> choose_minter(const Environment& environment, const store::Snapshot& snapshot,
                             const store::AuthorityRecord& authority, const MintOrder& order,
                             const challenge::Bound& bound, std::string_view account) {
  auto usable = TRY(minters_of(environment, snapshot, authority.id, account));
  if (!order.minter.empty())
    std::erase_if(usable, [&](const Minter& minter) { return minter.name != order.minter; });
  const Attempt attempt{account, authority.name, order.profile, order.device};
  if (usable.empty())
    return refuse(
        environment, attempt,
        order.minter.empty()
            ? fmt::format("{} is no minter of challenges at CA '{}'", account, authority.name)
            : fmt::format("{} may not mint as '{}' at CA '{}'", account, order.minter, authority.name),
        "an administrator adds one: vouch challenge minter add NAME --account ACCOUNT --profile P "
        "--template T --names PATTERN");
  std::optional<Overstep> first;
  for (Minter& minter : usable) {
    auto overstep = oversteps(minter.rights, bound);
    if (!overstep) return std::move(minter);
    if (!first) first = std::move(overstep);
  }
  return refuse(environment, attempt,
                fmt::format("minter '{}' may not mint this: expected {}, received {}", usable.front().name,
                            first->allowed, first->asked),
                "vouch challenge minter list shows what a minter may mint", *first);
}

Status authorize_administrator(const Environment& environment, const store::AuthorityRecord& authority,
                               std::string_view what, std::string_view action, std::string_view account) {
  return authorize(environment, {.account = account,
                                 .role = Role::administrator,
                                 .what = what,
                                 .action = action,
                                 .authority = authority.id,
                                 .authority_name = authority.name});
}

Result<store::AuthorityRecord> authority_of(const Environment& environment, std::string_view name) {
  return TRY(environment.database.snapshot())->authority(name);
}

AuditEvent minted_event(const ChallengeRecord& record, std::string_view authority) {
  AuditDetails details;
  details.add("kind", to_string(record.kind))
      .add("profile", record.profile)
      .add("template", record.template_name);
  details.add("device", record.device).add("user", record.user).add("request_id", record.request_id);
  details.add("sid", record.sid).add("minter", record.minter);
  if (record.kind == ChallengeKind::bound) details.add("jti", Bytes(record.token));
  if (record.expires_at != kNever) details.add("expires", format_time(record.expires_at));
  return {.actor = record.minted_by,
          .action = "challenge.mint",
          .authority = std::string(authority),
          .object = fmt::format("challenge {}", record.id),
          .details = std::move(details)};
}

}  // namespace

Result<MintOrder> mint_order_of(const Value& value) {
  constexpr std::string_view kMembers[] = {
      "ca",          "minter",    "profile",          "template",        "device",        "user",
      "request_id",  "sid",       "subjects",         "names",           "allowed_names", "key_usage",
      "purposes",    "key_types", "key_usage_subset", "purposes_subset", "min_bits",      "max_bits",
      "spki_sha256", "validity",  "lifetime",         "android",         "hashes"};
  TRY(check_members(value, kMembers, "the order"));
  MintOrder order;
  const std::pair<std::string_view, std::string*> texts[] = {{"minter", &order.minter},
                                                             {"profile", &order.profile},
                                                             {"template", &order.template_name},
                                                             {"device", &order.device},
                                                             {"user", &order.user},
                                                             {"request_id", &order.request_id},
                                                             {"sid", &order.sid},
                                                             {"spki_sha256", &order.spki_sha256}};
  for (const auto& [member, text] : texts) *text = TRY(text_in(value, member));
  const std::pair<std::string_view, std::vector<std::string>*> lists[] = {
      {"subjects", &order.subjects},
      {"names", &order.required_names},
      {"allowed_names", &order.allowed_names},
      {"key_usage", &order.usage},
      {"purposes", &order.purposes},
      {"key_types", &order.key_types},
      {"hashes", &order.hashes}};
  for (const auto& [member, list] : lists) *list = TRY(texts_in(value, member));
  order.usage_subset = TRY(flag_in(value, "key_usage_subset")).value_or(false);
  order.purposes_subset = TRY(flag_in(value, "purposes_subset")).value_or(false);
  order.min_bits = TRY(number_in(value, "min_bits")).value_or(0);
  order.max_bits = TRY(number_in(value, "max_bits")).value_or(0);
  if (const std::string span = TRY(text_in(value, "validity")); !span.empty())
    order.validity = TRY(parse_span(span).context("reading the order's validity"));
  if (const std::string span = TRY(text_in(value, "lifetime")); !span.empty())
    order.lifetime = TRY(parse_span(span).context("reading the order's lifetime"));
  if (const Value* device = value.find("android"); device && !device->is_null())
    order.android = TRY(android_of(*device));
  return order;
}

Result<Minted> mint_challenge(const Environment& environment, std::string_view authority,
                              const MintOrder& order, std::string_view account) {
  const auto record = TRY(authority_of(environment, authority));
  challenge::Bound bound = TRY(bound_of(order, record, environment.clock.now()));
  bound.id.resize(challenge::kIdSize);
  environment.provider.random(bound.id);
  TRY(check(bound));
  const Minter minter =
      TRY(choose_minter(environment, *TRY(environment.database.snapshot()), record, order, bound, account));
  const store::ChallengeKey key = TRY(sealing_key(environment, record, false, account));
  const auto sealer = TRY(load_sealer(environment, key));
  const auto signer = TRY(load_minter_signer(environment, minter.key));
  Minted minted;
  minted.text =
      Secret(TRY(challenge::seal(bound, {key.id, *sealer}, {minter.key.id, *signer}, environment.provider)));
  minted.warning = challenge::pin_warning(order.android);
  ChallengeRecord& row = minted.record;
  row.authority = record.id;
  row.kind = ChallengeKind::bound;
  row.token = bound.id;
  row.sealing_key = key.id;
  row.profile = bound.audience;
  row.template_name = bound.template_name;
  row.device = bound.device;
  row.user = bound.user;
  row.request_id = bound.request_id;
  row.sid = bound.sid;
  row.validity = bound.validity ? bound.validity->count() : 0;
  row.minter = minter.name;
  row.minted_by = account;
  row.minted_at = row.changed_at = bound.issued_at;
  row.expires_at = bound.expires;
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    row.id = TRY(t.insert_challenge(row));
    return record_audit(environment, t, minted_event(row, record.name));
  }));
  return minted;
}

Result<Minted> mint_password(const Environment& environment, std::string_view authority,
                             const PasswordOrder& order, std::string_view account) {
  if (order.profile.empty()) return make_error(Errc::usage, "a password is for a profile; name one");
  const auto record = TRY(authority_of(environment, authority));
  const auto snapshot = TRY(environment.database.snapshot());
  MinterRights limits;  // NDES's figures, where an administrator asks
  bool allowed = administers(environment, *snapshot, record.id, account);
  for (const Minter& minter : TRY(minters(*snapshot, record.id))) {
    const auto has = [&](const std::string& one) { return one == "*" || one == order.profile; };
    if (!minter.rights.passwords || !std::ranges::any_of(minter.rights.profiles, has) ||
        !may_use(environment, minter, account))
      continue;
    limits = minter.rights;
    allowed = true;
    break;
  }
  if (!allowed)
    return refuse(
        environment, {account, record.name, order.profile, order.device},
        fmt::format("{} may not make passwords for profile '{}'", account, order.profile),
        "an administrator lets a minter: vouch challenge minter add NAME --account ACCOUNT --passwords");
  std::string text = TRY(challenge::make_password(environment.provider, order.length));
  Minted minted;
  ChallengeRecord& row = minted.record;
  row.authority = record.id;
  row.kind = ChallengeKind::one_time;
  row.token = challenge::password_token(environment.provider, order.profile, text);
  minted.text = Secret(std::move(text));
  row.profile = order.profile;
  row.device = order.device;
  row.minted_by = account;
  row.minted_at = row.changed_at = environment.clock.now();
  row.expires_at = add(row.minted_at, limits.password_life);
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    const auto open = TRY(t.challenges({.authority = record.id,
                                        .kind = ChallengeKind::one_time,
                                        .state = ChallengeState::minted,
                                        .profile = order.profile,
                                        .expires_from = row.minted_at,
                                        .limit = limits.open_passwords}));
    if (open.size() >= limits.open_passwords)
      return make_error(Errc::limit_exceeded, "profile '{}' has {} passwords that nobody has used yet",
                        order.profile, open.size())
          .with_hint("use or cancel one (vouch challenge cancel), or wait until one expires");
    row.id = TRY(t.insert_challenge(row));
    return record_audit(environment, t, minted_event(row, record.name));
  }));
  return minted;
}

Status set_single_password(const Environment& environment, std::string_view authority,
                           std::string_view profile, std::string_view password,
                           std::string_view administrator) {
  if (profile.empty()) return make_error(Errc::usage, "a password is for a profile; name one");
  const auto record = TRY(authority_of(environment, authority));
  TRY(authorize_administrator(environment, record, "set the password of a profile", "challenge.password",
                              administrator));
  const std::string verifier =
      password.empty() ? std::string() : TRY(challenge::make_verifier(environment.provider, password));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    const Buffer token = single_token(environment.provider, profile);
    auto row = TRY(t.challenge_of_token(record.id, token));
    if (password.empty() && (!row || row->state != ChallengeState::minted))
      return make_error(Errc::not_found, "profile '{}' has no single password", profile);
    if (!row) {
      row.emplace();
      row->authority = record.id;
      row->kind = ChallengeKind::single;
      row->token = token;
      row->profile = profile;
    }
    row->state = password.empty() ? ChallengeState::cancelled : ChallengeState::minted;
    row->verifier = verifier;
    row->minted_by = administrator;
    row->changed_at = row->minted_at = environment.clock.now();
    row->expires_at = kNever;
    if (row->id == 0)
      row->id = TRY(t.insert_challenge(*row));
    else
      TRY(t.update_challenge(*row));
    AuditEvent event = minted_event(*row, record.name);
    event.action = password.empty() ? "challenge.cancel" : "challenge.password";
    return record_audit(environment, t, std::move(event));
  });
}

Result<std::size_t> cancel_challenges(const Environment& environment, std::string_view authority,
                                      const Cancellation& which, std::string_view account) {
  if (!which.id && which.device.empty() && which.profile.empty())
    return make_error(Errc::usage, "which challenges are to be cancelled?")
        .with_hint("give a number, a device or a profile");
  const auto record = TRY(authority_of(environment, authority));
  const auto snapshot = TRY(environment.database.snapshot());
  const auto roles = TRY(RoleTable::read(*snapshot));
  const Act act{.account = account,
                .role = Role::manager,
                .what = "cancel challenges",
                .action = "challenge.cancel",
                .authority = record.id,
                .authority_name = record.name};
  const bool manages = check_role(roles, environment.groups, act).has_value();
  std::set<std::string> own;
  for (const Minter& minter : TRY(minters(*snapshot, record.id)))
    if (may_use(environment, minter, account)) own.insert(minter.name);
  const auto may = [&](const ChallengeRecord& row) {
    return manages || own.contains(row.minter) || principal_of(row.minted_by) == principal_of(account);
  };
  std::size_t cancelled = 0;
  bool others = false;
  const Status done = environment.database.commit([&](store::Transaction& t) -> Status {
    cancelled = 0;
    const auto rows = which.id ? std::vector{TRY(t.challenge(*which.id))}
                               : TRY(t.challenges({.authority = record.id,
                                                   .profile = which.profile,
                                                   .device = which.device,
                                                   .limit = std::numeric_limits<std::size_t>::max()}));
    for (ChallengeRecord row : rows) {
      if (row.authority != record.id ||
          (row.state != ChallengeState::minted && row.state != ChallengeState::claimed) ||
          row.kind == ChallengeKind::single || (!which.device.empty() && row.device != which.device) ||
          (!which.profile.empty() && row.profile != which.profile))
        continue;
      if (!may(row)) {
        others = true;
        continue;
      }
      row.state = ChallengeState::cancelled;
      row.changed_at = environment.clock.now();
      TRY(t.update_challenge(row));
      AuditEvent event = minted_event(row, record.name);
      event.actor = account;
      event.action = "challenge.cancel";
      TRY(record_audit(environment, t, std::move(event)));
      ++cancelled;
    }
    return ok();
  });
  TRY(done);
  if (cancelled == 0 && others) TRY(authorize(environment, *snapshot, act));
  if (cancelled == 0)
    return make_error(Errc::not_found, "there is no such challenge that is still good")
        .with_hint("vouch challenge list");
  return cancelled;
}

Status add_minter(const Environment& environment, std::string_view authority, const std::string& name,
                  const MinterRights& rights, const crypto::KeySpec& key, std::string_view administrator) {
  if (name.empty() || name.size() > 64)
    return make_error(Errc::usage, "a minter has a name of 1 to 64 characters");
  const auto record = TRY(authority_of(environment, authority));
  TRY(authorize_administrator(environment, record, "add minters of challenges", "challenge.minter",
                              administrator));
  for (const Minter& minter : TRY(minters(*TRY(environment.database.snapshot()), record.id)))
    if (minter.name == name)
      return make_error(Errc::conflict, "there is a minter '{}' already", name)
          .with_hint("change it (vouch challenge minter set), or remove it first");
  return put_minter(environment, record, {name, rights, {}}, key, administrator);
}

Status change_minter(const Environment& environment, std::string_view authority, const std::string& name,
                     const MinterRights& rights, std::string_view administrator) {
  const auto record = TRY(authority_of(environment, authority));
  TRY(authorize_administrator(environment, record, "change minters of challenges", "challenge.minter",
                              administrator));
  return put_minter(environment, record, {name, rights, {}}, std::nullopt, administrator);
}

Status renew_challenge_key(const Environment& environment, std::string_view authority,
                           std::string_view minter, std::string_view administrator) {
  const auto record = TRY(authority_of(environment, authority));
  TRY(authorize_administrator(environment, record, "renew the keys of challenges", "challenge.key",
                              administrator));
  if (minter.empty()) {
    (void)TRY(sealing_key(environment, record, true, administrator));
    return ok();
  }
  for (const Minter& one : TRY(minters(*TRY(environment.database.snapshot()), record.id))) {
    if (one.name != minter) continue;
    const auto info = TRY(x509::parse_public_key_info(one.key.public_key_info));
    return put_minter(environment, record, {one.name, one.rights, {}}, crypto::KeySpec{.type = info.type},
                      administrator);
  }
  return make_error(Errc::not_found, "there is no minter '{}'", minter)
      .with_hint("vouch challenge minter list");
}

Status take_minter_away(const Environment& environment, std::string_view authority, std::string_view name,
                        std::string_view administrator) {
  const auto record = TRY(authority_of(environment, authority));
  TRY(authorize_administrator(environment, record, "remove minters of challenges", "challenge.minter-remove",
                              administrator));
  return remove_minter(environment, record, name, administrator);
}

Status set_challenge_duty(const Environment& environment, std::string_view authority,
                          const ChallengeDuty& duty, bool on, std::string_view administrator) {
  if (duty.account.empty() || duty.account == "*")
    return make_error(Errc::usage, "name the account that hands in the requests of devices");
  AuditDetails details;
  details.add("account", duty.account).add("on", on ? "yes" : "no");
  details.add("profiles", fmt::format("{}", fmt::join(duty.profiles, ", ")));
  if (duty.renewal_grace.count() != 0) details.add("renewal_grace", format_span({0, duty.renewal_grace}));
  (void)TRY(change_settings(
      environment, authority,
      {.actor = std::string(administrator),
       .action = "challenge.require",
       .details = std::move(details),
       .apply = [&](AuthoritySettings& settings) -> Status {
         const auto removed = std::erase_if(settings.challenge_duties, [&](const ChallengeDuty& other) {
           return other.account == duty.account;
         });
         if (on) settings.challenge_duties.push_back(duty);
         if (on || removed != 0) return ok();
         return make_error(Errc::not_found, "{} is not bound to challenges", duty.account)
             .with_hint("vouch challenge account list");
       }}));
  return ok();
}

std::string state_of(const ChallengeRecord& record, Time now) {
  if (record.state == ChallengeState::minted && now > record.expires_at) return "expired";
  return std::string(to_string(record.state));
}

}  // namespace vouch::ca
