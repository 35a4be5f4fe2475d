#include "x509/algorithm.hpp"

#include <array>
#include <bit>

#include "asn1/whole.hpp"

namespace vouch::x509 {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

enum class Parameters { null, absent, pss };

struct Row {
  SignatureAlgorithm algorithm;
  Oid oid;
  Parameters parameters;
  DigestAlgorithm digest;  // of PSS only
  std::string_view name;
  bool weak;
};

// In the order of the enumeration.
constexpr std::array kRows = {
    Row{SignatureAlgorithm::rsa_pkcs1_sha256, oid::kSha256WithRsa, Parameters::null, DigestAlgorithm::sha256,
        "sha256WithRSAEncryption", false},
    Row{SignatureAlgorithm::rsa_pkcs1_sha384, oid::kSha384WithRsa, Parameters::null, DigestAlgorithm::sha384,
        "sha384WithRSAEncryption", false},
    Row{SignatureAlgorithm::rsa_pkcs1_sha512, oid::kSha512WithRsa, Parameters::null, DigestAlgorithm::sha512,
        "sha512WithRSAEncryption", false},
    Row{SignatureAlgorithm::rsa_pss_sha256, oid::kRsassaPss, Parameters::pss, DigestAlgorithm::sha256,
        "RSASSA-PSS with SHA-256", false},
    Row{SignatureAlgorithm::rsa_pss_sha384, oid::kRsassaPss, Parameters::pss, DigestAlgorithm::sha384,
        "RSASSA-PSS with SHA-384", false},
    Row{SignatureAlgorithm::rsa_pss_sha512, oid::kRsassaPss, Parameters::pss, DigestAlgorithm::sha512,
        "RSASSA-PSS with SHA-512", false},
    Row{SignatureAlgorithm::ecdsa_sha256, oid::kEcdsaWithSha256, Parameters::absent, DigestAlgorithm::sha256,
        "ecdsa-with-SHA256", false},
    Row{SignatureAlgorithm::ecdsa_sha384, oid::kEcdsaWithSha384, Parameters::absent, DigestAlgorithm::sha384,
        "ecdsa-with-SHA384", false},
    Row{SignatureAlgorithm::ecdsa_sha512, oid::kEcdsaWithSha512, Parameters::absent, DigestAlgorithm::sha512,
        "ecdsa-with-SHA512", false},
    Row{SignatureAlgorithm::ed25519, oid::kEd25519, Parameters::absent, DigestAlgorithm::sha512, "Ed25519",
        false},
    Row{SignatureAlgorithm::rsa_pkcs1_md5, oid::kMd5WithRsa, Parameters::null, DigestAlgorithm::sha1,
        "md5WithRSAEncryption", true},
    Row{SignatureAlgorithm::rsa_pkcs1_sha1, oid::kSha1WithRsa, Parameters::null, DigestAlgorithm::sha1,
        "sha1WithRSAEncryption", true},
    Row{SignatureAlgorithm::ecdsa_sha1, oid::kEcdsaWithSha1, Parameters::absent, DigestAlgorithm::sha1,
        "ecdsa-with-SHA1", true},
    Row{SignatureAlgorithm::dsa_sha1, oid::kDsaWithSha1, Parameters::absent, DigestAlgorithm::sha1,
        "dsa-with-SHA1", true},
};
constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].algorithm) != i) return false;
  return true;
}
static_assert(in_order());

const Row& row(SignatureAlgorithm algorithm) { return kRows[static_cast<std::size_t>(algorithm)]; }

// RFC 4055 2.1: the digests of PSS carry NULL or nothing; both are read.
Result<DigestAlgorithm> parse_pss_digest(Reader& reader) {
  const AlgorithmIdentifier identifier = TRY(parse_algorithm_identifier(reader));
  for (const auto digest :
       {DigestAlgorithm::sha1, DigestAlgorithm::sha256, DigestAlgorithm::sha384, DigestAlgorithm::sha512}) {
    if (identifier.algorithm != digest_oid(digest)) continue;
    if (!null_or_absent(identifier.parameters))
      return make_error(Errc::malformed, "the digest of RSASSA-PSS has parameters other than NULL");
    return digest;
  }
  return make_error(Errc::unsupported, "RSASSA-PSS with digest {} is not supported",
                    describe(identifier.algorithm));
}

struct PssParameters {
  DigestAlgorithm digest = DigestAlgorithm::sha1, mask_digest = DigestAlgorithm::sha1;
  std::uint64_t salt_length = 20;
};

