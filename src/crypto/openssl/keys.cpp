#include "crypto/openssl/keys.hpp"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <bit>

namespace vouch::crypto::openssl {
namespace {

// An RSA-16384 verification takes about 4 ms, and its cost grows with the square; a private exponent in the
// place of the public one multiplies it by a thousand. Keys below 512 bits cannot hold a signature of
// SHA-256.
constexpr std::size_t kMinModulusBits = 512, kMaxModulusBits = 16384, kMaxExponentOctets = 8;

// The parameters of EVP_PKEY_fromdata. Numbers are turned into the machine's order in buffers of our own,
// which are wiped: those of OSSL_PARAM_BLD are not.
class KeyData {
 public:
  void number(const char* name, Bytes big_endian) {
    Secret& copy = numbers_.emplace_back(big_endian);
    if constexpr (std::endian::native == std::endian::little)
      std::reverse(copy.data(), copy.data() + copy.size());
    parameters_.push_back(OSSL_PARAM_construct_BN(name, copy.data(), copy.size()));
  }
  // OSSL_PARAM takes its values by pointer to non-const, although fromdata only reads them.
  void octets(const char* name, Bytes value) {
    parameters_.push_back(
        OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(value.data()), value.size()));
  }
  void text(const char* name, const char* value) {
    parameters_.push_back(OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0));
  }
  const OSSL_PARAM* finish() {
    parameters_.push_back(OSSL_PARAM_construct_end());
    return parameters_.data();
  }

 private:
  std::vector<Secret> numbers_;
  std::vector<OSSL_PARAM> parameters_;
};

bool is_odd(Bytes number) { return (number.back() & 1) != 0; }

std::size_t bit_length(Bytes number) {
  return number.empty() ? 0 : number.size() * 8 - static_cast<std::size_t>(std::countl_zero(number[0]));
}

Status check_rsa_numbers(Bytes modulus, Bytes exponent) {
  const std::size_t bits = bit_length(modulus);
  if (bits < kMinModulusBits || bits > kMaxModulusBits)
    return make_error(Errc::unsupported, "an RSA key of {} bits is not supported, {} to {} are", bits,
                      kMinModulusBits, kMaxModulusBits);
  if (exponent.size() > kMaxExponentOctets)
    return make_error(Errc::unsupported,
                      "an RSA key with a public exponent of {} bits is not supported, 64 are",
                      bit_length(exponent));
  if (!is_odd(modulus)) return make_error(Errc::malformed, "the RSA modulus is even");
  if (!is_odd(exponent)) return make_error(Errc::malformed, "the RSA public exponent is even");
  if (bit_length(exponent) == 1) return make_error(Errc::malformed, "the RSA public exponent is 1");
  return ok();
}

BigNumber secret_number(Bytes octets) {
  BigNumber number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  if (number != nullptr) BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

// RFC 8017 3.2: n = p q, e d = 1 modulo p-1 and q-1, the exponents and the coefficient of the Chinese
// remainders follow. OpenSSL imports whatever it is given, and signs wrongly with it.
bool rsa_numbers_agree(const PrivateNumbers& key) {
  const BigNumberContext context(BN_CTX_secure_new());
  const auto n = secret_number(key.modulus), e = secret_number(key.public_exponent),
             d = secret_number(key.private_exponent), p = secret_number(key.prime1),
             q = secret_number(key.prime2), dp = secret_number(key.exponent1),
             dq = secret_number(key.exponent2), inverse = secret_number(key.coefficient);
  const BigNumber product(BN_secure_new()), less_one(BN_secure_new()), remainder(BN_secure_new());
  if (!context || !n || !e || !d || !p || !q || !dp || !dq || !inverse || !product || !less_one || !remainder)
    return false;
  if (!BN_is_odd(p.get()) || !BN_is_odd(q.get()) || BN_is_one(p.get()) || BN_is_one(q.get())) return false;
  const auto fits = [&](const BIGNUM* prime, const BIGNUM* exponent) {
    return BN_sub(less_one.get(), prime, BN_value_one()) == 1 &&
           BN_mod_mul(remainder.get(), d.get(), e.get(), less_one.get(), context.get()) == 1 &&
           BN_is_one(remainder.get()) &&
           BN_nnmod(remainder.get(), d.get(), less_one.get(), context.get()) == 1 &&
           BN_cmp(remainder.get(), exponent) == 0;
  };
  return BN_mul(product.get(), p.get(), q.get(), context.get()) == 1 && BN_cmp(product.get(), n.get()) == 0 &&
         BN_cmp(d.get(), n.get()) < 0 && BN_cmp(inverse.get(), p.get()) < 0 && fits(p.get(), dp.get()) &&
         fits(q.get(), dq.get()) &&
         BN_mod_mul(remainder.get(), inverse.get(), q.get(), p.get(), context.get()) == 1 &&
         BN_is_one(remainder.get());
}

// SEC 1 3.2.1: Q = d G, uncompressed. A public key that the file carries must be this one.
Result<Buffer> public_point(const CurveInfo& curve, const PrivateNumbers& key) {
  const Group group(EC_GROUP_new_by_curve_name(curve.number));
  const BigNumberContext context(BN_CTX_secure_new());
  const BigNumber scalar = secret_number(key.secret);
  if (!group || !context || !scalar) return library_error(Errc::internal, "computing a public key");
  if (key.secret.size() > curve.octets || BN_is_zero(scalar.get()) ||
      BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0)
    return make_error(Errc::malformed, "the EC private key is out of the curve's range");
  const Point point(EC_POINT_new(group.get())), given(EC_POINT_new(group.get()));
  Buffer octets(1 + 2 * curve.octets);
  if (!point || !given ||
      EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, context.get()) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, octets.data(),
                         octets.size(), context.get()) != octets.size())
    return library_error(Errc::internal, "computing a public key");
  if (!key.point.empty() &&
      (EC_POINT_oct2point(group.get(), given.get(), key.point.data(), key.point.size(), context.get()) != 1 ||
       EC_POINT_cmp(group.get(), point.get(), given.get(), context.get()) != 0)) {
    forget_library_errors();
    return make_error(Errc::malformed, "the public key in the EC private key is not its own");
  }
  return octets;
}

