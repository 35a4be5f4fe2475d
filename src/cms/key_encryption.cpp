#include "cms/key_encryption.hpp"

#include <algorithm>
#include <array>

#include "asn1/whole.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;
using crypto::ContentCipher, crypto::KeyTransport, crypto::Padding;

struct CipherRow {
  ContentCipher cipher;
  const Oid& oid;
};
constexpr std::array kCiphers = {CipherRow{ContentCipher::aes128_cbc, oid::kAes128Cbc},
                                 CipherRow{ContentCipher::aes192_cbc, oid::kAes192Cbc},
                                 CipherRow{ContentCipher::aes256_cbc, oid::kAes256Cbc},
                                 CipherRow{ContentCipher::des_ede3_cbc, oid::kDesEde3Cbc},
                                 CipherRow{ContentCipher::des_cbc, oid::kDesCbc}};

// An AlgorithmIdentifier alone in its place.
Result<AlgorithmIdentifier> only_identifier(Bytes der) {
  Reader reader(der);
  const AlgorithmIdentifier identifier = TRY(x509::parse_algorithm_identifier(reader));
  TRY(reader.finish());
  return identifier;
}

// PBKDF2-params ::= SEQUENCE {                                        (RFC 8018 A.2)
//   salt CHOICE { specified OCTET STRING, otherSource AlgorithmIdentifier },
//   iterationCount INTEGER (1..MAX),
//   keyLength INTEGER (1..MAX) OPTIONAL,
//   prf AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
struct Pbkdf2 {
  Bytes salt;
  std::uint32_t rounds = 0;
  std::optional<std::uint64_t> key_size;
  DigestAlgorithm digest = DigestAlgorithm::sha1;
};
constexpr std::uint64_t kMaxRounds = 10'000'000;  // some seconds: a sender must not buy more of our time

Result<Pbkdf2> parse_key_derivation(const AlgorithmIdentifier& identifier) {
  if (identifier.algorithm != oid::kPbkdf2)
    return make_error(Errc::unsupported, "key derivation {} is not supported",
                      x509::describe(identifier.algorithm));
  Reader fields = TRY(asn1::whole_sequence(identifier.parameters));
  Pbkdf2 out;
  out.salt = TRY(fields.expect_octet_string());
  const std::uint64_t rounds = TRY(fields.expect_uint64());
  if (rounds == 0 || rounds > kMaxRounds)
    return make_error(Errc::limit_exceeded, "{} rounds of PBKDF2, 1 to {} are done", rounds, kMaxRounds);
  out.rounds = static_cast<std::uint32_t>(rounds);
  if (fields.peek() == Tag::integer) out.key_size = TRY(fields.expect_uint64());
  if (!fields.at_end()) {
    const AlgorithmIdentifier function = TRY(x509::parse_algorithm_identifier(fields));
    if (function.algorithm == oid::kHmacWithSha256)
      out.digest = DigestAlgorithm::sha256;
    else if (function.algorithm != oid::kHmacWithSha1)
      return make_error(Errc::unsupported, "PBKDF2 with {} is not supported",
                        x509::describe(function.algorithm));
  }
  TRY(fields.finish());
  return out;
}

// RFC 3211 2.3.1: length, the complement of the first three octets, the key, random octets up to a whole
// number of blocks, two at least; encrypted twice in CBC, the second time going on from the end of the first.
constexpr std::size_t kWrapHeader = 4;

Result<Buffer> wrap(const crypto::Provider& provider, ContentCipher cipher, Bytes key, Bytes iv,
                    Bytes content_key) {
  const std::size_t block = crypto::block_size(cipher);
  const std::size_t size =
      std::max(2 * block, (kWrapHeader + content_key.size() + block - 1) / block * block);
  Buffer plain(size);
  provider.random(plain);
  plain[0] = static_cast<std::uint8_t>(content_key.size());
  for (std::size_t i = 0; i < 3; ++i) plain[1 + i] = static_cast<std::uint8_t>(~content_key[i]);
  std::ranges::copy(content_key, plain.begin() + kWrapHeader);
  auto once = provider.encrypt(cipher, Padding::none, key, iv, plain);
  wipe(plain);
  if (!once) return once;
  return provider.encrypt(cipher, Padding::none, key, Bytes(*once).last(block), *once);
}

