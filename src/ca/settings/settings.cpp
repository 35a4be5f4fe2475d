#include "ca/settings/settings.hpp"

#include <algorithm>

#include "base/value.hpp"
#include "crypto/signature_digest.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kFile = "the CA's settings";

Result<std::string> text_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  if (!value || !value->text())
    return make_error(Errc::malformed, "{}: '{}' is missing or no text", kFile, key);
  return *value->text();
}

bool flag_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  return value && value->boolean() && *value->boolean();
}

// Settings that came later are missing in databases from before.
Result<Span> optional_span(const Value& table, std::string_view key) {
  if (!table.find(key)) return Span{};
  const std::string text = TRY(text_of(table, key));
  return text == "auto" || text == "off" ? Span{} : TRY(parse_span(text));
}

Result<std::vector<Location>> locations_of(const Value& table, std::string_view key) {
  std::vector<Location> locations;
  const Value* value = table.find(key);
  if (!value || !value->list_items())
    return make_error(Errc::malformed, "{}: '{}' is missing or no list", kFile, key);
  for (const Value& item : *value->list_items()) {
    if (!item.text())
      return make_error(Errc::malformed, "{}: '{}' holds something else than texts", kFile, key);
    locations.push_back(TRY(parse_location(*item.text())));
  }
  return locations;
}

Result<std::vector<policy::AgentRight>> agent_rights_of(const Value& table) {
  std::vector<policy::AgentRight> rights;
  const Value* value = table.find("enrollment_agents");
  if (!value) return rights;
  if (!value->list_items()) return make_error(Errc::malformed, "{}: 'enrollment_agents' is no list", kFile);
  for (const Value& item : *value->list_items()) {
    policy::AgentRight right;
    right.agent = TRY(text_of(item, "agent"));
    right.template_name = TRY(text_of(item, "template"));
    const Value* names = item.find("names");
    if (!names || !names->list_items())
      return make_error(Errc::malformed, "{}: 'names' is missing or no list", kFile);
    for (const Value& name : *names->list_items()) {
      if (!name.text())
        return make_error(Errc::malformed, "{}: 'names' holds something else than texts", kFile);
      right.names.push_back(*name.text());
    }
    TRY(policy::check_agent_right(right).context("reading {}", kFile));
    rights.push_back(std::move(right));
  }
  return rights;
}

Result<std::vector<ChallengeDuty>> challenge_duties_of(const Value& table) {
  std::vector<ChallengeDuty> duties;
  const Value* value = table.find("challenge_accounts");
  if (!value) return duties;
  if (!value->list_items()) return make_error(Errc::malformed, "{}: 'challenge_accounts' is no list", kFile);
  for (const Value& item : *value->list_items()) {
    ChallengeDuty duty{TRY(text_of(item, "account")), {}, TRY(optional_span(item, "renewal_grace")).seconds};
    const Value* profiles = item.find("profiles");
    if (!profiles || !profiles->list_items())
      return make_error(Errc::malformed, "{}: 'profiles' is missing or no list", kFile);
    for (const Value& profile : *profiles->list_items()) {
      if (!profile.text())
        return make_error(Errc::malformed, "{}: 'profiles' holds something else than texts", kFile);
      duty.profiles.push_back(*profile.text());
    }
    duties.push_back(std::move(duty));
  }
  return duties;
}

Value value_of(const ChallengeDuty& duty) {
  Value profiles = Value::list();
  for (const std::string& profile : duty.profiles) profiles.push(profile);
  Value value = Value().set("account", duty.account).set("profiles", std::move(profiles));
  if (duty.renewal_grace.count() != 0) value.set("renewal_grace", format_span({0, duty.renewal_grace}));
  return value;
}

Value value_of(const policy::AgentRight& right) {
  Value names = Value::list();
  for (const std::string& name : right.names) names.push(name);
  return Value()
      .set("agent", right.agent)
      .set("template", right.template_name)
      .set("names", std::move(names));
}

std::string_view name_of(crypto::DigestAlgorithm digest) {
  switch (digest) {
    case crypto::DigestAlgorithm::sha384:
      return "sha384";
    case crypto::DigestAlgorithm::sha512:
      return "sha512";
    default:
      return "sha256";
  }
}

Value list_of(const std::vector<Location>& locations) {
  Value list = Value::list();
  for (const Location& location : locations) list.push(format_location(location));
  return list;
}

