#include "daemon/configuration.hpp"

#include <algorithm>

#include "daemon/setting_kinds.hpp"
#include "daemon/setting_sections.hpp"
#include "relying/gateway/party_home.hpp"
#include "relying/sync/configuration.hpp"

namespace vouch::daemon {
namespace {

constexpr Word<net::ProxyField> kProxyFields[] = {{"X-Forwarded-For", net::ProxyField::x_forwarded_for},
                                                  {"Forwarded", net::ProxyField::forwarded}};
constexpr Word<net::LogForm> kLogForms[] = {{"w3c", net::LogForm::w3c}, {"json", net::LogForm::json}};
constexpr Word<revocation::NeverIssued> kNeverIssued[] = {{"unknown", revocation::NeverIssued::unknown},
                                                          {"revoked", revocation::NeverIssued::revoked}};

using C = Configuration;
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kGigabyte = std::int64_t{1} << 30;

Status read_proxies(Configuration& configuration, const Value& value) {
  if (!value.text() && !value.list_items()) return wrong_kind("a list of networks", value);
  configuration.trusted_proxies = setting_text(value);
  for (const std::string& network : items_of(configuration.trusted_proxies))
    (void)TRY(net::Network::parse(network));
  return ok();
}
Value write_proxies(const Configuration& configuration) { return Value(configuration.trusted_proxies); }

constexpr Setting<C> kSettings[] = {
    number<C, [](auto& c) -> auto& { return c.threads; }, 0, 64>(
        "service.threads", "threads that read and write; 0: one for each processor, at most 8"),
    number<C, [](auto& c) -> auto& { return c.workers; }, 1, 1024>(
        "service.workers", "requests that are worked on at the same time"),
    number<C, [](auto& c) -> auto& { return c.queue; }, 1, kMillion>(
        "service.queue", "requests that wait for a worker; more are answered with 503"),
    time<C, [](auto& c) -> auto& { return c.stop_patience; }>(
        "service.stop_patience", "how long what runs may take when the service is asked to stop"),
    time<C, [](auto& c) -> auto& { return c.ocsp.validity; }>("ocsp.validity",
                                                              "how long an OCSP answer is valid"),
    time<C, [](auto& c) -> auto& { return c.ocsp.max_age; }>("ocsp.max_age",
                                                             "how long proxies may keep an OCSP answer"),
    choice<C, [](auto& c) -> auto& { return c.ocsp.never_issued; }, kNeverIssued>(
        "ocsp.never_issued", "what is said of a serial number that was never given: unknown or revoked"),
    number<C, [](auto& c) -> auto& { return c.ocsp.cache; }, 65'536, 64 * kGigabyte>(
        "ocsp.cache", "octets of OCSP answers that are kept"),
    on_or_off<C, [](auto& c) -> auto& { return c.ocsp.presign; }>(
        "ocsp.presign", "whether answers about every live certificate are signed ahead"),
    number<C, [](auto& c) -> auto& { return c.ocsp.presign_memory; }, 65'536, 64 * kGigabyte>(
        "ocsp.presign_memory", "octets for signatures that are made ahead"),
    number<C, [](auto& c) -> auto& { return c.ocsp.presign_share; }, 1, 100>(
        "ocsp.presign_share", "percent of one processor that signing ahead may take"),
    number<C, [](auto& c) -> auto& { return c.limits.connections; }, 1, kMillion>(
        "limits.connections", "connections at the same time"),
    number<C, [](auto& c) -> auto& { return c.limits.connections_per_site; }, 1, kMillion>(
        "limits.connections_per_site", "connections from one IPv4 address or one /64 of IPv6"),
    number<C, [](auto& c) -> auto& { return c.limits.buffered; }, 65'536, 64 * kGigabyte>(
        "limits.buffered", "octets of unfinished requests of all clients together"),
    number<C, [](auto& c) -> auto& { return c.limits.head.path; }, 1'024, 65'534>(
        "limits.path", "octets of the path of a request"),
    number<C, [](auto& c) -> auto& { return c.limits.head.query; }, 1'024, 65'534>(
        "limits.query", "octets of the query of a request"),
    number<C, [](auto& c) -> auto& { return c.limits.head.fields; }, 4'096, 1'048'576>(
        "limits.fields", "octets of the header fields of a request"),
    number<C, [](auto& c) -> auto& { return c.limits.slowest; }, 1, kGigabyte>(
        "limits.slowest", "octets a second that a client has to keep up with"),
    time<C, [](auto& c) -> auto& { return c.limits.handshake; }>("limits.handshake",
                                                                 "time for a TLS handshake"),
    time<C, [](auto& c) -> auto& { return c.limits.head_time; }>("limits.head_time",
                                                                 "time for the head of a request"),
    time<C, [](auto& c) -> auto& { return c.limits.body_time; }>(
        "limits.body_time", "time for the body of a request, before limits.slowest counts"),
    time<C, [](auto& c) -> auto& { return c.limits.write_time; }>(
        "limits.write_time", "time for a client to take its answer, before limits.slowest counts"),
    time<C, [](auto& c) -> auto& { return c.limits.idle; }>("limits.idle", "time between two requests"),
    {{"proxies.trusted", "networks of the proxies in front, with commas between"},
     read_proxies,
     write_proxies},
    choice<C, [](auto& c) -> auto& { return c.proxy_field; }, kProxyFields>(
        "proxies.field", "the field that they set: X-Forwarded-For or Forwarded"),
    text<C, [](auto& c) -> auto& { return c.access_log.file; }>(
        "access_log.file", "access log, relative to the home; empty: none"),
    choice<C, [](auto& c) -> auto& { return c.access_log.form; }, kLogForms>("access_log.form",
                                                                             "its form: w3c or json"),
    text<C, [](auto& c) -> auto& { return c.tls.certificate; }>(
        "tls.certificate", "server certificate with its chain, PEM, relative to the home"),
    text<C, [](auto& c) -> auto& { return c.tls.key; }>("tls.key", "its key, PEM, not encrypted"),
    text<C, [](auto& c) -> auto& { return c.tls.issuer; }>(
        "tls.issuer", "name of the CA of this home that issues and renews the server certificate instead"),
    text<C, [](auto& c) -> auto& { return c.tls.template_name; }>("tls.template", "by which template"),
    text<C, [](auto& c) -> auto& { return c.tls.names; }>(
        "tls.names", "for which DNS names, with commas between; empty: host.dns_name or this host's"),
    text<C, [](auto& c) -> auto& { return c.authority.url; }>(
        "authority.url", "of a registration authority: the CA's administration API, https://HOST:PORT"),
    text<C, [](auto& c) -> auto& { return c.authority.ca; }>("authority.ca", "the CA's name there"),
    text<C, [](auto& c) -> auto& { return c.authority.certificate; }>(
        "authority.certificate", "the client certificate with its chain, PEM, relative to the home"),
    text<C, [](auto& c) -> auto& { return c.authority.key; }>("authority.key", "its key, PEM, not encrypted"),
    text<C, [](auto& c) -> auto& { return c.authority.trust; }>(
        "authority.trust", "roots that the CA's server certificate is checked against, PEM"),
    time<C, [](auto& c) -> auto& { return c.authority.patience; }>("authority.patience",
                                                                   "time for one call of the CA"),
    on_or_off<C, [](auto& c) -> auto& { return c.signer.process; }>(
        "signer.process", "whether keys live in a process of their own"),
    on_or_off<C, [](auto& c) -> auto& { return c.signer.sockets; }>(
        "signer.sockets", "whether that process may open sockets: for a PKCS #11 module that needs them"),
    text<C, [](auto& c) -> auto& { return c.signer.readable; }>(
        "signer.readable",
        "further files and folders that it reads, with commas between: the configuration of a token's "
        "module"),
    text<C, [](auto& c) -> auto& { return c.signer.writable; }>(
        "signer.writable", "further folders that it writes, with commas between: a software token's"),
};

