#include "relying/private_networks.hpp"

#include <algorithm>
#include <array>

namespace vouch::relying {
namespace {

// RFC 6890's registries, as far as a server cannot be there.
const std::vector<net::Network>& private_networks() {
  static const std::vector<net::Network> networks = [] {
    std::vector<net::Network> out;
    for (const char* one : {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                            "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
                            "::/127", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"})
      if (auto network = net::Network::parse(one)) out.push_back(*network);
    return out;
  }();
  return networks;
}

// 64:ff9b::/96 carries an IPv4 address in its last four octets.
constexpr std::array<std::uint8_t, 12> kTranslated{0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};

}  // namespace

bool is_private(const net::Address& address) {
  if (address.is_none()) return true;
  const auto& octets = address.octets();
  if (std::ranges::equal(Bytes(octets).first(12), kTranslated)) {
    const auto inside =
        net::Address::parse(fmt::format("{}.{}.{}.{}", octets[12], octets[13], octets[14], octets[15]));
    return !inside || is_private(*inside);
  }
  return std::ranges::any_of(private_networks(),
                             [&](const net::Network& network) { return network.contains(address); });
}

AgreedNetworks::AgreedNetworks(const std::vector<std::string>& networks) {
  for (const std::string& one : networks) {
    if (one == "*") all_ = true;
    if (auto network = net::Network::parse(one)) networks_.push_back(*network);
  }
}

bool AgreedNetworks::allow(const net::Address& address) const {
  return all_ || !is_private(address) ||
         std::ranges::any_of(networks_, [&](const net::Network& one) { return one.contains(address); });
}

}  // namespace vouch::relying
