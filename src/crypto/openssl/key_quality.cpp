#include "crypto/openssl/key_quality.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace vouch::crypto::openssl {
namespace {

using Word = std::uint64_t;
__extension__ using DoubleWord = unsigned __int128;

// --- Remainders by many small primes at once: the primes are multiplied into words, the modulus is divided
// by each word in one pass over its limbs, and the rest is arithmetic on words.

constexpr unsigned kSmallPrimesBelow = 1024;

constexpr auto kSmallPrimes = [] {
  std::array<std::uint16_t, 171> primes{};  // the odd ones
  std::size_t count = 0;
  for (unsigned n = 3; n < kSmallPrimesBelow; n += 2) {
    bool prime = true;
    for (unsigned d = 3; d * d <= n; d += 2) prime = prime && n % d != 0;
    if (prime) primes[count++] = static_cast<std::uint16_t>(n);
  }
  return primes;
}();
static_assert(kSmallPrimes.back() == 1021);

// Products of consecutive primes, shifted up so that the top bit is set, with the reciprocal that replaces
// the division (Möller and Granlund, "Improved division by invariant integers", 2011).
struct Divisor {
  Word value = 0, reciprocal = 0;
  std::size_t first = 0, last = 0;  // the primes in it
};

constexpr Word reciprocal_of(Word divisor) {
  // floor((B^2 - 1) / divisor) - B, with B = 2^64
  return static_cast<Word>((DoubleWord{~divisor} << 64 | ~Word{0}) / divisor);
}

constexpr std::size_t kDivisors = [] {
  std::size_t count = 1;
  DoubleWord product = 1;
  for (const unsigned prime : kSmallPrimes) {
    if (product * prime >> 64) {
      ++count;
      product = 1;
    }
    product *= prime;
  }
  return count;
}();

constexpr auto kDivisorTable = [] {
  std::array<Divisor, kDivisors> table{};
  std::size_t at = 0;
  DoubleWord product = 1;
  const auto finish = [&](std::size_t end) {
    table[at].value = static_cast<Word>(product) << std::countl_zero(static_cast<Word>(product));
    table[at].reciprocal = reciprocal_of(table[at].value);
    table[at].last = end;
  };
  for (std::size_t i = 0; i < kSmallPrimes.size(); ++i) {
    if (product * kSmallPrimes[i] >> 64) {
      finish(i);
      table[++at].first = i;
      product = 1;
    }
    product *= kSmallPrimes[i];
  }
  finish(kSmallPrimes.size());
  return table;
}();

// (high, low) modulo the divisor, for high < divisor.
inline Word remainder(Word high, Word low, const Divisor& divisor) {
  DoubleWord quotient = DoubleWord{divisor.reciprocal} * high + (DoubleWord{high} << 64 | low);
  const Word estimate = static_cast<Word>(quotient >> 64) + 1;
  Word rest = low - estimate * divisor.value;
  if (rest > static_cast<Word>(quotient)) rest += divisor.value;
  if (rest >= divisor.value) rest -= divisor.value;
  return rest;
}

// The remainders of a big-endian number by all small primes, in their order.
std::array<std::uint16_t, kSmallPrimes.size()> small_remainders(Bytes number) {
  std::array<Word, kDivisors> rests{};
  std::size_t at = 0;
  while (at < number.size()) {
    const std::size_t octets = (number.size() - at) % 8 == 0 ? 8 : (number.size() - at) % 8;
    Word limb = 0;
    for (std::size_t i = 0; i < octets; ++i) limb = limb << 8 | number[at + i];
    at += octets;
    // The chains are independent of each other, so the machine works on several at once.
    for (std::size_t d = 0; d < kDivisors; ++d) rests[d] = remainder(rests[d], limb, kDivisorTable[d]);
  }
  std::array<std::uint16_t, kSmallPrimes.size()> out{};
  for (std::size_t d = 0; d < kDivisors; ++d)
    for (std::size_t i = kDivisorTable[d].first; i < kDivisorTable[d].last; ++i)
      out[i] = static_cast<std::uint16_t>(rests[d] % kSmallPrimes[i]);
  return out;
}

// --- ROCA (Nemec, Sys, Svenda, Klinec, Matyas: "The return of Coppersmith's attack", 2017): the primes are
// k M + (65537^a mod M) with M the product of the first primes, so modulo each of those primes the modulus
// lies in the subgroup that 65537 generates. Primes of which 65537 generates everything say nothing; the
// others together let one in 2^27 random moduli through.

constexpr unsigned kRocaPrimesTo = 167;

struct RocaMark {
  std::uint16_t index = 0;             // into kSmallPrimes
  std::array<std::uint64_t, 3> set{};  // bit n: n is a power of 65537
  constexpr bool has(unsigned n) const { return set[n / 64] >> (n % 64) & 1; }
};
constexpr std::size_t kRocaPrimes = [] {
  return static_cast<std::size_t>(
      std::ranges::count_if(kSmallPrimes, [](unsigned p) { return p <= kRocaPrimesTo; }));
}();
constexpr auto kRocaMarks = [] {
  std::array<RocaMark, kRocaPrimes> marks{};
  for (std::size_t i = 0; i < kRocaPrimes; ++i) {
    const unsigned prime = kSmallPrimes[i];
    marks[i].index = static_cast<std::uint16_t>(i);
    unsigned power = 1;
    do {
      marks[i].set[power / 64] |= std::uint64_t{1} << (power % 64);
      power = power * (65537 % prime) % prime;
    } while (power != 1);
  }
  return marks;
}();

// --- Fermat: n = a^2 - b^2 with a close to the root of n when the primes are close to each other.

constexpr int kFermatRounds = 100;  // CA/Browser Forum BR 6.1.1.3

// Squares leave few remainders: one product of small moduli, followed word by word, sorts out all but one
// number in three thousand.
constexpr std::array<std::uint32_t, 9> kSquareModuli{64, 63, 65, 11, 17, 19, 23, 29, 31};
constexpr Word kSquareProduct = [] {
  Word product = 1;
  for (const std::uint32_t m : kSquareModuli) product *= m;
  return product;
}();
constexpr auto kSquareTable = [] {
  std::array<std::uint64_t, 9> low{};
  std::array<bool, 9> second{};
  for (std::size_t i = 0; i < kSquareModuli.size(); ++i)
    for (std::uint32_t x = 0; x < kSquareModuli[i]; ++x) {
      const std::uint32_t square = x * x % kSquareModuli[i];
      if (square < 64)
        low[i] |= std::uint64_t{1} << square;
      else
        second[i] = true;  // 64 modulo 65, the only one
    }
  return std::pair(low, second);
}();

bool may_be_square(Word rest) {
  for (std::size_t i = 0; i < kSquareModuli.size(); ++i) {
    const std::uint64_t r = rest % kSquareModuli[i];
    if (r < 64 ? !(kSquareTable.first[i] >> r & 1) : !kSquareTable.second[i]) return false;
  }
  return true;
}

// OpenSSL's numbers, with the failure of any step remembered: memory is all they can run out of.
class Fermat {
 public:
  Fermat() : context_(BN_CTX_new()) {
    for (BigNumber* n : {&n_, &a_, &b_, &next_, &scratch_}) n->reset(BN_new());
    works_ = context_ && n_ && a_ && b_ && next_ && scratch_;
  }

