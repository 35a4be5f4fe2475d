#include "ca/serial.hpp"

namespace vouch::ca {

Buffer make_serial(std::uint8_t node, const Clock& clock, const crypto::Provider& provider) {
  constexpr auto kEpoch = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
  // 40 bits wrap after 34.8 years, which restarts the order only: uniqueness rests on node and random part.
  const auto milliseconds = static_cast<std::uint64_t>((clock.now_milliseconds() - kEpoch).count());
  Buffer serial(18);
  serial[0] = node;
  for (std::size_t i = 0; i < 5; ++i) serial[1 + i] = static_cast<std::uint8_t>(milliseconds >> (32 - 8 * i));
  provider.random(std::span(serial).subspan(6));
  return serial;
}

std::uint32_t shard_of(Bytes serial, std::uint32_t shards) {
  if (shards <= 1 || serial.size() < 2) return 0;
  const std::uint32_t last = std::uint32_t{serial[serial.size() - 2]} << 8 | serial.back();
  return 1 + last % shards;
}

}  // namespace vouch::ca
