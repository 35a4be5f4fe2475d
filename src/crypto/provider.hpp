#pragma once
// What the authority needs of cryptography, and nothing of any library: keys that sign, verify and
// decrypt, digests, randomness. Private keys never leave these interfaces. All objects may be used from
// several threads at once.
//
// Implementations: crypto/openssl (software keys); later crypto/pkcs11 (tokens) and crypto/remote (the
// signer process).

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "x509/algorithm.hpp"

namespace vouch::crypto {

using x509::DigestAlgorithm, x509::KeyType, x509::SignatureAlgorithm;

// Signs to-be-signed bytes with one key and one algorithm.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual SignatureAlgorithm algorithm() const = 0;
  virtual Bytes public_key_info() const = 0;  // SubjectPublicKeyInfo, whole TLV
  // The value of the signature BIT STRING (ECDSA: the DER SEQUENCE of r and s). Fails with `unavailable`
  // when the key is out of reach.
  virtual Result<Buffer> sign(Bytes tbs) const = 0;
  // One result for each, in their order. For a key that is far away this costs one journey for many.
  virtual std::vector<Result<Buffer>> sign_all(std::span<const Bytes> all) const;
};

// Verifies signatures of one public key, imported once.
class Verifier {
 public:
  virtual ~Verifier() = default;
  // Fails with `denied` when the signature does not fit, `unsupported` when key and algorithm do not go
  // together. SHA-1 and MD5 are verified, because old requests and messages carry them: whether they are
  // acceptable is the caller's decision (x509::is_weak).
  virtual Status verify(SignatureAlgorithm algorithm, Bytes tbs, Bytes signature) const = 0;
  // The same over data that was hashed before, with the algorithm's digest. `usage` for a digest of another
  // size, and for Ed25519, which takes the data whole.
  virtual Status verify_digest(SignatureAlgorithm algorithm, Bytes digest, Bytes signature) const = 0;
};

// Key transport: what an RA's RSA key undoes (RFC 5652 6.2.1).
enum class KeyTransport { rsa_pkcs1, rsa_oaep_sha1, rsa_oaep_sha256 };
class Decrypter {
 public:
  virtual ~Decrypter() = default;
  virtual Bytes public_key_info() const = 0;
  // PKCS #1 v1.5 rejects implicitly: a wrong padding gives `key_size` octets that look random and depend on
  // the ciphertext only, never an error (Bleichenbacher).
  virtual Result<Buffer> decrypt(KeyTransport transport, Bytes ciphertext, std::size_t key_size) const = 0;
};

// Content encryption of messages (RFC 5652 6.3): block ciphers in CBC mode. Single DES is for devices that
// know nothing else, where somebody decided to serve them (is_broken).
enum class ContentCipher { aes128_cbc, aes192_cbc, aes256_cbc, des_ede3_cbc, des_cbc };
bool is_broken(ContentCipher cipher);
std::size_t key_size(ContentCipher cipher);
std::size_t block_size(ContentCipher cipher);
std::string_view to_string(ContentCipher cipher);  // "AES-256-CBC"
enum class Padding { pkcs7, none };                // none: the data is a whole number of blocks

// "ec:P-256", "ec:P-384", "ec:P-521", "rsa:2048" … "rsa:8192", "rsa-pss:3072", "ed25519".
struct KeySpec {
  KeyType type = KeyType::p256;
  std::size_t rsa_bits = 0;
  bool pss = false;  // sign with PSS; the key's own OID stays rsaEncryption (Go refuses id-RSASSA-PSS keys)
  bool operator==(const KeySpec&) const = default;
};
Result<KeySpec> parse_key_spec(std::string_view text);
std::string format_key_spec(const KeySpec& spec);
// The signature algorithm of a key with a digest; without one, the digest that fits the key's strength
// (P-384: SHA-384, …, RSA: SHA-256). Ed25519 has its own and refuses another (`usage`).
Result<SignatureAlgorithm> signature_algorithm_for(const KeySpec& spec,
                                                   std::optional<DigestAlgorithm> digest);
Result<DigestAlgorithm> digest_from_name(
    std::string_view name);  // "sha256", "SHA-256"; sha1 is `unsupported`

// A private key held in software.
class PrivateKey {
 public:
  virtual ~PrivateKey() = default;
  virtual Bytes public_key_info() const = 0;
  virtual Result<std::unique_ptr<Signer>> signer(SignatureAlgorithm algorithm) const = 0;
  virtual Result<std::unique_ptr<Decrypter>> decrypter() const = 0;
  // PKCS #8 in PEM; with a passphrase, EncryptedPrivateKeyInfo (PBES2, scrypt or PBKDF2-SHA256 with at least
  // 600,000 rounds, AES-256-CBC). The text is a secret: wipe it.
  virtual Result<std::string> to_pem(std::string_view passphrase) const = 0;
};

// A digest over data that comes in pieces. For one thread; finished once.
class Digester {
 public:
  virtual ~Digester() = default;
  virtual void update(Bytes data) = 0;
  virtual Buffer finish() = 0;
};

// What makes a public key breakable, as far as arithmetic on the key alone shows it.
enum class KeyFlaw {
  small_factor,  // the RSA modulus has a small prime factor
  close_primes,  // its two primes are so close that Fermat's method finds them
  roca,          // it has the pattern of CVE-2017-15361
  off_curve,     // the EC point is not on the curve (SEC 1 3.2.2.1), or the key is no point at all
  small_order,   // the point is the identity, or of so small an order that signatures prove nothing
};
struct KeyWeakness {
  KeyFlaw flaw{};
  std::string detail;  // "it is divisible by 3"
  bool operator==(const KeyWeakness&) const = default;
};