// RSASSA-PSS-params ::= SEQUENCE {                                  (RFC 4055 3.1)
//   hashAlgorithm    [0] HashAlgorithm    DEFAULT sha1Identifier,
//   maskGenAlgorithm [1] MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
//   saltLength       [2] INTEGER          DEFAULT 20,
//   trailerField     [3] INTEGER          DEFAULT 1 }
Result<PssParameters> parse_pss_parameters(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  PssParameters out;
  if (auto hash = TRY(fields.optional_constructed(asn1::context_constructed(0)))) {
    out.digest = TRY(parse_pss_digest(*hash));
    TRY(hash->finish());
  }
  if (auto mask = TRY(fields.optional_constructed(asn1::context_constructed(1)))) {
    const AlgorithmIdentifier generator = TRY(parse_algorithm_identifier(*mask));
    TRY(mask->finish());
    if (generator.algorithm != oid::kMgf1)
      return make_error(Errc::unsupported, "RSASSA-PSS with mask generator {} is not supported",
                        describe(generator.algorithm));
    Reader digest(generator.parameters);
    out.mask_digest = TRY(parse_pss_digest(digest));
    TRY(digest.finish());
  }
  if (auto salt = TRY(fields.optional_constructed(asn1::context_constructed(2)))) {
    out.salt_length = TRY(salt->expect_uint64());
    TRY(salt->finish());
  }
  if (auto trailer = TRY(fields.optional_constructed(asn1::context_constructed(3)))) {
    const std::uint64_t value = TRY(trailer->expect_uint64());
    TRY(trailer->finish());
    if (value != 1) return make_error(Errc::malformed, "RSASSA-PSS trailer field {} is not 1", value);
  }
  TRY(fields.finish());
  return out;
}

Result<SignatureAlgorithm> parse_pss_algorithm(Bytes parameters) {
  if (parameters.empty()) return make_error(Errc::malformed, "RSASSA-PSS signature without parameters");
  const PssParameters pss = TRY(parse_pss_parameters(parameters));
  if (pss.mask_digest != pss.digest || pss.salt_length != digest_size(pss.digest))
    return make_error(Errc::unsupported,
                      "RSASSA-PSS with digest {}, MGF1 digest {} and a salt of {} octets is not supported",
                      to_string(pss.digest), to_string(pss.mask_digest), pss.salt_length)
        .with_hint("use one digest for both and a salt as long as the digest");
  for (const Row& row : kRows)
    if (row.parameters == Parameters::pss && row.digest == pss.digest) return row.algorithm;
  return make_error(Errc::unsupported, "RSASSA-PSS with {} is not supported", to_string(pss.digest));
}

Buffer encode_row(const Row& row) {
  Writer out;
  out.sequence([&] {
    out.oid(row.oid);
    if (row.parameters == Parameters::null) out.null();
    if (row.parameters != Parameters::pss) return;
    const auto digest = [&] {
      out.sequence([&] {
        out.oid(digest_oid(row.digest));
        out.null();
      });
    };
    out.sequence([&] {
      out.constructed(asn1::context_constructed(0), digest);
      out.constructed(asn1::context_constructed(1), [&] {
        out.sequence([&] {
          out.oid(oid::kMgf1);
          digest();
        });
      });
      out.constructed(asn1::context_constructed(2), [&] { out.integer(digest_size(row.digest)); });
    });
  });
  return std::move(out).take();
}

// INTEGER contents as an unsigned number without sign octet.
Result<Bytes> positive(Bytes integer, std::string_view what) {
  if ((integer[0] & 0x80) != 0) return make_error(Errc::malformed, "the {} is negative", what);
  if (integer[0] == 0) integer = integer.subspan(1);
  if (integer.empty()) return make_error(Errc::malformed, "the {} is zero", what);
  return integer;
}

// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }      (RFC 8017 A.1.1)
Status parse_rsa_key(const AlgorithmIdentifier& algorithm, PublicKeyInfo& key) {
  key.type = KeyType::rsa;
  key.rsassa_pss = algorithm.algorithm == oid::kRsassaPss;
  if (key.rsassa_pss) {
    if (!algorithm.parameters.empty()) {
      const PssParameters pss = TRY(parse_pss_parameters(algorithm.parameters));
      // The salt length of a key is a minimum (RFC 4055 1.2).
      if (pss.mask_digest != pss.digest || pss.salt_length > digest_size(pss.digest))
        return make_error(Errc::unsupported, "the RSASSA-PSS key demands parameters that are not supported");
      key.pss_digest = pss.digest;
    }
  } else if (!null_or_absent(algorithm.parameters)) {
    return make_error(Errc::malformed, "an RSA key has parameters other than NULL");
  }
  Reader fields = TRY(asn1::whole_sequence(key.key_bits));
  key.modulus = TRY(positive(TRY(fields.expect_integer()), "RSA modulus"));
  key.exponent = TRY(positive(TRY(fields.expect_integer()), "RSA exponent"));
  TRY(fields.finish());
  key.bits = key.modulus.size() * 8 - static_cast<std::size_t>(std::countl_zero(key.modulus[0]));
  return ok();
}

