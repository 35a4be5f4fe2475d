#include "ca/challenge_keys.hpp"

#include <algorithm>

#include "ca/home/audit.hpp"
#include "ca/home/ca_name.hpp"
#include "ca/keys/key_files.hpp"
#include "policy/agent_right.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kWhat = "the rights of a minter";

Result<std::vector<std::string>> list_of(const Value& table, std::string_view key) {
  std::vector<std::string> out;
  const Value* list = table.find(key);
  if (!list || !list->list_items()) return make_error(Errc::malformed, "{}: '{}' is no list", kWhat, key);
  for (const Value& item : *list->list_items()) {
    if (!item.text())
      return make_error(Errc::malformed, "{}: '{}' holds something else than texts", kWhat, key);
    out.push_back(*item.text());
  }
  return out;
}

Result<Span> span_of(const Value& table, std::string_view key) {
  const Value* text = table.find(key);
  if (!text || !text->text()) return make_error(Errc::malformed, "{}: '{}' is no time", kWhat, key);
  return parse_span(*text->text());
}

bool lists(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::any_of(list, [&](const std::string& one) { return one == "*" || one == text; });
}

std::string joined(const std::vector<std::string>& texts) {
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

// Whether the minter may have every certificate that the challenge would let through.
bool names_fit(const std::vector<std::string>& patterns, const challenge::Bound& bound) {
  if (std::ranges::find(patterns, "*") != patterns.end()) return true;
  if (bound.subjects.empty()) return false;  // the device could choose any
  std::vector<x509::GeneralName> names = bound.required_names;
  names.insert(names.end(), bound.allowed_names.begin(), bound.allowed_names.end());
  return std::ranges::all_of(bound.subjects, [&](const x509::Name& subject) {
    return policy::names_covered(patterns, subject, names);
  });
}

std::string names_text(const challenge::Bound& bound) {
  std::string out;
  const auto put = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  for (const x509::Name& subject : bound.subjects) put(x509::to_rfc4514(subject));
  for (const auto* names : {&bound.required_names, &bound.allowed_names})
    for (const x509::GeneralName& name : *names) put(name.to_text());
  return bound.subjects.empty() ? "any subject; " + out : out;
}

bool is_sealing(const store::ChallengeKey& key) { return key.minter.empty(); }

// Retired, and its last challenge has expired.
Result<bool> has_nothing_to_open(const store::Snapshot& snapshot, const store::ChallengeKey& key, Time now) {
  if (!is_sealing(key) || !key.retired_at || key.removed_at) return false;
  const auto last = TRY(snapshot.last_challenge_of_key(key.authority, key.id));
  return !last || now > *last + challenge::kSkew;
}

// The file goes once the database says so. Another process may be faster: a file that is gone is what was
// wanted.
Status remove_sealing_key(const Environment& environment, store::ChallengeKey key, Time now) {
  key.removed_at = now;
  TRY(environment.database.commit([&](store::Transaction& t) { return t.update_challenge_key(key); }));
  (void)wipe_key_file(environment, key.reference);
  return ok();
}

Result<store::ChallengeKey> make_sealing_key(const Environment& environment,
                                             const store::AuthorityRecord& authority,
                                             std::string_view account) {
  Buffer secret(crypto::Sealer::kKeySize);
  environment.provider.random(secret);
  store::ChallengeKey key;
  key.id = challenge::sealing_key_id(environment.provider, secret);
  key.authority = authority.id;
  key.created_at = environment.clock.now();
  key.created_by = account;
  const std::string name =
      fmt::format("{}-challenge-{}.secret", sanitized_name(authority.name), to_hex(key.id));
  key.reference = "file:" + name;
  std::string text = to_hex(secret) + "\n";
  wipe(secret);
  const Status written = write_file_new(environment.home.keys() / name, as_bytes(text), 0600);
  wipe(text);
  TRY(written);
  const Status recorded = environment.database.commit([&](store::Transaction& t) -> Status {
    for (store::ChallengeKey& other : TRY(t.challenge_keys(authority.id)))
      if (is_sealing(other) && !other.retired_at) {
        other.retired_at = key.created_at;
        TRY(t.update_challenge_key(other));
      }
    TRY(t.insert_challenge_key(key));
    return record_audit(environment, t,
                        {.actor = std::string(account),
                         .action = "challenge.key",
                         .authority = authority.name,
                         .object = "challenge key " + to_hex(key.id)});
  });
  if (!recorded) {
    remove_key(environment, key.reference);
    return recorded.error();
  }
  return key;
}

}  // namespace