class FileReader {
 public:
  explicit FileReader(std::string_view file) : file_(file), configuration_(default_configuration()) {}

  Result<Configuration> read(const Value& document) {
    for (const std::string_view section : ca::service_sections()) {
      const Value* members = document.find(section);
      if (!members) continue;
      if (!members->members())
        return make_error(Errc::malformed, "{}: '{}' stands outside a section", place(*members), section);
      TRY(read_one(section, *members, document));
    }
    TRY(check_tls(document));
    return std::move(configuration_);
  }

 private:
  Status read_one(std::string_view section, const Value& members, const Value& document) {
    // Others read these, with the home's folder; here they are checked.
    if (section == "crlsync")
      (void)TRY(relying::read_sync_targets(members, file_, {}));
    else if (section == "relying_party" || section == "profile")
      (void)TRY(relying::read_party_configuration(document, file_, {}));
    else if (section == "listener")
      TRY(read_listeners(members, file_, configuration_.listeners));
    else if (section == "ocsp_source")
      configuration_.ocsp_sources = TRY(read_ocsp_sources(members, file_));
    else if (section == "scep")
      configuration_.scep = TRY(scep::read_profiles(&members, file_));
    else if (section == "scep_ra")
      configuration_.scep_ra = TRY(scep::read_ra(&members, file_));
    else if (section == "webhook")
      configuration_.webhooks = TRY(mdm::read_webhooks(&members, file_));
    else if (section == "intune")
      configuration_.intunes = TRY(mdm::read_intunes(&members, file_));
    else
      for (const auto& [key, value] : *members.members()) {
        const std::string name = fmt::format("{}.{}", section, key);
        TRY(read_setting(service_settings(), configuration_, name, name, value, file_));
      }
    return ok();
  }

