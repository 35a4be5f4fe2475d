// /api/v1/certificates
#include "api/describe.hpp"
#include "api/operation.hpp"
#include "base/pem.hpp"
#include "revocation/published_crl.hpp"
#include "x509/certificate.hpp"

namespace vouch::api {
namespace {

Result<Answer> list(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  store::CertificateFilter filter;
  filter.authority = TRY(call.named_authority(*snapshot));
  filter.subject_contains = call.parameter("subject");
  filter.template_name = call.parameter("template");
  filter.requester = call.parameter("requester");
  if (const std::string revoked = call.parameter("revoked"); !revoked.empty())
    filter.revoked = revoked == "true";
  filter.expires_before = TRY(call.time("expires_before"));
  filter.after = TRY(call.number("after")).value_or(0);
  filter.limit = TRY(page_size(call));
  const auto names = TRY(authority_names(*snapshot));
  const auto page = TRY(snapshot->certificates(filter));
  Value certificates = Value::list();
  for (const auto& record : page) certificates.push(describe(record, names));
  return Answer(Value()
                    .set("certificates", std::move(certificates))
                    .set("next", page.size() == filter.limit ? Value(page.back().request) : Value()));
}

Result<Buffer> serial_of(const Call& call) {
  const std::string text = call.parameter("serial");
  const auto serial = x509::serial_from_text(text);
  if (!serial) return make_error(Errc::malformed, "'{}' is not a serial number", text);
  return *serial;
}

Value answer_of(const store::CertificateRecord& record, const AuthorityNames& names) {
  const Buffer der = record.der();
  return Value()
      .set("record", describe(record, names))
      .set("certificate", der.empty() ? Value() : Value(to_pem("CERTIFICATE", der)));
}

Result<Answer> show(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  const auto record = TRY(snapshot->certificate(TRY(serial_of(call))));
  return Answer(answer_of(record, TRY(authority_names(*snapshot))));
}

// The complete list that says whether the certificate is revoked, as it was published last.
Result<Answer> crl(const Call& call) {
  const auto snapshot = TRY(ca::snapshot_for_reading(call.environment(), call.account()));
  const auto record = TRY(snapshot->certificate(TRY(serial_of(call))));
  const Buffer der = TRY(revocation::published_crl(call.environment(), *snapshot, record));
  return Answer(Value().set("crl", to_pem("X509 CRL", der)));
}

Result<std::shared_ptr<ca::LocalAuthority>> issuer_of(const Call& call, Bytes serial) {
  const auto record = TRY(TRY(call.environment().database.snapshot())->certificate(serial));
  return find_authority(call.service, record.authority);
}

Result<Answer> as_it_is_now(const Call& call, Bytes serial) {
  const auto snapshot = TRY(call.environment().database.snapshot());
  return Answer(answer_of(TRY(snapshot->certificate(serial)), TRY(authority_names(*snapshot))));
}

Result<Answer> revoke(const Call& call) {
  ca::Revocation revocation;
  revocation.serial = TRY(serial_of(call));
  revocation.reason =
      TRY(x509::crl_reason_from_name(text_member(call.body, "reason")).context("reading the body.reason"));
  if (revocation.reason == x509::CrlReason::remove_from_crl)
    return make_error(Errc::malformed, "removeFromCRL is no reason to revoke")
        .with_hint("lift a hold with POST /api/v1/certificates/{serial}/release");
  if (const std::string since = text_member(call.body, "invalid_since"); !since.empty())
    revocation.invalidity_date = TRY(parse_time(since).context("reading the body.invalid_since"));
  TRY(TRY(issuer_of(call, revocation.serial))->revoke(revocation, call.account()));
  return as_it_is_now(call, revocation.serial);
}

Result<Answer> release(const Call& call) {
  const Buffer serial = TRY(serial_of(call));
  TRY(TRY(issuer_of(call, serial))->release(serial, call.account()));
  return as_it_is_now(call, serial);
}

constexpr Parameter kSerial[] = {{"serial", true, "string", "in hexadecimal"}};
constexpr Parameter kList[] = {
    kCaFilter,
    {"subject", false, "string", "only certificates with this in their subject"},
    {"template", false, "string", "only certificates of this template"},
    {"requester", false, "string", "only certificates of this account"},
    {"revoked", false, "boolean", "true: only revoked ones and those on hold; false: only the others"},
    {"expires_before", false, "time", "only certificates that end before"},
    kAfter,
    kLimit,
};
constexpr Operation kOperations[] = {
    {"listCertificates", net::Method::get, "/certificates", "the certificates that were issued here",
     "readers", kList, "", "Certificates", &list},
    {"showCertificate", net::Method::get, "/certificates/{serial}", "a certificate", "readers", kSerial, "",
     "Certificate", &show},
    {"crlOfCertificate", net::Method::get, "/certificates/{serial}/crl",
     "the complete CRL that says whether it is revoked", "readers", kSerial, "", "CrlContent", &crl},
    {"revokeCertificate", net::Method::post, "/certificates/{serial}/revoke",
     "revoke it, or put it on hold; the next OCSP answer says so", "certificate managers", kSerial,
     "Revocation", "Certificate", &revoke},
    {"releaseCertificate", net::Method::post, "/certificates/{serial}/release", "release it from hold",
     "certificate managers", kSerial, "", "Certificate", &release},
};

}  // namespace

std::span<const Operation> certificate_operations() { return kOperations; }

}  // namespace vouch::api
