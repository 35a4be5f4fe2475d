#include "enroll/scep/challenge.hpp"

namespace vouch::enroll::scep {

Result<std::unique_ptr<StaticPassword>> StaticPassword::create(
    std::shared_ptr<const crypto::Provider> provider, std::string_view password) {
  if (password.empty())
    return make_error(Errc::usage, "the challenge password is empty")
        .with_hint("give it at least 16 characters");
  Buffer digest = provider->digest(crypto::DigestAlgorithm::sha256, as_bytes(password));
  return std::unique_ptr<StaticPassword>(new StaticPassword(std::move(provider), std::move(digest)));
}

Result<ChallengeVerdict> StaticPassword::check(const ChallengeQuestion& question) const {
  if (!question.password) {
    if (question.is_renewal) return ChallengeVerdict{.allowed = true};
    return ChallengeVerdict{.code = "ChallengePasswordMissing"};
  }
  const Buffer digest = provider_->digest(crypto::DigestAlgorithm::sha256, as_bytes(*question.password));
  if (equal_constant_time(digest, digest_)) return ChallengeVerdict{.allowed = true};
  return ChallengeVerdict{.code = "ChallengePasswordMismatch"};
}

}  // namespace vouch::enroll::scep
