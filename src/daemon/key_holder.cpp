#include "daemon/key_holder.hpp"

#include <algorithm>

#include "ca/keys/token_keys.hpp"
#include "daemon/configuration.hpp"
#include "daemon/setting_kinds.hpp"

namespace vouch::daemon {
namespace {

constexpr std::size_t kMaxKeyFile = 64 << 10;

// A file that cannot be read is found out about when the key is used.
Status ask_for_passphrase(const ca::Environment& environment, std::string_view reference,
                          KeyHolderPlan& plan) {
  const fs::path path = TRY(ca::key_file_path(environment, reference));
  auto content = read_file(path, kMaxKeyFile);
  if (!content) return ok();
  const bool encrypted = as_text(*content).find("ENCRYPTED") != std::string_view::npos;
  wipe(*content);
  if (encrypted) plan.passphrases[path.string()] = TRY(environment.passphrase(path.string()));
  return ok();
}

Status ask_for_pin(const ca::Environment& environment, std::string_view reference, KeyHolderPlan& plan) {
  const crypto::TokenUri uri = TRY(ca::read_token_uri(environment, reference));
  if (!plan.pins.contains(uri.token))
    plan.pins[uri.token] = TRY(ca::pin_source_of(environment)({uri.token, uri.pin_source}));
  return ok();
}

// The keys of CAs that a SCEP profile uses: in CA mode they answer devices, and after a renewal the one
// before says what comes next (RFC 8894 4.7).
Result<std::vector<std::string>> messengers_of(const store::Snapshot& snapshot,
                                               const Configuration& configuration) {
  std::vector<std::string> references;
  const auto all = TRY(snapshot.authorities());
  for (const store::AuthorityRecord& authority : all) {
    const bool is_used = std::ranges::any_of(configuration.scep, [&](const auto& profile) {
      return profile.enabled && (profile.ca == authority.name || (profile.ca.empty() && all.size() == 1));
    });
    if (!is_used) continue;
    for (store::KeyGeneration& key : TRY(snapshot.key_generations(authority.id)))
      references.push_back(std::move(key.key_reference));
  }
  return references;
}

}  // namespace

Result<KeyHolderPlan> plan_key_holder(const ca::Environment& environment,
                                      const Configuration& configuration) {
  KeyHolderPlan plan{.access = ca::key_access(environment)};
  plan.known = TRY(ca::key_evidence(*TRY(environment.database.snapshot())));
  for (const ca::KeyEvidence& key : plan.known)
    TRY(crypto::is_token_uri(key.reference) ? ask_for_pin(environment, key.reference, plan)
                                            : ask_for_passphrase(environment, key.reference, plan));
  const SignerConfiguration& signer = configuration.signer;
  plan.sockets = signer.sockets;
  for (const std::string& path : items_of(signer.readable)) plan.readable.emplace_back(path);
  for (const std::string& path : items_of(signer.writable)) plan.writable.emplace_back(path);
  plan.messengers = TRY(messengers_of(*TRY(environment.database.snapshot()), configuration));
  return plan;
}

}  // namespace vouch::daemon
