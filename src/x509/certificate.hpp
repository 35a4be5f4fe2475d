#pragma once
// Certificates (RFC 5280 4.1): a view over DER, and to-be-signed templates that are encoded once and
// filled per certificate.

#include <optional>
#include <string>

#include "x509/extensions.hpp"

namespace vouch::x509 {

// A parsed certificate. Everything points into the DER that was parsed. Parsing guarantees the form of
// every field here, and that the two algorithm identifiers are there; it does NOT guarantee that they
// agree, that a serial is positive or short, that a version fits the extensions, or that an extension's
// value is well-formed: x509 reads, `lint` and `validate` judge.
struct CertificateView {
  Bytes whole;
  Bytes tbs;                          // tbsCertificate, whole TLV: what is signed
  unsigned version = 1;               // 1, 2 or 3
  Bytes serial;                       // INTEGER contents
  AlgorithmIdentifier tbs_signature;  // inside
  Bytes issuer;                       // Name, whole TLV
  Time not_before{}, not_after{};
  Bytes subject;          // Name, whole TLV
  Bytes public_key_info;  // SubjectPublicKeyInfo, whole TLV
  std::optional<asn1::BitString> issuer_unique_id, subject_unique_id;
  Bytes extensions_der;  // the SEQUENCE, whole TLV; empty when absent
  std::vector<ExtensionView> extensions;
  AlgorithmIdentifier signature_algorithm;  // outside
  Bytes signature;                          // BIT STRING octets

  const ExtensionView* find(const Oid& id) const { return x509::find(extensions, id); }
};
// One certificate and nothing after it.
Result<CertificateView> parse_certificate(Bytes der);
// Its serial number alone, INTEGER contents; what follows is not read.
Result<Bytes> read_serial(Bytes certificate);
// tbsCertificate alone, before it is signed: signature_algorithm, signature and whole stay empty.
Result<CertificateView> parse_tbs_certificate(Bytes tbs);
// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
Buffer encode_certificate(Bytes tbs, Bytes signature_algorithm, Bytes signature);

// Encoded parts of a to-be-signed certificate that are the same for all certificates of one template
// under one CA key: version, signature algorithm, issuer, and the fixed extensions. `fill` splices in
// what differs, with one allocation.
class TbsTemplate {
 public:
  TbsTemplate(SignatureAlgorithm algorithm, Bytes issuer_name,
              const std::vector<Extension>& fixed_extensions);

  struct Fields {
    Bytes serial;  // unsigned big-endian octets
    Time not_before{}, not_after{};
    Bytes subject;          // Name, whole TLV
    Bytes public_key_info;  // whole TLV
    Bytes extensions;       // further Extension TLVs, concatenated; they precede the fixed ones
  };
  Buffer fill(const Fields& fields) const;

 private:
  Buffer algorithm_and_issuer_;  // AlgorithmIdentifier and Name
  std::size_t algorithm_size_;
  Buffer fixed_extensions_;
};

// Serial numbers in text: lower-case hex of the INTEGER contents without a leading zero octet, so that the
// serial that `openssl x509 -serial` prints is found.
std::string serial_to_text(Bytes serial);
// Reads hex in either case, with colons or spaces, leading zeros ignored. Unsigned octets.
Result<Buffer> serial_from_text(std::string_view text);
// INTEGER contents as unsigned octets without leading zeros: the form that databases and comparisons use.
Bytes serial_octets(Bytes integer_contents);

}  // namespace vouch::x509