// RFC 3211 2.3.2.
Result<Buffer> unwrap(const crypto::Provider& provider, ContentCipher cipher, Bytes key, Bytes iv,
                      Bytes wrapped, std::size_t key_size) {
  const std::size_t block = crypto::block_size(cipher);
  if (wrapped.size() < 2 * block || wrapped.size() % block != 0 || wrapped.size() > 1024)
    return make_error(Errc::malformed, "the encrypted key of {} octets is no wrapped key", wrapped.size());
  // The last block of the first encryption was the IV of the second, and is found first.
  const Bytes last = wrapped.last(block), before = wrapped.last(2 * block).first(block);
  const Buffer inner_iv = TRY(provider.decrypt(cipher, Padding::none, key, before, last));
  const Buffer once = TRY(provider.decrypt(cipher, Padding::none, key, inner_iv, wrapped));
  Buffer plain = TRY(provider.decrypt(cipher, Padding::none, key, iv, once));
  bool good = plain[0] == key_size && kWrapHeader + key_size <= plain.size();
  for (std::size_t i = 0; i < 3; ++i) good = good && (plain[1 + i] ^ plain[kWrapHeader + i]) == 0xff;
  Buffer out;
  if (good)
    out.assign(plain.begin() + kWrapHeader,
               plain.begin() + static_cast<std::ptrdiff_t>(kWrapHeader + key_size));
  wipe(plain);
  if (!good) return make_error(Errc::denied, "the password does not open the message");
  return out;
}

}  // namespace

Result<ContentEncryption> parse_content_encryption(const AlgorithmIdentifier& identifier) {
  for (const CipherRow& row : kCiphers) {
    if (row.oid != identifier.algorithm) continue;
    Reader parameters(identifier.parameters);
    const Bytes iv = TRY(parameters.expect_octet_string().context("reading the IV"));
    TRY(parameters.finish());
    if (iv.size() != crypto::block_size(row.cipher))
      return make_error(Errc::malformed, "an IV of {} octets for {}", iv.size(),
                        crypto::to_string(row.cipher));
    return ContentEncryption{row.cipher, iv};
  }
  return make_error(Errc::unsupported, "content encryption {} is not supported",
                    x509::describe(identifier.algorithm))
      .with_hint("AES-CBC and triple DES in CBC mode are");
}

void write_content_encryption(Writer& out, ContentCipher cipher, Bytes iv) {
  out.sequence([&] {
    for (const CipherRow& row : kCiphers)
      if (row.cipher == cipher) out.oid(row.oid);
    out.octet_string(iv);
  });
}

// RSAES-OAEP-params ::= SEQUENCE {                                    (RFC 4055 4.1)
//   hashFunc    [0] AlgorithmIdentifier DEFAULT sha1Identifier,
//   maskGenFunc [1] AlgorithmIdentifier DEFAULT mgf1SHA1Identifier,
//   pSourceFunc [2] AlgorithmIdentifier DEFAULT pSpecifiedEmptyIdentifier }
Result<KeyTransport> parse_key_transport(const AlgorithmIdentifier& identifier) {
  if (identifier.algorithm == x509::oid::kRsaEncryption) {
    if (!x509::null_or_absent(identifier.parameters))
      return make_error(Errc::malformed, "rsaEncryption has parameters other than NULL");
    return KeyTransport::rsa_pkcs1;
  }
  if (identifier.algorithm != oid::kRsaesOaep)
    return make_error(Errc::unsupported, "key transport {} is not supported",
                      x509::describe(identifier.algorithm));
  DigestAlgorithm digest = DigestAlgorithm::sha1, mask = DigestAlgorithm::sha1;
  // Some senders leave the parameters out where all are defaults; OpenSSL writes an empty SEQUENCE.
  if (!identifier.parameters.empty()) {
    Reader fields = TRY(asn1::whole_sequence(identifier.parameters));
    if (auto hash = TRY(fields.optional_constructed(asn1::context_constructed(0)))) {
      digest = TRY(parse_digest_algorithm(TRY(x509::parse_algorithm_identifier(*hash))));
      TRY(hash->finish());
    }
    if (auto generator = TRY(fields.optional_constructed(asn1::context_constructed(1)))) {
      const AlgorithmIdentifier mgf = TRY(x509::parse_algorithm_identifier(*generator));
      TRY(generator->finish());
      if (mgf.algorithm != x509::oid::kMgf1)
        return make_error(Errc::unsupported, "OAEP with mask generator {} is not supported",
                          x509::describe(mgf.algorithm));
      mask = TRY(parse_digest_algorithm(TRY(only_identifier(mgf.parameters))));
    }
    if (auto source = TRY(fields.optional_constructed(asn1::context_constructed(2)))) {
      const AlgorithmIdentifier label = TRY(x509::parse_algorithm_identifier(*source));
      TRY(source->finish());
      Reader octets(label.parameters);
      if (label.algorithm != oid::kPSpecified || !TRY(octets.expect_octet_string()).empty())
        return make_error(Errc::unsupported, "OAEP with a label is not supported");
    }
    TRY(fields.finish());
  }
  if (digest == mask && digest == DigestAlgorithm::sha1) return KeyTransport::rsa_oaep_sha1;
  if (digest == mask && digest == DigestAlgorithm::sha256) return KeyTransport::rsa_oaep_sha256;
  return make_error(Errc::unsupported, "OAEP with digest {} and MGF1 digest {} is not supported",
                    x509::to_string(digest), x509::to_string(mask))
      .with_hint("use SHA-1 or SHA-256 for both");
}

