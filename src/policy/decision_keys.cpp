// The rules about the key in the request.

#include <algorithm>

#include "policy/decider.hpp"

namespace vouch::policy {
namespace {

// RFC 8017 3.1: the exponent is odd and at least 3; an even one or 1 belongs to no RSA key. The modulus is a
// product of odd primes.
bool is_sane_exponent(Bytes exponent) {
  if (exponent.empty() || (exponent.back() & 1) == 0) return false;
  return exponent.size() > 1 || exponent[0] >= 3;
}

bool is_below(Bytes exponent, std::uint32_t smallest) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : exponent) {
    value = value << 8 | octet;
    if (value >= smallest) return false;
  }
  return true;
}

std::string list_of(const std::vector<crypto::KeyType>& types) {
  std::string out;
  for (const crypto::KeyType type : types)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", x509::to_string(type));
  return out;
}

constexpr std::size_t kMostRsaBits = 16384;      // above, one signature check takes seconds
constexpr std::size_t kMostExponentOctets = 32;  // FIPS 186-5 5.1: below 2^256
constexpr std::string_view kNewKey = "make a new key with a current program, and a new request";

std::string exponent_text(Bytes exponent) {
  return fmt::format("exponent 0x{}",
                     to_hex(exponent.first(std::min<std::size_t>(exponent.size(), kMostExponentOctets))));
}

}  // namespace

bool Decider::check_key() {
  const auto key = x509::parse_public_key_info(q_.request->public_key_info);
  if (!key)
    return deny({"key.form", "the public key cannot be used", "an RSA, P-256, P-384, P-521 or Ed25519 key",
                 std::string(key.error().message()),
                 "make a new key, e.g. with: openssl ecparam -genkey -name prime256v1"});
  key_ = *key;
  if (t_ != nullptr && std::ranges::find(t_->key.types, key_.type) == t_->key.types.end())
    return deny({"key.type", "the template does not take this type of key", list_of(t_->key.types),
                 std::string(x509::to_string(key_.type)),
                 "make a key of an accepted type and a new request"});
  pass("key.type");
  const bool formed = key_.type == crypto::KeyType::rsa ? check_rsa_numbers() : check_point();
  return formed && check_client_promises() && check_key_quality();
}

bool Decider::check_point() {
  if (key_.type == crypto::KeyType::ed25519) return true;
  // The point at infinity is one octet 00 (SEC 1 2.3.3): no key of the right length, so the parser says so.
  if (key_.point.empty() || key_.point[0] != 0x04)
    return deny({"key.point", "the elliptic curve point is compressed",
                 "an uncompressed point (RFC 5480 2.2)", "a compressed point",
                 "make the request again with an uncompressed public key"});
  return true;
}

bool Decider::check_rsa_numbers() {
  const std::size_t smallest = t_ == nullptr ? 2048 : t_->key.minimum_rsa_bits;
  if (key_.bits < smallest || key_.bits > kMostRsaBits)
    return deny(
        {"key.size", key_.bits < smallest ? "the key is too small" : "the key is too large",
         fmt::format("RSA with {} to {} bits", smallest, kMostRsaBits),
         fmt::format("RSA with {} bits", key_.bits),
         fmt::format("make a new key, e.g. with: openssl genrsa {}", std::max<std::size_t>(smallest, 3072))});
  pass("key.size");
  const bool odd_modulus = !key_.modulus.empty() && (key_.modulus.back() & 1) != 0;
  if (!is_sane_exponent(key_.exponent) || key_.exponent.size() > kMostExponentOctets || !odd_modulus)
    return deny({"key.exponent", "the RSA key is malformed",
                 "an odd modulus and an odd exponent of at least 3",
                 odd_modulus ? exponent_text(key_.exponent) : "an even modulus",
                 "make a new key; 65537 is the usual exponent"});
  pass("key.exponent");
  // NIST SP 800-56B 6.2: small exponents make mistakes in padding fatal; 2^16 < e.
  const std::uint32_t exponent = t_ == nullptr ? 65537 : t_->key.minimum_exponent;
  if (is_below(key_.exponent, exponent))
    return deny({"key.small_exponent", "the RSA exponent is too small", fmt::format("at least {}", exponent),
                 exponent_text(key_.exponent),
                 "make a new key with exponent 65537, or set key.minimum_exponent of the template"});
  return true;
}

