#pragma once
// Algorithm identifiers (RFC 5280 4.1.1.2) and the algorithms this project knows by name.

#include <optional>
#include <string_view>

#include "asn1/der_writer.hpp"
#include "x509/oids.hpp"

namespace vouch::x509 {

// AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY DEFINED BY algorithm
// OPTIONAL }
struct AlgorithmIdentifier {
  Oid algorithm;
  Bytes parameters;  // the whole TLV; empty when absent
  Bytes whole;       // the whole SEQUENCE
};
Result<AlgorithmIdentifier> parse_algorithm_identifier(asn1::Reader& reader);
// The parameters of an algorithm that has none: NULL, or nothing at all (RFC 3370 2.1, RFC 4055 2.1).
bool null_or_absent(Bytes parameters);

// sha1 for identifiers and old messages only; md5 for messages of devices that know nothing else.
enum class DigestAlgorithm { md5, sha1, sha256, sha384, sha512 };
std::string_view to_string(DigestAlgorithm digest);  // "SHA-256"
std::size_t digest_size(DigestAlgorithm digest);

// Signature algorithms that certificates, CRLs and OCSP answers are made with, and those that are only
// read (never made, and refused by default): SHA-1, MD5, DSA.
enum class SignatureAlgorithm {
  rsa_pkcs1_sha256,
  rsa_pkcs1_sha384,
  rsa_pkcs1_sha512,
  rsa_pss_sha256,  // MGF1 with the same digest, salt as long as the digest, trailer 1 (RFC 4055 3.1)
  rsa_pss_sha384,
  rsa_pss_sha512,
  ecdsa_sha256,
  ecdsa_sha384,
  ecdsa_sha512,
  ed25519,
  // recognised, never made
  rsa_pkcs1_md5,
  rsa_pkcs1_sha1,
  ecdsa_sha1,
  dsa_sha1,
};
std::string_view to_string(SignatureAlgorithm algorithm);  // "ecdsa-with-SHA256"
bool is_weak(SignatureAlgorithm algorithm);

const Oid& digest_oid(DigestAlgorithm digest);
// The whole AlgorithmIdentifier. Only for algorithms that are made (not is_weak).
Bytes encode(SignatureAlgorithm algorithm);
// Fails with `unsupported`, naming the OID, or `malformed` for wrong parameters. RSA without the NULL
// that RFC 4055 demands is read (old Java and embedded clients leave it out).
Result<SignatureAlgorithm> parse_signature_algorithm(const AlgorithmIdentifier& identifier);

enum class KeyType { rsa, p256, p384, p521, ed25519 };
std::string_view to_string(KeyType type);  // "RSA", "P-256", …

// SubjectPublicKeyInfo (RFC 5280 4.1.2.7), looked into. Views into the DER.
struct PublicKeyInfo {
  KeyType type{};
  bool rsassa_pss = false;                    // the key's own OID is id-RSASSA-PSS (RFC 4055 1.2)
  std::optional<DigestAlgorithm> pss_digest;  // the only one that such a key's parameters allow
  std::size_t bits = 0;                       // RSA modulus or curve size
  Bytes modulus, exponent;                    // RSA: unsigned, without sign octet
  Bytes point;     // EC: the uncompressed or compressed point; Ed25519: the 32 octets
  Bytes key_bits;  // contents of the subjectPublicKey BIT STRING: what a key identifier hashes
  Bytes whole;
};
// Fails with `malformed`, or `unsupported` for key types and curves that this project does not use;
// explicit curve parameters are `unsupported` (CVE-2022-0778). Does not check that the point is on the curve.
Result<PublicKeyInfo> parse_public_key_info(Bytes spki);
// DSA keys (RFC 3279 2.3.2) stand outside KeyType, so that nothing that issues can meet one: they are read
// for the path validation of old chains only. p, q and g are empty when the key inherits them from its
// issuer.
struct DsaPublicKey {
  Bytes p, q, g, y;  // unsigned, without sign octet
  bool inherits() const { return p.empty(); }
};
// Fails with `unsupported` for other key types.
Result<DsaPublicKey> parse_dsa_public_key(Bytes spki);
// Encoders, for software and token keys.
Buffer encode_rsa_public_key_info(Bytes modulus, Bytes exponent);
Buffer encode_ec_public_key_info(KeyType curve, Bytes point);
Buffer encode_ed25519_public_key_info(Bytes key);

}  // namespace vouch::x509
