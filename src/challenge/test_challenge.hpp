#pragma once
// For the tests of this room: a challenge as an MDM would have it made, a request that fits it, and keys.

#include <gtest/gtest.h>

#include "challenge/comparison.hpp"
#include "challenge/sealed.hpp"
#include "crypto/openssl/openssl.hpp"
#include "x509/extensions.hpp"

namespace vouch::challenge {

constexpr Time kNow{std::chrono::seconds{1'795'000'000}};  // 2026-11-18

inline Bound sample_bound() {
  Bound bound;
  bound.realm = "Device CA";
  bound.id = Buffer(kIdSize, 0x17);
  bound.issued_at = bound.not_before = kNow;
  bound.expires = kNow + std::chrono::days(7);
  bound.audience = "phones";
  bound.template_name = "Device";
  bound.device = "device-7";
  bound.user = "alice@corp.example";
  bound.sid = "S-1-5-21-1-2-3-1105";
  bound.subjects = {x509::name_from_rfc4514("CN=Alice,OU=Phones,O=Corp").value()};
  bound.required_names = {x509::GeneralName::upn("alice@corp.example"),
                          x509::GeneralName::dns("phone-7.corp.example")};
  bound.usage = UsageRule{x509::digital_signature | x509::key_encipherment, false};
  bound.purposes = PurposeRule{{x509::oid::kClientAuth}, false};
  bound.key = {{x509::KeyType::p256, x509::KeyType::rsa}, 256, 4096, {}};
  return bound;
}

// The parts of a request; tests change one.
struct Request {
  std::string subject = "CN=Alice,OU=Phones,O=Corp";
  std::vector<std::string> san{"UPN:alice@corp.example", "DNS:phone-7.corp.example"};
  std::optional<std::uint16_t> usage = std::uint16_t{x509::digital_signature | x509::key_encipherment};
  std::vector<x509::Oid> purposes{x509::oid::kClientAuth};
  std::vector<x509::Extension> more{};
  // The base point of P-256 (SEC 2 2.4.2): a point on the curve that everybody knows.
  Buffer key = x509::encode_ec_public_key_info(
      x509::KeyType::p256, from_hex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
                               .value());
  std::optional<x509::Name> name{};  // instead of `subject`

  Buffer der() const {
    std::vector<x509::Extension> extensions = more;
    std::vector<x509::GeneralName> names;
    for (const std::string& text : san) names.push_back(x509::GeneralName::from_text(text).value());
    if (!names.empty())
      extensions.push_back(
          x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names)));
    if (usage)
      extensions.push_back(x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(*usage)));
    if (!purposes.empty())
      extensions.push_back(x509::make_extension(x509::oid::kExtendedKeyUsage, false,
                                                x509::encode_extended_key_usage(purposes)));
    const Buffer subject_der = x509::encode_name(name ? *name : x509::name_from_rfc4514(subject).value());
    const Buffer info = x509::encode_request_info({subject_der, key, extensions, {}});
    return x509::encode_request(info, x509::encode(x509::SignatureAlgorithm::ecdsa_sha256), Buffer(8, 1));
  }
};

// "" or the code's name.
inline std::string verdict(const std::optional<Refusal>& refusal) {
  return refusal ? std::string(name_of(refusal->code)) : "";
}

}  // namespace vouch::challenge
