#pragma once
// Who has to know what became of a request (NDES: INDESPolicy::Notify): a device management service that
// keeps a list of certificates, a webhook.

#include <string>

#include "ca/authority.hpp"
#include "enroll/scep/failure.hpp"

namespace vouch::enroll::scep {

// Texts and octets are borrowed.
struct EnrolmentNotice {
  std::string_view profile, transaction, client;  // client: its address
  Bytes request;                                  // PKCS #10 DER. It holds the challenge: a secret
  ca::RequestId id = 0;                           // 0: it did not get to the authority
};

class OutcomeListener {
 public:
  virtual ~OutcomeListener() = default;
  // Before the device gets its certificate, and each time that it asks again. `denied`: it must not have it;
  // then the certificate is revoked and the device refused. Any other error: the device is told to try again
  // later.
  virtual Status issued(const EnrolmentNotice& notice, Bytes certificate) const = 0;
  // Does not hold up the answer: what cannot be told now is told later or given up.
  virtual void refused(const EnrolmentNotice& notice, const Refusal& refusal) const = 0;
};

}  // namespace vouch::enroll::scep
