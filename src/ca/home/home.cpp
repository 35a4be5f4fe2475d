#include "ca/home/home.hpp"

#include <algorithm>

namespace vouch::ca {
namespace {

constexpr std::chrono::seconds kPatience{60};      // while the home is being restored or moved
constexpr std::chrono::seconds kClaimPatience{5};  // for commands that are about to end

template <auto Member>
Status read_text(Configuration& configuration, const Value& value) {
  if (!value.text()) return wrong_kind("a text in quotes", value);
  configuration.*Member = *value.text();
  return ok();
}

template <auto Member>
Status read_path(Configuration& configuration, const Value& value) {
  if (!value.text()) return wrong_kind("a path in quotes", value);
  if (value.text()->empty()) return make_error(Errc::malformed, "the path is empty");
  configuration.*Member = *value.text();
  return ok();
}

template <auto Member>
Status read_optional_path(Configuration& configuration, const Value& value) {
  if (!value.text()) return wrong_kind("a path in quotes", value);
  configuration.*Member = *value.text();
  return ok();
}

template <auto Member>
Status read_span(Configuration& configuration, const Value& value) {
  if (!value.text()) return wrong_kind("a span of time in quotes", value);
  configuration.*Member = TRY(parse_span(*value.text()));
  return ok();
}

Status read_node(Configuration& configuration, const Value& value) {
  if (!value.integer()) return wrong_kind("a number", value);
  if (*value.integer() < 1 || *value.integer() > 127)
    return make_error(Errc::malformed, "{} is out of range: 1 to 127", *value.integer());
  configuration.node = static_cast<std::uint8_t>(*value.integer());
  return ok();
}

constexpr Setting<Configuration> kSettings[] = {
    {{"database.path", "the database file, relative to the home"},
     read_path<&Configuration::database>,
     [](const Configuration& c) { return Value(c.database.string()); }},
    {{"publication.folder", "where CRLs and CA certificates are written, relative to the home"},
     read_path<&Configuration::published>,
     [](const Configuration& c) { return Value(c.published.string()); }},
    {{"host.dns_name", "<ServerDNSName> (%1) of new CAs; empty: this machine's name"},
     read_text<&Configuration::dns_name>,
     [](const Configuration& c) { return Value(c.dns_name); }},
    {{"host.short_name", "<ServerShortName> (%2) of new CAs; empty: the first label of the DNS name"},
     read_text<&Configuration::short_name>,
     [](const Configuration& c) { return Value(c.short_name); }},
    {{"directory.configuration_container",
      "<ConfigurationContainer> (%6) of new CAs; empty: there is no directory"},
     read_text<&Configuration::configuration_container>,
     [](const Configuration& c) { return Value(c.configuration_container); }},
    {{"issuance.node", "first octet of serial numbers, 1 to 127; another one on each host that issues"},
     read_node,
     [](const Configuration& c) { return Value(int{c.node}); }},
    {{"issuance.protected_names",
      "host names that no request gets without approval, with commas between; *.example.com is all below it"},
     read_text<&Configuration::protected_names>,
     [](const Configuration& c) { return Value(c.protected_names); }},
    {{"keys.blocklists", "folder with lists of known weak keys (blacklist.RSA-2048, …), beside the system's"},
     read_text<&Configuration::blocklists>,
     [](const Configuration& c) { return Value(c.blocklists); }},
    {{"keys.passphrase_variable", "environment variable that holds the passphrase of encrypted key files"},
     read_text<&Configuration::passphrase_variable>,
     [](const Configuration& c) { return Value(c.passphrase_variable); }},
    {{"audit.mirror", "a second copy of the audit log, best on another disk; empty: none"},
     read_optional_path<&Configuration::audit_mirror>,
     [](const Configuration& c) { return Value(c.audit_mirror.string()); }},
    {{"keys.pin_variable", "environment variable that holds the PIN of PKCS #11 tokens"},
     read_text<&Configuration::pin_variable>,
     [](const Configuration& c) { return Value(c.pin_variable); }},
    {{"keys.pkcs11_module", "path of the PKCS #11 module for key URIs that do not name one"},
     read_text<&Configuration::pkcs11_module>,
     [](const Configuration& c) { return Value(c.pkcs11_module); }},
    {{"keys.unlock_patience", "how long a key operation waits for vouch ca unlock, where a CA wants that"},
     read_span<&Configuration::unlock_patience>,
     [](const Configuration& c) { return Value(format_span(c.unlock_patience)); }},
};

using Settings = std::span<const Setting<Configuration>>;

Error unknown_setting(std::string_view name) {
  std::vector<std::string_view> known;
  for (const auto& setting : kSettings) known.push_back(setting.key.name);
  return vouch::unknown_setting(name, known);
}

bool is_for_the_service(std::string_view section) {
  return std::ranges::find(service_sections(), section) != service_sections().end();
}

}  // namespace

std::span<const std::string_view> service_sections() {
  static constexpr std::string_view kSections[] = {
      "service", "limits",        "proxies",  "access_log", "tls",     "signer",
      "ocsp",    "ocsp_source",   "listener", "authority",  "crlsync", "scep",
      "scep_ra", "relying_party", "profile",  "webhook",    "intune"};
  return kSections;
}

std::span<const ConfigurationKey> configuration_keys() {
  static constexpr auto kKeys = [] {
    std::array<ConfigurationKey, std::size(kSettings)> keys{};
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = kSettings[i].key;
    return keys;
  }();
  return kKeys;
}

Result<Configuration> parse_configuration(std::string_view toml, std::string_view file) {
  const Value document = TRY(parse_toml(toml, file));
  Configuration configuration;
  for (const auto& [section, members] : *document.members()) {
    if (is_for_the_service(section)) continue;
    if (!members.members())
      return make_error(Errc::malformed, "{}:{}: '{}' stands outside a section", file, members.line(),
                        section);
    for (const auto& [key, value] : *members.members()) {
      const std::string name = fmt::format("{}.{}", section, key);
      const auto* setting = find_setting(Settings(kSettings), name);
      if (!setting) return unknown_setting(name).context(fmt::format("reading {}:{}", file, value.line()));
      TRY(setting->read(configuration, value)
              .context("reading {}:{}, setting {}", file, value.line(), setting->key.name));
    }
  }
  return configuration;
}

Result<std::string> get_setting(const Configuration& configuration, std::string_view name) {
  const auto* setting = find_setting(Settings(kSettings), name);
  if (!setting) return unknown_setting(name);
  return setting_text(setting->write(configuration));
}

Result<std::string> with_setting(std::string_view toml, std::string_view file, std::string_view name,
                                 std::string_view value) {
  const auto* setting = find_setting(Settings(kSettings), name);
  if (!setting) return unknown_setting(name);
  std::string out = with_toml_value(toml, name, spelled_like(setting->write(Configuration{}), value));
  (void)TRY(parse_configuration(out, file).context("setting {} to {}", name, value));
  return out;
}

Status write_configuration(const fs::path& file, std::string_view toml) {
  std::error_code unknown;
  if (!fs::exists(file, unknown)) return write_file_atomic(file, as_bytes(toml));
  const Buffer before = TRY(read_file(file, 1 << 20));
  if (as_text(before) == toml) return ok();
  const auto mode = static_cast<mode_t>(fs::status(file, unknown).permissions() & fs::perms::mask);
  fs::path previous = file;
  previous += ".previous";
  TRY(write_file_atomic(previous, before, mode));
  return write_file_atomic(file, as_bytes(toml), mode);
}

Result<Home> Home::open(const fs::path& folder, bool create) {
  Home home;
  std::error_code error;
  home.folder_ = fs::absolute(folder, error);
  if (!create && !fs::is_directory(home.folder_, error))
    return make_error(Errc::not_found, "there is no home {}", home.folder_.string())
        .with_hint("set one up with: vouch ca init; or say where it is with --home or VOUCH_HOME");
  if (create) {
    TRY(make_folder(home.folder_, 0750));
    TRY(make_folder(home.folder_ / "locks", 0700));
  }
  // Before the configuration is read: it says where the database is.
  auto shared = FileLock::share(home.lock("home"), kPatience);
  if (!shared && shared.error().code() == Errc::unavailable)
    return std::move(shared.error()).context(fmt::format("opening {}", home.folder_.string()));
  if (shared) home.in_use_ = std::make_shared<FileLock>(std::move(*shared));
  home.configuration_file_ = home.folder_ / "vouch.toml";
  if (!fs::exists(home.configuration_file_, error) && fs::exists("/etc/vouch/vouch.toml", error))
    home.configuration_file_ = "/etc/vouch/vouch.toml";
  if (fs::exists(home.configuration_file_, error)) {
    const Buffer text = TRY(read_file(home.configuration_file_, 1 << 20));
    home.configuration_ = TRY(parse_configuration(as_text(text), home.configuration_file_.string()));
  }
  if (create) {
    TRY(make_folder(home.keys(), 0700));
    TRY(make_folder(home.published(), 0755));
  }
  return home;
}

Result<Home::Claim> Home::claim() const {
  if (!in_use_)
    return make_error(Errc::denied, "{} cannot be locked", lock("home").string())
        .with_hint("check the owner and mode of the folder");
  auto alone = in_use_->make_exclusive(kClaimPatience);
  if (alone) return Claim(in_use_);
  in_use_->make_shared();  // turning a lock lets go of it first
  return make_error(Errc::unavailable, "another vouch uses {}", folder_.string())
      .with_hint("stop everything that uses this home, then try again");
}

}  // namespace vouch::ca