void write_key_transport(Writer& out, KeyTransport transport) {
  out.sequence([&] {
    if (transport == KeyTransport::rsa_pkcs1) {
      out.oid(x509::oid::kRsaEncryption);
      out.null();
      return;
    }
    out.oid(oid::kRsaesOaep);
    out.sequence([&] {
      if (transport == KeyTransport::rsa_oaep_sha1) return;  // all defaults
      const auto digest = [&] {
        out.sequence([&] {
          out.oid(x509::oid::kSha256);
          out.null();
        });
      };
      out.constructed(asn1::context_constructed(0), digest);
      out.constructed(asn1::context_constructed(1), [&] {
        out.sequence([&] {
          out.oid(x509::oid::kMgf1);
          digest();
        });
      });
    });
  });
}

// RFC 3211 2.3: id-alg-PWRI-KEK has the AlgorithmIdentifier of the cipher as its parameters.
Result<Buffer> unwrap_with_password(const crypto::Provider& provider, const RecipientView& recipient,
                                    std::string_view password, std::size_t key_size) {
  if (!recipient.key_derivation)
    return make_error(Errc::unsupported, "the message does not say how its password becomes a key");
  if (recipient.key_encryption.algorithm != oid::kPwriKek)
    return make_error(Errc::unsupported, "key encryption {} is not supported",
                      x509::describe(recipient.key_encryption.algorithm));
  const AlgorithmIdentifier inner = TRY(only_identifier(recipient.key_encryption.parameters));
  const ContentEncryption encryption = TRY(parse_content_encryption(inner));
  if (crypto::is_broken(encryption.cipher))
    return make_error(Errc::unsupported, "a key is not wrapped with {}",
                      crypto::to_string(encryption.cipher));
  const Pbkdf2 derivation = TRY(parse_key_derivation(*recipient.key_derivation));
  const std::size_t wanted = crypto::key_size(encryption.cipher);
  if (derivation.key_size && *derivation.key_size != wanted)
    return make_error(Errc::malformed, "PBKDF2 gives {} octets, {} takes {}", *derivation.key_size,
                      crypto::to_string(encryption.cipher), wanted);
  Buffer key =
      TRY(provider.derive_key(derivation.digest, password, derivation.salt, derivation.rounds, wanted));
  auto out = unwrap(provider, encryption.cipher, key, encryption.iv, recipient.encrypted_key, key_size);
  wipe(key);
  return out;
}

Result<Buffer> encode_password_recipient(const crypto::Provider& provider, const PasswordInput& input,
                                         Bytes content_key) {
  constexpr ContentCipher kCipher = ContentCipher::aes256_cbc;
  Buffer salt(16), iv(crypto::block_size(kCipher));
  provider.random(salt);
  provider.random(iv);
  Buffer key = TRY(provider.derive_key(DigestAlgorithm::sha256, input.password, salt, input.rounds,
                                       crypto::key_size(kCipher)));
  auto wrapped = wrap(provider, kCipher, key, iv, content_key);
  wipe(key);
  if (!wrapped) return wrapped;
  Writer out;
  out.constructed(asn1::context_constructed(3), [&] {
    out.integer(0);
    // keyDerivationAlgorithm [0] IMPLICIT: the tag stands for the SEQUENCE.
    out.constructed(asn1::context_constructed(0), [&] {
      out.oid(oid::kPbkdf2);
      out.sequence([&] {
        out.octet_string(salt);
        out.integer(input.rounds);
        out.sequence([&] {
          out.oid(oid::kHmacWithSha256);
          out.null();
        });
      });
    });
    out.sequence([&] {
      out.oid(oid::kPwriKek);
      write_content_encryption(out, kCipher, iv);
    });
    out.octet_string(*wrapped);
  });
  return std::move(out).take();
}

}  // namespace vouch::cms
