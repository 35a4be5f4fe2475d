#pragma once
// The client's side of SCEP: requests made, replies read.

#include <map>

#include "enroll/scep/envelope.hpp"
#include "enroll/scep/pki_message.hpp"

namespace vouch::enroll::scep {

// Who signs the client's messages, and takes the replies. Of a first request a self-signed certificate of the
// request's own key, of a renewal the certificate that is renewed.
struct ClientIdentity {
  Buffer certificate;
  std::shared_ptr<const crypto::Signer> signer;
  std::shared_ptr<const crypto::Decrypter> decrypter;  // null: replies come under the challenge password
};
// RFC 8894 2.3: the request's subject, valid from `now` for two days.
Result<Buffer> make_self_signed(const crypto::Provider& provider, const crypto::Signer& signer, Bytes subject,
                                Time now);
// RFC 8894 3.2.1.1: made of the key, so that the same transaction goes on after a restart.
TransactionId transaction_id_of(const crypto::Provider& provider, Bytes public_key_info);

// A certification request with a challenge (none when empty) and extensions.
struct CertificationRequestInput {
  Bytes subject;  // Name, whole TLV
  std::vector<x509::Extension> extensions;
  std::string_view challenge;
};
Result<Buffer> make_certification_request(const crypto::Signer& signer,
                                          const CertificationRequestInput& input);

struct RequestInput {
  MessageType type = MessageType::pkcs_req;
  TransactionId transaction;
  Bytes content;    // PKCS #10, IssuerAndSubject or IssuerAndSerialNumber
  Bytes recipient;  // the certificate that the service takes messages with
  crypto::ContentCipher cipher = crypto::ContentCipher::aes256_cbc;
  crypto::KeyTransport transport = crypto::KeyTransport::rsa_pkcs1;
};
struct MadeRequest {
  Buffer message;
  Buffer nonce;  // that the reply has to give back
};
Result<MadeRequest> make_request(const crypto::Provider& provider, const ClientIdentity& identity,
                                 const RequestInput& input);

// The certificates of a GetCACert answer (RFC 8894 4.2.1), sorted by what they are for.
struct ServiceCertificates {
  std::vector<Buffer> all;  // as they came
  Buffer encryption;        // for messages to the service
  Buffer ca;                // that issues
};
Result<ServiceCertificates> read_service_certificates(Bytes body);

struct CertRep {
  MessageAttributes attributes;
  std::vector<Buffer> certificates, crls;  // of a SUCCESS
};
struct Expected {
  TransactionId transaction;
  Buffer nonce;
  std::span<const Buffer> signers;  // certificates that replies may be signed with
  std::string_view password{};      // of a client whose key cannot receive
};
// `denied`: the reply is not signed by one of `signers`, or answers another message. A FAILURE or PENDING is
// no error here.
Result<CertRep> read_cert_rep(const crypto::Provider& provider, const ClientIdentity& identity, Bytes message,
                              const Expected& expected);

}  // namespace vouch::enroll::scep
