#pragma once
// What vouch.toml says about outside services that decide about SCEP requests or are told of them:
// [webhook.NAME] and [intune.NAME] (docs/reference/configuration.md).

#include <span>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/settings.hpp"
#include "base/time.hpp"

namespace vouch::daemon::mdm {

// [webhook.NAME]. Files are relative to the home.
struct WebhookConfiguration {
  std::string name;
  int line = 0;
  std::string url{};
  fs::path secret_file{}, bearer_file{};   // first lines
  fs::path trust{}, certificate{}, key{};  // PEM; trust empty: the system's roots
  std::chrono::milliseconds patience{10'000};
};

// [intune.NAME]. Files are relative to the home.
struct IntuneConfiguration {
  std::string name;
  int line = 0;
  std::string tenant{}, application{};
  fs::path secret_file{}, certificate{}, key{}, trust{};
  std::string login_url = "https://login.microsoftonline.com", graph_url = "https://graph.microsoft.com";
  std::string validation_url{}, connector_url{};
  std::chrono::milliseconds patience{15'000};
  bool wait = true;  // for the success notification, before the device is answered
  bool renewals_without_challenge = false;
  std::string ca{};       // that issues and revokes; empty: the only one
  std::string account{};  // that revokes; empty: intune:NAME
  bool revocations = true;
  std::chrono::milliseconds interval{300'000};  // between two looks at what is to be revoked
  std::int64_t batch = 100;
  std::string account_name() const { return account.empty() ? "intune:" + name : account; }
};

// The sections of the document, each checked as a whole. `members`: of [webhook] and [intune]; null: not
// there.
Result<std::vector<WebhookConfiguration>> read_webhooks(const Value* members, std::string_view file);
Result<std::vector<IntuneConfiguration>> read_intunes(const Value* members, std::string_view file);

std::span<const Setting<WebhookConfiguration>> webhook_settings();
std::span<const Setting<IntuneConfiguration>> intune_settings();

}  // namespace vouch::daemon::mdm
