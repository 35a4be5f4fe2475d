#pragma once
// What the messages of CMS (RFC 5652) have in common. All views point into DER that outlives them: input that
// may be BER goes through to_der first.
//
//   const Buffer der = TRY(to_der(input));
//   const SignedDataView message = TRY(parse_signed_data(der));

#include <optional>
#include <string>
#include <vector>

#include "cms/ber.hpp"
#include "cms/oids.hpp"
#include "crypto/provider.hpp"
#include "x509/certificate.hpp"

namespace vouch::cms {

using crypto::DigestAlgorithm, crypto::SignatureAlgorithm;
using x509::AlgorithmIdentifier, x509::Oid;

// ContentInfo ::= SEQUENCE {                                          (RFC 5652 3)
//   contentType ContentType,
//   content [0] EXPLICIT ANY DEFINED BY contentType }
struct ContentInfoView {
  Oid type;
  Bytes content;  // the whole TLV inside [0]
};
Result<ContentInfoView> parse_content_info(Bytes der);
Buffer encode_content_info(const Oid& type, Bytes content);

// IssuerAndSerialNumber ::= SEQUENCE { issuer Name, serialNumber CertificateSerialNumber }   (10.2.4)
// SignerIdentifier, RecipientIdentifier ::= CHOICE {                  (5.3, 6.2.1)
//   issuerAndSerialNumber IssuerAndSerialNumber,
//   subjectKeyIdentifier [0] SubjectKeyIdentifier }
struct Identifier {
  Bytes issuer;              // Name, whole TLV; empty with a key identifier
  Bytes serial;              // INTEGER contents
  Bytes key_identifier;      // empty with issuer and serial
  std::string text() const;  // for messages: "CN=Agent, serial 1f" or "key identifier 8a…"
};
Result<Identifier> read_identifier(asn1::Reader& reader);
void write_identifier(asn1::Writer& out, const Identifier& identifier);
// Issuer and serial of a certificate, and its subjectKeyIdentifier.
Identifier identifier_of(const x509::CertificateView& certificate);
Result<Identifier> key_identifier_of(const x509::CertificateView& certificate);
// Whether a message means this certificate. Issuers are compared as names (RFC 5280 7.1), because devices
// encode the issuer anew, with other string types.
bool identifies(const Identifier& identifier, const x509::CertificateView& certificate);

// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF AttributeValue }    (5.3)
struct AttributeView {
  Oid type;
  Bytes values;  // contents of the SET OF
};
struct Attribute {
  Oid type;
  Buffer values;  // contents of the SET OF, in DER order
};
// `attributes` stands inside the SET OF.
Result<std::vector<AttributeView>> read_attributes(asn1::Reader attributes);
const AttributeView* find(const std::vector<AttributeView>& attributes, const Oid& type);
// The value of an attribute that has exactly one, whole TLV. Fails with `malformed` when there are more,
// none, or the attribute stands twice (RFC 5652 11.1: MUST NOT).
Result<std::optional<Bytes>> single_value(const std::vector<AttributeView>& attributes, const Oid& type);
Buffer encode_attribute(const Attribute& attribute);

// Which version belongs to which content (RFC 5652 5.1, 5.3, 6.1, 6.2) is not asked: clients get it wrong,
// nothing depends on it, and OpenSSL reads any.
Result<Bytes> read_version(asn1::Reader& reader);

// MD5 proves nothing any more. Whoever serves devices that know nothing else says so.
enum class Md5 : std::uint8_t { refuse, accept };
// Digest algorithms (RFC 3370 2.1, RFC 5754 2). `unsupported` names the OID.
Result<DigestAlgorithm> parse_digest_algorithm(const AlgorithmIdentifier& identifier, Md5 md5 = Md5::refuse);
void write_digest_algorithm(asn1::Writer& out, DigestAlgorithm digest);
// The digest that a signature algorithm works with; Ed25519: SHA-512 (RFC 8419 3).
Result<DigestAlgorithm> digest_of(SignatureAlgorithm algorithm);

// Bounds on the lists of one message (`limit_exceeded`).
constexpr std::size_t kMaxSigners = 64, kMaxRecipients = 256, kMaxCertificates = 1000, kMaxAttributes = 128;

}  // namespace vouch::cms
