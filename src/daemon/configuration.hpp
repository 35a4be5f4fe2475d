#pragma once
// What vouch.toml says about the service: where it listens, whom it serves there, and its limits
// (docs/reference/configuration.md).

#include <string>
#include <vector>

#include "ca/home/home.hpp"
#include "daemon/listener_configuration.hpp"
#include "daemon/mdm/configuration.hpp"
#include "daemon/ocsp_source_configuration.hpp"
#include "daemon/scep/configuration.hpp"
#include "net/server.hpp"
#include "revocation/ocsp_responder.hpp"

namespace vouch::daemon {

// [tls]: the certificate of the listeners with TLS. From files, or issued by a CA of this home.
struct TlsConfiguration {
  fs::path certificate{}, key{};  // PEM; relative to the home
  std::string issuer{};           // name of the CA
  std::string template_name = "WebServer";
  std::string names{};  // DNS names with commas between; empty: this host's
  bool is_issued_here() const { return !issuer.empty(); }
  bool is_there() const { return !certificate.empty() || is_issued_here(); }
};

// [access_log]
struct AccessLogConfiguration {
  fs::path file{};  // relative to the home; empty: none
  net::LogForm form = net::LogForm::w3c;
};

// [signer]: the process that holds the keys.
struct SignerConfiguration {
  bool process = true;
  bool sockets = false;            // a PKCS #11 module that speaks over a network
  std::string readable, writable;  // further files of such a module, with commas between
};

// [ocsp]. Read when the service starts.
struct OcspConfiguration {
  std::chrono::milliseconds validity{std::chrono::hours(8)};  // of an answer
  std::chrono::milliseconds max_age{std::chrono::hours(1)};   // how long others may keep one
  revocation::NeverIssued never_issued = revocation::NeverIssued::unknown;
  std::size_t cache = std::size_t{16} << 20;  // octets
  bool presign = false;                       // answers about every live certificate are signed ahead
  std::size_t presign_memory = std::size_t{256} << 20;  // octets
  unsigned presign_share = 10;                          // percent of one processor, at most
};

// [authority]: where a registration authority (`vouch serve --role ra`) passes requests to. Read when the
// service starts; so are the files.
struct AuthorityConfiguration {
  std::string url{};                           // of the CA's administration API
  std::string ca{};                            // its name there
  fs::path certificate{}, key{}, trust{};      // PEM; relative to the home
  std::chrono::milliseconds patience{30'000};  // for one call
};

struct Configuration {
  std::vector<ListenerConfiguration> listeners;  // those that are enabled, and those that are not
  net::ServerLimits limits;
  std::string trusted_proxies;  // networks, with commas between
  net::ProxyField proxy_field = net::ProxyField::x_forwarded_for;
  AccessLogConfiguration access_log;
  TlsConfiguration tls;
  SignerConfiguration signer;
  OcspConfiguration ocsp;
  std::vector<OcspSourceConfiguration> ocsp_sources;
  AuthorityConfiguration authority;
  std::vector<scep::ProfileConfiguration> scep;  // in the order of the file
  scep::RaConfiguration scep_ra;
  std::vector<mdm::WebhookConfiguration> webhooks;
  std::vector<mdm::IntuneConfiguration> intunes;
  unsigned threads = 0, workers = 16;
  std::size_t queue = 1'024;
  std::chrono::milliseconds stop_patience{30'000};  // for what runs when the service is asked to stop

  const ListenerConfiguration* find_listener(std::string_view name) const;
  const OcspSourceConfiguration* find_ocsp_source(std::string_view name) const;
  const scep::ProfileConfiguration* find_scep(std::string_view profile) const;
};

// Without a word in vouch.toml: "http" on 127.0.0.1:8080 for what everybody may have, and "local", a socket
// in the home, for the administrator.
Configuration default_configuration();

// Unknown keys, wrong values and what does not go together are errors that name file and line. Sections of
// others are left alone.
Result<Configuration> parse_configuration(std::string_view toml, std::string_view file);
// The home's; a home without a file has the defaults.
Result<Configuration> read_configuration(const ca::Home& home);

// As in ca/home/home.hpp, for the sections of the service (named_settings.cpp). Settings of a listener are
// "listener.NAME.KEY", and so with OCSP sources, SCEP profiles, webhooks and intune sections.
// Every setting that there is, with those of each listener, profile and the like, by its whole name.
struct ShownSetting {
  std::string name, value;
  std::string_view summary;
};
std::vector<ShownSetting> show_settings(const Configuration& configuration);
Result<std::string> get_setting(const Configuration& configuration, std::string_view name);
Result<std::string> with_setting(std::string_view toml, std::string_view file, std::string_view name,
                                 std::string_view value);
// Those that stand in no section with a name.
std::span<const Setting<Configuration>> service_settings();

}  // namespace vouch::daemon
