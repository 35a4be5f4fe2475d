#pragma once
// How many wrong passwords are taken before no further one is looked at. Each leaks away again after a while,
// so that a closed address or profile opens by itself.

#include <string>

#include "base/time.hpp"

namespace vouch::challenge {

// A bucket that leaks: what is in it, and when that was so.
struct Guesses {
  std::uint32_t level = 0;
  Time at{};
  bool operator==(const Guesses&) const = default;
};

struct GuessRule {
  std::uint32_t most = 0;         // so many at once
  std::chrono::seconds leak{60};  // one is forgotten after each of these
};
constexpr GuessRule kPerAddress{10, std::chrono::seconds(60)};
// Devices behind one address translator share it, so the profile is the wider net.
constexpr GuessRule kPerProfile{100, std::chrono::seconds(6)};

// What is left in the bucket now.
Guesses leaked(const Guesses& guesses, const GuessRule& rule, Time now);
bool is_full(const Guesses& guesses, const GuessRule& rule, Time now);
Guesses with_one_more(const Guesses& guesses, const GuessRule& rule, Time now);
// When it takes the next one.
Time opens_at(const Guesses& guesses, const GuessRule& rule, Time now);

// The name of the bucket of an address: an IPv6 network of 64 bits is one, because a host there has as many
// addresses as it likes.
std::string address_scope(std::string_view address);
std::string profile_scope(std::string_view profile);

}  // namespace vouch::challenge
