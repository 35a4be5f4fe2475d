#include "enroll/scep/limited_guesses.hpp"

namespace vouch::enroll::scep {
namespace {

ChallengeVerdict closed(const std::string& scope, const challenge::GuessRule& rule, Time until) {
  return {.code = "ChallengeGuessLimit",
          .expected = fmt::format("fewer than {} wrong passwords for {}", rule.most, scope),
          .received = "closed until " + format_time(until)};
}

}  // namespace

Result<ChallengeVerdict> LimitedGuesses::check(const ChallengeQuestion& question) const {
  if (!question.password) return inner_->check(question);
  const Time now = clock_.now();
  const std::string address = challenge::address_scope(question.client),
                    profile = challenge::profile_scope(question.profile);
  if (const auto wait = by_address_.wait(address, now); wait.count() > 0)
    return closed(address, challenge::kPerAddress, now + wait);
  if (const auto wait = by_profile_.wait(profile, now); wait.count() > 0)
    return closed(profile, challenge::kPerProfile, now + wait);
  auto verdict = inner_->check(question);
  if (!verdict || verdict->allowed) return verdict;
  by_address_.add(address, now);
  by_profile_.add(profile, now);
  return verdict;
}

}  // namespace vouch::enroll::scep
