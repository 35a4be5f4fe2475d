#pragma once
// Certification requests: PKCS #10 (RFC 2986).

#include <optional>
#include <string>

#include "x509/certificate.hpp"

namespace vouch::x509 {

struct RequestAttribute {
  Oid type;
  Bytes values;  // contents of the SET OF
};

// A parsed request; everything points into the DER. The attribute set may come unsorted (real clients
// send it so; the signature is over what was sent). Extensions come from extensionRequest (PKCS #9) and
// from Microsoft's certExtensions (311.2.1.14): both are read, in that order; an OID that both carry with
// different values is `malformed`.
struct RequestView {
  Bytes whole;
  Bytes info;  // certificationRequestInfo, whole TLV: what is signed
  std::uint64_t version = 0;
  Bytes subject;          // Name, whole TLV
  Bytes public_key_info;  // whole TLV
  std::vector<RequestAttribute> attributes;
  std::vector<ExtensionView> extensions;
  AlgorithmIdentifier signature_algorithm;
  Bytes signature;

  const ExtensionView* find(const Oid& id) const { return x509::find(extensions, id); }
  const RequestAttribute* attribute(const Oid& type) const;
};
Result<RequestView> parse_request(Bytes der);
// A CertificationRequestInfo alone, as it goes to the signer: whole and the signature's fields stay empty.
Result<RequestView> parse_request_info(Bytes info);
// The challengePassword attribute (RFC 2985 5.4.1), whatever string type it has. A secret: never print it.
std::optional<std::string> challenge_password(const RequestView& request);
// The request with every character of its challenge passwords replaced by '*', as it may be kept and shown:
// the rest stays where it was, and the request's own signature no longer fits. What is no request comes back
// as it is.
Buffer without_challenge_password(Bytes der);

struct RequestFields {
  Bytes subject;                                   // Name, whole TLV
  Bytes public_key_info;                           // whole TLV
  std::vector<Extension> extensions;               // as extensionRequest; none: the attribute is left out
  std::vector<std::pair<Oid, Buffer>> attributes;  // further ones: type and contents of the SET OF
};
// certificationRequestInfo, to be signed.
Buffer encode_request_info(const RequestFields& fields);
Buffer encode_request(Bytes info, Bytes signature_algorithm, Bytes signature);

}  // namespace vouch::x509
