#include "crypto/openssl/private_key.hpp"

#include <openssl/x509.h>

#include "base/pem.hpp"
#include "crypto/openssl/decrypter.hpp"
#include "crypto/openssl/encryption.hpp"
#include "crypto/openssl/signer.hpp"

namespace vouch::crypto::openssl {
namespace {

constexpr std::string_view kPkcs8 = "PRIVATE KEY", kEncryptedPkcs8 = "ENCRYPTED PRIVATE KEY",
                           kPkcs1 = "RSA PRIVATE KEY", kSec1 = "EC PRIVATE KEY";

// PrivateKeyInfo out of OpenSSL's key.
Result<Secret> private_key_info_of(const EVP_PKEY& key) {
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>> info(EVP_PKEY2PKCS8(&key));
  const int size = info != nullptr ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr) : 0;
  if (size <= 0) return library_error(Errc::internal, "encoding a private key");
  Secret der(static_cast<std::size_t>(size));
  unsigned char* out = der.data();
  if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &out) != size)
    return library_error(Errc::internal, "encoding a private key");
  return der;
}

class SoftwareKey final : public PrivateKey {
 public:
  SoftwareKey(SharedLibrary library, Key key, KeyType type, Buffer public_key_info)
      : library_(std::move(library)),
        key_(std::move(key)),
        type_(type),
        public_key_info_(std::move(public_key_info)) {}

  Bytes public_key_info() const override { return public_key_info_; }

  Result<std::unique_ptr<Signer>> signer(SignatureAlgorithm algorithm) const override {
    return make_signer(library_, key_, type_, algorithm, public_key_info_);
  }

  Result<std::unique_ptr<Decrypter>> decrypter() const override {
    if (type_ != KeyType::rsa)
      return make_error(Errc::unsupported, "a key of type {} does not decrypt", x509::to_string(type_))
          .with_hint("use an RSA key");
    return make_decrypter(library_, key_, public_key_info_);
  }

  Result<std::string> to_pem(std::string_view passphrase) const override {
    const Secret plain = TRY(private_key_info_of(*key_));
    if (passphrase.empty()) return vouch::to_pem(kPkcs8, plain.bytes());
    return vouch::to_pem(kEncryptedPkcs8, TRY(encrypt_private_key(plain.bytes(), passphrase)));
  }

 private:
  SharedLibrary library_;
  SharedKey key_;
  KeyType type_;
  Buffer public_key_info_;
};

Result<std::unique_ptr<PrivateKey>> hold(SharedLibrary library, Key key, KeyType type) {
  Buffer public_key_info = TRY(public_key_info_of(*key, type));
  return std::make_unique<SoftwareKey>(std::move(library), std::move(key), type, std::move(public_key_info));
}

Result<std::unique_ptr<PrivateKey>> import_key(SharedLibrary library, const PrivateNumbers& numbers) {
  Key key = TRY(library->importer.import_private(numbers));
  return hold(std::move(library), std::move(key), numbers.type);
}

Result<std::unique_ptr<PrivateKey>> load_encrypted(SharedLibrary library, Bytes der,
                                                   std::string_view passphrase) {
  const Secret plain = TRY(decrypt_private_key(der, passphrase));
  return import_key(std::move(library), TRY(parse_private_key_info(plain.bytes())));
}

// Told apart by their first elements: EncryptedPrivateKeyInfo starts with an algorithm, the others with their
// version, after which PrivateKeyInfo has an algorithm, PKCS #1 a number and SEC 1 an octet string.
// `openssl pkey -outform DER` writes the old forms.
Result<std::unique_ptr<PrivateKey>> load_der(SharedLibrary library, Bytes der, std::string_view passphrase) {
  asn1::Reader outer(der);
  asn1::Reader fields = TRY(outer.expect_sequence());
  if (fields.peek() == asn1::Tag::sequence) return load_encrypted(std::move(library), der, passphrase);
  (void)TRY(fields.expect_integer());
  if (fields.peek() == asn1::Tag::integer)
    return import_key(std::move(library), TRY(parse_rsa_private_key(der)));
  if (fields.peek() == asn1::Tag::octet_string)
    return import_key(std::move(library), TRY(parse_ec_private_key(der, {})));
  return import_key(std::move(library), TRY(parse_private_key_info(der)));
}

Result<std::unique_ptr<PrivateKey>> load_block(SharedLibrary library, const PemBlock& block,
                                               std::string_view passphrase) {
  if (block.label == kEncryptedPkcs8) return load_encrypted(std::move(library), block.der, passphrase);
  if (block.label == kPkcs1) return import_key(std::move(library), TRY(parse_rsa_private_key(block.der)));
  if (block.label == kSec1) return import_key(std::move(library), TRY(parse_ec_private_key(block.der, {})));
  return import_key(std::move(library), TRY(parse_private_key_info(block.der)));
}

}  // namespace

Result<std::unique_ptr<PrivateKey>> generate_private_key(SharedLibrary library, const KeySpec& spec) {
  Key key = TRY(generate_key(spec));
  return hold(std::move(library), std::move(key), spec.type);
}

Result<std::unique_ptr<PrivateKey>> load_private_key(SharedLibrary library, Bytes pem_or_der,
                                                     std::string_view passphrase) {
  if (!looks_like_pem(pem_or_der))
    return load_der(std::move(library), pem_or_der, passphrase).context("reading a private key in DER");
  // RFC 1421 encryption derives its key with one round of MD5.
  if (as_text(pem_or_der).find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos)
    return make_error(Errc::unsupported, "the private key is encrypted in the old form of PEM")
        .with_hint("write the key again with: openssl pkcs8 -topk8");
  auto blocks = TRY(vouch::pem_or_der(pem_or_der, kPkcs8, {kPkcs8, kEncryptedPkcs8, kPkcs1, kSec1}));
  auto key =
      blocks.size() == 1
          ? load_block(std::move(library), blocks[0], passphrase).context("reading a private key in PEM")
          : make_error(Errc::malformed, "{} private keys in one file, one is expected", blocks.size());
  for (PemBlock& block : blocks) wipe(block.der);
  return key;
}

}  // namespace vouch::crypto::openssl
