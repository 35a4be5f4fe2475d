#pragma once
// What a key is asked to sign, told from the octets alone, and whether it may sign that. The signer process
// asks this before it uses a key: whoever took over the front may ask for signatures, and gets only those
// that the key is there for, over what keeps the rules.

#include <optional>

#include "lint/lint.hpp"

namespace vouch::lint {

enum class ToBeSigned : std::uint8_t {
  certificate = 1,          // TBSCertificate
  crl = 2,                  // TBSCertList
  ocsp_response = 4,        // ResponseData (RFC 6960 4.2.1)
  request = 8,              // CertificationRequestInfo (RFC 2986 4.1)
  message_attributes = 16,  // SignedAttrs of a message (RFC 5652 5.3)
  audit_head = 32,          // head of an audit log: text (C2SP tlog-checkpoint)
  audit_statement = 64,     // what a CA says about the key of the audit log: text
};
std::string_view to_string(ToBeSigned kind);

// Tells the kind by its first elements or words; says nothing about the rest. Fails with `malformed` for
// anything else.
Result<ToBeSigned> recognize(Bytes tbs);

// What one key may sign. Names and key identifiers are those of its certificate.
struct SigningGrant {
  unsigned kinds = 0;  // ToBeSigned values, added up
  Buffer subject;  // Name, whole TLV: the issuer of its certificates and CRLs, the subject of its requests
  Buffer key_identifier;  // SHA-1 of its key bits: the responder of its OCSP answers
  Buffer key_sha256{};    // of its whole public key, as statements about the audit key name it
};

// Fails with `denied` when the key may not sign this, or when it would break a rule that every certificate or
// CRL keeps; with `malformed` when it cannot be read.
Result<ToBeSigned> check_to_be_signed(const SigningGrant& grant, Bytes tbs);

}  // namespace vouch::lint
