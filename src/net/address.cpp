#include "net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "net/http.hpp"

namespace vouch::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Error bad_address(std::string_view text) {
  return make_error(Errc::malformed, "'{}' is no IP address", text.substr(0, 64));
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

// The address of one element of Forwarded (RFC 7239 section 4): for=192.0.2.43, for="[2001:db8::17]:4711".
std::string_view forwarded_for(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = element.find(';');
    const std::string_view pair = trimmed(element.substr(0, end));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && equal_names(pair.substr(0, equals), "for")) {
      std::string_view value = pair.substr(equals + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      return value;
    }
    if (end == std::string_view::npos) break;
    element.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

Address Address::from_socket(const sockaddr* socket_address) {
  Address address;
  if (socket_address->sa_family == AF_INET) {
    sockaddr_in v4;
    memcpy(&v4, socket_address, sizeof v4);
    std::ranges::copy(kMappedPrefix, address.octets_.begin());
    memcpy(&address.octets_[12], &v4.sin_addr, 4);
    address.port_ = ntohs(v4.sin_port);
    address.none_ = false;
  } else if (socket_address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    memcpy(&v6, socket_address, sizeof v6);
    memcpy(address.octets_.data(), &v6.sin6_addr, 16);
    address.port_ = ntohs(v6.sin6_port);
    address.none_ = false;
  }
  return address;
}

Result<Address> Address::parse(std::string_view text) {
  if (text.size() > 64) return bad_address(text);
  std::string host(text);
  std::uint16_t port = 0;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad_address(text);
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !parse_number(rest.substr(1), port)))
      return bad_address(text);
  } else if (std::ranges::count(text, ':') == 1) {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    if (!parse_number(text.substr(colon + 1), port)) return bad_address(text);
  }
  Address address;
  in_addr v4;
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    std::ranges::copy(kMappedPrefix, address.octets_.begin());
    memcpy(&address.octets_[12], &v4, 4);
  } else if (::inet_pton(AF_INET6, host.c_str(), address.octets_.data()) != 1) {
    return bad_address(text);
  }
  address.port_ = port;
  address.none_ = false;
  return address;
}

bool Address::is_v4() const {
  return !none_ && std::ranges::equal(kMappedPrefix, std::span(octets_).first(12));
}

bool Address::is_loopback() const {
  if (none_) return false;
  if (is_v4()) return octets_[12] == 127;
  return octets_[15] == 1 && std::all_of(octets_.begin(), octets_.end() - 1, [](auto o) { return o == 0; });
}

std::string Address::text() const {
  if (none_) return "-";
  char out[INET6_ADDRSTRLEN] = {};
  if (is_v4())
    ::inet_ntop(AF_INET, &octets_[12], out, sizeof out);
  else
    ::inet_ntop(AF_INET6, octets_.data(), out, sizeof out);
  return out;
}

Address Address::with_port(std::uint16_t port) const {
  Address other = *this;
  other.port_ = port;
  return other;
}

Address Address::site() const {
  Address other = without_port();
  if (!none_ && !is_v4()) std::fill(other.octets_.begin() + 8, other.octets_.end(), std::uint8_t{0});
  return other;
}

Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  Network network;
  network.base_ = TRY(Address::parse(text.substr(0, slash)));
  if (network.base_.port() != 0) return make_error(Errc::malformed, "'{}' is no network", text);
  if (slash == std::string_view::npos) return network;
  const unsigned most = network.base_.is_v4() ? 32 : 128;
  unsigned bits = 0;
  if (!parse_number(text.substr(slash + 1), bits) || bits > most)
    return make_error(Errc::malformed, "'{}': a prefix length is a number from 0 to {}", text, most);
  network.bits_ = bits + (128 - most);
  return network;
}

bool Network::contains(const Address& address) const {
  if (address.is_none()) return false;
  const auto& a = address.octets();
  const auto& b = base_.octets();
  const unsigned whole = bits_ / 8, rest = bits_ % 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool TrustedProxies::trusts(const Address& address) const {
  return std::ranges::any_of(networks, [&](const Network& network) { return network.contains(address); });
}

Address client_address(const Address& peer, std::span<const std::string_view> values,
                       const TrustedProxies& trusted) {
  constexpr int kMostHops = 32;  // longer chains are made up
  Address client = peer;
  int hops = 0;
  for (std::size_t i = values.size(); i-- > 0;) {
    std::string_view rest = values[i];
    for (;;) {
      if (!trusted.trusts(client) || ++hops > kMostHops) return client;
      const std::size_t comma = rest.rfind(',');
      const std::string_view element =
          trimmed(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      const auto named =
          Address::parse(trusted.field == ProxyField::forwarded ? forwarded_for(element) : element);
      if (!named) return client;
      client = named->without_port();
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace vouch::net
