#include "challenge/recent_guesses.hpp"

#include <algorithm>

namespace vouch::challenge {

std::chrono::seconds RecentGuesses::wait(const std::string& who, Time now) const {
  const std::scoped_lock lock(guards_guesses_);
  const auto found = guesses_.find(who);
  // A clock that was set back locks nobody out.
  if (found == guesses_.end() || now < found->second.at) return std::chrono::seconds(0);
  return opens_at(found->second, rule_, now) - now;
}

void RecentGuesses::add(const std::string& who, Time now) {
  const std::scoped_lock lock(guards_guesses_);
  if (!guesses_.contains(who)) make_room(now);
  Guesses& guesses = guesses_[who];
  if (now < guesses.at) guesses = {};
  guesses = with_one_more(guesses, rule_, now);
}

void RecentGuesses::forget(const std::string& who) {
  const std::scoped_lock lock(guards_guesses_);
  guesses_.erase(who);
}

void RecentGuesses::make_room(Time now) {
  if (guesses_.size() < kept_) return;
  std::erase_if(guesses_, [&](const auto& entry) { return leaked(entry.second, rule_, now).level == 0; });
  if (guesses_.size() < kept_) return;
  guesses_.erase(std::ranges::min_element(guesses_, {}, [](const auto& entry) { return entry.second.at; }));
}

}  // namespace vouch::challenge
