#include "ca/keys/key_care.hpp"

#include <algorithm>
#include <map>

#include "ca/home/audit.hpp"
#include "ca/keys/token_keys.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/settings.hpp"
#include "x509/certificate.hpp"

namespace vouch::ca {
namespace {

std::string version_of(const store::KeyGeneration& generation) {
  return fmt::format("V{}.{}", generation.certificate_index, generation.key_index);
}

std::string kind_of(Bytes public_key_info) {
  const auto info = x509::parse_public_key_info(public_key_info);
  if (!info) return {};
  if (info->type == crypto::KeyType::rsa) return fmt::format("RSA {}", info->bits);
  return std::string(x509::to_string(info->type));
}

struct Generation {
  std::string ca;
  store::KeyGeneration value;
};
Result<std::vector<Generation>> all_generations(const Environment& environment) {
  const auto snapshot = TRY(environment.database.snapshot());
  std::vector<Generation> all;
  for (const auto& record : TRY(snapshot->authorities()))
    for (auto& generation : TRY(snapshot->key_generations(record.id)))
      all.push_back({record.name, std::move(generation)});
  return all;
}

std::string user_of(const Generation& generation) {
  return fmt::format("{} {}", generation.ca, version_of(generation.value));
}

Status authorize_for_keys(const Environment& environment, const store::AuthorityRecord& record,
                          std::string_view administrator, std::string_view what, std::string_view action) {
  return authorize(environment, {.account = administrator,
                                 .role = Role::administrator,
                                 .what = what,
                                 .action = action,
                                 .object = "CA " + record.name,
                                 .authority = record.id,
                                 .authority_name = record.name});
}

// The newest generation whose key is in a file.
Result<store::KeyGeneration> generation_to_move(const store::Snapshot& snapshot,
                                                const store::AuthorityRecord& record) {
  const auto generations = TRY(snapshot.key_generations(record.id));
  if (generations.empty()) return make_error(Errc::not_found, "CA '{}' has no key", record.name);
  if (!is_key_file(generations.back().key_reference))
    return make_error(Errc::conflict, "the key of CA '{}' is on a token already: {}", record.name,
                      generations.back().key_reference);
  return generations.back();
}

}  // namespace

Result<std::vector<KeyEntry>> list_keys(const Environment& environment) {
  std::map<std::string, KeyEntry> entries;
  for (const Generation& generation : TRY(all_generations(environment))) {
    KeyEntry& entry = entries[generation.value.key_reference];
    entry.users.push_back(user_of(generation));
    entry.kind = kind_of(generation.value.public_key_info);
    entry.is_there = !is_key_file(generation.value.key_reference);
  }
  const auto snapshot = TRY(environment.database.snapshot());
  for (const store::AuditKey& key : TRY(snapshot->audit_keys())) {
    KeyEntry& entry = entries[key.key_reference];
    entry.users.emplace_back("the audit log");
    entry.kind = kind_of(key.public_key_info);
    entry.is_there = !is_key_file(key.key_reference);
  }
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(environment.home.keys(), ignored)) {
    if (file.path().extension() != ".key") continue;
    KeyEntry& entry = entries["file:" + file.path().filename().string()];
    entry.is_there = true;
    if (!entry.users.empty()) continue;
    // Of a key that no CA uses, what can be read without its passphrase.
    Buffer content = TRY(read_file(file.path(), 64 << 10));
    if (const auto key = environment.provider.load_private_key(content, {}))
      entry.kind = kind_of((*key)->public_key_info());
    wipe(content);
  }
  std::vector<KeyEntry> list;
  for (auto& [reference, entry] : entries) {
    entry.reference = reference;
    list.push_back(std::move(entry));
  }
  return list;
}

Result<std::vector<TokenKeyEntry>> list_token_keys(const Environment& environment, std::string_view uri) {
  const auto* tokens = TRY(tokens_of(environment));
  const crypto::TokenUri given = TRY(crypto::parse_token_uri(uri));
  auto keys = TRY(tokens->list(TRY(read_token_uri(environment, uri)), pin_source_of(environment)));
  const auto generations = TRY(all_generations(environment));
  std::vector<TokenKeyEntry> list;
  for (auto& key : keys) {
    TokenKeyEntry entry;
    crypto::TokenUri reference = key.uri;
    reference.module_path = given.module_path;
    reference.module_name = given.module_name;
    entry.reference = format_token_uri(reference);
    // By the key itself: the same key may be named by several URIs.
    for (const Generation& generation : generations)
      if (!key.public_key_info.empty() && equal(generation.value.public_key_info, key.public_key_info) &&
          crypto::is_token_uri(generation.value.key_reference))
        entry.users.push_back(user_of(generation));
    entry.key = std::move(key);
    list.push_back(std::move(entry));
  }
  return list;
}

