#include "daemon/configuration.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

#include "base/text.hpp"
#include "daemon/parts.hpp"
#include "daemon/setting_kinds.hpp"
#include "relying/gateway/party_home.hpp"
#include "relying/sync/configuration.hpp"

namespace vouch::daemon {
namespace {

// ---- words
// ---------------------------------------------------------------------------------------------------

constexpr Word<net::ProxyField> kProxyFields[] = {{"X-Forwarded-For", net::ProxyField::x_forwarded_for},
                                                  {"Forwarded", net::ProxyField::forwarded}};
constexpr Word<net::LogForm> kLogForms[] = {{"w3c", net::LogForm::w3c}, {"json", net::LogForm::json}};
constexpr Word<revocation::NeverIssued> kNeverIssued[] = {{"unknown", revocation::NeverIssued::unknown},
                                                          {"revoked", revocation::NeverIssued::revoked}};
constexpr Word<net::AskForCertificate> kAsking[] = {{"off", net::AskForCertificate::never},
                                                    {"optional", net::AskForCertificate::optional},
                                                    {"required", net::AskForCertificate::required}};

// ---- listeners
// -----------------------------------------------------------------------------------------------

using Listener = ListenerConfiguration;

Status read_address(Listener& listener, const Value& value) {
  if (!value.text()) return wrong_kind("an address in quotes", value);
  auto address = net::Address::parse(*value.text());
  if (!address)
    return std::move(address.error())
        .with_hint("write it as \"0.0.0.0:80\", \"[::]:443\" or \"127.0.0.1:8080\"");
  listener.address = *address;
  listener.path.clear();
  return ok();
}
Value write_address(const Listener& listener) {
  return Value(listener.address ? address_and_port(*listener.address) : std::string());
}

Status read_socket_path(Listener& listener, const Value& value) {
  if (!value.text() || value.text()->empty()) return wrong_kind("a path in quotes", value);
  listener.path = *value.text();
  listener.address.reset();
  return ok();
}
Value write_socket_path(const Listener& listener) { return Value(listener.path.string()); }

Status read_mode(Listener& listener, const Value& value) {
  if (!value.text()) return wrong_kind("a mode in quotes, such as \"0660\"", value);
  const std::string& text = *value.text();
  mode_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777)
    return make_error(Errc::malformed, "'{}' is no mode of a file, such as 0660", text);
  listener.mode = mode;
  return ok();
}
Value write_mode(const Listener& listener) { return Value(fmt::format("{:04o}", listener.mode)); }

std::vector<std::string_view> part_names() {
  std::vector<std::string_view> names{"health", "metrics", "gateway"};
  for (const PartMaker& part : all_parts()) names.push_back(part.name);
  return names;
}

Status read_serves(Listener& listener, const Value& value) {
  if (!value.text() && !value.list_items()) return wrong_kind("a list of names", value);
  listener.serves = items_of(setting_text(value));
  const auto known = part_names();
  for (const std::string& name : listener.serves) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto near = nearest(name, known);
    return make_error(Errc::malformed, "there is no part '{}' to serve", name)
        .with_hint(near.empty() ? fmt::format("there are {}", fmt::join(known, ", "))
                                : fmt::format("did you mean {}?", near));
  }
  return ok();
}
Value write_serves(const Listener& listener) {
  return Value(fmt::format("{}", fmt::join(listener.serves, ", ")));
}

constexpr Setting<Listener> kListenerSettings[] = {
    on_or_off<Listener, [](auto& l) -> auto& { return l.enabled; }>("enabled", "whether it is there at all"),
    {{"address", "IP address and port"}, read_address, write_address},
    {{"path", "Unix socket instead, relative to the home"}, read_socket_path, write_socket_path},
    {{"mode", "mode of the Unix socket"}, read_mode, write_mode},
    on_or_off<Listener, [](auto& l) -> auto& { return l.tls; }>("tls", "whether it speaks TLS"),
    choice<Listener, [](auto& l) -> auto& { return l.client_certificates; }, kAsking>(
        "client_certificates", "whether TLS clients are asked for a certificate: off, optional, required"),
    {{"serves", "what is served there: api, ocsp, distribution, scep, gateway, health, metrics"},
     read_serves,
     write_serves},
};

