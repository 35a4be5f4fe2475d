#pragma once
// A limit for those who guess the password of a profile, where this host compares it. What the authority
// judges, it limits itself (docs/mechanisms/challenge.md).

#include <map>
#include <mutex>

#include "challenge/guess_limit.hpp"
#include "enroll/scep/challenge.hpp"

namespace vouch::enroll::scep {

// Wrong passwords count against the device's address and against the profile; when there were too many, no
// password is looked at for a while. Counted by this process alone: the password is not short.
class LimitedGuesses final : public ChallengePolicy {
 public:
  // The clock outlives it. For one profile.
  LimitedGuesses(std::unique_ptr<const ChallengePolicy> inner, const Clock& clock)
      : inner_(std::move(inner)), clock_(clock) {}
  Result<ChallengeVerdict> check(const ChallengeQuestion& question) const override;
  bool is_module() const override { return inner_->is_module(); }

  // So many addresses are remembered; with more, those that have guessed least are forgotten.
  static constexpr std::size_t kMostAddresses = 10'000;

 private:
  std::optional<ChallengeVerdict> closed(const std::string& address, Time now) const;
  void count(const std::string& address, Time now) const;
  void make_room(Time now) const;

  const std::unique_ptr<const ChallengePolicy> inner_;
  const Clock& clock_;
  mutable std::mutex guards_guesses_;
  mutable std::map<std::string, challenge::Guesses> addresses_;
  mutable challenge::Guesses profile_{};
};

}  // namespace vouch::enroll::scep
