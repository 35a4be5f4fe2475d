#include "enroll/scep/limited_guesses.hpp"

#include <algorithm>
#include <tuple>

namespace vouch::enroll::scep {

using challenge::Guesses, challenge::GuessRule, challenge::kPerAddress, challenge::kPerProfile;

Result<ChallengeVerdict> LimitedGuesses::check(const ChallengeQuestion& question) const {
  if (!question.password) return inner_->check(question);
  const Time now = clock_.now();
  const std::string address = challenge::address_scope(question.client);
  const std::scoped_lock lock(guards_guesses_);
  if (auto verdict = closed(address, now)) return std::move(*verdict);
  auto verdict = inner_->check(question);
  if (verdict && !verdict->allowed) count(address, now);
  return verdict;
}

std::optional<ChallengeVerdict> LimitedGuesses::closed(const std::string& address, Time now) const {
  const auto found = addresses_.find(address);
  const std::tuple<std::string_view, Guesses, GuessRule> scopes[] = {
      {address, found == addresses_.end() ? Guesses{} : found->second, kPerAddress},
      {"the profile", profile_, kPerProfile}};
  for (const auto& [scope, guesses, rule] : scopes)
    if (challenge::is_full(guesses, rule, now))
      return ChallengeVerdict{
          .code = "ChallengeGuessLimit",
          .expected = fmt::format("fewer than {} wrong passwords for {}", rule.most, scope),
          .received = "closed until " + format_time(challenge::opens_at(guesses, rule, now))};
  return std::nullopt;
}

void LimitedGuesses::count(const std::string& address, Time now) const {
  if (addresses_.size() >= kMostAddresses && !addresses_.contains(address)) make_room(now);
  Guesses& of_address = addresses_[address];
  of_address = challenge::with_one_more(of_address, kPerAddress, now);
  profile_ = challenge::with_one_more(profile_, kPerProfile, now);
}

void LimitedGuesses::make_room(Time now) const {
  std::erase_if(addresses_,
                [&](const auto& one) { return challenge::leaked(one.second, kPerAddress, now).level == 0; });
  if (addresses_.size() < kMostAddresses) return;
  std::erase_if(addresses_, [&](const auto& one) {
    return challenge::leaked(one.second, kPerAddress, now).level < kPerAddress.most / 2;
  });
  // Full of those who go on guessing: the profile's own limit holds.
  if (addresses_.size() >= kMostAddresses) addresses_.clear();
}

}  // namespace vouch::enroll::scep
