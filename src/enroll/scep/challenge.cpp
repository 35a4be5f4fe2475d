#include "enroll/scep/challenge.hpp"

namespace vouch::enroll::scep {

std::optional<std::string> challenge_of(const x509::RequestView& request) {
  auto password = x509::challenge_password(request);
  if (!password) return std::nullopt;
  constexpr std::string_view kPadding("\0 ", 2);
  const std::size_t first = password->find_first_not_of(kPadding);
  std::string trimmed;
  if (first != std::string::npos)
    trimmed = password->substr(first, password->find_last_not_of(kPadding) + 1 - first);
  wipe(*password);
  if (trimmed.empty()) return std::nullopt;
  return trimmed;
}

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
