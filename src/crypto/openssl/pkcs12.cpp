#include "crypto/openssl/pkcs12.hpp"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "base/pem.hpp"
#include "crypto/openssl/private_key.hpp"

namespace vouch::crypto::openssl {
namespace {

using ProviderHandle = std::unique_ptr<OSSL_PROVIDER, Free<OSSL_PROVIDER_unload>>;
using LibraryContext = std::unique_ptr<OSSL_LIB_CTX, Free<OSSL_LIB_CTX_free>>;
using File = std::unique_ptr<PKCS12, Free<PKCS12_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using KeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;
struct FreeCertificates {
  void operator()(STACK_OF(X509) * list) const { sk_X509_pop_free(list, X509_free); }
};
using Certificates = std::unique_ptr<STACK_OF(X509), FreeCertificates>;

// As many rounds as key files get.
constexpr int kPkcs12Rounds = 600'000;
// No honest file has more; a hostile one would keep the machine busy for hours.
constexpr long kMaxPkcs12Rounds = 10'000'000;
constexpr std::size_t kMaxCertificates = 64;

// A world of its own with OpenSSL's legacy provider, so that RC2 and RC4 are reached by old files only.
struct Legacy {
  LibraryContext context{OSSL_LIB_CTX_new()};
  ProviderHandle standard, legacy;  // unloaded before the context goes

  Legacy() {
    if (!context) return;
    standard.reset(OSSL_PROVIDER_load(context.get(), "default"));
    legacy.reset(OSSL_PROVIDER_load(context.get(), "legacy"));
  }
};

template <class T, auto encode>
Result<Buffer> to_der(const T* object) {
  const int size = encode(object, nullptr);
  if (size <= 0) return library_error(Errc::internal, "encoding");
  Buffer der(static_cast<std::size_t>(size));
  unsigned char* out = der.data();
  if (encode(object, &out) != size) return library_error(Errc::internal, "encoding");
  return der;
}

Result<Certificate> to_x509(Bytes der) {
  const unsigned char* in = der.data();
  Certificate certificate(d2i_X509(nullptr, &in, static_cast<long>(der.size())));
  if (!certificate) return library_error(Errc::malformed, "reading a certificate");
  return certificate;
}

Result<File> decode(Bytes der, OSSL_LIB_CTX* context) {
  // The library context of later steps is that of the object that is filled.
  PKCS12* raw = PKCS12_init_ex(NID_pkcs7_data, context, nullptr);
  const unsigned char* in = der.data();
  PKCS12* filled = raw ? d2i_PKCS12(&raw, &in, static_cast<long>(der.size())) : nullptr;
  if (!filled) {
    if (raw) PKCS12_free(raw);
    forget_library_errors();
    return make_error(Errc::malformed, "this is no PKCS #12 file");
  }
  return File(filled);
}

bool uses_old_ciphers(int nid) {
  return nid == NID_pbe_WithSHA1And40BitRC2_CBC || nid == NID_pbe_WithSHA1And128BitRC2_CBC ||
         nid == NID_pbe_WithSHA1And40BitRC4 || nid == NID_pbe_WithSHA1And128BitRC4 ||
         nid == NID_pbe_WithSHA1And3_Key_TripleDES_CBC || nid == NID_pbe_WithSHA1And2_Key_TripleDES_CBC;
}

// Which ciphers protect the parts, without opening them.
bool has_old_ciphers(const PKCS12& file) {
  bool old = false;
  STACK_OF(PKCS7)* parts = PKCS12_unpack_authsafes(&file);
  for (int i = 0; i < sk_PKCS7_num(parts); ++i) {
    const PKCS7* part = sk_PKCS7_value(parts, i);
    if (!PKCS7_type_is_encrypted(part) || !part->d.encrypted || !part->d.encrypted->enc_data) continue;
    const X509_ALGOR* algorithm = part->d.encrypted->enc_data->algorithm;
    old = old || (algorithm && uses_old_ciphers(OBJ_obj2nid(algorithm->algorithm)));
  }
  sk_PKCS7_pop_free(parts, PKCS7_free);
  forget_library_errors();
  return old;
}

Status check_password(PKCS12& file, const std::string& password) {
  const ASN1_INTEGER* rounds = nullptr;
  PKCS12_get0_mac(nullptr, nullptr, nullptr, &rounds, &file);
  if (rounds && (ASN1_INTEGER_get(rounds) < 0 || ASN1_INTEGER_get(rounds) > kMaxPkcs12Rounds))
    return make_error(Errc::limit_exceeded, "the PKCS #12 file asks for more than {} rounds of hashing",
                      kMaxPkcs12Rounds);
  if (!PKCS12_mac_present(&file))
    return make_error(Errc::unsupported, "the PKCS #12 file is not protected by a password (no MAC)")
        .with_hint("export it again with a password");
  // From here on, whoever made the file knew the password.
  if (PKCS12_verify_mac(&file, password.c_str(), static_cast<int>(password.size())) == 1) return ok();
  const unsigned long reason = ERR_peek_last_error();
  forget_library_errors();
  if (ERR_GET_LIB(reason) == ERR_LIB_EVP)
    return make_error(Errc::unsupported, "OpenSSL cannot check the PKCS #12 file: {}",
                      ERR_reason_error_string(reason) ? ERR_reason_error_string(reason) : "unknown digest");
  return make_error(Errc::denied, "the password does not open the PKCS #12 file")
      .with_hint("give the right one with --p12-password-file FILE");
}

// The friendly name that Windows and openssl -name write.
std::string friendly_name_of(X509* certificate) {
  int size = 0;
  const unsigned char* text = X509_alias_get0(certificate, &size);
  return text && size > 0 ? std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size))
                          : std::string();
}