// ---- OCSP sources
// --------------------------------------------------------------------------------------------

using Source = OcspSourceConfiguration;

// A list, since URLs may hold commas; one place may stand alone.
Status read_places(Source& source, const Value& value) {
  source.crls.clear();
  if (value.text()) {
    source.crls = items_of(*value.text());
  } else if (value.list_items()) {
    for (const Value& item : *value.list_items()) {
      if (!item.text()) return wrong_kind("a text in quotes", item);
      source.crls.push_back(*item.text());
    }
  } else {
    return wrong_kind("a list of files and URLs", value);
  }
  for (const std::string& place : source.crls) {
    const auto scheme = place.find("://");
    if (scheme == std::string::npos || place.starts_with("http://") || place.starts_with("https://"))
      continue;
    return make_error(Errc::unsupported, "CRLs are not fetched by {}", place.substr(0, scheme))
        .with_hint("name a file, or an http URL");
  }
  return ok();
}
Value write_places(const Source& source) { return Value(fmt::format("{}", fmt::join(source.crls, ", "))); }

constexpr Setting<Source> kSourceSettings[] = {
    text<Source, [](auto& s) -> auto& { return s.ca_certificate; }>(
        "ca_certificate", "certificate of the CA, PEM or DER, relative to the home"),
    text<Source, [](auto& s) -> auto& { return s.certificate; }>(
        "certificate", "certificate for OCSP signing that this CA has issued to the responder, PEM"),
    text<Source, [](auto& s) -> auto& { return s.key; }>("key", "its key, PEM, not encrypted"),
    {{"crls", "the CA's CRLs, base and delta: files, relative to the home, or http URLs"},
     read_places,
     write_places},
    on_or_off<Source, [](auto& s) -> auto& { return s.whole; }>(
        "whole", "whether a CRL that names its distribution point covers every certificate of the CA"),
    time<Source, [](auto& s) -> auto& { return s.refresh; }>("refresh", "how often it looks for new ones"),
};

// ---- everything else
// -----------------------------------------------------------------------------------------

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

template <class Structure, std::size_t size>
std::vector<SettingKey> keys_of(const Setting<Structure> (&settings)[size]) {
  std::vector<SettingKey> keys;
  for (const auto& setting : settings) keys.push_back(setting.key);
  return keys;
}

template <class Structure, std::size_t size>
Result<const Setting<Structure>*> known_setting(const Setting<Structure> (&settings)[size],
                                                std::string_view key, std::string_view whole_name) {
  if (const auto* setting = find_setting(std::span<const Setting<Structure>>(settings), key)) return setting;
  std::vector<std::string_view> names;
  for (const auto& one : settings) names.push_back(one.key.name);
  // What was probably meant is found by the key; the message shows the name as it was written.
  Error error = unknown_setting(key, names);
  return make_error(Errc::usage, "there is no setting '{}'", whole_name).with_hint(std::string(error.hint()));
}

constexpr std::string_view kListenerSection = "listener", kSourceSection = "ocsp_source",
                           kCrlSyncSection = "crlsync", kScepSection = "scep", kScepRaSection = "scep_ra",
                           kWebhookSection = "webhook", kIntuneSection = "intune";

// "listener.http.tls" as {"http", "tls"}, for section "listener".
std::optional<std::pair<std::string_view, std::string_view>> named_setting(std::string_view section,
                                                                           std::string_view name) {
  const std::size_t prefix = section.size() + 1;
  const auto dot = name.rfind('.');
  if (!name.starts_with(section) || name.size() < prefix || name[section.size()] != '.') return std::nullopt;
  if (dot < prefix) return std::nullopt;
  return std::pair(name.substr(prefix, dot - prefix), name.substr(dot + 1));
}

