#pragma once
// The door to this room: a certificate in, a decision out.
//
//   const Validator validator(provider, trust, cache);
//   const Decision decision = validator.validate(target, sent, {now, profile, expected, &source});
//   if (!decision.accepted) log(to_text(decision));
//
// Nothing is global; time, trust, profile and revocation come in, and nothing is thrown or asked of the
// network. One validator serves several threads.

#include "validate/decision.hpp"
#include "validate/signatures.hpp"

namespace vouch::validate {

// What one validation is held against. `profile` and `revocation` must outlive the call.
struct Terms {
  Time now{};
  const Profile& profile;
  Expected expected{};
  RevocationSource* revocation = nullptr;  // not needed when the profile does not ask about revocation
};

class Validator {
 public:
  // At most this many of what a peer sends are read: TLS stacks send a dozen at most.
  static constexpr std::size_t kMaxSent = 256;

  // `cache` may be shared with others, or null.
  Validator(std::shared_ptr<const crypto::Provider> provider, std::shared_ptr<const TrustStore> trust,
            std::shared_ptr<SignatureCache> cache)
      : provider_(std::move(provider)), trust_(std::move(trust)), cache_(std::move(cache)) {}

  // `sent`: further certificates of the peer, in any order.
  Decision validate(const CertificatePtr& target, const std::vector<CertificatePtr>& sent,
                    const Terms& terms) const;
  // The same from DER: a target that cannot be read is a
  // decision, too; others that cannot be read are left out.
  Decision validate(Bytes target, std::span<const Bytes> sent, const Terms& terms) const;

 private:
  std::shared_ptr<const crypto::Provider> provider_;
  std::shared_ptr<const TrustStore> trust_;
  std::shared_ptr<SignatureCache> cache_;
};

}  // namespace vouch::validate
