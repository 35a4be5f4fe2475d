#pragma once
// IP addresses, networks, and who the client is when trusted proxies stand in between.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct sockaddr;

namespace vouch::net {

// An IPv4 or IPv6 address with a port, or nothing (a Unix socket). IPv4 is kept as ::ffff:a.b.c.d, so that an
// IPv4 client of a dual-stack socket compares equal to itself.
class Address {
 public:
  Address() = default;
  static Address from_socket(const sockaddr* socket_address);
  // "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443", "192.0.2.1:443".
  static Result<Address> parse(std::string_view text);

  bool is_none() const { return none_; }
  bool is_v4() const;
  bool is_loopback() const;
  std::uint16_t port() const { return port_; }
  const std::array<std::uint8_t, 16>& octets() const { return octets_; }
  std::string text() const;  // without the port; "-" for none
  Address with_port(std::uint16_t port) const;
  Address without_port() const { return with_port(0); }
  // The /64 that an IPv6 host can number itself in at will; an IPv4 address as it is.
  Address site() const;
  auto operator<=>(const Address&) const = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  std::uint16_t port_ = 0;
  bool none_ = true;
};

// A network in CIDR notation: "192.0.2.0/24", "2001:db8::/32", or one address.
class Network {
 public:
  static Result<Network> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  Address base_;
  unsigned bits_ = 128;  // of the 128 of the mapped form
};

// The one field that the proxies in front of us set. A proxy that sets one of them passes the other through
// as the client wrote it, so it must not be guessed.
enum class ProxyField : std::uint8_t { forwarded, x_forwarded_for };

struct TrustedProxies {
  std::vector<Network> networks;  // empty: nobody
  ProxyField field = ProxyField::x_forwarded_for;
  bool trusts(const Address& address) const;
};

// The client as far as it can be believed: from the peer leftwards through the field, as long as whoever
// named the next one is trusted. `values` are the field's lines in order. What cannot be read ends the walk.
Address client_address(const Address& peer, std::span<const std::string_view> values,
                       const TrustedProxies& trusted);

}  // namespace vouch::net
