#pragma once
// Who may enrol: the policy that judges the challenge of a request. It can only narrow what the authority's
// own policy allows.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "crypto/provider.hpp"
#include "x509/request.hpp"

namespace vouch::enroll::scep {

// The challenge password without the NULs and blanks that clients pad it with; none when there is none or
// two.
std::optional<std::string> challenge_of(const x509::RequestView& request);

// What a policy gets to see. The request's own signature and the message's have been verified, and that both
// were made with one key (or, of a renewal, that the signer's certificate is valid and the authority's own).
struct ChallengeQuestion {
  std::string_view profile, transaction, client;  // client: its address
  const std::optional<std::string>& password;     // of the request; a secret
  const x509::RequestView& request;
  bool is_renewal = false;
};

struct ChallengeVerdict {
  bool allowed = false;
  std::string code{};  // of a refusal: Intune's name where it has one ("ChallengePasswordMissing")
  std::string expected{}, received{};               // for the log, never a challenge itself
  std::map<std::string, std::string> attributes{};  // go with the request to the authority (device, user …)
  bool waits = false;              // allowed, and nothing is proven: a certificate manager decides
  bool left_to_authority = false;  // which gets the challenge (ca::ChallengeProof) and decides
};

class ChallengePolicy {
 public:
  virtual ~ChallengePolicy() = default;
  // Does not consume anything: that happens with the certificate's issue. `unavailable`: the policy cannot
  // decide now, and the device may try again.
  virtual Result<ChallengeVerdict> check(const ChallengeQuestion& question) const = 0;
  // Whether this is what NDES calls a policy module: then a browser's visit is answered with 403.
  virtual bool is_module() const = 0;
};

// One password for everybody (NDES: UseSinglePassword). A renewal may come without it; one that is there
// counts.
class StaticPassword final : public ChallengePolicy {
 public:
  // `usage` for an empty password: it would let in everybody.
  static Result<std::unique_ptr<StaticPassword>> create(std::shared_ptr<const crypto::Provider> provider,
                                                        std::string_view password);
  Result<ChallengeVerdict> check(const ChallengeQuestion& question) const override;
  bool is_module() const override { return false; }

 private:
  StaticPassword(std::shared_ptr<const crypto::Provider> provider, Buffer digest)
      : provider_(std::move(provider)), digest_(std::move(digest)) {}
  std::shared_ptr<const crypto::Provider> provider_;
  Buffer digest_;  // SHA-256: compared in one length, whatever the sent one's
};

// No challenge: every first request waits for a certificate manager, whatever template and CA say.
class ManualApproval final : public ChallengePolicy {
 public:
  Result<ChallengeVerdict> check(const ChallengeQuestion& question) const override {
    return ChallengeVerdict{.allowed = true, .waits = !question.is_renewal};
  }
  bool is_module() const override { return false; }
};

// The authority judges, because it keeps what the challenge is compared with and uses it up: here it is only
// passed on, so that whoever takes over this host can invent nothing. `bound`: the challenge says what the
// request has to be, which is what NDES calls a policy module.
class AuthorityChallenge final : public ChallengePolicy {
 public:
  explicit AuthorityChallenge(bool bound) : bound_(bound) {}
  Result<ChallengeVerdict> check(const ChallengeQuestion&) const override {
    return ChallengeVerdict{.allowed = true, .left_to_authority = true};
  }
  bool is_module() const override { return bound_; }

 private:
  const bool bound_;
};

}  // namespace vouch::enroll::scep