struct Curve {
  KeyType type;
  const Oid& oid;
  std::size_t bits;
  std::size_t octets() const { return (bits + 7) / 8; }
};
constexpr std::array kCurves = {Curve{KeyType::p256, oid::kP256, 256}, Curve{KeyType::p384, oid::kP384, 384},
                                Curve{KeyType::p521, oid::kP521, 521}};

// ECParameters ::= CHOICE { namedCurve OBJECT IDENTIFIER }                   (RFC 5480 2.1.1)
// The subjectPublicKey is the point of SEC 1 2.3.3, not wrapped.
Status parse_ec_key(const AlgorithmIdentifier& algorithm, PublicKeyInfo& key) {
  Reader parameters(algorithm.parameters);
  if (parameters.peek() == Tag::sequence)
    return make_error(Errc::unsupported, "the elliptic curve is given by explicit parameters, not by name");
  const Oid named = TRY(parameters.expect_oid());
  TRY(parameters.finish());
  for (const Curve& curve : kCurves) {
    if (curve.oid != named) continue;
    const Bytes point = key.key_bits;
    const bool uncompressed = point.size() == 2 * curve.octets() + 1 && point[0] == 4;
    const bool compressed = point.size() == curve.octets() + 1 && (point[0] == 2 || point[0] == 3);
    if (!uncompressed && !compressed)
      return make_error(Errc::malformed, "the public key of {} octets is not a point of {}", point.size(),
                        to_string(curve.type));
    key.type = curve.type;
    key.bits = curve.bits;
    key.point = point;
    return ok();
  }
  return make_error(Errc::unsupported, "elliptic curve {} is not supported", describe(named))
      .with_hint("use P-256, P-384 or P-521");
}

// RFC 8410 4: no parameters, 32 octets.
Status parse_ed25519_key(const AlgorithmIdentifier& algorithm, PublicKeyInfo& key) {
  if (!algorithm.parameters.empty()) return make_error(Errc::malformed, "an Ed25519 key has parameters");
  if (key.key_bits.size() != 32)
    return make_error(Errc::malformed, "an Ed25519 key has {} octets instead of 32", key.key_bits.size());
  key.type = KeyType::ed25519;
  key.bits = 256;
  key.point = key.key_bits;
  return ok();
}

}  // namespace

const Oid& digest_oid(DigestAlgorithm digest) {
  switch (digest) {
    case DigestAlgorithm::md5:
      return oid::kMd5;
    case DigestAlgorithm::sha1:
      return oid::kSha1;
    case DigestAlgorithm::sha256:
      return oid::kSha256;
    case DigestAlgorithm::sha384:
      return oid::kSha384;
    case DigestAlgorithm::sha512:
      break;
  }
  return oid::kSha512;
}

bool null_or_absent(Bytes parameters) {
  constexpr std::array<std::uint8_t, 2> kNull = {0x05, 0x00};
  return parameters.empty() || equal(parameters, kNull);
}

Result<AlgorithmIdentifier> parse_algorithm_identifier(Reader& reader) {
  Reader at = reader;  // a reader of the fields that counts offsets from where this one does
  AlgorithmIdentifier out;
  out.whole = TRY(reader.expect_tlv(Tag::sequence)).whole;
  Reader fields = TRY(at.expect_sequence());
  out.algorithm = TRY(fields.expect_oid());
  if (!fields.at_end()) out.parameters = TRY(fields.next()).whole;
  TRY(fields.finish());
  return out;
}

std::string_view to_string(DigestAlgorithm digest) { return name_of(digest_oid(digest)); }

std::size_t digest_size(DigestAlgorithm digest) {
  switch (digest) {
    case DigestAlgorithm::md5:
      return 16;
    case DigestAlgorithm::sha1:
      return 20;
    case DigestAlgorithm::sha256:
      return 32;
    case DigestAlgorithm::sha384:
      return 48;
    case DigestAlgorithm::sha512:
      break;
  }
  return 64;
}

std::string_view to_string(SignatureAlgorithm algorithm) { return row(algorithm).name; }
bool is_weak(SignatureAlgorithm algorithm) { return row(algorithm).weak; }

Bytes encode(SignatureAlgorithm algorithm) {
  static const auto encoded = [] {
    std::array<Buffer, kRows.size()> out;
    for (std::size_t i = 0; i < out.size(); ++i)
      if (!kRows[i].weak) out[i] = encode_row(kRows[i]);
    return out;
  }();
  return encoded[static_cast<std::size_t>(algorithm)];
}

