#include "crypto/pkcs11/attributes.hpp"

#include "asn1/der_writer.hpp"

namespace vouch::crypto::pkcs11 {

Attributes::~Attributes() {
  for (Buffer& value : values_) wipe(value);
}

Attributes& Attributes::add(CK_ATTRIBUTE_TYPE type, Bytes value) {
  Buffer& kept = values_.emplace_back(value.begin(), value.end());
  list_.push_back({type, kept.data(), kept.size()});
  return *this;
}

Attributes& Attributes::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
  return add(type, Bytes(reinterpret_cast<const std::uint8_t*>(&value), sizeof value));
}

Attributes& Attributes::flag(CK_ATTRIBUTE_TYPE type, bool value) {
  const CK_BBOOL octet = value ? CK_TRUE : CK_FALSE;
  return add(type, Bytes(&octet, 1));
}

namespace {

const asn1::Oid* oid_of(KeyType curve) {
  switch (curve) {
    case KeyType::p256:
      return &x509::oid::kP256;
    case KeyType::p384:
      return &x509::oid::kP384;
    case KeyType::p521:
      return &x509::oid::kP521;
    case KeyType::ed25519:
      return &x509::oid::kEd25519;
    case KeyType::rsa:
      break;
  }
  return nullptr;
}

}  // namespace

Buffer ec_parameters(KeyType curve) {
  asn1::Writer out;
  if (const asn1::Oid* oid = oid_of(curve)) out.oid(*oid);
  return std::move(out).take();
}

std::optional<KeyType> curve_of(Bytes parameters, CK_KEY_TYPE type) {
  for (const KeyType curve : {KeyType::p256, KeyType::p384, KeyType::p521, KeyType::ed25519})
    if (equal(parameters, ec_parameters(curve))) return curve;
  // PKCS #11 v3.0 6.3.3: an Edwards curve by its name, as PrintableString.
  asn1::Reader reader(parameters);
  if (type != CKK_EC_EDWARDS) return std::nullopt;
  const auto name = reader.expect(asn1::Tag::printable_string);
  return name && as_text(*name) == "edwards25519" ? std::optional(KeyType::ed25519) : std::nullopt;
}

std::size_t field_octets(KeyType curve) {
  switch (curve) {
    case KeyType::p384:
      return 48;
    case KeyType::p521:
      return 66;
    default:
      return 32;
  }
}

Result<Buffer> point_of(Bytes value, KeyType curve) {
  const std::size_t size = curve == KeyType::ed25519 ? 32 : 1 + 2 * field_octets(curve);
  if (value.size() == size) return to_buffer(value);
  asn1::Reader reader(value);
  const auto point = reader.expect_octet_string();
  if (!point || !reader.at_end() || point->size() != size)
    return make_error(Errc::unsupported, "the token gives the point of a {} key in a form that is not known",
                      x509::to_string(curve));
  return to_buffer(*point);
}

Buffer ec_point(Bytes point) {
  asn1::Writer out;
  out.octet_string(point);
  return std::move(out).take();
}

Result<SigningMechanism> signing_mechanism(KeyType type, SignatureAlgorithm algorithm) {
  using enum SignatureAlgorithm;
  const auto rsa = [](DigestAlgorithm digest) {
    return SigningMechanism{CKM_RSA_PKCS, "CKM_RSA_PKCS", digest, {}, false};
  };
  const auto pss = [](DigestAlgorithm digest, CK_MECHANISM_TYPE hash, CK_RSA_PKCS_MGF_TYPE mgf) {
    return SigningMechanism{
        CKM_RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS", digest, {hash, mgf, x509::digest_size(digest)}, true};
  };
  const auto ecdsa = [](DigestAlgorithm digest) {
    return SigningMechanism{CKM_ECDSA, "CKM_ECDSA", digest, {}, false};
  };
  const bool is_rsa = type == KeyType::rsa, is_ed25519 = type == KeyType::ed25519;
  const bool is_ecdsa = !is_rsa && !is_ed25519;
  switch (algorithm) {
    case rsa_pkcs1_sha256:
      if (is_rsa) return rsa(DigestAlgorithm::sha256);
      break;
    case rsa_pkcs1_sha384:
      if (is_rsa) return rsa(DigestAlgorithm::sha384);
      break;
    case rsa_pkcs1_sha512:
      if (is_rsa) return rsa(DigestAlgorithm::sha512);
      break;
    case rsa_pss_sha256:
      if (is_rsa) return pss(DigestAlgorithm::sha256, CKM_SHA256, CKG_MGF1_SHA256);
      break;
    case rsa_pss_sha384:
      if (is_rsa) return pss(DigestAlgorithm::sha384, CKM_SHA384, CKG_MGF1_SHA384);
      break;
    case rsa_pss_sha512:
      if (is_rsa) return pss(DigestAlgorithm::sha512, CKM_SHA512, CKG_MGF1_SHA512);
      break;
    case ecdsa_sha256:
      if (is_ecdsa) return ecdsa(DigestAlgorithm::sha256);
      break;
    case ecdsa_sha384:
      if (is_ecdsa) return ecdsa(DigestAlgorithm::sha384);
      break;
    case ecdsa_sha512:
      if (is_ecdsa) return ecdsa(DigestAlgorithm::sha512);
      break;
    case ed25519:
      if (is_ed25519) return SigningMechanism{CKM_EDDSA, "CKM_EDDSA", std::nullopt, {}, false};
      break;
    default:
      break;
  }
  return make_error(Errc::unsupported, "a key of type {} does not sign with {}", x509::to_string(type),
                    x509::to_string(algorithm));
}

}  // namespace vouch::crypto::pkcs11