Result<MinterRights> parse_rights(std::string_view toml) {
  const Value table = TRY(parse_toml(toml, kWhat));
  MinterRights rights;
  rights.accounts = TRY(list_of(table, "accounts"));
  rights.profiles = TRY(list_of(table, "profiles"));
  rights.templates = TRY(list_of(table, "templates"));
  rights.names = TRY(list_of(table, "names"));
  for (const auto& [key, flag] : {std::pair("sids", &rights.sids), std::pair("passwords", &rights.passwords)})
    if (const Value* value = table.find(key)) *flag = value->boolean() && *value->boolean();
  rights.longest = TRY(span_of(table, "longest"));
  rights.password_life = TRY(span_of(table, "password_life"));
  if (const Value* most = table.find("open_passwords"); most && most->integer() && *most->integer() >= 0)
    rights.open_passwords = static_cast<std::uint32_t>(std::min<std::int64_t>(*most->integer(), 1'000'000));
  return rights;
}

std::string format_rights(const MinterRights& rights) {
  Value table;
  table.set("accounts", vouch::list_of(rights.accounts)).set("profiles", vouch::list_of(rights.profiles));
  table.set("templates", vouch::list_of(rights.templates)).set("names", vouch::list_of(rights.names));
  table.set("sids", rights.sids).set("passwords", rights.passwords);
  table.set("longest", format_span(rights.longest)).set("password_life", format_span(rights.password_life));
  table.set("open_passwords", std::uint64_t{rights.open_passwords});
  return to_toml(table);
}

Status check_rights(const MinterRights& rights) {
  if (rights.accounts.empty())
    return make_error(Errc::usage, "nobody could use the minter").with_hint("name an account: --account");
  if (rights.profiles.empty() || rights.templates.empty())
    return make_error(Errc::usage, "the minter could mint nothing")
        .with_hint("name profiles and templates, or * for all: --profile, --template");
  for (const Span span : {rights.longest, rights.password_life})
    if (add(Time(), span) <= Time())
      return make_error(Errc::usage, "a challenge that lives for no time is useless");
  return policy::check_name_patterns(rights.names, "the minter");
}

std::optional<Overstep> oversteps(const MinterRights& rights, const challenge::Bound& bound) {
  if (!lists(rights.profiles, bound.audience))
    return Overstep{"profiles: " + joined(rights.profiles), "profile " + bound.audience};
  if (!lists(rights.templates, bound.template_name))
    return Overstep{"templates: " + joined(rights.templates), "template " + bound.template_name};
  if (!bound.sid.empty() && !rights.sids) return Overstep{"no SID", "SID " + bound.sid};
  if (!names_fit(rights.names, bound)) return Overstep{"names: " + joined(rights.names), names_text(bound)};
  if (bound.expires > add(bound.issued_at, rights.longest))
    return Overstep{"a lifetime of " + format_span(rights.longest),
                    fmt::format("{} to {}", format_time(bound.issued_at), format_time(bound.expires))};
  return std::nullopt;
}

Result<std::vector<Minter>> minters(const store::Snapshot& snapshot, store::AuthorityId authority) {
  std::vector<Minter> found;
  for (store::ChallengeKey& key : TRY(snapshot.challenge_keys(authority))) {
    if (is_sealing(key) || key.retired_at || key.removed_at) continue;
    Minter minter{key.minter, TRY(parse_rights(key.rights).context("minter '{}'", key.minter)), {}};
    minter.key = std::move(key);
    found.push_back(std::move(minter));
  }
  return found;
}

Result<std::shared_ptr<const crypto::Sealer>> load_sealer(const Environment& environment,
                                                          const store::ChallengeKey& key) {
  constexpr std::size_t kMost = 256;
  const fs::path path = TRY(key_file_path(environment, key.reference));
  Buffer file = TRY(read_file(path, kMost));
  std::string_view text = as_text(file);
  while (text.ends_with('\n')) text.remove_suffix(1);
  auto secret = from_hex(text);
  wipe(file);
  if (!secret || secret->size() != crypto::Sealer::kKeySize)
    return make_error(Errc::malformed, "{} holds no key of challenges", path.string());
  std::shared_ptr<const crypto::Sealer> sealer = TRY(environment.provider.sealer(*secret));
  wipe(*secret);
  return sealer;
}