Result<Key> import_ed25519_private(const PrivateNumbers& numbers) {
  Key key(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, numbers.secret.data(),
                                          numbers.secret.size()));
  if (key == nullptr) return library_error(Errc::malformed, "importing an Ed25519 private key");
  Buffer point(32);
  std::size_t size = point.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), point.data(), &size) != 1)
    return library_error(Errc::internal, "computing a public key");
  if (!numbers.point.empty() && !equal(numbers.point, point))
    return make_error(Errc::malformed, "the public key in the Ed25519 private key is not its own");
  return key;
}

Result<Buffer> number_of(const EVP_PKEY& key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(&key, name, &raw) != 1)
    return library_error(Errc::internal, "reading a public key");
  const BigNumber number(raw);
  Buffer octets(static_cast<std::size_t>(BN_num_bytes(raw)));
  BN_bn2bin(raw, octets.data());
  return octets;
}

}  // namespace

Result<Key> KeyImporter::from_data(Pool<Importer>& pool, const char* algorithm, int selection,
                                   const OSSL_PARAM* parameters) {
  auto importer = pool.take();
  if (importer == nullptr) {
    importer =
        std::make_unique<Importer>(KeyContext(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr)));
    if (importer->context == nullptr || EVP_PKEY_fromdata_init(importer->context.get()) != 1)
      return library_error(Errc::internal, "preparing to import a key");
  }
  EVP_PKEY* raw = nullptr;
  const int done =
      EVP_PKEY_fromdata(importer->context.get(), &raw, selection, const_cast<OSSL_PARAM*>(parameters));
  Key key(raw);
  if (done != 1 || key == nullptr)
    return library_error(Errc::malformed, fmt::format("importing a key of type {}", algorithm));
  pool.give(std::move(importer));
  return key;
}

Result<Key> KeyImporter::import_public(const x509::PublicKeyInfo& info) {
  if (info.type == KeyType::ed25519) {
    Key key(
        EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, info.point.data(), info.point.size()));
    if (key == nullptr) return library_error(Errc::malformed, "importing an Ed25519 public key");
    return key;
  }
  KeyData data;
  if (info.type == KeyType::rsa) {
    TRY(check_rsa_numbers(info.modulus, info.exponent));
    data.number(OSSL_PKEY_PARAM_RSA_N, info.modulus);
    data.number(OSSL_PKEY_PARAM_RSA_E, info.exponent);
    return from_data(rsa_, "RSA", EVP_PKEY_PUBLIC_KEY, data.finish());
  }
  data.text(OSSL_PKEY_PARAM_GROUP_NAME, curve_of(info.type).name);
  data.octets(OSSL_PKEY_PARAM_PUB_KEY, info.point);
  return from_data(ec_, "EC", EVP_PKEY_PUBLIC_KEY, data.finish());
}

Pool<KeyImporter::Borrowed>* KeyImporter::waiting(KeyType type) {
  switch (type) {
    case KeyType::p256:
      return &p256_;
    case KeyType::p384:
      return &p384_;
    case KeyType::p521:
      return &p521_;
    case KeyType::rsa:
    case KeyType::ed25519:
      break;
  }
  return nullptr;
}

Result<std::unique_ptr<KeyImporter::Borrowed>> KeyImporter::borrow_public(const x509::PublicKeyInfo& info) {
  auto* pool = waiting(info.type);
  auto borrowed = pool != nullptr ? pool->take() : nullptr;
  if (borrowed == nullptr) return std::make_unique<Borrowed>(TRY(import_public(info)));
  // Checks that the point is on the curve. After a failure the key may have any point, so it is dropped.
  if (EVP_PKEY_set1_encoded_public_key(borrowed->key.get(), info.point.data(), info.point.size()) != 1)
    return library_error(Errc::malformed, "importing a key of type EC");
  return borrowed;
}