Result<Pkcs12> contents(const SharedLibrary& library, PKCS12& file, const std::string& password) {
  EVP_PKEY* raw_key = nullptr;
  X509* raw_certificate = nullptr;
  STACK_OF(X509)* raw_others = nullptr;
  const bool parsed = PKCS12_parse(&file, password.c_str(), &raw_key, &raw_certificate, &raw_others) == 1;
  const Key key(raw_key);
  const Certificate certificate(raw_certificate);
  const Certificates others(raw_others);
  if (!parsed) return library_error(Errc::unsupported, "opening the PKCS #12 file");
  if (!key)
    return make_error(Errc::malformed, "the PKCS #12 file has no private key")
        .with_hint("export certificate and private key together");
  if (!certificate)
    return make_error(Errc::malformed, "the PKCS #12 file has no certificate for its private key")
        .with_hint("export certificate and private key together");
  if (static_cast<std::size_t>(sk_X509_num(others.get()) + 1) > kMaxCertificates)
    return make_error(Errc::limit_exceeded, "the PKCS #12 file has more than {} certificates",
                      kMaxCertificates);
  Pkcs12 out;
  const KeyInfo info(EVP_PKEY2PKCS8(key.get()));
  if (!info) return library_error(Errc::unsupported, "taking the key out of the PKCS #12 file");
  const Secret der(TRY((to_der<PKCS8_PRIV_KEY_INFO, i2d_PKCS8_PRIV_KEY_INFO>(info.get()))));
  // Through our own reader, which checks that the numbers belong together.
  out.key = TRY(load_private_key(library, der.bytes(), {}));
  out.certificate = TRY((to_der<X509, i2d_X509>(certificate.get())));
  out.friendly_name = friendly_name_of(certificate.get());
  for (int i = 0; i < sk_X509_num(others.get()); ++i)
    out.others.push_back(TRY((to_der<X509, i2d_X509>(sk_X509_value(others.get(), i)))));
  return out;
}

}  // namespace

Result<Pkcs12> read_pkcs12(const SharedLibrary& library, Bytes file, std::string_view password) {
  std::string secret(password);  // OpenSSL wants a NUL at its end
  const auto read = [&]() -> Result<Pkcs12> {
    const Legacy legacy;
    const File plain = TRY(decode(file, nullptr));
    const bool old = has_old_ciphers(*plain);
    const File with_legacy = TRY(decode(file, legacy.context.get()));
    PKCS12& opened = old && legacy.legacy ? *with_legacy : *plain;
    TRY(check_password(opened, secret));
    auto out = contents(library, opened, secret);
    if (!out && old && !legacy.legacy)
      return std::move(out.error())
          .with_hint(
              "the file is protected with RC2 or RC4: install OpenSSL's legacy provider, or export it "
              "again with AES");
    if (out) out->old_ciphers = old;
    return out;
  };
  auto out = read();
  wipe(secret);
  return out;
}

Result<Buffer> write_pkcs12(const PrivateKey& key, Bytes certificate, std::span<const Buffer> others,
                            std::string_view friendly_name, std::string_view password) {
  if (password.empty())
    return make_error(Errc::usage, "a PKCS #12 file needs a password")
        .with_hint("give it with --p12-password-file FILE");
  std::string pem = TRY(key.to_pem({}));
  auto blocks = pem_or_der(as_bytes(pem), "PRIVATE KEY", {"PRIVATE KEY"});
  wipe(pem);
  if (!blocks) return blocks.error();
  const Secret der(std::move(blocks->front().der));
  const unsigned char* in = der.bytes().data();
  const Key own(d2i_AutoPrivateKey(nullptr, &in, static_cast<long>(der.size())));
  const Certificate leaf = TRY(to_x509(certificate));
  Certificates chain(sk_X509_new_null());
  if (!own || !chain) return library_error(Errc::internal, "preparing the PKCS #12 file");
  for (const Buffer& other : others) {
    Certificate one = TRY(to_x509(other));
    if (sk_X509_push(chain.get(), one.get()) <= 0) return library_error(Errc::internal, "memory");
    (void)one.release();  // the list owns it now
  }
  std::string secret(password);
  const std::string name(friendly_name);
  const File file(PKCS12_create(secret.c_str(), name.c_str(), own.get(), leaf.get(), chain.get(),
                                NID_aes_256_cbc, NID_aes_256_cbc, kPkcs12Rounds, kPkcs12Rounds, 0));
  wipe(secret);
  if (!file) return library_error(Errc::internal, "writing the PKCS #12 file");
  return to_der<PKCS12, i2d_PKCS12>(file.get());
}

}  // namespace vouch::crypto::openssl