template <class Structure>
Result<const Setting<Structure>*> known_scep_setting(std::span<const Setting<Structure>> settings,
                                                     std::string_view key, std::string_view whole_name) {
  if (const auto* setting = find_setting(settings, key)) return setting;
  std::vector<std::string_view> names;
  for (const auto& one : settings) names.push_back(one.key.name);
  return make_error(Errc::usage, "there is no setting '{}'", whole_name)
      .with_hint(std::string(unknown_setting(key, names).hint()));
}

std::optional<std::string_view> scep_ra_setting(std::string_view name) {
  if (!name.starts_with("scep_ra.")) return std::nullopt;
  return name.substr(kScepRaSection.size() + 1);
}

// The value that a setting has when nothing is said about it.
Result<Value> example_of(std::string_view name) {
  if (const auto key = named_setting(kListenerSection, name))
    return TRY(known_setting(kListenerSettings, key->second, name))->write({});
  if (const auto key = named_setting(kSourceSection, name))
    return TRY(known_setting(kSourceSettings, key->second, name))->write({});
  if (const auto key = named_setting(kScepSection, name))
    return TRY(known_scep_setting(scep::profile_settings(), key->second, name))->write({});
  if (const auto key = scep_ra_setting(name))
    return TRY(known_scep_setting(scep::ra_settings(), *key, name))->write({});
  if (const auto key = named_setting(kWebhookSection, name))
    return TRY(known_scep_setting(mdm::webhook_settings(), key->second, name))->write({});
  if (const auto key = named_setting(kIntuneSection, name))
    return TRY(known_scep_setting(mdm::intune_settings(), key->second, name))->write({});
  return TRY(known_setting(kSettings, name, name))->write({});
}

// ---- the file as a whole
// -------------------------------------------------------------------------------------

class FileReader {
 public:
  explicit FileReader(std::string_view file) : file_(file), configuration_(default_configuration()) {}

  Result<Configuration> read(const Value& document) {
    for (const std::string_view section : ca::service_sections()) {
      const Value* members = document.find(section);
      if (!members) continue;
      if (!members->members())
        return make_error(Errc::malformed, "{}:{}: '{}' stands outside a section", file_, members->line(),
                          section);
      // Others read these, with the home's folder; here they are checked.
      if (section == kCrlSyncSection)
        (void)TRY(relying::read_sync_targets(*members, file_, {}));
      else if (section == "relying_party" || section == "profile")
        (void)TRY(relying::read_party_configuration(document, file_, {}));
      else if (section == kListenerSection)
        TRY(read_listeners(*members));
      else if (section == kSourceSection)
        TRY(read_sources(*members));
      else if (section == kScepSection)
        configuration_.scep = TRY(scep::read_profiles(members, file_));
      else if (section == kScepRaSection)
        configuration_.scep_ra = TRY(scep::read_ra(members, file_));
      else if (section == kWebhookSection)
        configuration_.webhooks = TRY(mdm::read_webhooks(members, file_));
      else if (section == kIntuneSection)
        configuration_.intunes = TRY(mdm::read_intunes(members, file_));
      else
        TRY(read_section(section, *members));
    }
    TRY(check_tls(document));
    return std::move(configuration_);
  }

 private:
  template <class Structure, std::size_t size>
  Status read_one(const Setting<Structure> (&settings)[size], Structure& structure, std::string_view key,
                  std::string_view whole_name, const Value& value) {
    auto setting = known_setting(settings, key, whole_name);
    if (!setting) return std::move(setting.error()).context(place(value));
    return (*setting)->read(structure, value).context("{}, setting {}", place(value), whole_name);
  }

  Status read_section(std::string_view section, const Value& members) {
    for (const auto& [key, value] : *members.members()) {
      const std::string name = fmt::format("{}.{}", section, key);
      TRY(read_one(kSettings, configuration_, name, name, value));
    }
    return ok();
  }