  // The number of rounds after which the modulus fell apart; none within the bound.
  std::optional<int> rounds_to_factor(Bytes modulus) {
    if (!works_) return std::nullopt;
    step(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), n_.get()) != nullptr);
    root(n_.get(), a_.get());
    if (!works_) return std::nullopt;
    if (is_square_of(n_.get(), a_.get())) return 0;  // p = q
    step(BN_add_word(a_.get(), 1));                  // the root, rounded up
    step(BN_sqr(b_.get(), a_.get(), context_.get()));
    step(BN_sub(b_.get(), b_.get(), n_.get()));  // b^2
    if (!works_) return std::nullopt;
    DoubleWord a = BN_mod_word(a_.get(), kSquareProduct), square = BN_mod_word(b_.get(), kSquareProduct);
    for (int round = 0; round < kFermatRounds && works_; ++round) {
      if (may_be_square(static_cast<Word>(square)) && is_square_after(round)) return round + 1;
      square = (square + 2 * a + 1) % kSquareProduct;  // (a + 1)^2 - n
      a = (a + 1) % kSquareProduct;
    }
    return std::nullopt;
  }

 private:
  void step(bool done) { works_ = works_ && done; }
  void step(int done) { step(done == 1); }

  // floor(sqrt(number)) by Newton's method from above: the first value is at least the root, and each next
  // one is smaller until it is the root. Each step doubles the right bits, so the early ones work on the top
  // of the number alone and only the last two divide all of it.
  void root(const BIGNUM* number, BIGNUM* out) {
    int shift = std::max(0, (BN_num_bits(number) - 62) & ~1);
    step(BN_rshift(scratch_.get(), number, shift));
    const auto top = static_cast<double>(BN_get_word(scratch_.get()));
    step(BN_set_word(out, static_cast<Word>(std::sqrt(top)) + 2));
    while (works_ && shift > 0) {
      const int finer = std::min(shift, 2 * BN_num_bits(out) & ~1);
      shift -= finer;
      step(BN_lshift(out, out, finer / 2));
      step(BN_rshift(scratch_.get(), number, shift));
      newton_step(scratch_.get(), out);
      // The bits below the shift were cut off: one more is above the root whatever they are.
      if (shift > 0) step(BN_add_word(out, 1));
    }
    while (works_) {
      step(BN_copy(scratch_.get(), out) != nullptr);
      newton_step(number, out);
      if (BN_cmp(out, scratch_.get()) < 0) continue;
      step(BN_copy(out, scratch_.get()) != nullptr);
      return;
    }
  }
  // value := floor((value + floor(number / value)) / 2)
  void newton_step(const BIGNUM* number, BIGNUM* value) {
    step(BN_div(next_.get(), nullptr, number, value, context_.get()));
    step(BN_add(next_.get(), next_.get(), value));
    step(BN_rshift1(value, next_.get()));
  }

  bool is_square_of(const BIGNUM* number, const BIGNUM* candidate) {
    step(BN_sqr(scratch_.get(), candidate, context_.get()));
    return works_ && BN_cmp(scratch_.get(), number) == 0;
  }

  // Whether (a + rounds)^2 - n is a square, computed in full.
  bool is_square_after(int rounds) {
    const BigNumber a(BN_dup(a_.get())), square(BN_new()), candidate(BN_new());
    step(a && square && candidate);
    if (!works_) return false;
    step(BN_add_word(a.get(), static_cast<Word>(rounds)));
    step(BN_sqr(square.get(), a.get(), context_.get()));
    step(BN_sub(square.get(), square.get(), n_.get()));
    if (!works_) return false;
    if (BN_is_zero(square.get())) return true;
    root(square.get(), candidate.get());
    return is_square_of(square.get(), candidate.get());
  }

  BigNumberContext context_;
  BigNumber n_, a_, b_, next_, scratch_;
  bool works_ = false;
};