Result<SignatureAlgorithm> parse_signature_algorithm(const AlgorithmIdentifier& identifier) {
  if (identifier.algorithm == oid::kRsassaPss) return parse_pss_algorithm(identifier.parameters);
  for (const Row& row : kRows) {
    if (row.oid != identifier.algorithm) continue;
    const bool fits = row.parameters == Parameters::null ? null_or_absent(identifier.parameters)
                                                         : identifier.parameters.empty();
    if (!fits)
      return make_error(Errc::malformed, "signature algorithm {} has parameters it must not have", row.name);
    return row.algorithm;
  }
  return make_error(Errc::unsupported, "signature algorithm {} is not supported",
                    describe(identifier.algorithm));
}

std::string_view to_string(KeyType type) {
  switch (type) {
    case KeyType::rsa:
      return "RSA";
    case KeyType::p256:
      return "P-256";
    case KeyType::p384:
      return "P-384";
    case KeyType::p521:
      return "P-521";
    case KeyType::ed25519:
      break;
  }
  return "Ed25519";
}

// SubjectPublicKeyInfo ::= SEQUENCE {                                (RFC 5280 4.1.2.7)
//   algorithm         AlgorithmIdentifier,
//   subjectPublicKey  BIT STRING }
Result<PublicKeyInfo> parse_public_key_info(Bytes spki) {
  Reader outer(spki);
  const asn1::Tlv whole = TRY(outer.expect_tlv(Tag::sequence));
  TRY(outer.finish());
  Reader fields(whole.value);
  const AlgorithmIdentifier algorithm = TRY(parse_algorithm_identifier(fields));
  const asn1::BitString bits = TRY(fields.expect_bit_string());
  TRY(fields.finish());
  if (bits.unused_bits != 0)
    return make_error(Errc::malformed, "the public key is not a whole number of octets");

  PublicKeyInfo key;
  key.whole = whole.whole;
  key.key_bits = bits.octets;
  if (algorithm.algorithm == oid::kRsaEncryption || algorithm.algorithm == oid::kRsassaPss)
    TRY(parse_rsa_key(algorithm, key));
  else if (algorithm.algorithm == oid::kEcPublicKey)
    TRY(parse_ec_key(algorithm, key));
  else if (algorithm.algorithm == oid::kEd25519)
    TRY(parse_ed25519_key(algorithm, key));
  else
    return make_error(Errc::unsupported, "public key algorithm {} is not supported",
                      describe(algorithm.algorithm));
  return key;
}

// Dss-Parms ::= SEQUENCE { p INTEGER, q INTEGER, g INTEGER }; DSAPublicKey ::= INTEGER        (RFC
// 3279 2.3.2)
Result<DsaPublicKey> parse_dsa_public_key(Bytes spki) {
  Reader fields = TRY(asn1::whole_sequence(spki));
  const AlgorithmIdentifier algorithm = TRY(parse_algorithm_identifier(fields));
  const asn1::BitString bits = TRY(fields.expect_bit_string());
  TRY(fields.finish());
  if (algorithm.algorithm != oid::kDsa)
    return make_error(Errc::unsupported, "public key algorithm {} is not DSA", describe(algorithm.algorithm));
  DsaPublicKey key;
  if (!algorithm.parameters.empty()) {
    Reader numbers = TRY(asn1::whole_sequence(algorithm.parameters));
    key.p = TRY(positive(TRY(numbers.expect_integer()), "DSA prime p"));
    key.q = TRY(positive(TRY(numbers.expect_integer()), "DSA prime q"));
    key.g = TRY(positive(TRY(numbers.expect_integer()), "DSA generator g"));
    TRY(numbers.finish());
  }
  Reader point(bits.octets);
  key.y = TRY(positive(TRY(point.expect_integer()), "DSA public key y"));
  TRY(point.finish());
  return key;
}

Buffer encode_rsa_public_key_info(Bytes modulus, Bytes exponent) {
  Writer key;
  key.sequence([&] {
    key.unsigned_integer(modulus);
    key.unsigned_integer(exponent);
  });
  Writer out;
  out.sequence([&] {
    out.sequence([&] {
      out.oid(oid::kRsaEncryption);
      out.null();
    });
    out.bit_string(key.bytes());
  });
  return std::move(out).take();
}

Buffer encode_ec_public_key_info(KeyType type, Bytes point) {
  Writer out;
  out.sequence([&] {
    out.sequence([&] {
      out.oid(oid::kEcPublicKey);
      for (const Curve& curve : kCurves)
        if (curve.type == type) out.oid(curve.oid);
    });
    out.bit_string(point);
  });
  return std::move(out).take();
}

Buffer encode_ed25519_public_key_info(Bytes key) {
  Writer out;
  out.sequence([&] {
    out.sequence([&] { out.oid(oid::kEd25519); });
    out.bit_string(key);
  });
  return std::move(out).take();
}

}  // namespace vouch::x509