// What a template asks of the client that only the authority could verify, and this one does not.
bool Decider::check_client_promises() {
  if (t_ == nullptr) return true;
  if (t_->client.archive_key)
    return deny({"key.archival", "the template wants the private key archived", "a CA that archives keys",
                 "this one, which never sees a private key", "set client.archive_key=false in the template"});
  if (t_->client.attestation_required)
    return deny({"key.attestation", "the template wants proof that the key lies in hardware",
                 "a CA that verifies attestations", "this one, which does not",
                 "set client.attestation_required=false in the template"});
  return true;
}

bool Decider::check_key_quality() {
  const KeyFacts& facts = q_.key;
  if (facts.weakness) {
    struct Row {
      crypto::KeyFlaw flaw;
      std::string_view rule, what, expected;
    };
    static constexpr Row kRows[] = {
        {crypto::KeyFlaw::small_factor, "key.small_factor", "anybody can factor the RSA modulus",
         "a product of two large primes"},
        {crypto::KeyFlaw::close_primes, "key.close_primes", "anybody can factor the RSA modulus",
         "two primes that lie far apart (FIPS 186-5 A.1.1)"},
        {crypto::KeyFlaw::roca, "key.roca", "the RSA key can be factored (ROCA, CVE-2017-15361)",
         "a modulus without the pattern of that key generator"},
        {crypto::KeyFlaw::off_curve, "key.curve", "the public key is no key", "a point on the curve"},
        {crypto::KeyFlaw::small_order, "key.curve", "signatures with this key prove nothing",
         "a point of large order"}};
    for (const Row& row : kRows)
      if (row.flaw == facts.weakness->flaw)
        return deny({row.rule, std::string(row.what), std::string(row.expected), facts.weakness->detail,
                     std::string(kNewKey)});
  }
  if (!facts.blocklist.empty())
    return deny({"key.blocklist", "the private key is known to the world", "a key that nobody else has",
                 fmt::format("a key of the list {}", facts.blocklist), std::string(kNewKey)});
  if (!facts.authority.empty())
    return deny({"key.authority", "the key is a CA's own", "a key of the requester",
                 fmt::format("the key of CA '{}'", facts.authority), std::string(kNewKey)});
  if (facts.compromised)
    return deny(
        {"key.compromised", "the key is compromised", "a key that was never revoked for keyCompromise",
         fmt::format("the key of request {}, which was", facts.compromised->request), std::string(kNewKey)});
  pass("key.quality");
  return true;
}

// After the names are known. The same subject may renew with its key; who has no subject is known by the
// alternative names.
bool Decider::check_key_reuse(Bytes subject_alt_name) {
  if (!q_.key.certified || (t_ != nullptr && t_->key_reuse)) return true;
  const KeyFacts::Use& use = *q_.key.certified;
  const bool same = equal(use.subject, decision_.plan.subject) &&
                    (use.subject.size() > 2 || equal(use.subject_alt_name, subject_alt_name));
  if (same) {
    pass("key.reuse");
    return true;
  }
  return deny(
      {"key.reuse", "the key is certified for somebody else", "a key of its own for each subject",
       fmt::format("the key of request {} ({})", use.request,
                   use.subject.size() > 2 ? x509::to_rfc4514(use.subject).value_or("another subject")
                                          : "other alternative names"),
       "make a new key; or set key_reuse=true in the template if several subjects share one on purpose"});
}

}  // namespace vouch::policy