Status read_crl_settings(const Value& table, AuthoritySettings& settings) {
  settings.crl_overlap = TRY(optional_span(table, "crl_overlap"));
  settings.delta_period = TRY(optional_span(table, "delta_period"));
  settings.delta_overlap = TRY(optional_span(table, "delta_overlap"));
  if (const Value* times = table.find("publish_at"); times && times->list_items())
    for (const Value& time : *times->list_items())
      settings.publish_at.push_back(TRY(parse_time_of_day(time.text() ? *time.text() : "")));
  if (table.find("keep_expired_since"))
    settings.keep_expired_since = TRY(parse_time(TRY(text_of(table, "keep_expired_since"))));
  if (table.find("crl_scope"))
    settings.crl_scope = TRY(crl_scope_from_name(TRY(text_of(table, "crl_scope"))));
  if (const Value* shards = table.find("crl_shards")) {
    const auto number = shards->integer();
    if (!number || *number < 1 || *number > std::int64_t{kMostCrlShards})
      return make_error(Errc::malformed, "{}: 'crl_shards' is no number from 1 to {}", kFile, kMostCrlShards);
    settings.crl_shards = static_cast<std::uint32_t>(*number);
  }
  settings.delta_from_oldest_base = flag_of(table, "delta_from_oldest_base");
  if (table.find("configuration_container"))
    settings.configuration_container = TRY(text_of(table, "configuration_container"));
  return ok();
}

void write_crl_settings(const AuthoritySettings& settings, Value& table) {
  table.set("crl_overlap", format_overlap(settings.crl_overlap));
  table.set("delta_period", settings.delta_period == Span{} ? "off" : format_span(settings.delta_period));
  table.set("delta_overlap", format_overlap(settings.delta_overlap));
  Value times = Value::list();
  for (const auto time : settings.publish_at) times.push(format_time_of_day(time));
  table.set("publish_at", std::move(times));
  if (settings.keep_expired_since) table.set("keep_expired_since", format_time(*settings.keep_expired_since));
  table.set("crl_scope", to_string(settings.crl_scope));
  if (settings.crl_shards > 1) table.set("crl_shards", std::uint64_t{settings.crl_shards});
  table.set("delta_from_oldest_base", settings.delta_from_oldest_base);
  table.set("configuration_container", settings.configuration_container);
}

}  // namespace

std::string_view to_string(CrlScope scope) {
  switch (scope) {
    case CrlScope::all:
      return "all";
    case CrlScope::user:
      return "user";
    case CrlScope::ca:
      return "ca";
  }
  return "";
}

Result<CrlScope> crl_scope_from_name(std::string_view name) {
  for (const CrlScope scope : {CrlScope::all, CrlScope::user, CrlScope::ca})
    if (name == to_string(scope)) return scope;
  return make_error(Errc::malformed, "'{}' is no scope of a revocation list", name)
      .with_hint("one of: all, user, ca");
}

Result<std::chrono::minutes> parse_time_of_day(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const auto number = [&](std::size_t i) { return (text[i] - '0') * 10 + (text[i + 1] - '0'); };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4) ||
      number(0) > 23 || number(3) > 59)
    return make_error(Errc::malformed, "'{}' is no time of day", text).with_hint("write it as 02:00, in UTC");
  return std::chrono::hours(number(0)) + std::chrono::minutes(number(3));
}

std::string format_time_of_day(std::chrono::minutes time) {
  return fmt::format("{:02}:{:02}", time.count() / 60, time.count() % 60);
}

std::string format_overlap(Span overlap) { return overlap == Span{} ? "auto" : format_span(overlap); }

namespace {

Status check_shards(const AuthoritySettings& settings) {
  if (settings.crl_shards < 1 || settings.crl_shards > kMostCrlShards)
    return make_error(Errc::usage, "{} shards are not possible", settings.crl_shards)
        .with_hint(fmt::format("choose 1 (no shards) to {}", kMostCrlShards));
  if (settings.crl_shards == 1) return ok();
  if (std::ranges::none_of(
          settings.cdp, [](const Location& l) { return !is_file(l) && (l.flags & add_to_certificate) != 0; }))
    return make_error(Errc::usage,
                      "certificates would not say which shard is theirs: no CDP location has flag 2")
        .with_hint("give them one first: vouch location add --cdp 6:http://pki.example.com/%3%8%9.crl");
  return check_shard_places(settings.cdp);
}

}  // namespace

Status check_crl_settings(const AuthoritySettings& settings) {
  const Time then{};
  const auto length = [&](Span span) { return add(then, span) - then; };
  if (length(settings.crl_overlap) > length(settings.crl_period))
    return make_error(Errc::usage, "an overlap of {} is longer than the period of {}",
                      format_span(settings.crl_overlap), format_span(settings.crl_period))
        .with_hint("it can be at most as long");
  if (length(settings.delta_period) > length(settings.crl_period))
    return make_error(Errc::usage, "delta CRLs every {} would come less often than base CRLs, every {}",
                      format_span(settings.delta_period), format_span(settings.crl_period))
        .with_hint("choose a shorter period for deltas, or switch them off");
  if (settings.delta_period != Span{} && length(settings.delta_overlap) > length(settings.delta_period))
    return make_error(Errc::usage, "an overlap of {} is longer than the period of {} of delta CRLs",
                      format_span(settings.delta_overlap), format_span(settings.delta_period))
        .with_hint("it can be at most as long");
  if (!settings.publish_at.empty() && length(settings.crl_period) < std::chrono::hours(24))
    return make_error(Errc::usage, "times of day need a period of at least a day, not {}",
                      format_span(settings.crl_period))
        .with_hint("choose a longer period, or publish at any time");
  return check_shards(settings);
}

