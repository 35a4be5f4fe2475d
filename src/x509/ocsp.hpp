#pragma once
// OCSP messages (RFC 6960): requests and responses, read and built.

#include <optional>
#include <vector>

#include "x509/certificate.hpp"
#include "x509/crl.hpp"

namespace vouch::x509 {

// CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }
struct CertId {
  AlgorithmIdentifier hash_algorithm;
  Bytes issuer_name_hash, issuer_key_hash;
  Bytes serial;  // INTEGER contents
  Bytes whole;
};

struct OcspSingleRequest {
  CertId id;
  std::vector<ExtensionView> extensions;
};
struct OcspRequestView {
  Bytes tbs;
  std::optional<GeneralName> requestor_name;
  std::vector<OcspSingleRequest> requests;  // 1 to 256
  std::vector<ExtensionView> extensions;
  std::optional<AlgorithmIdentifier> signature_algorithm;  // signed requests
  Bytes signature;
  std::vector<Bytes> certificates;
  // The nonce's octets (RFC 9654: OCTET STRING of 1 to 128; older clients put them in without it).
  std::optional<Bytes> nonce() const;
};
Result<OcspRequestView> parse_ocsp_request(Bytes der);

struct OcspRequestFields {
  DigestAlgorithm digest = DigestAlgorithm::sha1;
  struct Item {
    Bytes issuer_name_hash, issuer_key_hash, serial;  // serial: unsigned octets
  };
  std::vector<Item> items;
  std::optional<Buffer> nonce;
};
Buffer encode_ocsp_request(const OcspRequestFields& fields);
Buffer encode_cert_id(DigestAlgorithm digest, const OcspRequestFields::Item& item);  // whole TLV

enum class OcspResponseStatus : std::uint8_t {
  successful = 0,
  malformed_request = 1,
  internal_error = 2,
  try_later = 3,
  sig_required = 5,
  unauthorized = 6,
};
std::string_view to_string(OcspResponseStatus status);

enum class OcspCertStatus : std::uint8_t { good = 0, revoked = 1, unknown = 2 };

struct OcspSingleResponse {
  CertId id;
  OcspCertStatus status{};
  std::optional<Time> revoked_at;
  std::optional<CrlReason> reason;
  Time this_update{};
  std::optional<Time> next_update;
  std::vector<ExtensionView> extensions;
};
struct OcspResponseView {
  OcspResponseStatus status{};
  // The rest is filled for successful responses of type id-pkix-ocsp-basic.
  Bytes tbs;
  Bytes responder_name;      // Name, whole TLV; or
  Bytes responder_key_hash;  // 20 octets
  Time produced_at{};
  std::vector<OcspSingleResponse> responses;
  std::vector<ExtensionView> extensions;
  AlgorithmIdentifier signature_algorithm;
  Bytes signature;
  std::vector<Bytes> certificates;
  // The nonce's octets, as in the request.
  std::optional<Bytes> nonce() const;
};
Result<OcspResponseView> parse_ocsp_response(Bytes der);
// A ResponseData alone, as it goes to the signer: the signature's fields and certificates stay empty.
Result<OcspResponseView> parse_ocsp_response_data(Bytes tbs);

struct OcspResponseFields {
  Bytes responder_key_hash;  // SHA-1 of the responder's key bits
  Time produced_at{};
  struct Item {
    Bytes cert_id;  // the request's CertID, whole TLV, mirrored
    OcspCertStatus status{};
    Time revoked_at{};
    std::optional<CrlReason> reason;
    Time this_update{};
    std::optional<Time> next_update;
  };
  std::vector<Item> items;
  std::optional<Buffer> nonce;
  bool extended_revoke = false;  // RFC 6960 4.4.8
};
Buffer encode_ocsp_response_data(const OcspResponseFields& fields);  // tbsResponseData
Buffer encode_ocsp_response(Bytes response_data, Bytes signature_algorithm, Bytes signature,
                            const std::vector<Bytes>& certificates);
Buffer encode_ocsp_error(OcspResponseStatus status);

}  // namespace vouch::x509
