#pragma once
// The challenge policy of Intune's interface for third-party certification authorities: each request is
// validated there before it goes to the authority, and the service is told what became of it.
//
//   check    ScepActions/validateRequest
//   issued   ScepActions/successNotification, before the device gets its certificate
//   refused  ScepActions/failureNotification, of requests that were validated; later if need be

#include "enroll/mdm/intune_connection.hpp"
#include "enroll/mdm/outbox.hpp"
#include "enroll/mdm/told.hpp"
#include "enroll/scep/challenge.hpp"
#include "enroll/scep/outcome_listener.hpp"

namespace vouch::enroll::mdm {

// The text of one of the service's codes; none for a code that is not known.
std::optional<std::string_view> intune_code_text(std::string_view code);
std::vector<std::string_view> intune_codes();  // all but Success

struct IntuneGateSettings {
  // Microsoft: "if an exception is thrown the server should not issue". false: the device does not wait, and
  // a certificate that the service turns out not to take is revoked when it has been asked.
  bool wait_for_notification = true;
  bool renewals_without_challenge = false;  // otherwise a renewal needs a challenge as well
  std::string ca_configuration{};           // caConfiguration of notifications; empty: left out
};

// Revokes a certificate by its serial number (unsigned octets), under the account that is meant for it.
using RevokeCertificate = std::function<Status(Bytes serial)>;

class IntuneGate final : public scep::ChallengePolicy, public scep::OutcomeListener {
 public:
  IntuneGate(std::shared_ptr<IntuneConnection> connection, std::shared_ptr<Outbox> outbox,
             IntuneGateSettings settings, const crypto::Provider& provider, RevokeCertificate revoke)
      : connection_(std::move(connection)),
        outbox_(std::move(outbox)),
        settings_(std::move(settings)),
        provider_(provider),
        revoke_(std::move(revoke)) {}

  Result<scep::ChallengeVerdict> check(const scep::ChallengeQuestion& question) const override;
  bool is_module() const override { return true; }
  Status issued(const scep::EnrolmentNotice& notice, Bytes certificate) const override;
  void refused(const scep::EnrolmentNotice& notice, const scep::Refusal& refusal) const override;

  // For a background job: what waits in the outbox.
  Status deliver() const;

 private:
  Status send(std::string_view path, const Value& body) const;
  Status deliver_one(std::string_view message) const;
  Status put(std::string_view path, const Value& body, std::string_view serial) const;
  Value success_notification(const scep::EnrolmentNotice& notice,
                             const x509::CertificateView& certificate) const;

  const std::shared_ptr<IntuneConnection> connection_;
  const std::shared_ptr<Outbox> outbox_;
  const IntuneGateSettings settings_;
  const crypto::Provider& provider_;
  const RevokeCertificate revoke_;
  mutable Told told_;       // serial numbers whose notification was taken
  mutable Told validated_;  // requests that the service allowed: of those it hears again
  LastOutcome last_put_;
};

}  // namespace vouch::enroll::mdm
