#include "crypto/pkcs8.hpp"

#include "asn1/whole.hpp"

namespace vouch::crypto {
namespace {

using asn1::Reader, asn1::Tag;
namespace oid = x509::oid;

Result<Bytes> positive_number(Reader& fields) {
  Bytes number = TRY(fields.expect_integer());
  if ((number[0] & 0x80) != 0) return make_error(Errc::malformed, "the private key has a negative number");
  if (number[0] == 0) number = number.subspan(1);
  if (number.empty()) return make_error(Errc::malformed, "the private key has a number that is zero");
  return number;
}

Result<KeyType> parse_curve(Reader& reader) {
  if (reader.peek() == Tag::sequence)
    return make_error(Errc::unsupported, "the private key gives its elliptic curve by explicit parameters");
  const asn1::Oid curve = TRY(reader.expect_oid());
  TRY(reader.finish());
  if (curve == oid::kP256) return KeyType::p256;
  if (curve == oid::kP384) return KeyType::p384;
  if (curve == oid::kP521) return KeyType::p521;
  return make_error(Errc::unsupported, "elliptic curve {} is not supported", x509::describe(curve))
      .with_hint("use P-256, P-384 or P-521");
}

// RFC 8410 7: CurvePrivateKey ::= OCTET STRING, inside the OCTET STRING of PKCS #8.
Result<PrivateNumbers> parse_ed25519_private_key(Bytes der) {
  Reader reader(der);
  PrivateNumbers key;
  key.type = KeyType::ed25519;
  key.secret = TRY(reader.expect_octet_string());
  TRY(reader.finish());
  if (key.secret.size() != 32)
    return make_error(Errc::malformed, "an Ed25519 private key has {} octets instead of 32",
                      key.secret.size());
  return key;
}

Result<PrivateNumbers> parse_key_of(const x509::AlgorithmIdentifier& algorithm, Bytes der) {
  if (algorithm.algorithm == oid::kRsaEncryption) return parse_rsa_private_key(der);
  if (algorithm.algorithm == oid::kEd25519) return parse_ed25519_private_key(der);
  if (algorithm.algorithm == oid::kEcPublicKey) {
    Reader parameters(algorithm.parameters);
    return parse_ec_private_key(der, TRY(parse_curve(parameters)));
  }
  auto error = make_error(Errc::unsupported, "private keys of algorithm {} are not supported",
                          x509::describe(algorithm.algorithm));
  if (algorithm.algorithm != oid::kRsassaPss) return error;
  return std::move(error).with_hint(
      "use an RSA key with the identifier rsaEncryption: it signs with PSS as well");
}

}  // namespace

// OneAsymmetricKey ::= SEQUENCE {                                          (RFC 5958 2)
//   version              INTEGER { v1(0), v2(1) },
//   privateKeyAlgorithm  AlgorithmIdentifier,
//   privateKey           OCTET STRING,
//   attributes       [0] Attributes OPTIONAL,
//   publicKey        [1] BIT STRING OPTIONAL }
Result<PrivateNumbers> parse_private_key_info(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  const std::uint64_t version = TRY(fields.expect_uint64());
  if (version > 1) return make_error(Errc::unsupported, "private key of version {}", version);
  const x509::AlgorithmIdentifier algorithm = TRY(x509::parse_algorithm_identifier(fields));
  PrivateNumbers key = TRY(parse_key_of(algorithm, TRY(fields.expect_octet_string())));
  (void)TRY(fields.optional(asn1::context_constructed(0)));
  if (const auto bits = TRY(fields.optional(asn1::context(1)))) {
    const Bytes point = TRY(asn1::parse_bit_string(*bits)).octets;
    if (key.type != KeyType::rsa) key.point = point;
  }
  TRY(fields.finish());
  return key;
}

// RSAPrivateKey ::= SEQUENCE {                                             (RFC 8017 A.1.2)
//   version INTEGER { two-prime(0), multi(1) },
//   modulus INTEGER, publicExponent INTEGER, privateExponent INTEGER, prime1 INTEGER, prime2 INTEGER,
//   exponent1 INTEGER, exponent2 INTEGER, coefficient INTEGER, otherPrimeInfos OtherPrimeInfos OPTIONAL }
Result<PrivateNumbers> parse_rsa_private_key(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  if (TRY(fields.expect_uint64()) != 0)
    return make_error(Errc::unsupported, "RSA private keys of more than two primes are not supported");
  PrivateNumbers key;
  key.type = KeyType::rsa;
  for (Bytes* number : {&key.modulus, &key.public_exponent, &key.private_exponent, &key.prime1, &key.prime2,
                        &key.exponent1, &key.exponent2, &key.coefficient})
    *number = TRY(positive_number(fields));
  TRY(fields.finish());
  return key;
}

// ECPrivateKey ::= SEQUENCE {                                              (RFC 5915 3)
//   version        INTEGER { ecPrivkeyVer1(1) },
//   privateKey     OCTET STRING,
//   parameters [0] ECParameters OPTIONAL,
//   publicKey  [1] BIT STRING OPTIONAL }
Result<PrivateNumbers> parse_ec_private_key(Bytes der, std::optional<KeyType> curve) {
  Reader fields = TRY(asn1::whole_sequence(der));
  if (const std::uint64_t version = TRY(fields.expect_uint64()); version != 1)
    return make_error(Errc::malformed, "EC private key of version {} instead of 1", version);
  PrivateNumbers key;
  key.secret = TRY(fields.expect_octet_string());
  if (auto parameters = TRY(fields.optional_constructed(asn1::context_constructed(0)))) {
    const KeyType inside = TRY(parse_curve(*parameters));
    if (curve && *curve != inside) return make_error(Errc::malformed, "the EC private key names two curves");
    curve = inside;
  }
  if (auto wrapped = TRY(fields.optional_constructed(asn1::context_constructed(1)))) {
    key.point = TRY(wrapped->expect_bit_string()).octets;
    TRY(wrapped->finish());
  }
  TRY(fields.finish());
  if (!curve) return make_error(Errc::malformed, "the EC private key does not name its curve");
  key.type = *curve;
  return key;
}

}  // namespace vouch::crypto
