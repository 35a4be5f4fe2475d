#include "crypto/openssl/signer.hpp"

namespace vouch::crypto::openssl {
namespace {

// What one thread signs with. Setting it up costs a fifth of a P-256 signature, so it is kept.
struct SigningContext {
  DigestContext digest;
  KeyContext key;
};

class SoftwareSigner final : public Signer {
 public:
  SoftwareSigner(SharedLibrary library, SharedKey key, SignatureAlgorithm algorithm, Buffer public_key_info)
      : library_(std::move(library)),
        key_(std::move(key)),
        algorithm_(algorithm),
        public_key_info_(std::move(public_key_info)),
        max_size_(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()))) {}

  SignatureAlgorithm algorithm() const override { return algorithm_; }
  Bytes public_key_info() const override { return public_key_info_; }

  Result<Buffer> sign(Bytes tbs) const override {
    if (algorithm_ == SignatureAlgorithm::ed25519) return sign_whole(tbs);
    auto context = contexts_.take();
    if (context == nullptr) context = TRY(make_context());
    DigestValue digest;
    Buffer signature(max_size_);
    std::size_t size = signature.size();
    if (!digest.compute(context->digest.get(), library_->algorithms.signature(algorithm_).digest, tbs) ||
        EVP_PKEY_sign(context->key.get(), signature.data(), &size, digest.data(), digest.size()) != 1)
      return library_error(Errc::internal, fmt::format("signing with {}", x509::to_string(algorithm_)));
    contexts_.give(std::move(context));
    signature.resize(size);
    return signature;
  }

 private:
  Result<std::unique_ptr<SigningContext>> make_context() const {
    auto context = std::make_unique<SigningContext>(
        DigestContext(EVP_MD_CTX_new()),
        KeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)));
    if (!context->digest || !context->key ||
        EVP_PKEY_sign_init_ex(context->key.get(), library_->algorithms.signature(algorithm_).parameters) != 1)
      return library_error(Errc::internal,
                           fmt::format("preparing to sign with {}", x509::to_string(algorithm_)));
    return context;
  }

  // Ed25519 reads the data twice and therefore takes it whole (RFC 8032 5.1.6).
  Result<Buffer> sign_whole(Bytes tbs) const {
    const DigestContext context(EVP_MD_CTX_new());
    Buffer signature(max_size_);
    std::size_t size = signature.size();
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key_.get(), nullptr) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, tbs.data(), tbs.size()) != 1)
      return library_error(Errc::internal, "signing with Ed25519");
    signature.resize(size);
    return signature;
  }

  SharedLibrary library_;
  SharedKey key_;
  SignatureAlgorithm algorithm_;
  Buffer public_key_info_;
  std::size_t max_size_;
  mutable Pool<SigningContext> contexts_;
};

// RFC 8017 9.1.1 and 9.2: what padding and digest need of the modulus.
bool modulus_holds(const EVP_PKEY& key, const Algorithm& algorithm) {
  const auto modulus = static_cast<std::size_t>(EVP_PKEY_get_size(&key));
  const auto digest = static_cast<std::size_t>(EVP_MD_get_size(algorithm.digest));
  return modulus >= (algorithm.pss ? 2 * digest + 3 : digest + 19 + 11);
}

}  // namespace

Result<std::unique_ptr<Signer>> make_signer(SharedLibrary library, SharedKey key, KeyType type,
                                            SignatureAlgorithm algorithm, Buffer public_key_info) {
  if (x509::is_weak(algorithm))
    return make_error(Errc::unsupported, "nothing is signed with {}", x509::to_string(algorithm));
  const Algorithm& known = library->algorithms.signature(algorithm);
  if (known.family != family_of(type))
    return make_error(Errc::unsupported, "a key of type {} does not sign with {}", x509::to_string(type),
                      x509::to_string(algorithm));
  if (type == KeyType::rsa && !modulus_holds(*key, known))
    return make_error(Errc::unsupported, "an RSA key of {} bits is too short for {}",
                      EVP_PKEY_get_bits(key.get()), x509::to_string(algorithm));
  return std::make_unique<SoftwareSigner>(std::move(library), std::move(key), algorithm,
                                          std::move(public_key_info));
}

}  // namespace vouch::crypto::openssl
