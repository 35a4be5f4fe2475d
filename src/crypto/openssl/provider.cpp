#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "crypto/openssl/content_encryption.hpp"
#include "crypto/openssl/key_quality.hpp"
#include "crypto/openssl/openssl.hpp"
#include "crypto/openssl/pkcs12.hpp"
#include "crypto/openssl/private_key.hpp"
#include "crypto/openssl/sealer.hpp"
#include "crypto/openssl/verifier.hpp"

namespace vouch::crypto::openssl {
namespace {

// Neither hashing nor randomness fails on a working machine, and a PKI must not go on without them.
[[noreturn]] void give_up(const char* doing) {
  const Error error = library_error(Errc::internal, "OpenSSL");
  std::fprintf(stderr, "vouch: cannot %s: %s\n", doing, error.summary().c_str());
  std::abort();
}

class SoftwareDigester final : public Digester {
 public:
  SoftwareDigester(SharedLibrary library, DigestAlgorithm algorithm)
      : library_(std::move(library)), size_(x509::digest_size(algorithm)), context_(EVP_MD_CTX_new()) {
    if (EVP_DigestInit_ex2(context_.get(), library_->algorithms.digest(algorithm), nullptr) != 1)
      give_up("hash");
  }
  void update(Bytes data) override {
    if (EVP_DigestUpdate(context_.get(), data.data(), data.size()) != 1) give_up("hash");
  }
  Buffer finish() override {
    Buffer out(size_);
    if (EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1) give_up("hash");
    return out;
  }

 private:
  SharedLibrary library_;
  std::size_t size_;
  DigestContext context_;
};

class OpensslProvider final : public Provider {
 public:
  Buffer digest(DigestAlgorithm algorithm, Bytes data) const override {
    Buffer out(x509::digest_size(algorithm));
    const EVP_MD* digest = library_->algorithms.digest(algorithm);
    if (EVP_Digest(data.data(), data.size(), out.data(), nullptr, digest, nullptr) != 1) give_up("hash");
    return out;
  }

  std::unique_ptr<Digester> digester(DigestAlgorithm algorithm) const override {
    return std::make_unique<SoftwareDigester>(library_, algorithm);
  }

  void random(std::span<std::uint8_t> out) const override {
    if (RAND_bytes_ex(nullptr, out.data(), out.size(), 0) != 1) give_up("make random octets");
  }

  Result<Buffer> derive_key(std::string_view passphrase, Bytes salt, const PassphraseCost& cost,
                            std::size_t size) const override {
    return openssl::derive_key(passphrase, salt, cost, size);
  }

  Result<std::unique_ptr<Sealer>> sealer(Bytes key) const override { return make_sealer(key); }

  Result<std::unique_ptr<Verifier>> verifier(Bytes public_key_info) const override {
    return make_verifier(library_, public_key_info);
  }

  Status verify(Bytes public_key_info, SignatureAlgorithm algorithm, Bytes tbs,
                Bytes signature) const override {
    return verify_once(*library_, public_key_info, algorithm, tbs, signature);
  }

  Status verify_dsa(const x509::DsaPublicKey& key, Bytes tbs, Bytes signature) const override {
    return openssl::verify_dsa(*library_, key, tbs, signature);
  }

  std::optional<KeyWeakness> weakness(const x509::PublicKeyInfo& key) const override {
    return find_weakness(library_->importer, key);
  }

  Result<std::unique_ptr<PrivateKey>> generate(const KeySpec& spec) const override {
    return generate_private_key(library_, spec);
  }

  Result<std::unique_ptr<PrivateKey>> load_private_key(Bytes pem_or_der,
                                                       std::string_view passphrase) const override {
    return openssl::load_private_key(library_, pem_or_der, passphrase);
  }

  Result<Pkcs12> read_pkcs12(Bytes file, std::string_view password) const override {
    return openssl::read_pkcs12(library_, file, password);
  }

  Result<Buffer> write_pkcs12(const PrivateKey& key, Bytes certificate, std::span<const Buffer> others,
                              std::string_view friendly_name, std::string_view password) const override {
    return openssl::write_pkcs12(key, certificate, others, friendly_name, password);
  }
  Result<Buffer> encrypt(ContentCipher cipher, Padding padding, Bytes key, Bytes iv,
                         Bytes plain) const override {
    return run_cipher(cipher, padding, true, key, iv, plain);
  }
  Result<Buffer> decrypt(ContentCipher cipher, Padding padding, Bytes key, Bytes iv,
                         Bytes encrypted) const override {
    return run_cipher(cipher, padding, false, key, iv, encrypted);
  }
  Result<Buffer> encrypt_key(KeyTransport transport, Bytes public_key_info, Bytes key) const override {
    return transport_key(*library_, transport, public_key_info, key);
  }
  Result<Buffer> derive_key(DigestAlgorithm digest, std::string_view password, Bytes salt,
                            std::uint32_t rounds, std::size_t octets) const override {
    return pbkdf2(*library_, digest, password, salt, rounds, octets);
  }

 private:
  SharedLibrary library_ = std::make_shared<Library>();
};

}  // namespace

std::shared_ptr<const Provider> make_provider() { return std::make_shared<OpensslProvider>(); }

}  // namespace vouch::crypto::openssl
