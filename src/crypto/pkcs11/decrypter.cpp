// Key transport with an RSA key on a token. The padding of PKCS #1 v1.5 is undone here, as for software keys:
// a token's own CKM_RSA_PKCS says when it is wrong, which is the oracle of Bleichenbacher's attack.
#include <algorithm>
#include <array>

#include "crypto/implicit_rejection.hpp"
#include "crypto/pkcs11/key.hpp"

namespace vouch::crypto::pkcs11 {
namespace {

constexpr std::size_t kPaddingOverhead = 11;  // 00 02, eight octets not zero, 00

// RFC 2104.
Buffer hmac_sha256(const Provider& provider, Bytes key, Bytes message) {
  constexpr std::size_t kBlock = 64;
  Buffer inner(kBlock, 0x36), outer(kBlock, 0x5c);
  for (std::size_t i = 0; i < key.size() && i < kBlock; ++i) {
    inner[i] = static_cast<std::uint8_t>(inner[i] ^ key[i]);
    outer[i] = static_cast<std::uint8_t>(outer[i] ^ key[i]);
  }
  append(inner, message);
  append(outer, provider.digest(DigestAlgorithm::sha256, inner));
  Buffer mac = provider.digest(DigestAlgorithm::sha256, outer);
  wipe(inner);
  wipe(outer);
  return mac;
}

class TokenDecrypter final : public Decrypter {
 public:
  TokenDecrypter(std::shared_ptr<const Provider> provider, std::shared_ptr<const KeyOnToken> key,
                 Buffer secret, std::size_t modulus_size)
      : provider_(std::move(provider)),
        key_(std::move(key)),
        secret_(std::move(secret)),
        modulus_size_(modulus_size) {}
  ~TokenDecrypter() override { wipe(secret_); }

  Bytes public_key_info() const override { return key_->public_key_info(); }

  Result<Buffer> decrypt(KeyTransport transport, Bytes ciphertext, std::size_t key_size) const override {
    if (ciphertext.size() != modulus_size_)
      return make_error(Errc::malformed, "the encrypted key has {} octets, those for this RSA key have {}",
                        ciphertext.size(), modulus_size_);
    if (transport == KeyTransport::rsa_pkcs1) return decrypt_pkcs1(ciphertext, key_size);
    const bool sha256 = transport == KeyTransport::rsa_oaep_sha256;
    CK_RSA_PKCS_OAEP_PARAMS oaep{sha256 ? CKM_SHA256 : CKM_SHA_1, sha256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1,
                                 CKZ_DATA_SPECIFIED, nullptr, 0};
    CK_MECHANISM mechanism{CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    Buffer key = TRY(decrypt_with(mechanism, ciphertext));
    if (key.size() != key_size)
      return make_error(Errc::malformed, "the encrypted key does not open with this RSA key");
    return key;
  }

 private:
  Result<Buffer> decrypt_with(CK_MECHANISM& mechanism, Bytes ciphertext) const {
    Buffer input = to_buffer(ciphertext), plain(modulus_size_);
    CK_ULONG size = 0;
    TRY(key_->operate(
        fmt::format("decrypting with key {}", key_->name()),
        [&](const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
          return call.C_DecryptInit(session, &mechanism, key);
        },
        [&](const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE) {
          size = plain.size();
          return call.C_Decrypt(session, input.data(), input.size(), plain.data(), &size);
        }));
    plain.resize(std::min<std::size_t>(size, plain.size()));
    return plain;
  }

  Result<Buffer> decrypt_pkcs1(Bytes ciphertext, std::size_t key_size) const {
    if (key_size == 0 || key_size + kPaddingOverhead > modulus_size_)
      return make_error(Errc::usage, "a key of {} octets does not fit an RSA key of {}", key_size,
                        modulus_size_);
    Buffer substitute = substitute_for(ciphertext, key_size);
    CK_MECHANISM mechanism{CKM_RSA_X_509, nullptr, 0};
    Buffer plain = TRY(decrypt_with(mechanism, ciphertext));
    // Raw RSA gives a number; some tokens drop its leading zeros.
    Buffer padded(modulus_size_ - plain.size());
    append(padded, plain);
    Buffer key(key_size);
    unpad_or_substitute(padded, substitute, key);
    wipe(plain);
    wipe(padded);
    wipe(substitute);
    return key;
  }

  // The same octets whenever the ciphertext is the same, unknown without the token.
  Buffer substitute_for(Bytes ciphertext, std::size_t size) const {
    Buffer message = to_buffer(as_bytes("vouch substitute key"));
    append(message, ciphertext);
    message.push_back(0);
    Buffer out;
    for (; out.size() < size; ++message.back()) append(out, hmac_sha256(*provider_, secret_, message));
    out.resize(size);
    return out;
  }

  std::shared_ptr<const Provider> provider_;
  std::shared_ptr<const KeyOnToken> key_;
  Buffer secret_;  // seeds the substitutes
  std::size_t modulus_size_;
};

}  // namespace

// The private exponent, from which software keys derive their secret, is out of reach. Decrypting a fixed
// number gives octets that nobody has without the token, the same at every start.
Result<std::unique_ptr<Decrypter>> make_decrypter(std::shared_ptr<const Provider> provider,
                                                  std::shared_ptr<const KeyOnToken> key) {
  const auto info = TRY(x509::parse_public_key_info(key->public_key_info()));
  const std::size_t size = (info.bits + 7) / 8;
  // Below every modulus of that size: a zero octet, then a digest over and over.
  Buffer fixed(1);
  const Buffer seed = provider->digest(DigestAlgorithm::sha256, as_bytes("vouch substitute secret"));
  while (fixed.size() < size) append(fixed, seed);
  fixed.resize(size);
  CK_MECHANISM mechanism{CKM_RSA_X_509, nullptr, 0};
  Buffer plain(size);
  CK_ULONG plain_size = 0;
  TRY(key->operate(
      fmt::format("preparing to decrypt with key {}", key->name()),
      [&](const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle) {
        return call.C_DecryptInit(session, &mechanism, handle);
      },
      [&](const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE) {
        plain_size = plain.size();
        return call.C_Decrypt(session, fixed.data(), fixed.size(), plain.data(), &plain_size);
      }));
  plain.resize(std::min<std::size_t>(plain_size, plain.size()));
  Buffer secret = provider->digest(DigestAlgorithm::sha256, plain);
  wipe(plain);
  return std::make_unique<TokenDecrypter>(std::move(provider), std::move(key), std::move(secret), size);
}

}  // namespace vouch::crypto::pkcs11
