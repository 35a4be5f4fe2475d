#pragma once
// What the backends say, told once, so that they say the same.

#include "store/records.hpp"

namespace vouch::store::messages {

inline Error no_authority(AuthorityId id) {
  return make_error(Errc::not_found, "no CA has the number {}", id);
}
inline Error no_authority(std::string_view name) {
  return make_error(Errc::not_found, "there is no CA named '{}'", name).with_hint("vouch ca list");
}
inline Error authority_exists(std::string_view name) {
  return make_error(Errc::conflict, "there is a CA named '{}' already", name);
}
inline Error key_generation_exists(const KeyGeneration& generation) {
  return make_error(Errc::conflict, "CA {} has a certificate with index {} already", generation.authority,
                    generation.certificate_index);
}
inline Error no_key_generation(const KeyGeneration& generation) {
  return make_error(Errc::not_found, "CA {} has no certificate with index {}", generation.authority,
                    generation.certificate_index);
}
inline Error no_request(RequestId id) {
  return make_error(Errc::not_found, "there is no request {}", id).with_hint("vouch request list");
}
inline Error transaction_used(std::string_view transaction) {
  return make_error(Errc::conflict, "transaction '{}' belongs to another request", transaction);
}
inline Error no_certificate(Bytes serial) {
  return make_error(Errc::not_found, "there is no certificate with serial number {}", to_hex(serial))
      .with_hint("vouch cert list");
}
inline Error no_certificate_of(RequestId id) {
  return make_error(Errc::not_found, "request {} has no certificate", id);
}
inline Error no_serial() { return make_error(Errc::usage, "a certificate needs a serial number"); }
inline Error serial_used(Bytes serial) {
  return make_error(Errc::conflict, "serial number {} has been used", to_hex(serial));
}
inline Error request_has_certificate(RequestId id) {
  return make_error(Errc::conflict, "request {} has a certificate already", id);
}
inline Error no_intent(RequestId id) {
  return make_error(Errc::not_found, "request {} has no certificate that waits for its signature", id);
}
inline Error no_signature(RequestId id) {
  return make_error(Errc::usage, "the signature for request {} is empty", id);
}
inline Error not_signed(Bytes serial) {
  return make_error(Errc::conflict, "the certificate with serial number {} is not signed yet", to_hex(serial))
      .with_hint("try again in a moment");
}
inline Error not_a_revocation() {
  return make_error(Errc::usage, "removeFromCRL is no reason to revoke for")
      .with_hint("to lift a hold: vouch cert release SERIAL");
}
inline Error revoked_already(Bytes serial, Time when) {
  return make_error(Errc::conflict, "the certificate with serial number {} has been revoked since {}",
                    to_hex(serial), format_time(when));
}
inline Error not_revoked(Bytes serial) {
  return make_error(Errc::not_found, "the certificate with serial number {} is not revoked", to_hex(serial));
}
inline Error not_on_hold(Bytes serial) {
  return make_error(Errc::conflict, "the certificate with serial number {} is revoked for good, not on hold",
                    to_hex(serial));
}
inline Error crl_number_not_above(std::uint64_t number, std::uint64_t last) {
  return make_error(Errc::conflict, "CRL number {} is not above the last one, {}", number, last);
}
inline Error number_too_large(std::string_view what, std::uint64_t number) {
  return make_error(Errc::limit_exceeded, "{} {} is too large for the database", what, number);
}
inline Error no_crl(std::uint64_t number) {
  return make_error(Errc::not_found, "there is no CRL number {}", number);
}
inline Error no_location_set(std::int64_t id) {
  return make_error(Errc::not_found, "there is no set of locations with the number {}", id);
}
inline Error no_template(std::string_view name) {
  return make_error(Errc::not_found, "there is no template named '{}'", name)
      .with_hint("vouch template list");
}
inline Error template_version_exists(const TemplateRecord& record) {
  return make_error(Errc::conflict, "template '{}' has a version {}.{} already", record.name, record.major,
                    record.minor);
}
inline Error not_published(std::string_view name) {
  return make_error(Errc::not_found, "template '{}' is not published", name);
}
inline Error newest_request(RequestId id) {
  return make_error(Errc::conflict, "request {} is the newest: its number would be given again", id);
}
inline Error waits_for_signature(RequestId id) {
  return make_error(Errc::conflict, "the certificate of request {} waits for its signature", id);
}
inline Error not_lost(Bytes serial) {
  return make_error(Errc::conflict, "the certificate with serial number {} is not lost", to_hex(serial));
}
inline Error no_file() {
  return make_error(Errc::unsupported, "this database is kept in memory, not in a file");
}
inline Error audit_sequence(std::int64_t sequence, std::int64_t last) {
  return make_error(Errc::conflict, "audit entry {} does not follow the last one, {}", sequence, last);
}
inline Error audit_head_exists(std::int64_t size) {
  return make_error(Errc::conflict, "the audit log has a head of size {} already", size);
}
inline Error audit_key_exists() { return make_error(Errc::conflict, "that audit key is known already"); }
inline Error no_challenge(std::int64_t id) {
  return make_error(Errc::not_found, "there is no challenge {}", id).with_hint("vouch challenge list");
}
inline Error challenge_exists() {
  return make_error(Errc::conflict, "there is a challenge with that identifier already");
}
inline Error challenge_key_exists(Bytes id) {
  return make_error(Errc::conflict, "there is a challenge key {} already", to_hex(id));
}
inline Error no_challenge_key(Bytes id) {
  return make_error(Errc::not_found, "there is no challenge key {}", to_hex(id));
}
inline Error inside_commit(std::string_view what) {
  return make_error(Errc::internal, "{} was called inside commit()", what);
}

}  // namespace vouch::store::messages
