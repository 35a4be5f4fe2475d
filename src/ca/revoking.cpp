// Revocation, hold and release.
#include "ca/authority_work.hpp"

#include "ca/keys/key_checks.hpp"

namespace vouch::ca {
namespace {

constexpr std::chrono::seconds kHoldPatience{30};

}  // namespace

Status LocalAuthority::authorize_revocation(Bytes serial, std::string_view manager, std::string_view what,
                                            std::string_view action) const {
  const auto snapshot = TRY(environment_.database.snapshot());
  // Of what there is not, the role without restrictions is asked for.
  store::RequestRecord request;
  if (const auto certificate = snapshot->certificate(serial))
    request = TRY(snapshot->request(certificate->request));
  return authorize_manager(*snapshot, manager, what, action, "certificate " + to_hex(serial), request);
}

Status LocalAuthority::revoke(const Revocation& revocation, std::string_view manager) {
  const Time now = environment_.clock.now();
  if (revocation.invalidity_date && *revocation.invalidity_date > now)
    return make_error(Errc::usage, "the certificate cannot have become invalid in the future ({})",
                      format_time(*revocation.invalidity_date));
  if (revocation.reason == x509::CrlReason::remove_from_crl)
    return make_error(Errc::usage, "removeFromCRL is no reason to revoke")
        .with_hint("lift a hold with: vouch cert release");
  TRY(fence_status());
  TRY(authorize_revocation(revocation.serial, manager, "revoke certificates", "cert.revoke"));
  // Holds and releases of other processes come before or after, so that the fence has them in their order.
  // What is final needs none.
  std::optional<FileLock> turn;
  if (revocation.reason == x509::CrlReason::certificate_hold)
    turn.emplace(
        TRY(FileLock::acquire(environment_.home.lock(fmt::format("hold-{}", record_.id)), kHoldPatience)));
  store::CertificateRecord certificate;
  TRY(environment_.database.commit([&](store::Transaction& t) -> Status {
    TRY(t.revoke(record_.id, {revocation.serial, now, revocation.reason, revocation.invalidity_date}));
    certificate = TRY(t.certificate(revocation.serial));
    // Of a certificate that a restore lost, only the serial number is known.
    if (revocation.reason == x509::CrlReason::key_compromise && !certificate.tbs.empty()) {
      // Nobody gets a certificate for this key again.
      const auto view = TRY(x509::parse_tbs_certificate(certificate.tbs));
      TRY(t.mark_key_compromised(key_number(environment_.provider, view.public_key_info),
                                 certificate.request));
    }
    AuditDetails details;
    details.add("reason", x509::to_string(revocation.reason));
    if (revocation.invalidity_date) details.add("invalid_since", format_time(*revocation.invalidity_date));
    return record_audit(environment_, t,
                        {.actor = std::string(manager),
                         .action = "cert.revoke",
                         .authority = record_.name,
                         .object = "certificate " + to_hex(revocation.serial),
                         .details = std::move(details)});
  }));
  if (!certificate.revocation) return make_error(Errc::internal, "the revocation is not there");
  return fence_->record(std::array{FenceEvent::revoked(certificate, *certificate.revocation)})
      .context("the revocation is in the database, but not in the fence");
}

// The one change that the fence learns first: a hold in the fence that the database has lifted would look
// like a revocation that got lost.
Status LocalAuthority::release(Bytes serial, std::string_view manager) {
  TRY(fence_status());
  TRY(authorize_revocation(serial, manager, "release certificates", "cert.release"));
  const FileLock turn =
      TRY(FileLock::acquire(environment_.home.lock(fmt::format("hold-{}", record_.id)), kHoldPatience));
  const auto on_hold = TRY(TRY(environment_.database.snapshot())->certificate(serial)).revocation;
  if (on_hold && on_hold->reason == x509::CrlReason::certificate_hold)
    TRY(fence_->record(std::array{FenceEvent::release(serial)}));
  return environment_.database.commit([&](store::Transaction& t) -> Status {
    TRY(t.release(record_.id, serial));
    return record_audit(environment_, t,
                        {.actor = std::string(manager),
                         .action = "cert.release",
                         .authority = record_.name,
                         .object = "certificate " + to_hex(serial)});
  });
}

}  // namespace vouch::ca
