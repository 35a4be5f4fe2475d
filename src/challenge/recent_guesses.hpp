#pragma once
// Guesses that one process counts in memory, for whoever comes in from outside and shows a password.

#include <map>
#include <mutex>

#include "challenge/guess_limit.hpp"

namespace vouch::challenge {

// Who guessed how often: kept for so many at the same time, whoever is oldest goes first. Safe to use from
// several threads.
class RecentGuesses {
 public:
  explicit RecentGuesses(GuessRule rule, std::size_t kept = 10'000) : rule_(rule), kept_(kept) {}
  // How long `who` has to wait; zero: not at all.
  std::chrono::seconds wait(const std::string& who, Time now) const;
  void add(const std::string& who, Time now);
  void forget(const std::string& who);

 private:
  void make_room(Time now);
  const GuessRule rule_;
  const std::size_t kept_;
  mutable std::mutex guards_guesses_;
  std::map<std::string, Guesses> guesses_;
};

}  // namespace vouch::challenge
