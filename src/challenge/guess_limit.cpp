#include "challenge/guess_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/bytes.hpp"

namespace vouch::challenge {

Guesses leaked(const Guesses& guesses, const GuessRule& rule, Time now) {
  if (now <= guesses.at) return guesses;  // a clock that was set back forgives nothing
  const auto steps = (now - guesses.at) / rule.leak;
  if (steps >= static_cast<std::int64_t>(guesses.level)) return {0, now};
  return {guesses.level - static_cast<std::uint32_t>(steps), guesses.at + steps * rule.leak};
}

bool is_full(const Guesses& guesses, const GuessRule& rule, Time now) {
  return leaked(guesses, rule, now).level >= rule.most;
}

Guesses with_one_more(const Guesses& guesses, const GuessRule& rule, Time now) {
  Guesses next = leaked(guesses, rule, now);
  if (next.level == 0) next.at = now;
  next.level = std::min(next.level + 1, rule.most);
  return next;
}

Time opens_at(const Guesses& guesses, const GuessRule& rule, Time now) {
  const Guesses rest = leaked(guesses, rule, now);
  return rest.level < rule.most ? now : rest.at + rule.leak;
}

std::string address_scope(std::string_view address) {
  std::string host(address);
  if (const std::size_t zone = host.find('%'); zone != std::string::npos) host.resize(zone);
  in6_addr six{};
  if (::inet_pton(AF_INET6, host.c_str(), &six) != 1) return fmt::format("address {}", host);
  const Bytes octets(reinterpret_cast<const std::uint8_t*>(&six), 16);
  constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2
  if (equal(octets.first(12), kMapped))
    return fmt::format("address {}.{}.{}.{}", octets[12], octets[13], octets[14], octets[15]);
  return "network " + to_hex(octets.first(8)) + "/64";
}

std::string profile_scope(std::string_view profile) { return fmt::format("profile {}", profile); }

}  // namespace vouch::challenge
