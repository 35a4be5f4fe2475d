#include "crypto/openssl/content_encryption.hpp"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <limits>
#include <string>

namespace vouch::crypto::openssl {
namespace {

// The names under which OpenSSL knows what to_string(ContentCipher) says. Single DES comes from triple DES
// with three equal keys (ANSI X9.52 keying option 3), which is the same function: so nobody needs the legacy
// provider.
Result<Cipher> fetch(ContentCipher cipher) {
  const std::string name(to_string(cipher == ContentCipher::des_cbc ? ContentCipher::des_ede3_cbc : cipher));
  Cipher out(EVP_CIPHER_fetch(nullptr, name.c_str(), nullptr));
  if (!out) return library_error(Errc::unsupported, "fetching " + name);
  return out;
}

}  // namespace

Result<Buffer> run_cipher(ContentCipher cipher, Padding padding, bool encrypting, Bytes key, Bytes iv,
                          Bytes data) {
  const std::size_t block = block_size(cipher);
  if (key.size() != key_size(cipher) || iv.size() != block)
    return make_error(Errc::usage, "{} takes a key of {} and an IV of {} octets, not {} and {}",
                      to_string(cipher), key_size(cipher), block, key.size(), iv.size());
  if ((padding == Padding::none || !encrypting) && data.size() % block != 0)
    return make_error(Errc::malformed, "{} octets are not a whole number of {} blocks", data.size(),
                      to_string(cipher));
  if (data.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) - block)
    return make_error(Errc::limit_exceeded, "{} octets are too many for one message", data.size());
  const Cipher algorithm = TRY(fetch(cipher));
  const CipherContext context(EVP_CIPHER_CTX_new());
  Buffer three_keys;
  if (cipher == ContentCipher::des_cbc) {
    three_keys.reserve(3 * key.size());
    for (int i = 0; i < 3; ++i) append(three_keys, key);
    key = three_keys;
  }
  Buffer out(data.size() + block);
  int written = 0, last = 0;
  const bool done = context &&
                    EVP_CipherInit_ex2(context.get(), algorithm.get(), key.data(), iv.data(),
                                       encrypting ? 1 : 0, nullptr) == 1 &&
                    EVP_CIPHER_CTX_set_padding(context.get(), padding == Padding::pkcs7 ? 1 : 0) == 1 &&
                    EVP_CipherUpdate(context.get(), out.data(), &written, data.data(),
                                     static_cast<int>(data.size())) == 1 &&
                    EVP_CipherFinal_ex(context.get(), out.data() + written, &last) == 1;
  wipe(three_keys);
  if (!done) {
    wipe(out);
    forget_library_errors();
    return make_error(Errc::malformed, "the encrypted content does not open");
  }
  out.resize(static_cast<std::size_t>(written + last));
  return out;
}

Result<Buffer> transport_key(Library& library, KeyTransport transport, Bytes public_key_info, Bytes key) {
  const auto info = TRY(x509::parse_public_key_info(public_key_info));
  if (info.type != KeyType::rsa)
    return make_error(Errc::unsupported, "a {} key cannot take a key by transport, RSA keys can",
                      x509::to_string(info.type));
  const Key imported = TRY(library.importer.import_public(info));
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, imported.get(), nullptr));
  bool ready = context && EVP_PKEY_encrypt_init(context.get()) == 1;
  if (transport == KeyTransport::rsa_pkcs1) {
    ready = ready && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1;
  } else {
    const EVP_MD* digest = library.algorithms.digest(
        transport == KeyTransport::rsa_oaep_sha1 ? DigestAlgorithm::sha1 : DigestAlgorithm::sha256);
    ready = ready && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) == 1 &&
            EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) == 1;
  }
  Buffer out(static_cast<std::size_t>(EVP_PKEY_get_size(imported.get())));
  std::size_t size = out.size();
  if (!ready || EVP_PKEY_encrypt(context.get(), out.data(), &size, key.data(), key.size()) != 1)
    return library_error(Errc::unsupported, "encrypting a key for this RSA key");
  out.resize(size);
  return out;
}

Result<Buffer> pbkdf2(const Library& library, DigestAlgorithm digest, std::string_view password, Bytes salt,
                      std::uint32_t rounds, std::size_t octets) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  if (rounds == 0 || rounds > kMost || octets == 0 || octets > kMost || password.size() > kMost ||
      salt.size() > kMost)
    return make_error(Errc::usage, "{} octets cannot be derived in {} rounds", octets, rounds);
  Buffer out(octets);
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                        static_cast<int>(salt.size()), static_cast<int>(rounds),
                        library.algorithms.digest(digest), static_cast<int>(octets), out.data()) != 1)
    return library_error(Errc::internal, "deriving a key from a password");
  return out;
}

}  // namespace vouch::crypto::openssl
