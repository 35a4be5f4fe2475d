#pragma once
// Serial numbers: 18 octets, in time order (docs/decisions/0005-serial-numbers.md).

#include "base/time.hpp"
#include "crypto/provider.hpp"

namespace vouch::ca {

// One octet of node number (1 to 127), five of milliseconds since 2025-01-01 UTC, twelve random. Positive,
// below the 20 octets of RFC 5280 4.1.2.2, and rising, so that the certificate index grows at its end.
Buffer make_serial(std::uint8_t node, const Clock& clock, const crypto::Provider& provider);

// The shard of the CRLs that a serial number belongs to: 1 and the last two octets modulo `shards`. They are
// random, so that the shards grow evenly. 0 where there is one list for all.
std::uint32_t shard_of(Bytes serial, std::uint32_t shards);

}  // namespace vouch::ca