// What a PKCS #12 file (RFC 7292) holds for a CA: one key, its certificate, and further certificates.
struct Pkcs12 {
  std::unique_ptr<PrivateKey> key;
  Buffer certificate;          // of that key
  std::vector<Buffer> others;  // the chain, in the order of the file
  std::string friendly_name;
  bool old_ciphers = false;  // RC2, RC4 or triple DES: what the file was protected with is weak
};

// Authenticated encryption with one key (AES-256-GCM): what comes out of `open` is what went into `seal`,
// with the same nonce and associated data. A nonce is used once with a key. Several threads at once may use
// it.
class Sealer {
 public:
  static constexpr std::size_t kKeySize = 32, kNonceSize = 12, kTagSize = 16;
  virtual ~Sealer() = default;
  // The ciphertext, and the tag of kTagSize octets behind it.
  virtual Result<Buffer> seal(Bytes nonce, Bytes associated, Bytes plain) const = 0;
  // Fails with `denied` when key, nonce, associated data and ciphertext do not belong together.
  virtual Result<Buffer> open(Bytes nonce, Bytes associated, Bytes sealed) const = 0;
};

// What scrypt (RFC 7914) costs: 128 * r * 2^log2_n octets of memory, p times the work.
struct PassphraseCost {
  unsigned log2_n = 17, r = 8, p = 1;
  bool operator==(const PassphraseCost&) const = default;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual Buffer digest(DigestAlgorithm algorithm, Bytes data) const = 0;
  virtual std::unique_ptr<Digester> digester(DigestAlgorithm algorithm) const = 0;
  // Cryptographically secure random octets. A failure of the generator aborts the process.
  virtual void random(std::span<std::uint8_t> out) const = 0;
  // A key out of a passphrase, with scrypt. A secret: wipe it. Fails with `limit_exceeded` for costs that no
  // honest file has (more than a gibibyte of memory).
  virtual Result<Buffer> derive_key(std::string_view passphrase, Bytes salt, const PassphraseCost& cost,
                                    std::size_t size) const = 0;
  virtual Result<std::unique_ptr<Sealer>> sealer(Bytes key) const = 0;
  virtual Result<std::unique_ptr<Verifier>> verifier(Bytes public_key_info) const = 0;
  // One-shot, for keys seen once: cheaper than verifier() where nothing is kept.
  virtual Status verify(Bytes public_key_info, SignatureAlgorithm algorithm, Bytes tbs,
                        Bytes signature) const = 0;
  // DSA with SHA-1 of up to 3,072 bits: only to follow chains that were made long ago, nothing signs with it.
  // `usage` for a key whose parameters are not filled in.
  virtual Status verify_dsa(const x509::DsaPublicKey& key, Bytes tbs, Bytes signature) const = 0;
  // The first flaw that is found; none for keys that nothing is known against. Takes some microseconds.
  virtual std::optional<KeyWeakness> weakness(const x509::PublicKeyInfo& key) const = 0;
  virtual Result<std::unique_ptr<PrivateKey>> generate(const KeySpec& spec) const = 0;
  // PEM or DER of PKCS #8, encrypted PKCS #8, and the old PKCS #1 and SEC 1 forms. Fails with `denied` for a
  // wrong or missing passphrase, `unsupported` for other key types, `malformed` otherwise.
  virtual Result<std::unique_ptr<PrivateKey>> load_private_key(Bytes pem_or_der,
                                                               std::string_view passphrase) const = 0;
  // Fails with `denied` for a wrong password, `malformed` for what is no such file or has no key with a
  // certificate, `unsupported` for ciphers that the library does not have.
  virtual Result<Pkcs12> read_pkcs12(Bytes file, std::string_view password) const = 0;
  // AES-256 under a key of PBKDF2, integrity by HMAC-SHA256. The password must not be empty (`usage`);
  // `unsupported` for a key that does not leave its token.
  virtual Result<Buffer> write_pkcs12(const PrivateKey& key, Bytes certificate,
                                      std::span<const Buffer> others, std::string_view friendly_name,
                                      std::string_view password) const = 0;
  // Fail with `usage` for a key or IV of the wrong size, `malformed` for data that is not whole blocks. Wrong
  // padding is `malformed` too: say no more to a sender than that the message does not open.
  virtual Result<Buffer> encrypt(ContentCipher cipher, Padding padding, Bytes key, Bytes iv,
                                 Bytes plain) const = 0;
  virtual Result<Buffer> decrypt(ContentCipher cipher, Padding padding, Bytes key, Bytes iv,
                                 Bytes encrypted) const = 0;
  // What a Decrypter undoes. `unsupported` for keys that are not RSA.
  virtual Result<Buffer> encrypt_key(KeyTransport transport, Bytes public_key_info, Bytes key) const = 0;
  // PBKDF2 with HMAC (RFC 8018 5.2). `usage` for no rounds or no octets.
  virtual Result<Buffer> derive_key(DigestAlgorithm digest, std::string_view password, Bytes salt,
                                    std::uint32_t rounds, std::size_t octets) const = 0;
};

// Convenience over Provider::digest for the key identifier of RFC 5280 4.2.1.2 method 1: SHA-1 of the key
// bits.
Result<Buffer> key_identifier(const Provider& provider, Bytes public_key_info);

}  // namespace vouch::crypto
