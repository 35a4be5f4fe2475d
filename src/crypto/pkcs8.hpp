#pragma once
// Private keys as numbers, out of their DER. Form only: whether the numbers belong together is checked
// at import, by whoever holds the key then.

#include <optional>

#include "crypto/provider.hpp"

namespace vouch::crypto {

// Views into the DER, which is the caller's secret. Numbers are unsigned, without sign octet.
struct PrivateNumbers {
  KeyType type{};
  Bytes modulus, public_exponent, private_exponent, prime1, prime2, exponent1, exponent2, coefficient;  // RSA
  Bytes secret;  // EC: the scalar; Ed25519: the seed
  Bytes point;   // EC, Ed25519: the public key, if it stood there
};

// PrivateKeyInfo of PKCS #8. Fails with `unsupported` for keys that this project does not use.
Result<PrivateNumbers> parse_private_key_info(Bytes der);
// RSAPrivateKey of PKCS #1 ("RSA PRIVATE KEY").
Result<PrivateNumbers> parse_rsa_private_key(Bytes der);
// ECPrivateKey of SEC 1 ("EC PRIVATE KEY"); the curve stands inside or is known from outside.
Result<PrivateNumbers> parse_ec_private_key(Bytes der, std::optional<KeyType> curve);

}  // namespace vouch::crypto