std::optional<KeyWeakness> rsa_weakness(Bytes modulus) {
  if (modulus.empty()) return std::nullopt;
  const auto rests = small_remainders(modulus);
  for (std::size_t i = 0; i < rests.size(); ++i)
    if (rests[i] == 0)
      return KeyWeakness{KeyFlaw::small_factor, fmt::format("a modulus divisible by {}", kSmallPrimes[i])};
  if (std::ranges::all_of(kRocaMarks, [&](const RocaMark& mark) { return mark.has(rests[mark.index]); }))
    return KeyWeakness{KeyFlaw::roca, "a modulus with that pattern"};
  if (const auto rounds = Fermat().rounds_to_factor(modulus))
    return KeyWeakness{KeyFlaw::close_primes,
                       fmt::format("a modulus that Fermat's method factors in {} round{}", *rounds,
                                   *rounds == 1 ? "" : "s")};
  return std::nullopt;
}

// RFC 8032 5.1: the points of order 1, 2, 4 and 8 by their y, and the ways to write y above 2^255 - 19. With
// them any message verifies under some signature that nobody needed a key for.
std::optional<KeyWeakness> ed25519_weakness(Bytes point) {
  static constexpr std::string_view kSmallOrder[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",   // 0
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};  // 1
  if (point.size() != 32) return KeyWeakness{KeyFlaw::off_curve, "something else than 32 octets"};
  Buffer y = to_buffer(point);
  y.back() &= 0x7f;  // the sign of x
  for (const std::string_view small : kSmallOrder)
    if (to_hex(y) == small) return KeyWeakness{KeyFlaw::small_order, "a point of small order"};
  return std::nullopt;
}

}  // namespace

std::optional<KeyWeakness> find_weakness(KeyImporter& importer, const x509::PublicKeyInfo& key) {
  switch (key.type) {
    case KeyType::rsa:
      return rsa_weakness(key.modulus);
    case KeyType::ed25519:
      return ed25519_weakness(key.point);
    default:
      break;
  }
  // The import checks the equation of the curve.
  if (importer.import_public(key)) return std::nullopt;
  return KeyWeakness{KeyFlaw::off_curve, "a point that is not on it"};
}

}  // namespace vouch::crypto::openssl
