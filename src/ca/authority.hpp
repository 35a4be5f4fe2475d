#pragma once
// Authority: what every front end (command line, SCEP, CEP/CES, ACME, the administration API) asks of a
// certification authority. Two implementations: LocalAuthority here, in process; the remote one over the
// administration API comes with the daemon. A front end does not know which it has.
//
// Nothing is answered before it is durable. Errors are for what went wrong (`not_found`, `unavailable`, …);
// a refusal by policy is an Outcome, not an error.

#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/secret.hpp"
#include "policy/trace.hpp"
#include "store/records.hpp"

namespace vouch::ca {

using store::Disposition, store::RequestId;

// What a device proves its right to enrol with (docs/mechanisms/challenge.md). The front end passes it on as
// it came; the authority opens it, compares the request with it, and uses it up together with the
// certificate. So a front end that somebody has taken over can invent nothing.
struct ChallengeProof {
  Secret secret;            // the challenge password without padding; empty: none was sent
  std::string profile;      // for which the device enrols: the audience of the challenge
  std::string client;       // the device's address: too many wrong guesses close it for a while
  std::string transaction;  // of the device's protocol, for the audit log
  Buffer renews{};          // a renewal: the certificate (DER) whose key signed the message
  bool operator==(const ChallengeProof&) const = default;
};

// A request as a front end hands it over.
struct Submission {
  Buffer request;             // PKCS #10 DER
  std::string template_name;  // empty: none (stand-alone only)
  std::string requester;      // the authenticated account
  std::string transaction;    // idempotency key of the transport; empty: none
  std::map<std::string, std::string> attributes;
  // Given: it is checked, whoever asks. Accounts may be bound to give one (ca/challenges.hpp). Never logged;
  // what is stored of the request lacks it.
  std::optional<ChallengeProof> challenge{};
  // What the client's own protocol calls the request, for polls (`find_submitted`); empty: nothing.
  std::string client_transaction{};
  // A certificate manager decides, whatever template and settings say: nothing proves who asks.
  bool wait_for_approval = false;
  // The requester approves as well what policy leaves to a certificate manager, in the same durable step. It
  // needs the role for that; where it lacks it, or others have to agree, the request is pending.
  bool approve = false;
};

// A request that was handed in before.
struct Submitted {
  RequestId request = 0;
  Buffer certificate_request;  // as it was handed in
  std::string transaction;     // its idempotency key
};

struct Outcome {
  RequestId request = 0;
  Disposition disposition{};
  Buffer certificate{};                // DER, when issued
  std::string message{};               // why pending, denied or failed
  std::string reason{};                // the rule
  std::string expected{}, received{};  // of that rule; may be empty
  std::string mend{};
  std::vector<std::string> notes{};  // "validity truncated to the CA's end …"
};

struct Revocation {
  Buffer serial;
  x509::CrlReason reason = x509::CrlReason::unspecified;
  std::optional<Time> invalidity_date;
};

class Authority {
 public:
  virtual ~Authority() = default;

  // Each submission stands alone: one bad request does not hold up the others. Submissions of one call, and
  // of other threads at the same time, share their durable commits. The same transaction key again gives the
  // outcome of the first time.
  virtual std::vector<Result<Outcome>> submit(std::span<const Submission> submissions) = 0;
  Result<Outcome> submit(const Submission& submission);

  // By a certificate manager. conflict: the request is not pending.
  virtual Result<Outcome> approve(RequestId request, std::string_view manager) = 0;
  virtual Result<Outcome> deny(RequestId request, std::string_view manager, std::string_view why) = 0;
  virtual Result<Outcome> retrieve(RequestId request) = 0;
  // The newest one that was handed in under this client transaction.
  virtual Result<std::optional<Submitted>> find_submitted(std::string_view client_transaction) = 0;

  virtual Status revoke(const Revocation& revocation, std::string_view manager) = 0;
  virtual Status release(Bytes serial, std::string_view manager) = 0;

  // The CA certificate that signs now, and its parents, nearest first.
  virtual Result<std::vector<Buffer>> chain() const = 0;
};

}  // namespace vouch::ca
