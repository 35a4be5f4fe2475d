#pragma once
// The authority's own side of challenges: judges what a device shows with its request, and uses it up in the
// transaction of the certificate (docs/mechanisms/challenge.md has the order of the checks).

#include <map>
#include <mutex>

#include "ca/authority.hpp"
#include "ca/challenge_keys.hpp"
#include "ca/home/audit.hpp"
#include "ca/settings/settings.hpp"
#include "challenge/refusal.hpp"
#include "x509/request.hpp"

namespace vouch::ca {

// So many refused requests under one challenge, then it is over.
constexpr std::uint32_t kMostAttempts = 5;

// What judging found; the database may have changed by the time it is settled.
struct ChallengeVerdict {
  std::optional<challenge::Refusal> refusal;
  std::int64_t number = 0;  // of the challenge; 0: none was found, or none is needed
  bool single_use = false;
  bool was_guess = false;  // refused: a wrong password
  Buffer request_hash;     // SHA-256 of the request as it came
  RequestId again = 0;     // this very request has had the challenge: it gets the same answer
  // Of a bound one:
  std::string sid;
  std::optional<std::chrono::seconds> validity;
  std::string summary;  // "bound challenge 5 by minter mdm for device-7", for the trace
  std::string profile, client, transaction;
};

class ChallengeDesk {
 public:
  // `environment` outlives the desk.
  ChallengeDesk(const Environment& environment, const store::AuthorityRecord& authority)
      : environment_(environment), authority_(authority) {}

  // Nothing: the request shows no challenge and its account owes none. Errors are outages.
  Result<std::optional<ChallengeVerdict>> judge(const store::Snapshot& snapshot,
                                                const AuthoritySettings& settings,
                                                const Submission& submission,
                                                const x509::RequestView& request) const;

  // Inside the transaction, before anything of the request is written: whether the verdict still holds. It
  // may come to refuse, or to say whose answer this request gets.
  Status look_again(store::Transaction& t, ChallengeVerdict& verdict) const;
  // Afterwards, with the request as it is now: the challenge is used up, claimed, or has one more failure.
  Status settle(store::Transaction& t, const ChallengeVerdict& verdict,
                const store::RequestRecord& request) const;

  // Of a request that waited for a manager: what the challenge said that it came with, and what becomes of
  // that challenge now that the request is decided.
  Result<std::optional<ChallengeVerdict>> of_claimed(const store::Snapshot& snapshot,
                                                     RequestId request) const;
  Status close(store::Transaction& t, const store::RequestRecord& request) const;

  // For the audit entry of the request: which challenge, from where, and what differed.
  void add_details(AuditDetails& details, const ChallengeVerdict& verdict) const;

 private:
  struct Presented;
  std::optional<challenge::Refusal> check_duty(const AuthoritySettings& settings,
                                               const Submission& submission) const;
  std::chrono::seconds renewal_grace(const AuthoritySettings& settings, const Submission& submission) const;
  Result<std::optional<challenge::Refusal>> check_renewal(const Presented& shown) const;
  Status judge_proof(const Presented& shown, ChallengeVerdict& verdict) const;
  Status judge_renewal(const Presented& shown, ChallengeVerdict& verdict) const;
  Status judge_bound(const Presented& shown, ChallengeVerdict& verdict) const;
  Status judge_password(const Presented& shown, ChallengeVerdict& verdict) const;
  Result<std::optional<challenge::Refusal>> check_guesses(const Presented& shown) const;
  Result<std::optional<store::ChallengeRecord>> find_password(const Presented& shown) const;
  void judge_state(const store::ChallengeRecord& record, ChallengeVerdict& verdict) const;
  Status count_guess(store::Transaction& t, const ChallengeVerdict& verdict) const;
  Result<std::shared_ptr<const crypto::Sealer>> sealer_of(const store::ChallengeKey& key) const;
  Result<bool> is_single_password(const store::ChallengeRecord& record, std::string_view password) const;

  const Environment& environment_;
  const store::AuthorityRecord& authority_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::map<Buffer, std::shared_ptr<const crypto::Sealer>> sealers_;
  // Of single passwords that were right: hash over verifier and password, so that scrypt runs once.
  mutable std::map<std::int64_t, Buffer> known_passwords_;
};

// Under which the single password of a profile is found.
Buffer single_token(const crypto::Provider& provider, std::string_view profile);

}  // namespace vouch::ca
