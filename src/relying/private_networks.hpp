#pragma once
// Where URLs that strangers wrote must not lead: a certificate's URL that resolves to an address inside would
// make the relying party ask for whoever issued it (server-side request forgery).

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "net/address.hpp"

namespace vouch::relying {

// Loopback, private, link-local, shared (RFC 6598), unique local, multicast and reserved addresses; IPv4 also
// where IPv6 carries it (RFC 6052).
bool is_private(const net::Address& address);

// What a profile has agreed to.
class AgreedNetworks {
 public:
  AgreedNetworks() = default;
  // "*" or CIDR; what cannot be read agrees to nothing.
  explicit AgreedNetworks(const std::vector<std::string>& networks);
  bool allow(const net::Address& address) const;
  bool allow_all() const { return all_; }

 private:
  bool all_ = false;
  std::vector<net::Network> networks_;
};

}  // namespace vouch::relying
