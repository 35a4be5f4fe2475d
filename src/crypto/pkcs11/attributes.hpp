#pragma once
// Templates of attributes, and what the attributes of keys mean.

#include <p11-kit/pkcs11.h>

#include <deque>
#include <optional>

#include "crypto/provider.hpp"

namespace vouch::crypto::pkcs11 {

// A CK_ATTRIBUTE array that owns its values, and wipes them.
class Attributes {
 public:
  Attributes() = default;
  ~Attributes();
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  Attributes(Attributes&&) = default;

  Attributes& add(CK_ATTRIBUTE_TYPE type, Bytes value);
  Attributes& add(CK_ATTRIBUTE_TYPE type, std::string_view text) { return add(type, as_bytes(text)); }
  Attributes& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
  Attributes& flag(CK_ATTRIBUTE_TYPE type, bool value);

  // PKCS #11 takes templates by pointers to non-const and only reads these.
  CK_ATTRIBUTE* data() const { return const_cast<CK_ATTRIBUTE*>(list_.data()); }
  CK_ULONG size() const { return list_.size(); }

 private:
  std::deque<Buffer> values_;  // a deque, so that they stay where they are
  std::vector<CK_ATTRIBUTE> list_;
};

// CKA_EC_PARAMS: the curve's OID. Ed25519's is that of RFC 8410, which SoftHSM and most others take.
Buffer ec_parameters(KeyType curve);
std::optional<KeyType> curve_of(Bytes ec_parameters, CK_KEY_TYPE type);
// CKA_EC_POINT: an OCTET STRING around the point; some tokens leave it bare.
Result<Buffer> point_of(Bytes ec_point, KeyType curve);
Buffer ec_point(Bytes point);
std::size_t field_octets(KeyType curve);

// How one signature algorithm is made on a token.
struct SigningMechanism {
  CK_MECHANISM_TYPE type = 0;
  std::string_view name;
  std::optional<DigestAlgorithm> digest;  // none: the token takes the data whole (Ed25519)
  CK_RSA_PKCS_PSS_PARAMS pss{};
  bool is_pss = false;
};
// `unsupported` for an algorithm that the key's type does not do, or that nothing is signed with.
Result<SigningMechanism> signing_mechanism(KeyType type, SignatureAlgorithm algorithm);

}  // namespace vouch::crypto::pkcs11
