#pragma once
// The certificates that the device management service wants revoked: downloaded in batches, revoked through
// the authority, and the results uploaded (CertificateAuthorityRequests/downloadRevocationRequests and
// uploadRevocationResults).

#include "enroll/mdm/intune_connection.hpp"
#include "enroll/mdm/intune_gate.hpp"
#include "enroll/mdm/outbox.hpp"

namespace vouch::enroll::mdm {

// CARequestErrorCode.
enum class RevocationError : std::uint16_t {
  none = 0,
  non_retryable = 4000,
  deserialization = 4001,
  parameters = 4002,
  cryptography = 4003,
  certificate_not_found = 4004,
  conflict = 4005,  // revoked already
  not_supported = 4006,
  payload_too_large = 4007,
  retryable = 4100,
  unavailable = 4101,
  too_busy = 4102,
  authentication = 4103,  // the account may not revoke
};
std::string_view name(RevocationError error);  // as it is uploaded: "CertificateNotFoundError"
RevocationError revocation_error_of(const Error& error);

struct RevocationRequest {
  std::string context;  // the service's own number of it
  std::string serial, issuer;
};
// What a download brought. Entries without a context cannot be answered, and are left out.
Result<std::vector<RevocationRequest>> parse_revocation_requests(const Value& answer);

struct IntuneRevocationSettings {
  std::string issuer{};     // the issuer that the service filters by; empty: everything of this connection
  std::size_t batch = 100;  // 1 to 500
  Buffer issuer_name{};     // Name of the authority's certificate, DER: requests for others are not found
};

class IntuneRevocations {
 public:
  // `results` keeps what was revoked and not reported yet: a crash in between does not make the service
  // believe that a certificate still holds.
  IntuneRevocations(std::shared_ptr<IntuneConnection> connection, std::shared_ptr<Outbox> results,
                    IntuneRevocationSettings settings, RevokeCertificate revoke)
      : connection_(std::move(connection)),
        results_(std::move(results)),
        settings_(std::move(settings)),
        revoke_(std::move(revoke)) {}

  // One round, for a background job: reports what waits, then takes batches until one is not full.
  Status run() const;

 private:
  Status report() const;
  Result<std::size_t> take_batch() const;
  Value carry_out(const RevocationRequest& request) const;
  Status revoke(const RevocationRequest& request) const;

  static constexpr int kMostBatches = 20;  // in one round; the next goes on
  const std::shared_ptr<IntuneConnection> connection_;
  const std::shared_ptr<Outbox> results_;
  const IntuneRevocationSettings settings_;
  const RevokeCertificate revoke_;
};

}  // namespace vouch::enroll::mdm