std::optional<crypto::DigestAlgorithm> digest_of(crypto::SignatureAlgorithm algorithm) {
  if (algorithm == crypto::SignatureAlgorithm::ed25519) return std::nullopt;
  return crypto::digest_of(algorithm);
}

Result<crypto::SignatureAlgorithm> signature_algorithm_of(const AuthoritySettings& settings,
                                                          Bytes public_key_info) {
  const x509::PublicKeyInfo key = TRY(x509::parse_public_key_info(public_key_info));
  crypto::KeySpec spec{key.type, key.type == crypto::KeyType::rsa ? key.bits : 0, false};
  spec.pss = spec.type == crypto::KeyType::rsa && (settings.key.pss || key.rsassa_pss);
  if (spec.type == settings.key.type && spec.pss == settings.key.pss) return settings.signature_algorithm;
  const bool choice = spec.type != crypto::KeyType::ed25519;
  return crypto::signature_algorithm_for(spec,
                                         choice ? digest_of(settings.signature_algorithm) : std::nullopt);
}

Result<AuthoritySettings> parse_settings(std::string_view toml) {
  const Value table = TRY(parse_toml(toml, kFile));
  AuthoritySettings settings;
  settings.key = TRY(crypto::parse_key_spec(TRY(text_of(table, "key"))));
  std::optional<crypto::DigestAlgorithm> digest;
  if (const Value* name = table.find("hash"); name && name->text())
    digest = TRY(crypto::digest_from_name(*name->text()));
  settings.signature_algorithm = TRY(crypto::signature_algorithm_for(settings.key, digest));
  settings.automatic_issuance = flag_of(table, "automatic_issuance");
  settings.override_logon_purposes = flag_of(table, "override_logon_purposes");
  settings.requested_validity = flag_of(table, "requested_validity");
  settings.default_validity = TRY(parse_span(TRY(text_of(table, "default_validity"))));
  settings.crl_period = TRY(parse_span(TRY(text_of(table, "crl_period"))));
  settings.cdp = TRY(locations_of(table, "cdp"));
  settings.aia = TRY(locations_of(table, "aia"));
  settings.no_locations = flag_of(table, "no_locations");
  settings.dns_name = TRY(text_of(table, "dns_name"));
  settings.short_name = TRY(text_of(table, "short_name"));
  TRY(read_crl_settings(table, settings));
  settings.interactive_key = flag_of(table, "interactive_key");
  settings.agent_rights = TRY(agent_rights_of(table));
  settings.challenge_duties = TRY(challenge_duties_of(table));
  if (const Value* due = table.find("renewal_due"); due && due->text())
    settings.renewal_due = TRY(parse_time(*due->text()));
  if (const Value* parent = table.find("parent"))
    settings.parent = TRY(parse_parent(*parent).context("reading {}", kFile));
  return settings;
}

std::string format_settings(const AuthoritySettings& settings) {
  Value table = Value::table();
  table.set("key", crypto::format_key_spec(settings.key));
  if (const auto digest = digest_of(settings.signature_algorithm)) table.set("hash", name_of(*digest));
  table.set("automatic_issuance", settings.automatic_issuance);
  table.set("override_logon_purposes", settings.override_logon_purposes);
  if (settings.requested_validity) table.set("requested_validity", true);
  table.set("default_validity", format_span(settings.default_validity));
  table.set("crl_period", format_span(settings.crl_period));
  table.set("cdp", list_of(settings.cdp));
  table.set("aia", list_of(settings.aia));
  table.set("no_locations", settings.no_locations);
  table.set("dns_name", settings.dns_name);
  table.set("short_name", settings.short_name);
  write_crl_settings(settings, table);
  table.set("interactive_key", settings.interactive_key);
  if (!settings.agent_rights.empty()) {
    Value rights = Value::list();
    for (const policy::AgentRight& right : settings.agent_rights) rights.push(value_of(right));
    table.set("enrollment_agents", std::move(rights));
  }
  if (!settings.challenge_duties.empty()) {
    Value duties = Value::list();
    for (const ChallengeDuty& duty : settings.challenge_duties) duties.push(value_of(duty));
    table.set("challenge_accounts", std::move(duties));
  }
  if (settings.renewal_due) table.set("renewal_due", format_time(*settings.renewal_due));
  if (settings.parent) table.set("parent", describe(*settings.parent));
  return to_toml(table);
}

}  // namespace vouch::ca
