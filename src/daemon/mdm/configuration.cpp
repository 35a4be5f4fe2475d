#include "daemon/mdm/configuration.hpp"

#include <algorithm>

#include "daemon/setting_kinds.hpp"
#include "daemon/setting_sections.hpp"
#include "enroll/mdm/webhook.hpp"

namespace vouch::daemon::mdm {
namespace {

using W = WebhookConfiguration;
using I = IntuneConfiguration;

constexpr Setting<W> kWebhookSettings[] = {
    text<W, [](auto& w) -> auto& { return w.url; }>("url",
                                                    "where bodies are posted: https, or http to this host"),
    text<W, [](auto& w) -> auto& { return w.secret_file; }>(
        "secret_file", "its first line signs bodies (HMAC-SHA256); relative to the home"),
    text<W, [](auto& w) -> auto& { return w.bearer_file; }>(
        "bearer_file", "its first line is sent as a bearer token; empty: none"),
    text<W, [](auto& w) -> auto& { return w.trust; }>("trust",
                                                      "roots of its certificate, PEM; empty: the system's"),
    text<W, [](auto& w) -> auto& { return w.certificate; }>("certificate",
                                                            "that this service shows it, PEM; empty: none"),
    text<W, [](auto& w) -> auto& { return w.key; }>("key", "the key of that certificate, PEM"),
    time<W, [](auto& w) -> auto& { return w.patience; }>("patience", "how long an answer may take"),
};

constexpr Setting<I> kIntuneSettings[] = {
    text<I, [](auto& i) -> auto& { return i.tenant; }>("tenant", "name or number of the directory"),
    text<I, [](auto& i) -> auto& { return i.application; }>(
        "application", "number of the application that is registered there"),
    text<I, [](auto& i) -> auto& { return i.secret_file; }>("secret_file",
                                                            "its first line is the application's secret; or"),
    text<I, [](auto& i) -> auto& { return i.certificate; }>(
        "certificate", "the application's certificate, PEM, instead of a secret"),
    text<I, [](auto& i) -> auto& { return i.key; }>("key", "the RSA key of that certificate, PEM"),
    text<I, [](auto& i) -> auto& { return i.trust; }>(
        "trust", "roots of the services' certificates, PEM; empty: the system's"),
    text<I, [](auto& i) -> auto& { return i.login_url; }>("login_url", "where tokens come from"),
    text<I, [](auto& i) -> auto& { return i.graph_url; }>("graph_url",
                                                          "where the places of the services are asked for"),
    text<I, [](auto& i) -> auto& { return i.validation_url; }>(
        "validation_url", "of the service that validates requests; empty: it is asked for"),
    text<I, [](auto& i) -> auto& { return i.connector_url; }>(
        "connector_url", "of the service that knows of revocations; empty: it is asked for"),
    time<I, [](auto& i) -> auto& { return i.patience; }>("patience", "how long an answer may take"),
    on_or_off<I, [](auto& i) -> auto& { return i.wait; }>(
        "wait", "whether a device gets its certificate only when the service has taken note of it"),
    on_or_off<I, [](auto& i) -> auto& { return i.renewals_without_challenge; }>(
        "renewals_without_challenge", "whether a renewal that carries no challenge goes through"),
    text<I, [](auto& i) -> auto& { return i.ca; }>(
        "ca", "the CA whose certificates are revoked; empty: that of the profile that uses it"),
    text<I, [](auto& i) -> auto& { return i.account; }>("account", "that revokes; empty: intune:NAME"),
    on_or_off<I, [](auto& i) -> auto& { return i.revocations; }>("revocations",
                                                                 "whether it is asked what is to be revoked"),
    time<I, [](auto& i) -> auto& { return i.interval; }>("interval", "how often"),
    number<I, [](auto& i) -> auto& { return i.batch; }, 1, 500>("batch",
                                                                "revocations that are taken at once"),
};

// `members`: of [webhook] or [intune]; null: not there.
template <class Structure>
Result<std::vector<Structure>> read_sections(const Value* members, std::string_view kind,
                                             std::string_view file,
                                             std::span<const Setting<Structure>> settings,
                                             Status (*check)(const Structure&)) {
  std::vector<Structure> out;
  if (!members) return out;
  TRY(for_each_section(
      *members, kind, "this", file, [&](const std::string& name, const Value& section) -> Status {
        const std::string place = fmt::format("{}:{}, section {}.{}", file, section.line(), kind, name);
        if (!is_plain_name(name))  // folders are named after it
          return make_error(Errc::malformed, "{}: up to 64 letters, digits, '-' and '_' make a name", place);
        Structure structure{.name = name, .line = section.line()};
        TRY(read_section(settings, structure, section, fmt::format("{}.{}", kind, name), file));
        TRY(check(structure).context("{}", place));
        out.push_back(std::move(structure));
        return ok();
      }));
  return out;
}

Status check_pair(const fs::path& certificate, const fs::path& key) {
  if (certificate.empty() == key.empty()) return ok();
  return make_error(Errc::malformed, "certificate and key go together");
}

Status check_webhook(const W& webhook) {
  TRY(enroll::mdm::check_outside_url(webhook.url, "url"));
  if (webhook.secret_file.empty())
    return make_error(Errc::malformed, "there is no secret_file")
        .with_hint("openssl rand -hex 32 makes a secret; name its file, of mode 0600");
  return check_pair(webhook.certificate, webhook.key);
}

Status check_intune(const I& intune) {
  if (intune.tenant.empty() || intune.application.empty())
    return make_error(Errc::malformed, "tenant and application are needed");
  TRY(check_pair(intune.certificate, intune.key));
  if (intune.secret_file.empty() == intune.certificate.empty())
    return make_error(Errc::malformed, "either secret_file, or certificate and key are needed");
  for (const std::string* url :
       {&intune.login_url, &intune.graph_url, &intune.validation_url, &intune.connector_url})
    if (!url->empty()) TRY(enroll::mdm::check_outside_url(*url, "a URL"));
  return ok();
}

}  // namespace

Result<std::vector<W>> read_webhooks(const Value* members, std::string_view file) {
  return read_sections(members, "webhook", file, webhook_settings(), check_webhook);
}
Result<std::vector<I>> read_intunes(const Value* members, std::string_view file) {
  return read_sections(members, "intune", file, intune_settings(), check_intune);
}

std::span<const Setting<W>> webhook_settings() { return kWebhookSettings; }
std::span<const Setting<I>> intune_settings() { return kIntuneSettings; }

}  // namespace vouch::daemon::mdm
