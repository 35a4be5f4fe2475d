#include "crypto/openssl/decrypter.hpp"

#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <algorithm>

namespace vouch::crypto::openssl {
namespace {

constexpr std::size_t kPaddingOverhead = 11;  // 00 02, eight octets not zero, 00

using Mac = std::array<std::uint8_t, 32>;

bool hmac_sha256(const EVP_MD* digest, Bytes key, Bytes data, Mac& out) {
  unsigned size = 0;
  return HMAC(digest, key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(),
              &size) != nullptr;
}

class SoftwareDecrypter final : public Decrypter {
 public:
  SoftwareDecrypter(SharedLibrary library, SharedKey key, Buffer public_key_info, Secret secret)
      : library_(std::move(library)),
        key_(std::move(key)),
        public_key_info_(std::move(public_key_info)),
        secret_(std::move(secret)),
        modulus_size_(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()))) {}

  Bytes public_key_info() const override { return public_key_info_; }

  Result<Buffer> decrypt(KeyTransport transport, Bytes ciphertext, std::size_t key_size) const override {
    // Length and value of the ciphertext are public: saying that it cannot be one gives nothing away.
    if (ciphertext.size() != modulus_size_)
      return make_error(Errc::malformed, "the encrypted key has {} octets, those for this RSA key have {}",
                        ciphertext.size(), modulus_size_);
    switch (transport) {
      case KeyTransport::rsa_pkcs1:
        return decrypt_pkcs1(ciphertext, key_size);
      case KeyTransport::rsa_oaep_sha1:
        return decrypt_oaep(ciphertext, key_size, library_->algorithms.digest(DigestAlgorithm::sha1));
      case KeyTransport::rsa_oaep_sha256:
        break;
    }
    return decrypt_oaep(ciphertext, key_size, library_->algorithms.digest(DigestAlgorithm::sha256));
  }

 private:
  // OpenSSL 3.0 rejects explicitly (implicit rejection came with 3.2), so the padding is undone here.
  Result<Buffer> decrypt_pkcs1(Bytes ciphertext, std::size_t key_size) const {
    if (key_size == 0 || key_size + kPaddingOverhead > modulus_size_)
      return make_error(Errc::usage, "a key of {} octets does not fit an RSA key of {}", key_size,
                        modulus_size_);
    const Secret substitute = TRY(substitute_for(ciphertext, key_size));
    const Secret padded = TRY(decrypt_raw(ciphertext));
    Buffer key(key_size);
    unpad_or_substitute(padded.bytes(), substitute.bytes(), key);
    return key;
  }

  Result<Secret> decrypt_raw(Bytes ciphertext) const {
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    Secret padded(modulus_size_);
    std::size_t size = padded.size();
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
        EVP_PKEY_decrypt(context.get(), padded.data(), &size, ciphertext.data(), ciphertext.size()) != 1 ||
        size != padded.size())
      return library_error(Errc::malformed, "the encrypted key is no number below the RSA modulus");
    return padded;
  }

  // Octets that look random, the same whenever the ciphertext is the same, unknown without the private key.
  Result<Secret> substitute_for(Bytes ciphertext, std::size_t size) const {
    const EVP_MD* sha256 = library_->algorithms.digest(DigestAlgorithm::sha256);
    Buffer message = to_buffer(as_bytes("vouch substitute key"));
    append(message, ciphertext);
    message.push_back(0);
    Secret out(size);
    for (std::size_t done = 0; done < size; ++message.back()) {
      Mac block{};
      if (!hmac_sha256(sha256, secret_.bytes(), message, block))
        return library_error(Errc::internal, "hashing");
      const std::size_t take = std::min(block.size(), size - done);
      std::copy_n(block.begin(), take, out.data() + done);
      wipe(block);
      done += take;
    }
    return out;
  }

  // OAEP has no oracle to hide: its error says nothing about the plaintext (RFC 8017 7.1.2 note).
  Result<Buffer> decrypt_oaep(Bytes ciphertext, std::size_t key_size, const EVP_MD* digest) const {
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    Secret plain(modulus_size_);
    std::size_t size = plain.size();
    const bool done =
        context && EVP_PKEY_decrypt_init(context.get()) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) == 1 &&
        EVP_PKEY_decrypt(context.get(), plain.data(), &size, ciphertext.data(), ciphertext.size()) == 1;
    if (!done || size != key_size) {
      forget_library_errors();
      return make_error(Errc::malformed, "the encrypted key does not open with this RSA key");
    }
    return to_buffer(plain.bytes().first(size));
  }

  SharedLibrary library_;
  SharedKey key_;
  Buffer public_key_info_;
  Secret secret_;  // seeds the substitutes
  std::size_t modulus_size_;
};

// Derived from the private exponent, so that every host and every start with this key gives the same
// substitutes.
Result<Secret> substitute_secret(const EVP_PKEY& key, const EVP_MD* sha256) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_D, &raw) != 1)
    return library_error(Errc::internal, "reading the private exponent");
  const BigNumber exponent(raw);
  Secret octets(static_cast<std::size_t>(EVP_PKEY_get_size(&key)));
  Secret hash(32);
  if (BN_bn2binpad(exponent.get(), octets.data(), static_cast<int>(octets.size())) < 0 ||
      EVP_Digest(octets.data(), octets.size(), hash.data(), nullptr, sha256, nullptr) != 1)
    return library_error(Errc::internal, "hashing the private exponent");
  return hash;
}

}  // namespace

Result<std::unique_ptr<Decrypter>> make_decrypter(SharedLibrary library, SharedKey key,
                                                  Buffer public_key_info) {
  Secret secret = TRY(substitute_secret(*key, library->algorithms.digest(DigestAlgorithm::sha256)));
  return std::make_unique<SoftwareDecrypter>(std::move(library), std::move(key), std::move(public_key_info),
                                             std::move(secret));
}

}  // namespace vouch::crypto::openssl
