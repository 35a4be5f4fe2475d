// Anything as vouch.toml. Properties: what is accepted can be shown, setting by setting; what is refused says
// so with the name of the file; and a setting that `config set` has changed reads back as it was set, with
// the listeners and sources that were there before.
#include <cstdlib>

#include "daemon/configuration.hpp"

namespace {

using namespace vouch;

void require(bool holds) {
  if (!holds) std::abort();
}

void show_all(const daemon::Configuration& configuration) {
  for (const daemon::ShownSetting& shown : daemon::show_settings(configuration)) {
    const auto value = daemon::get_setting(configuration, shown.name);
    require(value && *value == shown.value);
  }
  for (const auto& listener : configuration.listeners)
    require(!listener.enabled || listener.address.has_value() || !listener.path.empty());
  for (const auto& source : configuration.ocsp_sources)
    require(!source.crls.empty() && !source.ca_certificate.empty() &&
            source.name.find('/') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view toml = as_text(Bytes(data, size));
  const auto configuration = daemon::parse_configuration(toml, "vouch.toml");
  if (!configuration) {
    require(configuration.error().report().find("vouch.toml") != std::string::npos);
    return 0;
  }
  show_all(*configuration);
  const auto changed = daemon::with_setting(toml, "vouch.toml", "service.workers", "7");
  if (!changed) return 0;
  const auto again = daemon::parse_configuration(*changed, "vouch.toml");
  require(again && again->workers == 7);
  require(again->listeners.size() == configuration->listeners.size());
  require(again->ocsp_sources.size() == configuration->ocsp_sources.size());
  return 0;
}
