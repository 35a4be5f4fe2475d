// What arithmetic finds against a key, compared with OpenSSL's own arithmetic done the slow way, and with
// keys of the wild that were broken.
#include <gmock/gmock.h>
#include <openssl/bn.h>

#include <fstream>
#include <iterator>
#include <random>

#include "base/pem.hpp"
#include "crypto/openssl/handles.hpp"
#include "crypto/openssl/openssl.hpp"

namespace vouch::crypto::openssl {
namespace {

using testing::HasSubstr;

const Provider& provider() {
  static const auto instance = make_provider();
  return *instance;
}

Buffer octets_of(const BIGNUM* number) {
  Buffer out(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, out.data());
  return out;
}

std::optional<KeyWeakness> weakness_of(Bytes public_key_info) {
  return provider().weakness(x509::parse_public_key_info(public_key_info).value());
}
std::optional<KeyWeakness> weakness_of_modulus(const BIGNUM* modulus) {
  return weakness_of(x509::encode_rsa_public_key_info(octets_of(modulus), Buffer{1, 0, 1}));
}

Buffer key_file(const std::string& name) {
  std::ifstream in("testdata/keys/" + name);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse_pem(text).value().at(0).der;
}

TEST(KeyQualityTest, NothingIsFoundAgainstNewKeys) {
  for (const char* spec :
       {"rsa:2048", "rsa:2048", "rsa:3072", "ec:P-256", "ec:P-384", "ec:P-521", "ed25519"}) {
    const auto key = provider().generate(parse_key_spec(spec).value()).value();
    EXPECT_EQ(weakness_of(key->public_key_info()), std::nullopt) << spec;
  }
}

TEST(KeyQualityTest, RocaIsRecognized) {
  const auto weakness = weakness_of(key_file("roca-2048.pub"));
  ASSERT_TRUE(weakness);
  EXPECT_EQ(weakness->flaw, KeyFlaw::roca);
}

// The number of rounds was computed with Python's integers.
TEST(KeyQualityTest, AKeyOfAPrinterFallsApart) {
  const auto weakness = weakness_of(key_file("fermat-2048.pub"));
  ASSERT_TRUE(weakness);
  EXPECT_EQ(weakness->flaw, KeyFlaw::close_primes);
  EXPECT_THAT(weakness->detail, HasSubstr("in 1 round"));
}

// Nothing in the number shows that somebody else can guess the state of the generator: lists have to say so.
TEST(KeyQualityTest, ArithmeticKnowsNothingOfWeakGenerators) {
  EXPECT_EQ(weakness_of(key_file("debian-weak-2048.pub")), std::nullopt);
}

TEST(KeyQualityTest, SmallFactorsAsBigDivisionFindsThem) {
  std::mt19937_64 random(11);
  int with = 0, without = 0;
  for (const int bits : {512, 1024, 2040, 2048, 2056, 3072}) {
    for (int i = 0; i < 60; ++i) {
      Buffer octets(static_cast<std::size_t>(bits / 8));
      for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
      octets.front() |= 0x80;
      octets.back() |= 1;
      const BigNumber number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
      unsigned first = 0;
      for (unsigned d = 3; d < 1024 && first == 0; d += 2)
        if (BN_mod_word(number.get(), d) == 0) first = d;  // the smallest divisor is a prime
      const auto weakness = weakness_of_modulus(number.get());
      if (first == 0) {
        EXPECT_TRUE(!weakness || weakness->flaw != KeyFlaw::small_factor) << weakness->detail;
        ++without;
      } else {
        ASSERT_TRUE(weakness) << first;
        EXPECT_EQ(weakness->flaw, KeyFlaw::small_factor);
        EXPECT_EQ(weakness->detail, fmt::format("a modulus divisible by {}", first));
        ++with;
      }
    }
  }
  EXPECT_GT(with, 50);
  EXPECT_GT(without, 20);
}

TEST(KeyQualityTest, EveryOddPrimeBelow1024IsTried) {
  const BigNumber large(BN_new()), product(BN_new());
  ASSERT_EQ(BN_generate_prime_ex(large.get(), 1024, 0, nullptr, nullptr, nullptr), 1);
  int primes = 0;
  for (unsigned n = 3; n < 1024; n += 2) {
    bool prime = true;
    for (unsigned d = 3; d * d <= n; d += 2) prime = prime && n % d != 0;
    if (!prime) continue;
    ++primes;
    BN_copy(product.get(), large.get());
    BN_mul_word(product.get(), n);
    const auto weakness = weakness_of_modulus(product.get());
    ASSERT_TRUE(weakness) << n;
    EXPECT_EQ(weakness->detail, fmt::format("a modulus divisible by {}", n));
  }
  EXPECT_EQ(primes, 171);
}

// Primes p and q = next prime after p + 2^distance: the distance says how many rounds it takes.
std::optional<KeyWeakness> weakness_of_distance(int distance) {
  const BigNumberContext context(BN_CTX_new());
  const BigNumber p(BN_new()), q(BN_new()), n(BN_new()), gap(BN_new());
  BN_generate_prime_ex(p.get(), 512, 0, nullptr, nullptr, nullptr);
  BN_set_word(gap.get(), 1);
  BN_lshift(gap.get(), gap.get(), distance);
  BN_add(q.get(), p.get(), gap.get());
  if (!BN_is_odd(q.get())) BN_add_word(q.get(), 1);
  while (BN_check_prime(q.get(), context.get(), nullptr) != 1) BN_add_word(q.get(), 2);
  BN_mul(n.get(), p.get(), q.get(), context.get());
  return weakness_of_modulus(n.get());
}

// It takes (q - p)^2 / (8 sqrt(n)) rounds: p lies between 2^511 and 2^512.
TEST(KeyQualityTest, FermatFindsPrimesAsFarApartAsItsRoundsReach) {
  for (const int distance : {1, 64, 200, 250, 257, 259}) {  // at most 2^518 / 2^514 = 16 rounds
    const auto weakness = weakness_of_distance(distance);
    ASSERT_TRUE(weakness) << distance;
    EXPECT_EQ(weakness->flaw, KeyFlaw::close_primes) << distance;
  }
  for (const int distance : {262, 300, 500})  // at least 2^524 / 2^515 = 512 rounds
    EXPECT_EQ(weakness_of_distance(distance), std::nullopt) << distance;
}

TEST(KeyQualityTest, ASquareIsNoProductOfTwoPrimes) {
  const BigNumberContext context(BN_CTX_new());
  const BigNumber p(BN_new()), n(BN_new());
  BN_generate_prime_ex(p.get(), 1024, 0, nullptr, nullptr, nullptr);
  BN_sqr(n.get(), p.get(), context.get());
  const auto weakness = weakness_of_modulus(n.get());
  ASSERT_TRUE(weakness);
  EXPECT_EQ(weakness->flaw, KeyFlaw::close_primes);
}

TEST(KeyQualityTest, PointsAreOnTheirCurve) {
  for (const char* spec : {"ec:P-256", "ec:P-384", "ec:P-521"}) {
    const auto key = provider().generate(parse_key_spec(spec).value()).value();
    const auto info = x509::parse_public_key_info(key->public_key_info()).value();
    Buffer point = to_buffer(info.point);
    point.back() ^= 1;
    auto weakness = weakness_of(x509::encode_ec_public_key_info(info.type, point));
    ASSERT_TRUE(weakness) << spec;
    EXPECT_EQ(weakness->flaw, KeyFlaw::off_curve);
    std::fill(point.begin() + 1, point.end(), std::uint8_t{0});
    weakness = weakness_of(x509::encode_ec_public_key_info(info.type, point));
    ASSERT_TRUE(weakness) << spec;
    EXPECT_EQ(weakness->flaw, KeyFlaw::off_curve);
  }
}

// Their orders were computed with plain Edwards arithmetic in Python: 1, 4, 2, 8, 8, and 4 and 1 written with
// y above the prime.
TEST(KeyQualityTest, Ed25519PointsOfSmallOrderAreNoKeys) {
  for (const std::string_view hex : {"0100000000000000000000000000000000000000000000000000000000000000",
                                     "0000000000000000000000000000000000000000000000000000000000000080",
                                     "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                     "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                                     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    const auto weakness = weakness_of(x509::encode_ed25519_public_key_info(from_hex(hex).value()));
    ASSERT_TRUE(weakness) << hex;
    EXPECT_EQ(weakness->flaw, KeyFlaw::small_order) << hex;
  }
}

TEST(KeyQualityTest, AnyNumberIsAnswered) {
  for (const Buffer& modulus :
       {Buffer{0x03}, Buffer{0x05}, Buffer{0x0f}, Buffer(8, 0xff), Buffer(9, 0xff), Buffer(2048, 0xff)})
    (void)weakness_of(x509::encode_rsa_public_key_info(modulus, Buffer{1, 0, 1}));
}

}  // namespace
}  // namespace vouch::crypto::openssl
