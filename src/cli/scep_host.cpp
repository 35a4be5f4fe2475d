#include "cli/scep_host.hpp"

#include <algorithm>

#include "daemon/scep/here.hpp"
#include "daemon/scep/there.hpp"

namespace vouch::cli {

Result<std::unique_ptr<ScepHost>> ScepHost::open(Context& context) {
  const fs::path folder = context.home_folder();
  std::error_code unknown;
  if (!fs::exists(folder, unknown))
    return make_error(Errc::not_found, "there is no home {}", folder.string())
        .with_hint("set up a CA with: vouch ca init; or say where it is with --home or VOUCH_HOME");
  const ca::Home home = TRY(ca::Home::open(folder, false));
  daemon::Configuration configuration = TRY(daemon::read_configuration(home));
  std::unique_ptr<ScepHost> host(
      new ScepHost(context, folder, home.configuration_file(), std::move(configuration)));
  const daemon::AuthorityConfiguration& authority = host->configuration_.authority;
  if (authority.url.empty()) return host;
  host->fetcher_ = std::make_unique<net::Fetcher>(TRY(daemon::identity_at_authority(authority, folder)));
  host->authority_ = std::make_unique<api::RemoteAuthority>(
      api::RemoteSettings{authority.url, authority.ca, authority.patience}, *host->fetcher_);
  return host;
}

Result<const daemon::scep::ProfileConfiguration*> ScepHost::profile(std::string_view name) const {
  const auto& all = configuration_.scep;
  if (name.empty() && all.size() == 1) return &all.front();
  if (const auto* found = configuration_.find_scep(name)) return found;
  std::string known;
  for (const auto& profile : all) known += (known.empty() ? "" : ", ") + profile.name;
  if (known.empty())
    return make_error(Errc::not_found, "there is no SCEP profile in {}", file_.string())
        .with_hint("vouch scep setup NAME makes one");
  if (name.empty()) return Error(Errc::usage, fmt::format("which profile? There are several: {}", known));
  return make_error(Errc::not_found, "there is no SCEP profile '{}'", name).with_hint("there are: " + known);
}

Result<std::string> ScepHost::ca(const std::string& of_profile) const {
  if (authority_) return authority_->settings().ca;
  if (!context_.named_authority() && !of_profile.empty()) return of_profile;
  const Workspace& workspace = *TRY(context_.workspace());
  return TRY(context_.choose_authority(*TRY(workspace.snapshot()))).name;
}

Result<std::unique_ptr<daemon::scep::RaKeys>> ScepHost::ra_keys(const std::string& ca) {
  if (authority_)
    return daemon::scep::ra_keys_there(
        *authority_, {folder_ / configuration_.scep_ra.folder, daemon::short_host_name(), context_.provider(),
                      context_.clock()});
  const Workspace& workspace = *TRY(context_.workspace());
  const auto record = TRY(TRY(workspace.snapshot())->authority(ca));
  return daemon::scep::ra_keys_here(
      workspace.environment(), record,
      [this, &workspace, ca](Bytes request, const std::string& template_name) -> Result<ca::Outcome> {
        return TRY(context_.open_authority(workspace, ca))->issue_to_service(request, template_name);
      },
      [this, ca]() -> Result<Buffer> { return TRY(chain(ca)).front(); });
}

Result<daemon::scep::Findings> ScepHost::examine(const daemon::scep::ProfileConfiguration& profile) {
  if (authority_)
    return daemon::scep::ThereSite(*authority_,
                                   {folder_ / configuration_.scep_ra.folder, daemon::short_host_name(),
                                    context_.provider(), context_.clock()})
        .examine(profile);
  const Workspace& workspace = *TRY(context_.workspace());
  const auto authority = TRY(context_.open_authority(workspace, TRY(ca(profile.ca))));
  return daemon::scep::examine_here(workspace.environment(), *authority, profile);
}

Result<std::vector<Buffer>> ScepHost::chain(const std::string& ca) {
  if (authority_) return authority_->chain();
  const auto snapshot = TRY(TRY(context_.workspace())->snapshot());
  const auto record = TRY(snapshot->authority(ca));
  const auto generations = TRY(snapshot->key_generations(record.id));
  const auto newest = std::find_if(generations.rbegin(), generations.rend(),
                                   [](const auto& generation) { return !generation.certificate.empty(); });
  if (newest == generations.rend())
    return make_error(Errc::unavailable, "CA '{}' has no certificate yet", ca)
        .with_hint("vouch ca install FILE, with what the parent gave");
  std::vector<Buffer> chain{newest->certificate};
  chain.insert(chain.end(), newest->chain.begin(), newest->chain.end());
  return chain;
}

std::string ScepHost::url_of(const daemon::scep::ProfileConfiguration& profile) const {
  if (!profile.external_url.empty()) return profile.external_url;
  const std::string path = profile.paths.empty() ? "/scep/" + profile.name : profile.paths.front();
  // The one that was made for devices comes before one that serves everybody.
  const daemon::ListenerConfiguration* best = nullptr;
  for (const auto& listener : configuration_.listeners) {
    const bool serves_scep = listener.enabled && listener.address &&
                             std::ranges::find(listener.serves, "scep") != listener.serves.end();
    if (serves_scep && (best == nullptr || listener.serves.size() < best->serves.size())) best = &listener;
  }
  if (best == nullptr) return {};
  const std::string host = best->address->text();
  // "Every address" is none that a device could use.
  const bool is_any = host == "0.0.0.0" || host == "::";
  const std::string place = is_any ? fmt::format("{}:{}", daemon::short_host_name(), best->address->port())
                                   : daemon::address_and_port(*best->address);
  return fmt::format("{}://{}{}", best->tls ? "https" : "http", place, path);
}

}  // namespace vouch::cli
