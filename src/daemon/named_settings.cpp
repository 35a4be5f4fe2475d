// Settings of the service by their whole names, as `vouch config` has them.
#include "daemon/configuration.hpp"
#include "daemon/setting_sections.hpp"

namespace vouch::daemon {
namespace {

struct SectionAndKey {
  std::string_view section, key;
};
// "listener.http.tls" as {"http", "tls"}, for sections of the kind "listener".
std::optional<SectionAndKey> named_setting(std::string_view kind, std::string_view name) {
  const std::size_t prefix = kind.size() + 1;
  const auto dot = name.rfind('.');
  if (!name.starts_with(kind) || name.size() < prefix || name[kind.size()] != '.') return std::nullopt;
  if (dot < prefix) return std::nullopt;
  return SectionAndKey{name.substr(prefix, dot - prefix), name.substr(dot + 1)};
}

// Of one of several sections; without any, the value that the setting has when nothing is said about it.
template <class Structure>
Result<Value> value_in(const std::vector<Structure>* all, std::span<const Setting<Structure>> settings,
                       std::string_view noun, const SectionAndKey& at, std::string_view whole_name) {
  const auto* setting = TRY(known_setting(settings, at.key, whole_name));
  if (!all) return setting->write({});
  const auto found = std::ranges::find(*all, at.section, &Structure::name);
  if (found == all->end()) return make_error(Errc::not_found, "there is no {} '{}'", noun, at.section);
  return setting->write(*found);
}

// Without a configuration: what holds when nothing is said.
Result<Value> value_of(std::string_view name, const Configuration* configuration) {
  const auto all = [&](auto member) { return configuration ? &(configuration->*member) : nullptr; };
  if (const auto at = named_setting("listener", name))
    return value_in(all(&Configuration::listeners), listener_settings(), "listener", *at, name);
  if (const auto at = named_setting("ocsp_source", name))
    return value_in(all(&Configuration::ocsp_sources), ocsp_source_settings(), "OCSP source", *at, name);
  if (const auto at = named_setting("scep", name))
    return value_in(all(&Configuration::scep), scep::profile_settings(), "SCEP profile", *at, name);
  if (const auto at = named_setting("webhook", name))
    return value_in(all(&Configuration::webhooks), mdm::webhook_settings(), "webhook", *at, name);
  if (const auto at = named_setting("intune", name))
    return value_in(all(&Configuration::intunes), mdm::intune_settings(), "intune section", *at, name);
  constexpr std::string_view kRa = "scep_ra.";
  if (name.starts_with(kRa))
    return TRY(known_setting(scep::ra_settings(), name.substr(kRa.size()), name))
        ->write(configuration ? configuration->scep_ra : scep::RaConfiguration{});
  return TRY(known_setting(service_settings(), name, name))
      ->write(configuration ? *configuration : Configuration{});
}

template <class Structure>
void show(std::vector<ShownSetting>& shown, std::span<const Setting<Structure>> settings,
          const Structure& structure, const std::string& prefix) {
  for (const auto& setting : settings)
    shown.push_back({prefix + std::string(setting.key.name), setting_text(setting.write(structure)),
                     setting.key.summary});
}

template <class Structure>
void show_each(std::vector<ShownSetting>& shown, std::span<const Setting<Structure>> settings,
               const std::vector<Structure>& all, std::string_view kind) {
  for (const Structure& one : all) show(shown, settings, one, fmt::format("{}.{}.", kind, one.name));
}

}  // namespace

std::vector<ShownSetting> show_settings(const Configuration& configuration) {
  std::vector<ShownSetting> shown;
  show(shown, service_settings(), configuration, "");
  show_each(shown, listener_settings(), configuration.listeners, "listener");
  show_each(shown, ocsp_source_settings(), configuration.ocsp_sources, "ocsp_source");
  show(shown, scep::ra_settings(), configuration.scep_ra, "scep_ra.");
  show_each(shown, scep::profile_settings(), configuration.scep, "scep");
  show_each(shown, mdm::webhook_settings(), configuration.webhooks, "webhook");
  show_each(shown, mdm::intune_settings(), configuration.intunes, "intune");
  return shown;
}

Result<std::string> get_setting(const Configuration& configuration, std::string_view name) {
  return setting_text(TRY(value_of(name, &configuration)));
}

Result<std::string> with_setting(std::string_view toml, std::string_view file, std::string_view name,
                                 std::string_view value) {
  std::string out = with_toml_value(toml, name, spelled_like(TRY(value_of(name, nullptr)), value));
  (void)TRY(parse_configuration(out, file).context("setting {} to {}", name, value));
  return out;
}

}  // namespace vouch::daemon
