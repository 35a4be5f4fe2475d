#include "ca/keys/key_strength.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kStrongRsa = 2048, kWeakestRsa = 1024;

}  // namespace

Result<std::optional<std::string>> check_new_key(const crypto::KeySpec& key, bool force_weak) {
  if (key.type != crypto::KeyType::rsa || key.rsa_bits >= kStrongRsa) return std::optional<std::string>();
  if (key.rsa_bits < kWeakestRsa)
    return make_error(Errc::denied, "an RSA key of {} bits is too small for a CA", key.rsa_bits)
        .with_hint("use rsa:3072, rsa:4096 or ec:P-256");
  if (!force_weak)
    return make_error(Errc::denied, "an RSA key of {} bits is too small for a CA: {} bits are needed",
                      key.rsa_bits, kStrongRsa)
        .with_hint(
            "use rsa:3072, rsa:4096 or ec:P-256; for old devices it can be forced with --force-weak-key");
  return std::optional(fmt::format(
      "the key of {} bits is weak: whoever breaks it is this CA, and relying parties may refuse it",
      key.rsa_bits));
}

Status check_key_strength(Bytes public_key_info) {
  const x509::PublicKeyInfo key = TRY(x509::parse_public_key_info(public_key_info));
  if (key.type == crypto::KeyType::rsa && key.bits < kWeakestRsa)
    return make_error(Errc::denied, "the CA's RSA key has {} bits: below {} nothing is signed", key.bits,
                      kWeakestRsa)
        .with_hint("renew the CA with a new key on a copy of this home, or set up a new CA");
  return ok();
}

Result<crypto::KeySpec> key_spec_of(Bytes public_key_info, bool pss) {
  const x509::PublicKeyInfo key = TRY(x509::parse_public_key_info(public_key_info));
  const bool rsa = key.type == crypto::KeyType::rsa;
  return crypto::KeySpec{key.type, rsa ? key.bits : 0, rsa && (pss || key.rsassa_pss)};
}

}  // namespace vouch::ca
