#pragma once
// A limit for those who guess the password of a profile, where this host compares it. What the authority
// judges, it limits itself (docs/mechanisms/challenge.md).

#include "challenge/recent_guesses.hpp"
#include "enroll/scep/challenge.hpp"

namespace vouch::enroll::scep {

// Wrong passwords count against the device's address and against the profile; when there were too many, no
// password is looked at for a while. Counted by this process alone: the password is not short.
class LimitedGuesses final : public ChallengePolicy {
 public:
  // The clock outlives it.
  LimitedGuesses(std::unique_ptr<const ChallengePolicy> inner, const Clock& clock)
      : inner_(std::move(inner)), clock_(clock) {}
  Result<ChallengeVerdict> check(const ChallengeQuestion& question) const override;
  bool is_module() const override { return inner_->is_module(); }

 private:
  const std::unique_ptr<const ChallengePolicy> inner_;
  const Clock& clock_;
  mutable challenge::RecentGuesses by_address_{challenge::kPerAddress};
  mutable challenge::RecentGuesses by_profile_{challenge::kPerProfile};
};

}  // namespace vouch::enroll::scep
