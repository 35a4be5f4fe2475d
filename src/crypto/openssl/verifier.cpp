#include "crypto/openssl/verifier.hpp"

namespace vouch::crypto::openssl {
namespace {

// What a key admits, apart from its numbers.
struct Rules {
  KeyType type{};
  bool pss_only = false;
  const EVP_MD* pss_digest = nullptr;  // the only one, if set

  Status check(const Algorithm& algorithm, SignatureAlgorithm name) const {
    if (algorithm.family != family_of(type))
      return make_error(Errc::unsupported, "a key of type {} does not verify {}", x509::to_string(type),
                        x509::to_string(name));
    if (pss_only && (!algorithm.pss || (pss_digest != nullptr && pss_digest != algorithm.digest)))
      return make_error(Errc::unsupported, "the RSASSA-PSS key does not admit {}", x509::to_string(name));
    return ok();
  }
};

Rules rules_of(const x509::PublicKeyInfo& info, const Algorithms& algorithms) {
  return {info.type, info.rsassa_pss, info.pss_digest ? algorithms.digest(*info.pss_digest) : nullptr};
}

struct VerifyingContext {
  SignatureAlgorithm algorithm;
  DigestContext digest;
  KeyContext key;
};

Result<std::unique_ptr<VerifyingContext>> make_context(const Algorithms& algorithms, EVP_PKEY* key,
                                                       SignatureAlgorithm algorithm) {
  auto context =
      std::make_unique<VerifyingContext>(algorithm, DigestContext(EVP_MD_CTX_new()),
                                         KeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr)));
  if (!context->digest || !context->key ||
      EVP_PKEY_verify_init_ex(context->key.get(), algorithms.signature(algorithm).parameters) != 1)
    return library_error(Errc::unsupported,
                         fmt::format("preparing to verify {}", x509::to_string(algorithm)));
  return context;
}

// OpenSSL tells 0 from negative results, but a malformed signature is as bad as one that does not fit.
Status verdict(int result, SignatureAlgorithm algorithm) {
  if (result == 1) return ok();
  forget_library_errors();
  return make_error(Errc::denied, "the {} signature does not fit the data and the key",
                    x509::to_string(algorithm));
}

Status verify_hashed(VerifyingContext& context, Bytes digest, Bytes signature) {
  return verdict(
      EVP_PKEY_verify(context.key.get(), signature.data(), signature.size(), digest.data(), digest.size()),
      context.algorithm);
}

Status hash_and_verify(VerifyingContext& context, const EVP_MD* algorithm, Bytes tbs, Bytes signature) {
  DigestValue digest;
  if (!digest.compute(context.digest.get(), algorithm, tbs)) return library_error(Errc::internal, "hashing");
  return verify_hashed(context, Bytes(digest.data(), digest.size()), signature);
}

// Ed25519 takes the data whole.
Status verify_whole(EVP_PKEY* key, Bytes tbs, Bytes signature) {
  const DigestContext context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key, nullptr) != 1)
    return library_error(Errc::internal, "preparing to verify Ed25519");
  return verdict(EVP_DigestVerify(context.get(), signature.data(), signature.size(), tbs.data(), tbs.size()),
                 SignatureAlgorithm::ed25519);
}

class SoftwareVerifier final : public Verifier {
 public:
  SoftwareVerifier(SharedLibrary library, Key key, Rules rules)
      : library_(std::move(library)), key_(std::move(key)), rules_(rules) {}

  Status verify(SignatureAlgorithm algorithm, Bytes tbs, Bytes signature) const override {
    const Algorithm& known = library_->algorithms.signature(algorithm);
    TRY(rules_.check(known, algorithm));
    if (known.family == KeyFamily::ed25519) return verify_whole(key_.get(), tbs, signature);
    return with_context(algorithm, [&](VerifyingContext& context) {
      return hash_and_verify(context, known.digest, tbs, signature);
    });
  }

  Status verify_digest(SignatureAlgorithm algorithm, Bytes digest, Bytes signature) const override {
    const Algorithm& known = library_->algorithms.signature(algorithm);
    TRY(rules_.check(known, algorithm));
    if (known.digest == nullptr || digest.size() != static_cast<std::size_t>(EVP_MD_get_size(known.digest)))
      return make_error(Errc::usage, "{} octets are no digest for {}", digest.size(),
                        x509::to_string(algorithm));
    return with_context(algorithm,
                        [&](VerifyingContext& context) { return verify_hashed(context, digest, signature); });
  }

 private:
  // One key is almost always used with one algorithm; a context of another is dropped.
  template <class Use>
  Status with_context(SignatureAlgorithm algorithm, Use&& use) const {
    auto context = contexts_.take();
    if (context == nullptr || context->algorithm != algorithm)
      context = TRY(make_context(library_->algorithms, key_.get(), algorithm));
    const Status result = use(*context);
    contexts_.give(std::move(context));
    return result;
  }

  SharedLibrary library_;
  Key key_;
  Rules rules_;
  mutable Pool<VerifyingContext> contexts_;
};

}  // namespace

Result<std::unique_ptr<Verifier>> make_verifier(SharedLibrary library, Bytes public_key_info) {
  const x509::PublicKeyInfo info = TRY(x509::parse_public_key_info(public_key_info));
  Key key = TRY(library->importer.import_public(info));
  const Rules rules = rules_of(info, library->algorithms);
  return std::make_unique<SoftwareVerifier>(std::move(library), std::move(key), rules);
}

Status verify_once(Library& library, Bytes public_key_info, SignatureAlgorithm algorithm, Bytes tbs,
                   Bytes signature) {
  const x509::PublicKeyInfo info = TRY(x509::parse_public_key_info(public_key_info));
  const Algorithm& known = library.algorithms.signature(algorithm);
  TRY(rules_of(info, library.algorithms).check(known, algorithm));
  auto borrowed = TRY(library.importer.borrow_public(info));
  EVP_PKEY* key = borrowed->key.get();
  if (known.family == KeyFamily::ed25519) return verify_whole(key, tbs, signature);
  // The context is always new: one of an earlier key could still hold that key's point.
  auto context = TRY(make_context(library.algorithms, key, algorithm));
  const Status result = hash_and_verify(*context, known.digest, tbs, signature);
  context.reset();
  library.importer.give_back(std::move(borrowed), info.type);
  return result;
}

Status verify_dsa(Library& library, const x509::DsaPublicKey& info, Bytes tbs, Bytes signature) {
  const Key key = TRY(import_dsa_public(info));
  const DigestContext digest_context(EVP_MD_CTX_new());
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  DigestValue digest;
  if (!digest_context || !context || EVP_PKEY_verify_init(context.get()) != 1 ||
      !digest.compute(digest_context.get(), library.algorithms.digest(DigestAlgorithm::sha1), tbs))
    return library_error(Errc::internal, "preparing to verify DSA");
  return verdict(
      EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()),
      SignatureAlgorithm::dsa_sha1);
}

}  // namespace vouch::crypto::openssl