// In this process, also where another one holds the CA's keys: that one signs certificates and lists only.
Result<std::unique_ptr<crypto::Signer>> load_minter_signer(const Environment& environment,
                                                           const store::ChallengeKey& key) {
  const auto private_key = TRY(load_key(key_access(environment), key.reference));
  const auto info = TRY(x509::parse_public_key_info(private_key->public_key_info()));
  return private_key->signer(TRY(crypto::signature_algorithm_for({info.type, info.bits, false}, {})));
}

Result<store::ChallengeKey> sealing_key(const Environment& environment,
                                        const store::AuthorityRecord& authority, bool anew,
                                        std::string_view account) {
  const Time now = environment.clock.now();
  std::optional<store::ChallengeKey> current;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    for (store::ChallengeKey& key : TRY(snapshot->challenge_keys(authority.id))) {
      if (TRY(has_nothing_to_open(*snapshot, key, now)))
        TRY(remove_sealing_key(environment, std::move(key), now));
      else if (is_sealing(key) && !key.retired_at && !key.removed_at)
        current = std::move(key);
    }
  }
  if (current && !anew && now < add(current->created_at, kSealingKeyLife)) return std::move(*current);
  return make_sealing_key(environment, authority, anew ? account : std::string_view("vouch"));
}

Status put_minter(const Environment& environment, const store::AuthorityRecord& authority,
                  const Minter& minter, std::optional<crypto::KeySpec> spec, std::string_view account) {
  TRY(check_rights(minter.rights));
  store::ChallengeKey key;
  if (spec) {
    if (spec->type != crypto::KeyType::ed25519 && spec->type != crypto::KeyType::p256)
      return make_error(Errc::usage, "a minter signs with ed25519 or ec:P-256, not {}",
                        crypto::format_key_spec(*spec));
    const auto made = TRY(environment.provider.generate(*spec));
    key.public_key_info = to_buffer(made->public_key_info());
    key.id = challenge::minter_key_id(environment.provider, key.public_key_info);
    key.reference =
        TRY(save_key(environment, fmt::format("{}-minter-{}", authority.name, minter.name), *made, ""));
  }
  key.authority = authority.id;
  key.minter = minter.name;
  key.rights = format_rights(minter.rights);
  key.created_at = environment.clock.now();
  key.created_by = account;
  const Status done = environment.database.commit([&](store::Transaction& t) -> Status {
    bool found = false;
    for (store::ChallengeKey& other : TRY(t.challenge_keys(authority.id))) {
      if (other.minter != minter.name || other.removed_at) continue;
      found = true;
      // Rights are the minter's: what its earlier keys signed is held against those of now.
      other.rights = key.rights;
      if (spec && !other.retired_at) other.retired_at = key.created_at;
      TRY(t.update_challenge_key(other));
    }
    if (!spec && !found)
      return make_error(Errc::not_found, "there is no minter '{}'", minter.name)
          .with_hint("vouch challenge minter list");
    if (spec) TRY(t.insert_challenge_key(key));
    return record_audit(environment, t,
                        {.actor = std::string(account),
                         .action = "challenge.minter",
                         .authority = authority.name,
                         .object = "minter " + minter.name,
                         .details = AuditDetails()
                                        .add("accounts", joined(minter.rights.accounts))
                                        .add("profiles", joined(minter.rights.profiles))
                                        .add("templates", joined(minter.rights.templates))
                                        .add("names", joined(minter.rights.names))
                                        .add("sids", minter.rights.sids ? "yes" : "no")
                                        .add("passwords", minter.rights.passwords ? "yes" : "no")
                                        .add("key", Bytes(key.id))});
  });
  if (!done && spec) remove_key(environment, key.reference);
  return done;
}

Status remove_minter(const Environment& environment, const store::AuthorityRecord& authority,
                     std::string_view name, std::string_view account) {
  std::vector<std::string> references;
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    references.clear();
    for (store::ChallengeKey& key : TRY(t.challenge_keys(authority.id))) {
      if (key.minter != name || key.removed_at || name.empty()) continue;
      key.removed_at = environment.clock.now();
      TRY(t.update_challenge_key(key));
      references.push_back(key.reference);
    }
    if (references.empty())
      return make_error(Errc::not_found, "there is no minter '{}'", name)
          .with_hint("vouch challenge minter list");
    return record_audit(environment, t,
                        {.actor = std::string(account),
                         .action = "challenge.minter-remove",
                         .authority = authority.name,
                         .object = fmt::format("minter {}", name)});
  }));
  for (const std::string& reference : references) (void)wipe_key_file(environment, reference);
  return ok();
}

}  // namespace vouch::ca
