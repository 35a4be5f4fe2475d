#include "daemon/listener_configuration.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

#include "base/text.hpp"
#include "daemon/setting_kinds.hpp"
#include "daemon/setting_sections.hpp"

namespace vouch::daemon {
namespace {

constexpr Word<net::AskForCertificate> kAsking[] = {{"off", net::AskForCertificate::never},
                                                    {"optional", net::AskForCertificate::optional},
                                                    {"required", net::AskForCertificate::required}};

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

// What there is to serve, wherever it is made: parts.cpp, gateway.cpp, front.cpp.
constexpr std::string_view kParts[] = {"health", "metrics", "gateway", "api", "distribution", "ocsp", "scep"};

Status read_serves(Listener& listener, const Value& value) {
  if (!value.text() && !value.list_items()) return wrong_kind("a list of names", value);
  listener.serves = items_of(setting_text(value));
  for (const std::string& name : listener.serves) {
    if (std::ranges::find(kParts, name) != std::end(kParts)) continue;
    const auto near = nearest(name, kParts);
    return make_error(Errc::malformed, "there is no part '{}' to serve", name)
        .with_hint(near.empty() ? fmt::format("there are {}", fmt::join(kParts, ", "))
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

ListenerConfiguration& listener_named(const std::string& name,
                                      std::vector<ListenerConfiguration>& listeners) {
  const auto found = std::ranges::find(listeners, name, &ListenerConfiguration::name);
  if (found != listeners.end()) return *found;
  listeners.push_back({.name = name});
  return listeners.back();
}

Status check_listener(const ListenerConfiguration& listener, const Value& members, std::string_view file) {
  const auto wrong = [&](std::string_view what) {
    return make_error(Errc::malformed, "{}:{}: listener {} {}", file, members.line(), listener.name, what);
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

}  // namespace

std::span<const Setting<ListenerConfiguration>> listener_settings() { return kListenerSettings; }

Status read_listeners(const Value& members, std::string_view file,
                      std::vector<ListenerConfiguration>& listeners) {
  return for_each_section(
      members, "listener", "a listener", file, [&](const std::string& name, const Value& section) -> Status {
        if (section.find("address") && section.find("path"))
          return make_error(Errc::malformed, "{}:{}: listener {} has both an address and a path", file,
                            section.line(), name)
              .with_hint("make two listeners of it");
        ListenerConfiguration& listener = listener_named(name, listeners);
        TRY(read_section(listener_settings(), listener, section, "listener." + name, file));
        return check_listener(listener, section, file);
      });
}

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

std::string address_and_port(const net::Address& address) {
  const std::string host = address.is_v4() ? address.text() : fmt::format("[{}]", address.text());
  return fmt::format("{}:{}", host, address.port());
}

}  // namespace vouch::daemon
