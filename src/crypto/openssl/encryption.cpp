#include "crypto/openssl/encryption.hpp"

#include <openssl/rand.h>

#include <array>
#include <bit>
#include <optional>

#include "asn1/whole.hpp"
#include "x509/algorithm.hpp"

namespace vouch::crypto::openssl {
namespace {

using asn1::Oid, asn1::Reader, asn1::Writer;

constexpr Oid kPbes2{1, 2, 840, 113549, 1, 5, 13}, kPbkdf2{1, 2, 840, 113549, 1, 5, 12},
    kScrypt{1, 3, 6, 1, 4, 1, 11591, 4, 11}, kHmacSha1{1, 2, 840, 113549, 2, 7},
    kHmacSha256{1, 2, 840, 113549, 2, 9}, kHmacSha384{1, 2, 840, 113549, 2, 10},
    kHmacSha512{1, 2, 840, 113549, 2, 11}, kAes128Cbc{2, 16, 840, 1, 101, 3, 4, 1, 2},
    kAes192Cbc{2, 16, 840, 1, 101, 3, 4, 1, 22}, kAes256Cbc{2, 16, 840, 1, 101, 3, 4, 1, 42},
    kDes3Cbc{1, 2, 840, 113549, 3, 7};

constexpr std::uint64_t kRounds = 600'000;  // what OWASP asks of PBKDF2-HMAC-SHA256 since 2023
// About five seconds of one core, and the memory of scrypt at N = 2^18, r = 8.
constexpr std::uint64_t kMaxRounds = 10'000'000, kMaxScryptMemory = std::uint64_t{256} << 20,
                        kMaxScryptLanes = 16;

struct CipherInfo {
  Oid oid;
  const char* name;
  std::size_t key_size, block_size;
};
constexpr std::array kCiphers = {
    CipherInfo{kAes256Cbc, "AES-256-CBC", 32, 16}, CipherInfo{kAes192Cbc, "AES-192-CBC", 24, 16},
    CipherInfo{kAes128Cbc, "AES-128-CBC", 16, 16}, CipherInfo{kDes3Cbc, "DES-EDE3-CBC", 24, 8}};

struct Prf {
  Oid oid;
  const char* digest;
};
constexpr std::array kPrfs = {Prf{kHmacSha1, "SHA1"}, Prf{kHmacSha256, "SHA256"}, Prf{kHmacSha384, "SHA384"},
                              Prf{kHmacSha512, "SHA512"}};

struct Derivation {
  Bytes salt;
  const char* digest = nullptr;  // of PBKDF2; none for scrypt
  std::uint64_t rounds = 0, cost = 0, block_size = 0, lanes = 0;
  std::optional<std::uint64_t> key_size;
};

struct Scheme {
  Derivation derivation;
  const CipherInfo* cipher = nullptr;
  Bytes iv;
};

// PBKDF2-params ::= SEQUENCE {                                             (RFC 8018 A.2)
//   salt           CHOICE { specified OCTET STRING, otherSource AlgorithmIdentifier },
//   iterationCount INTEGER (1..MAX),
//   keyLength      INTEGER (1..MAX) OPTIONAL,
//   prf            AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
Result<Derivation> parse_pbkdf2(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  Derivation out;
  out.salt = TRY(fields.expect_octet_string());
  out.rounds = TRY(fields.expect_uint64());
  if (out.rounds == 0) return make_error(Errc::malformed, "PBKDF2 with no rounds");
  if (out.rounds > kMaxRounds)
    return make_error(Errc::limit_exceeded, "PBKDF2 with {} rounds, at most {} are computed", out.rounds,
                      kMaxRounds);
  if (fields.peek() == asn1::Tag::integer) out.key_size = TRY(fields.expect_uint64());
  Oid prf = kHmacSha1;
  if (!fields.at_end()) {
    const auto identifier = TRY(x509::parse_algorithm_identifier(fields));
    if (!x509::null_or_absent(identifier.parameters))
      return make_error(Errc::malformed, "the function of PBKDF2 has parameters other than NULL");
    prf = identifier.algorithm;
  }
  TRY(fields.finish());
  for (const Prf& known : kPrfs)
    if (known.oid == prf) out.digest = known.digest;
  if (out.digest == nullptr)
    return make_error(Errc::unsupported, "PBKDF2 with function {} is not supported", prf.dotted());
  return out;
}

// scrypt-params ::= SEQUENCE {                                             (RFC 7914 7.1)
//   salt OCTET STRING, costParameter INTEGER, blockSize INTEGER, parallelizationParameter INTEGER,
//   keyLength INTEGER OPTIONAL }
Result<Derivation> parse_scrypt(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  Derivation out;
  out.salt = TRY(fields.expect_octet_string());
  out.cost = TRY(fields.expect_uint64());
  out.block_size = TRY(fields.expect_uint64());
  out.lanes = TRY(fields.expect_uint64());
  if (!fields.at_end()) out.key_size = TRY(fields.expect_uint64());
  TRY(fields.finish());
  if (out.cost < 2 || !std::has_single_bit(out.cost) || out.block_size == 0 || out.lanes == 0)
    return make_error(Errc::malformed, "scrypt with impossible parameters");
  if (out.lanes > kMaxScryptLanes || out.block_size > kMaxScryptMemory / 128 ||
      out.cost > kMaxScryptMemory / 128 / out.block_size)
    return make_error(Errc::limit_exceeded,
                      "scrypt with N = {}, r = {}, p = {} takes too much memory or time", out.cost,
                      out.block_size, out.lanes);
  return out;
}

// PBES2-params ::= SEQUENCE { keyDerivationFunc AlgorithmIdentifier, encryptionScheme AlgorithmIdentifier }
Result<Scheme> parse_scheme(const x509::AlgorithmIdentifier& algorithm) {
  if (algorithm.algorithm != kPbes2)
    return make_error(Errc::unsupported, "private keys encrypted with scheme {} are not supported",
                      algorithm.algorithm.dotted())
        .with_hint("write the key again with: openssl pkcs8 -topk8 -v2 aes-256-cbc");
  Reader fields = TRY(asn1::whole_sequence(algorithm.parameters));
  const auto derivation = TRY(x509::parse_algorithm_identifier(fields));
  const auto encryption = TRY(x509::parse_algorithm_identifier(fields));
  TRY(fields.finish());

  Scheme out;
  if (derivation.algorithm == kPbkdf2)
    out.derivation = TRY(parse_pbkdf2(derivation.parameters));
  else if (derivation.algorithm == kScrypt)
    out.derivation = TRY(parse_scrypt(derivation.parameters));
  else
    return make_error(Errc::unsupported, "key derivation {} is not supported", derivation.algorithm.dotted());
  for (const CipherInfo& cipher : kCiphers)
    if (cipher.oid == encryption.algorithm) out.cipher = &cipher;
  if (out.cipher == nullptr)
    return make_error(Errc::unsupported, "private keys encrypted with {} are not supported",
                      encryption.algorithm.dotted());
  Reader iv(encryption.parameters);
  out.iv = TRY(iv.expect_octet_string());
  TRY(iv.finish());
  if (out.iv.size() != out.cipher->block_size ||
      (out.derivation.key_size.value_or(out.cipher->key_size)) != out.cipher->key_size)
    return make_error(Errc::malformed, "key or initial vector of {} have a wrong length", out.cipher->name);
  return out;
}

Result<Secret> derive_key(const Derivation& derivation, std::string_view passphrase, std::size_t size) {
  Secret key(size);
  int done = 0;
  if (derivation.digest != nullptr) {
    const Digest digest(EVP_MD_fetch(nullptr, derivation.digest, nullptr));
    done = PKCS5_PBKDF2_HMAC(passphrase.data(), static_cast<int>(passphrase.size()), derivation.salt.data(),
                             static_cast<int>(derivation.salt.size()), static_cast<int>(derivation.rounds),
                             digest.get(), static_cast<int>(size), key.data());
  } else {
    done = EVP_PBE_scrypt(passphrase.data(), passphrase.size(), derivation.salt.data(),
                          derivation.salt.size(), derivation.cost, derivation.block_size, derivation.lanes,
                          2 * kMaxScryptMemory, key.data(), size);
  }
  if (done != 1) return library_error(Errc::malformed, "deriving a key from the passphrase");
  return key;
}

enum class Direction { decrypt = 0, encrypt = 1 };

// CBC with the padding of RFC 8018 6.1.1. Nothing when the padding is wrong.
std::optional<Secret> run_key_cipher(Direction direction, const CipherInfo& info, Bytes key, Bytes iv,
                                     Bytes input) {
  const Cipher cipher(EVP_CIPHER_fetch(nullptr, info.name, nullptr));
  const CipherContext context(EVP_CIPHER_CTX_new());
  Secret output(input.size() + info.block_size);
  int first = 0, last = 0;
  if (!cipher || !context ||
      EVP_CipherInit_ex2(context.get(), cipher.get(), key.data(), iv.data(), static_cast<int>(direction),
                         nullptr) != 1 ||
      EVP_CipherUpdate(context.get(), output.data(), &first, input.data(), static_cast<int>(input.size())) !=
          1 ||
      EVP_CipherFinal_ex(context.get(), output.data() + first, &last) != 1) {
    forget_library_errors();
    return std::nullopt;
  }
  output.shorten(static_cast<std::size_t>(first) + static_cast<std::size_t>(last));
  return output;
}

constexpr std::size_t kMaxEncryptedKey = 1 << 20;  // RSA-16384 takes nine kilobytes

}  // namespace

// EncryptedPrivateKeyInfo ::= SEQUENCE {                                   (RFC 5958 3)
//   encryptionAlgorithm  AlgorithmIdentifier,
//   encryptedData        OCTET STRING }
Result<Secret> decrypt_private_key(Bytes encrypted, std::string_view passphrase) {
  Reader fields = TRY(asn1::whole_sequence(encrypted));
  const auto algorithm = TRY(x509::parse_algorithm_identifier(fields));
  const Bytes data = TRY(fields.expect_octet_string());
  TRY(fields.finish());
  if (encrypted.size() > kMaxEncryptedKey || passphrase.size() > kMaxEncryptedKey)
    return make_error(Errc::limit_exceeded, "an encrypted private key of {} octets is too large",
                      encrypted.size());
  const Scheme scheme = TRY(parse_scheme(algorithm));
  if (passphrase.empty())
    return make_error(Errc::denied, "the private key is encrypted and no passphrase was given");

  const Secret key = TRY(derive_key(scheme.derivation, passphrase, scheme.cipher->key_size));
  auto plain = run_key_cipher(Direction::decrypt, *scheme.cipher, key.bytes(), scheme.iv, data);
  // One wrong passphrase in 256 leaves a padding that looks right; what comes out is no DER then.
  if (plain) {
    Reader inside(plain->bytes());
    if (inside.expect_sequence() && inside.at_end()) return std::move(*plain);
  }
  return make_error(Errc::denied, "the passphrase does not open the private key");
}

Result<Buffer> encrypt_private_key(Bytes private_key_info, std::string_view passphrase) {
  std::array<std::uint8_t, 16> salt{}, iv{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1 ||
      RAND_bytes(iv.data(), static_cast<int>(iv.size())) != 1)
    return library_error(Errc::internal, "making random octets");
  Derivation derivation;
  derivation.salt = salt;
  derivation.digest = "SHA256";
  derivation.rounds = kRounds;
  const CipherInfo& cipher = kCiphers[0];
  const Secret key = TRY(derive_key(derivation, passphrase, cipher.key_size));
  const auto data = run_key_cipher(Direction::encrypt, cipher, key.bytes(), iv, private_key_info);
  if (!data) return make_error(Errc::internal, "the private key could not be encrypted");

  Writer out;
  const auto write_derivation = [&] {
    out.oid(kPbkdf2);
    out.sequence([&] {
      out.octet_string(salt);
      out.integer(kRounds);
      out.sequence([&] {
        out.oid(kHmacSha256);
        out.null();
      });
    });
  };
  const auto write_cipher = [&] {
    out.oid(cipher.oid);
    out.octet_string(iv);
  };
  out.sequence([&] {
    out.sequence([&] {
      out.oid(kPbes2);
      out.sequence([&] {
        out.sequence(write_derivation);
        out.sequence(write_cipher);
      });
    });
    out.octet_string(data->bytes());
  });
  return std::move(out).take();
}

}  // namespace vouch::crypto::openssl