Result<std::vector<KeyTrial>> try_keys(const Environment& environment, const store::AuthorityRecord& record,
                                       std::string_view administrator) {
  TRY(authorize_for_keys(environment, record, administrator, "try keys", "key.try"));
  const AuthoritySettings settings = TRY(parse_settings(record.settings));
  std::vector<store::KeyGeneration> generations;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    generations = TRY(snapshot->key_generations(record.id));
  }
  std::vector<KeyTrial> trials;
  for (store::KeyGeneration& generation : generations) {
    const auto trial = [&]() -> Status {
      // The signer process signs what its keys are for, and no trial text; it can say whether the key is
      // there.
      if (environment.keys) return environment.keys->check(environment, generation.key_reference);
      const auto algorithm = TRY(signature_algorithm_of(settings, generation.public_key_info));
      const auto signer = TRY(open_signer(environment, generation.key_reference, generation.public_key_info,
                                          algorithm, {record.name, settings.interactive_key}));
      Buffer message = to_buffer(as_bytes("vouch trial signature "));
      Buffer nonce(16);
      environment.provider.random(nonce);
      append(message, nonce);
      const Buffer signature = TRY(signer->sign(message));
      return environment.provider.verify(generation.public_key_info, algorithm, message, signature);
    };
    auto done = trial();
    KeyTrial result{std::move(generation), std::nullopt};
    if (!done) result.problem = std::move(done.error());
    trials.push_back(std::move(result));
  }
  return trials;
}

Result<MigrationResult> migrate_key(const Environment& environment, const store::AuthorityRecord& record,
                                    const MigrationOptions& options) {
  TRY(authorize_for_keys(environment, record, options.administrator, "move keys", "key.migrate"));
  const AuthoritySettings settings = TRY(parse_settings(record.settings));
  store::KeyGeneration newest;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    newest = TRY(generation_to_move(*snapshot, record));
  }
  MigrationResult result;
  result.from = newest.key_reference;
  auto file_key = TRY(load_key(environment, newest.key_reference));
  if (!equal(file_key->public_key_info(), newest.public_key_info))
    return make_error(Errc::conflict, "key {} is not the key of CA '{}'", newest.key_reference, record.name);
  // NewKey tries a signature on the token and takes the key away again unless settle() is reached.
  NewKey moved = TRY(NewKey::make(environment, {.ca_name = record.name,
                                                .spec = settings.key,
                                                .digest = {},
                                                .existing = std::move(file_key),
                                                .token_uri = options.uri}));
  if (!equal(moved->public_key_info(), newest.public_key_info))
    return make_error(Errc::conflict, "the token has another public key than the file after the import");
  result.to = TRY(moved.keep({}));

  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    result.versions.clear();
    for (store::KeyGeneration& generation : TRY(t.key_generations(record.id))) {
      if (generation.key_reference != result.from) continue;
      generation.key_reference = result.to;
      result.versions.push_back(version_of(generation));
      TRY(t.update_key_generation(generation));
    }
    if (result.versions.empty())
      return make_error(Errc::conflict, "CA '{}' uses key {} no longer", record.name, result.from);
    return record_audit(environment, t,
                        {.actor = options.administrator,
                         .action = "key.migrate",
                         .authority = record.name,
                         .object = "key " + result.from,
                         .details = AuditDetails().add("to", result.to)});
  }));
  moved.settle();
  if (!options.delete_file) return result;
  TRY(wipe_key_file(environment, result.from)
          .context("the CA uses the token from here on, but its old key file is still there"));
  result.file_deleted = true;
  return result;
}

Result<Buffer> export_pkcs12(const Environment& environment, const store::AuthorityRecord& record,
                             std::string_view password, std::string_view administrator) {
  TRY(authorize_for_keys(environment, record, administrator, "export keys", "key.export"));
  std::vector<store::KeyGeneration> generations;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    generations = TRY(snapshot->key_generations(record.id));
  }
  const auto newest = std::ranges::find_if(generations.rbegin(), generations.rend(),
                                           [](const auto& g) { return !g.certificate.empty(); });
  if (newest == generations.rend())
    return make_error(Errc::unavailable, "CA '{}' has no certificate yet", record.name)
        .with_hint("have its request signed by the parent (vouch ca sign), then: vouch ca install FILE");
  if (!is_key_file(newest->key_reference))
    return make_error(Errc::unsupported, "the key of CA '{}' is on a token and cannot be exported: {}",
                      record.name, newest->key_reference)
        .with_hint("back up the token by its own means; vouch ca export --chain writes the certificates");
  const auto key = TRY(load_key(environment, newest->key_reference));
  Buffer file =
      TRY(environment.provider.write_pkcs12(*key, newest->certificate, newest->chain, record.name, password));
  TRY(record_audit(environment, {.actor = std::string(administrator),
                                 .action = "key.export",
                                 .authority = record.name,
                                 .object = "key " + newest->key_reference}));
  return file;
}

}  // namespace vouch::ca
