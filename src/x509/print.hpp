#pragma once
// Certificates, requests and CRLs as text for people and as a Value for --json.

#include <string>

#include "base/value.hpp"
#include "x509/crl.hpp"
#include "x509/ocsp.hpp"
#include "x509/request.hpp"

namespace vouch::x509 {

// Keys of the tables are part of the command line's interface (docs/reference/json.md): they do not
// change with the data; what is absent is null, and lists may be empty. Text that came from outside is
// made harmless for terminals: control characters and the like appear as \XX for each octet.
//
// Certificate: kind ("certificate"), version, serial, subject, issuer, not_before, not_after, public_key
//   {algorithm, bits}, signature_algorithm, is_ca, path_length, key_usage [], extended_key_usage [OIDs],
//   subject_alternative_names [], subject_key_identifier, authority_key_identifier, crl_urls [],
//   ocsp_urls [], ca_issuer_urls [], policies [OIDs], template_name, template_oid, ca_version, sid,
//   extensions [].
// Extension: oid, name, label, critical, values [texts], error (why the value cannot be read), der (hex).
// Digests are not computed here: the caller adds "fingerprint_sha256", which to_text knows.
Value describe_certificate(const CertificateView& certificate);
// Request: kind ("request"), version, subject, public_key, signature_algorithm, has_challenge_password,
//   the same keys as a certificate's from is_ca to sid except those that only a CA fills in, attributes
//   [{oid, name, values []}], extensions []. The value of challengePassword is never in it.
Value describe_request(const RequestView& request);
// CRL: kind ("crl"), version, issuer, this_update, next_update, signature_algorithm, number, delta_base,
//   authority_key_identifier, next_publish, ca_version, extensions [], entry_count,
//   entries [{serial, revoked_at, reason, invalid_since, certificate_issuer []}].
// At most `max_entries` entries; entry_count says how many there are. Fails with `malformed` on an entry
// that cannot be read.
Result<Value> describe_crl(const CrlView& crl, std::size_t max_entries);
Value describe_extension(const ExtensionView& extension);

// The same as indented text: "Subject: CN=…", "Key usage (critical): digitalSignature, keyEncipherment", …
// Members that the caller added to a description are printed as well.
std::string to_text(const Value& description);

}  // namespace vouch::x509
