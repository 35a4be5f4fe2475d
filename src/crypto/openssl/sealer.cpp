#include "crypto/openssl/sealer.hpp"

#include <openssl/kdf.h>

#include <limits>

namespace vouch::crypto::openssl {
namespace {

constexpr std::uint64_t kMostMemory = std::uint64_t{1} << 30;
constexpr unsigned kMostRounds = 16;

class GcmSealer final : public Sealer {
 public:
  GcmSealer(Cipher cipher, Bytes key) : cipher_(std::move(cipher)), key_(key) {}

  Result<Buffer> seal(Bytes nonce, Bytes associated, Bytes plain) const override {
    TRY(check(nonce, plain.size()));
    const CipherContext context(EVP_CIPHER_CTX_new());
    Buffer out(plain.size() + kTagSize);
    int size = 0;
    if (!context ||
        EVP_EncryptInit_ex2(context.get(), cipher_.get(), key_.bytes().data(), nonce.data(), nullptr) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(),
                          static_cast<int>(associated.size())) != 1 ||
        EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(), static_cast<int>(plain.size())) !=
            1 ||
        EVP_EncryptFinal_ex(context.get(), out.data() + size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagSize),
                            out.data() + plain.size()) != 1)
      return library_error(Errc::internal, "encrypting");
    return out;
  }

  Result<Buffer> open(Bytes nonce, Bytes associated, Bytes sealed) const override {
    TRY(check(nonce, sealed.size()));
    const auto does_not_fit = [] {
      forget_library_errors();
      return make_error(Errc::denied,
                        "the encrypted data does not fit the key: it was changed, or the key is another");
    };
    if (sealed.size() < kTagSize) return does_not_fit();
    const Bytes data = sealed.first(sealed.size() - kTagSize);
    Buffer tag = to_buffer(sealed.last(kTagSize));
    const CipherContext context(EVP_CIPHER_CTX_new());
    Buffer out(data.size() + kTagSize);  // never empty: OpenSSL wants an address
    int size = 0, rest = 0;
    if (!context ||
        EVP_DecryptInit_ex2(context.get(), cipher_.get(), key_.bytes().data(), nonce.data(), nullptr) != 1 ||
        EVP_DecryptUpdate(context.get(), nullptr, &rest, associated.data(),
                          static_cast<int>(associated.size())) != 1 ||
        EVP_DecryptUpdate(context.get(), out.data(), &size, data.data(), static_cast<int>(data.size())) !=
            1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize), tag.data()) !=
            1)
      return library_error(Errc::internal, "decrypting");
    if (EVP_DecryptFinal_ex(context.get(), out.data() + size, &rest) != 1) {
      wipe(out);
      return does_not_fit();
    }
    out.resize(data.size());
    return out;
  }

 private:
  static Status check(Bytes nonce, std::size_t size) {
    if (nonce.size() != kNonceSize) return make_error(Errc::internal, "a nonce of {} octets", nonce.size());
    if (size > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      return make_error(Errc::limit_exceeded, "{} octets are too many to be encrypted at once", size);
    return ok();
  }

  const Cipher cipher_;
  const Secret key_;
};

}  // namespace

Result<Buffer> derive_key(std::string_view passphrase, Bytes salt, const PassphraseCost& cost,
                          std::size_t size) {
  if (cost.log2_n == 0 || cost.log2_n > 30 || cost.r == 0 || cost.r > kMostRounds || cost.p == 0 ||
      cost.p > kMostRounds || (std::uint64_t{128} * cost.r << cost.log2_n) > kMostMemory)
    return make_error(Errc::limit_exceeded,
                      "scrypt with N = 2^{}, r = {}, p = {} costs more than any honest file asks for",
                      cost.log2_n, cost.r, cost.p);
  Buffer key(size);
  // What OpenSSL adds to the memory of the algorithm itself is little.
  if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(), salt.data(), salt.size(),
                     std::uint64_t{1} << cost.log2_n, cost.r, cost.p, kMostMemory + (std::uint64_t{1} << 26),
                     key.data(), key.size()) != 1)
    return library_error(Errc::unavailable, "deriving a key from the passphrase");
  return key;
}

Result<std::unique_ptr<Sealer>> make_sealer(Bytes key) {
  if (key.size() != Sealer::kKeySize)
    return make_error(Errc::internal, "a key of {} octets for AES-256", key.size());
  Cipher cipher(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  if (!cipher) return library_error(Errc::internal, "looking for AES-256-GCM");
  return std::make_unique<GcmSealer>(std::move(cipher), key);
}

}  // namespace vouch::crypto::openssl