  Status read_listeners(const Value& all) {
    for (const auto& [name, members] : *all.members()) {
      if (!members.members())
        return make_error(Errc::malformed, "{}: a listener is a section, [listener.{}]", place(members),
                          name);
      if (members.find("address") && members.find("path"))
        return make_error(Errc::malformed, "{}: listener {} has both an address and a path", place(members),
                          name)
            .with_hint("make two listeners of it");
      ListenerConfiguration& listener = listener_named(name);
      for (const auto& [key, value] : *members.members())
        TRY(read_one(kListenerSettings, listener, key, fmt::format("listener.{}.{}", name, key), value));
      TRY(check_listener(listener, members));
    }
    return ok();
  }

  ListenerConfiguration& listener_named(const std::string& name) {
    for (ListenerConfiguration& listener : configuration_.listeners)
      if (listener.name == name) return listener;
    configuration_.listeners.push_back({.name = name});
    return configuration_.listeners.back();
  }

  Status check_listener(const ListenerConfiguration& listener, const Value& members) const {
    const auto wrong = [&](std::string_view what) {
      return make_error(Errc::malformed, "{}: listener {} {}", place(members), listener.name, what);
    };
    if (!listener.enabled) return ok();
    if (!listener.address && listener.path.empty())
      return wrong("has neither an address nor a path").with_hint("add: address = \"127.0.0.1:8080\"");
    if (listener.serves.empty())
      return wrong("serves nothing").with_hint("add: serves = [\"ocsp\", \"distribution\"]");
    if (!listener.tls && listener.client_certificates != net::AskForCertificate::never)
      return wrong("asks for client certificates without TLS").with_hint("add: tls = true");
    if (std::ranges::find(listener.serves, "api") != listener.serves.end() && listener.address &&
        listener.client_certificates == net::AskForCertificate::never)
      return wrong("serves the administration API to clients that nothing proves who they are")
          .with_hint("add: client_certificates = \"required\"; or take api away");
    if (std::ranges::find(listener.serves, "scep") != listener.serves.end() &&
        listener.client_certificates != net::AskForCertificate::never)
      return wrong("serves SCEP and asks for client certificates, where Windows and macOS hang up")
          .with_hint("serve scep at a listener of its own");
    if (listener.tls && !listener.address)
      return wrong("speaks TLS over a Unix socket").with_hint("take tls away");
    return ok();
  }

  Status read_sources(const Value& all) {
    for (const auto& [name, members] : *all.members()) {
      if (!members.members())
        return make_error(Errc::malformed, "{}: an OCSP source is a section, [ocsp_source.{}]",
                          place(members), name);
      TRY(check_source_name(name, members));
      OcspSourceConfiguration source{.name = name};
      for (const auto& [key, value] : *members.members())
        TRY(read_one(kSourceSettings, source, key, fmt::format("ocsp_source.{}.{}", name, key), value));
      TRY(check_source(source, members));
      configuration_.ocsp_sources.push_back(std::move(source));
    }
    return ok();
  }

