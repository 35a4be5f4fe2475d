#pragma once
// The inner half of a SCEP message (RFC 8894 3.1, 3.3): EnvelopedData, and what is in it.

#include <memory>

#include "cms/enveloped_data.hpp"
#include "enroll/scep/floor.hpp"

namespace vouch::enroll::scep {

// A key that messages are encrypted for, with its certificate.
struct DecryptionKey {
  Buffer certificate;
  std::shared_ptr<const crypto::Decrypter> key;
};

// What was in an envelope, and how it was protected: the answer is protected in the same way.
struct OpenedEnvelope {
  Buffer content;  // may hold a challenge: wipe it
  crypto::ContentCipher cipher = crypto::ContentCipher::aes256_cbc;
  crypto::KeyTransport transport = crypto::KeyTransport::rsa_pkcs1;
};

// `keys`: the current one first; older ones open what clients encrypted before they saw the new certificate.
// The recipient is looked for among all of the message (micromdm's client encrypts to each certificate of
// GetCACert). `unsupported`: below the floor, or an unknown algorithm; `not_found`: for none of these keys;
// `malformed` for everything that depends on the key, with one text; `unavailable`: the key is out of reach.
Result<OpenedEnvelope> open_envelope(const crypto::Provider& provider, Bytes enveloped,
                                     std::span<const DecryptionKey> keys, const Floor& floor);

// IssuerAndSubject ::= SEQUENCE { issuer Name, subject Name }            (RFC 8894 3.3.3)
struct IssuerAndSubject {
  Bytes issuer, subject;  // whole TLVs
};
Result<IssuerAndSubject> parse_issuer_and_subject(Bytes der);
Buffer encode_issuer_and_subject(const IssuerAndSubject& value);
// IssuerAndSerialNumber (RFC 5652 10.2.4): the content of GetCert and GetCRL.
Result<cms::Identifier> parse_issuer_and_serial(Bytes der);
Buffer encode_issuer_and_serial(const cms::Identifier& value);

}  // namespace vouch::enroll::scep