void KeyImporter::give_back(std::unique_ptr<Borrowed> borrowed, KeyType type) {
  if (auto* pool = waiting(type)) pool->give(std::move(borrowed));
}

Result<Key> KeyImporter::import_private(const PrivateNumbers& numbers) {
  switch (numbers.type) {
    case KeyType::rsa:
      return import_rsa_private(numbers);
    case KeyType::p256:
    case KeyType::p384:
    case KeyType::p521:
      return import_ec_private(numbers);
    case KeyType::ed25519:
      break;
  }
  return import_ed25519_private(numbers);
}

Result<Key> KeyImporter::import_rsa_private(const PrivateNumbers& numbers) {
  TRY(check_rsa_numbers(numbers.modulus, numbers.public_exponent));
  // No number of a key is longer than its modulus; without this bound the checks below could take minutes.
  for (const Bytes number : {numbers.private_exponent, numbers.prime1, numbers.prime2, numbers.exponent1,
                             numbers.exponent2, numbers.coefficient})
    if (number.size() > numbers.modulus.size())
      return make_error(Errc::malformed, "the RSA private key has a number longer than its modulus");
  if (!rsa_numbers_agree(numbers)) {
    forget_library_errors();
    return make_error(Errc::malformed, "the numbers of the RSA private key contradict each other");
  }
  KeyData data;
  data.number(OSSL_PKEY_PARAM_RSA_N, numbers.modulus);
  data.number(OSSL_PKEY_PARAM_RSA_E, numbers.public_exponent);
  data.number(OSSL_PKEY_PARAM_RSA_D, numbers.private_exponent);
  data.number(OSSL_PKEY_PARAM_RSA_FACTOR1, numbers.prime1);
  data.number(OSSL_PKEY_PARAM_RSA_FACTOR2, numbers.prime2);
  data.number(OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers.exponent1);
  data.number(OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers.exponent2);
  data.number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers.coefficient);
  return from_data(rsa_, "RSA", EVP_PKEY_KEYPAIR, data.finish());
}

Result<Key> KeyImporter::import_ec_private(const PrivateNumbers& numbers) {
  const CurveInfo curve = curve_of(numbers.type);
  const Buffer point = TRY(public_point(curve, numbers));
  KeyData data;
  data.text(OSSL_PKEY_PARAM_GROUP_NAME, curve.name);
  data.octets(OSSL_PKEY_PARAM_PUB_KEY, point);
  data.number(OSSL_PKEY_PARAM_PRIV_KEY, numbers.secret);
  return from_data(ec_, "EC", EVP_PKEY_KEYPAIR, data.finish());
}

Result<Key> import_dsa_public(const x509::DsaPublicKey& key) {
  if (key.inherits()) return make_error(Errc::usage, "the DSA key comes without its parameters");
  constexpr std::size_t kMaxPrimeOctets = 384, kMaxOrderOctets = 32;  // FIPS 186-4 4.2
  if (key.p.size() > kMaxPrimeOctets || key.q.size() > kMaxOrderOctets || key.g.size() > key.p.size() ||
      key.y.size() > key.p.size())
    return make_error(Errc::unsupported, "a DSA key of {} bits is not supported", bit_length(key.p));
  KeyData data;
  data.number(OSSL_PKEY_PARAM_FFC_P, key.p);
  data.number(OSSL_PKEY_PARAM_FFC_Q, key.q);
  data.number(OSSL_PKEY_PARAM_FFC_G, key.g);
  data.number(OSSL_PKEY_PARAM_PUB_KEY, key.y);
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "DSA", nullptr));
  EVP_PKEY* raw = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(data.finish())) !=
          1)
    return library_error(Errc::malformed, "importing a key of type DSA");
  return Key(raw);
}

Result<Key> generate_key(const KeySpec& spec) {
  Key key;
  if (spec.type == KeyType::rsa)
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", spec.rsa_bits));
  else if (spec.type == KeyType::ed25519)
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  else
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve_of(spec.type).name));
  if (key == nullptr)
    return library_error(Errc::internal, fmt::format("making a key {}", format_key_spec(spec)));
  return key;
}

Result<Buffer> public_key_info_of(const EVP_PKEY& key, KeyType type) {
  if (type == KeyType::rsa)
    return x509::encode_rsa_public_key_info(TRY(number_of(key, OSSL_PKEY_PARAM_RSA_N)),
                                            TRY(number_of(key, OSSL_PKEY_PARAM_RSA_E)));
  Buffer point(type == KeyType::ed25519 ? 32 : 1 + 2 * curve_of(type).octets);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(&key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) !=
          1 ||
      size != point.size())
    return library_error(Errc::internal, "reading a public key");
  return type == KeyType::ed25519 ? x509::encode_ed25519_public_key_info(point)
                                  : x509::encode_ec_public_key_info(type, point);
}

}  // namespace vouch::crypto::openssl