  // Files are named after it.
  Status check_source_name(std::string_view name, const Value& members) const {
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
             c == '_';
    });
    if (plain && !name.empty() && name.size() <= 64) return ok();
    return make_error(Errc::malformed, "{}: '{}' is no name for an OCSP source", place(members), name)
        .with_hint("up to 64 letters, digits, '-' and '_'");
  }

  Status check_source(const OcspSourceConfiguration& source, const Value& members) const {
    const auto lacks = [&](std::string_view what) {
      return make_error(Errc::malformed, "{}: OCSP source {} has no {}", place(members), source.name, what);
    };
    if (source.ca_certificate.empty()) return lacks("ca_certificate");
    if (source.crls.empty()) return lacks("crls");
    if (source.certificate.empty())
      return lacks("certificate").with_hint("let the CA issue one by the template OcspResponseSigning");
    if (source.key.empty()) return lacks("key");
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

net::Endpoint ListenerConfiguration::endpoint(const fs::path& home) const {
  net::Endpoint endpoint;
  if (address) {
    endpoint.address = *address;
  } else {
    endpoint.kind = net::Endpoint::Kind::local;
    endpoint.path = home / path;
    endpoint.mode = mode;
  }
  return endpoint;
}

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

std::vector<SettingKey> configuration_keys() { return keys_of(kSettings); }
std::vector<SettingKey> listener_keys() { return keys_of(kListenerSettings); }
std::vector<SettingKey> ocsp_source_keys() { return keys_of(kSourceSettings); }

std::vector<SettingKey> scep_keys() {
  std::vector<SettingKey> keys;
  for (const auto& setting : scep::profile_settings()) keys.push_back(setting.key);
  return keys;
}

std::vector<SettingKey> webhook_keys() {
  std::vector<SettingKey> keys;
  for (const auto& setting : mdm::webhook_settings()) keys.push_back(setting.key);
  return keys;
}

std::vector<SettingKey> intune_keys() {
  std::vector<SettingKey> keys;
  for (const auto& setting : mdm::intune_settings()) keys.push_back(setting.key);
  return keys;
}

std::vector<SettingKey> scep_ra_keys() {
  std::vector<SettingKey> keys;
  for (const auto& setting : scep::ra_settings()) keys.push_back(setting.key);
  return keys;
}

Result<std::string> get_setting(const Configuration& configuration, std::string_view name) {
  if (const auto key = named_setting(kListenerSection, name)) {
    const ListenerConfiguration* listener = configuration.find_listener(key->first);
    if (!listener) return make_error(Errc::not_found, "there is no listener '{}'", key->first);
    return setting_text(TRY(known_setting(kListenerSettings, key->second, name))->write(*listener));
  }
  if (const auto key = named_setting(kSourceSection, name)) {
    const OcspSourceConfiguration* source = configuration.find_ocsp_source(key->first);
    if (!source) return make_error(Errc::not_found, "there is no OCSP source '{}'", key->first);
    return setting_text(TRY(known_setting(kSourceSettings, key->second, name))->write(*source));
  }
  if (const auto key = named_setting(kScepSection, name)) {
    const scep::ProfileConfiguration* profile = configuration.find_scep(key->first);
    if (!profile) return make_error(Errc::not_found, "there is no SCEP profile '{}'", key->first);
    return setting_text(
        TRY(known_scep_setting(scep::profile_settings(), key->second, name))->write(*profile));
  }
  if (const auto key = named_setting(kWebhookSection, name)) {
    const auto found =
        std::ranges::find(configuration.webhooks, key->first, &mdm::WebhookConfiguration::name);
    if (found == configuration.webhooks.end())
      return make_error(Errc::not_found, "there is no webhook '{}'", key->first);
    return setting_text(TRY(known_scep_setting(mdm::webhook_settings(), key->second, name))->write(*found));
  }
  if (const auto key = named_setting(kIntuneSection, name)) {
    const auto found = std::ranges::find(configuration.intunes, key->first, &mdm::IntuneConfiguration::name);
    if (found == configuration.intunes.end())
      return make_error(Errc::not_found, "there is no section intune.{}", key->first);
    return setting_text(TRY(known_scep_setting(mdm::intune_settings(), key->second, name))->write(*found));
  }
  if (const auto key = scep_ra_setting(name))
    return setting_text(
        TRY(known_scep_setting(scep::ra_settings(), *key, name))->write(configuration.scep_ra));
  return setting_text(TRY(known_setting(kSettings, name, name))->write(configuration));
}

Result<std::string> with_setting(std::string_view toml, std::string_view file, std::string_view name,
                                 std::string_view value) {
  std::string out = with_toml_value(toml, name, spelled_like(TRY(example_of(name)), value));
  (void)TRY(parse_configuration(out, file).context("setting {} to {}", name, value));
  return out;
}

std::string address_and_port(const net::Address& address) {
  const std::string host = address.is_v4() ? address.text() : fmt::format("[{}]", address.text());
  return fmt::format("{}:{}", host, address.port());
}

std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

}  // namespace vouch::daemon
