#pragma once
// Form checks that certificates, requests, CRLs and OCSP messages share. Internal to this room. They
// walk without allocating: whoever needs the values parses them again, knowing that it will work out.

#include "x509/extensions.hpp"

namespace vouch::x509::form {

// Limits on whole messages. Real ones are some kilobytes; these keep the cost of hostile ones small.
constexpr std::size_t kMaxCertificate = std::size_t{1} << 20;
constexpr std::size_t kMaxRequest = std::size_t{256} << 10;
constexpr std::size_t kMaxOcsp = std::size_t{1} << 20;

// `what` is the noun of the message: "a certificate".
Status check_size(Bytes der, std::size_t max, std::string_view what);

// Name ::= CHOICE { rdnSequence SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { type OID, value ANY } }
// The whole TLV. What the values are is the business of parse_name.
Result<Bytes> read_name(asn1::Reader& reader, std::string_view field);

// SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
// The whole TLV. Whether this project knows the key is the business of parse_public_key_info.
Result<Bytes> read_public_key_info(asn1::Reader& reader);

// A signature: BIT STRING of whole octets.
Result<Bytes> read_signature(asn1::Reader& reader);

// extensions [n] EXPLICIT Extensions OPTIONAL, at the end of tbsCertificate and tbsCertList. `der` becomes
// the whole TLV of Extensions; both stay as they are where the field is absent.
Status read_extensions(asn1::Reader& tbs, std::uint8_t n, Bytes& der, std::vector<ExtensionView>& extensions);

// The octets of an INTEGER that is not negative, without its sign octet.
Bytes without_leading_zeros(Bytes octets);

// SEQUENCE { what was signed, signatureAlgorithm, signature }, as certificates, requests and CRLs end.
Buffer encode_signed(Bytes tbs, Bytes signature_algorithm, Bytes signature);

}  // namespace vouch::x509::form