  Status check_tls(const Value& document) const {
    const TlsConfiguration& tls = configuration_.tls;
    const Value* section = document.find("tls");
    if (tls.certificate.empty() != tls.key.empty())
      return make_error(Errc::malformed, "{}: certificate and key of [tls] go together", place(*section));
    if (!tls.certificate.empty() && tls.is_issued_here())
      return make_error(Errc::malformed, "{}: [tls] has both a certificate and an issuer", place(*section))
          .with_hint("keep issuer for a certificate that a CA of this home issues and renews");
    for (const ListenerConfiguration& listener : configuration_.listeners)
      if (listener.enabled && listener.tls && !tls.is_there())
        return make_error(Errc::malformed, "{}: listener {} speaks TLS and there is no certificate for it",
                          file_, listener.name)
            .with_hint("set tls.issuer to the name of a CA of this home, or tls.certificate and tls.key");
    return ok();
  }

  std::string place(const Value& value) const { return fmt::format("{}:{}", file_, value.line()); }

  const std::string_view file_;
  Configuration configuration_;
};

}  // namespace

std::span<const Setting<Configuration>> service_settings() { return kSettings; }

const ListenerConfiguration* Configuration::find_listener(std::string_view name) const {
  const auto found = std::ranges::find(listeners, name, &ListenerConfiguration::name);
  return found == listeners.end() ? nullptr : &*found;
}

const OcspSourceConfiguration* Configuration::find_ocsp_source(std::string_view name) const {
  const auto found = std::ranges::find(ocsp_sources, name, &OcspSourceConfiguration::name);
  return found == ocsp_sources.end() ? nullptr : &*found;
}

const scep::ProfileConfiguration* Configuration::find_scep(std::string_view profile) const {
  const auto found = std::ranges::find(scep, profile, &scep::ProfileConfiguration::name);
  return found == scep.end() ? nullptr : &*found;
}

Configuration default_configuration() {
  Configuration configuration;
  ListenerConfiguration http{.name = "http"};
  http.address = net::Address::parse("127.0.0.1:8080").value();
  http.serves = {"ocsp", "distribution", "scep", "gateway", "health", "metrics"};
  ListenerConfiguration local{.name = "local"};
  local.path = "run/vouch.sock";
  local.serves = {"api", "ocsp", "distribution", "gateway", "health", "metrics"};
  configuration.listeners = {std::move(http), std::move(local)};
  return configuration;
}

Result<Configuration> parse_configuration(std::string_view toml, std::string_view file) {
  return FileReader(file).read(TRY(parse_toml(toml, file)));
}

Result<Configuration> read_configuration(const ca::Home& home) {
  const fs::path& file = home.configuration_file();
  std::error_code unknown;
  if (!fs::exists(file, unknown)) return default_configuration();
  const Buffer text = TRY(read_file(file, std::size_t{1} << 20));
  return parse_configuration(as_text(text), file.string());
}

}  // namespace vouch::daemon
