#include "daemon/key_holder.hpp"

#include "ca/token_keys.hpp"
#include "daemon/configuration.hpp"

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

}  // namespace

Result<KeyHolderPlan> plan_key_holder(const ca::Environment& environment,
                                      const SignerConfiguration& configuration) {
  KeyHolderPlan plan{.access = ca::key_access(environment)};
  plan.known = TRY(ca::key_evidence(*TRY(environment.database.snapshot())));
  for (const ca::KeyEvidence& key : plan.known)
    TRY(crypto::is_token_uri(key.reference) ? ask_for_pin(environment, key.reference, plan)
                                            : ask_for_passphrase(environment, key.reference, plan));
  plan.sockets = configuration.sockets;
  for (const std::string& path : items_of(configuration.readable)) plan.readable.emplace_back(path);
  for (const std::string& path : items_of(configuration.writable)) plan.writable.emplace_back(path);
  return plan;
}

}  // namespace vouch::daemon
