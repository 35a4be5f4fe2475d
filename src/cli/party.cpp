#include "cli/party.hpp"

#include <algorithm>

#include "daemon/configuration.hpp"
#include "net/listener.hpp"

namespace vouch::cli {
namespace {

constexpr std::string_view kUnitSocket = "/run/vouch-gateway.sock";
constexpr std::size_t kMostConfiguration = std::size_t{1} << 20;

bool is_folder(const fs::path& folder) {
  std::error_code unknown;
  return fs::is_directory(folder, unknown);
}

}  // namespace

Result<relying::PartyConfiguration> party_configuration(const Context& context) {
  const fs::path folder = context.home_folder();
  if (!is_folder(folder)) return relying::PartyConfiguration();
  const ca::Home home = TRY(ca::Home::open(folder, false));
  const fs::path& file = home.configuration_file();
  std::error_code unknown;
  if (!fs::exists(file, unknown)) return relying::PartyConfiguration();
  return relying::parse_party_configuration(as_text(TRY(read_file(file, kMostConfiguration))), file.string(),
                                            folder);
}

Result<std::unique_ptr<relying::PartyHome>> open_party(const Context& context) {
  const fs::path folder = context.home_folder();
  if (!is_folder(folder))
    return make_error(Errc::not_found, "there is no folder {}", folder.string())
        .with_hint(
            "set it up: make the folder, then: vouch trust add CERT; or say where it is with --home or "
            "VOUCH_HOME");
  return relying::PartyHome::open({context.surroundings().make_provider(), context.clock(), folder},
                                  TRY(party_configuration(context)));
}

Result<relying::Profile> find_profile(const Context& context,
                                      const relying::PartyConfiguration& configuration,
                                      const std::string& name_or_file) {
  if (auto known = configuration.find_profile(name_or_file); known || !context.files().exists(name_or_file))
    return known;
  const Buffer text = TRY(context.files().read(name_or_file));
  const Value document = TRY(parse_toml(as_text(text), name_or_file));
  const Value* sections = document.find("profile");
  if (!sections) return relying::read_profile(fs::path(name_or_file).stem().string(), document, name_or_file);
  if (!sections->members() || sections->members()->size() != 1)
    return make_error(Errc::malformed, "{}: one section [profile.NAME] is wanted", name_or_file);
  const auto& [name, section] = sections->members()->front();
  return relying::read_profile(name, section, name_or_file);
}

std::optional<fs::path> find_gateway(const Context& context, const std::string* given) {
  std::vector<fs::path> candidates;
  if (given) {
    candidates.emplace_back(*given);
  } else {
    auto configuration = daemon::default_configuration();
    const fs::path folder = context.home_folder();
    if (is_folder(folder))
      if (const auto home = ca::Home::open(folder, false))
        if (auto read = daemon::read_configuration(*home)) configuration = std::move(*read);
    for (const daemon::ListenerConfiguration& listener : configuration.listeners)
      if (listener.enabled && !listener.path.empty() &&
          std::ranges::find(listener.serves, "gateway") != listener.serves.end())
        candidates.push_back(folder / listener.path);
    candidates.emplace_back(kUnitSocket);
  }
  const auto found = std::ranges::find_if(candidates, [&](const fs::path& socket) {
    return net::is_listening(socket) && (given || relying::GatewayClient(socket).is_gateway());
  });
  return found == candidates.end() ? std::nullopt : std::optional(*found);
}

Result<fs::path> need_gateway(const Context& context, const std::string* given) {
  if (auto socket = find_gateway(context, given)) return *socket;
  const std::string where = given ? *given : context.home_folder().string();
  return make_error(Errc::not_found, "no gateway runs here ({})", where)
      .with_hint(
          "set one up: vouch serve --role gateway; or say where it is with --socket, --home or VOUCH_HOME");
}

}  // namespace vouch::cli
