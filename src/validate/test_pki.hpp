#pragma once
// Certificates and CRLs for tests: what a test does not say is ordinary. Every key is P-256 unless given.

#include <map>

#include "crypto/openssl/openssl.hpp"
#include "validate/crl.hpp"
#include "validate/trust_store.hpp"

namespace vouch::validate::test {

namespace oid = x509::oid;

inline const Time kNow = parse_time("2026-06-01T12:00:00Z").value();

class TestPki {
 public:
  struct Spec {
    std::string subject{};
    std::string key{};        // name of the key; empty: the subject
    std::string issuer{};     // name of the issuer; empty: the subject, self-signed
    std::string signed_by{};  // key of the issuer; empty: the issuer's name
    bool ca = true;
    std::optional<std::uint32_t> path_length{};
    std::optional<std::uint16_t> usage{};  // nothing: what fits; 0: no extension
    std::vector<x509::Oid> purposes{};
    std::vector<x509::GeneralName> names{};
    std::vector<x509::Extension> extensions{};  // further ones
    std::optional<x509::Name> full_subject{};   // in place of CN=subject
    bool key_identifiers = true;
    Time from = parse_time("2026-01-01").value(), until = parse_time("2027-01-01").value();
    std::uint64_t serial = 0;  // 0: the next one
  };

  const std::shared_ptr<const crypto::Provider>& provider() const { return provider_; }

  CertificatePtr make(const Spec& spec) { return Certificate::parse(*provider_, der(spec)).value(); }
  CertificatePtr ca(const std::string& name, const std::string& issuer = "") {
    return make({.subject = name, .issuer = issuer});
  }
  CertificatePtr leaf(const std::string& name, const std::string& issuer) {
    return make({.subject = name, .issuer = issuer, .ca = false});
  }

  Buffer der(const Spec& spec) {
    const std::string issuer = spec.issuer.empty() ? spec.subject : spec.issuer;
    const std::string issuer_key = !spec.signed_by.empty()                    ? spec.signed_by
                                   : spec.issuer.empty() && !spec.key.empty() ? spec.key
                                                                              : issuer;
    const Bytes spki = key(spec.key.empty() ? spec.subject : spec.key).public_key_info();
    const auto signer = signer_of(issuer_key);
    const x509::TbsTemplate tbs_template(signer->algorithm(), name(issuer), {});
    Buffer extensions;
    for (const x509::Extension& one : extensions_of(spec, spki, issuer_key))
      append(extensions, x509::encode_extension(one));
    const Buffer serial = octets(spec.serial != 0 ? spec.serial : ++serial_);
    const Buffer subject = spec.full_subject ? x509::encode_name(*spec.full_subject) : name(spec.subject);
    const Buffer tbs = tbs_template.fill({serial, spec.from, spec.until, subject, spki, extensions});
    return x509::encode_certificate(tbs, x509::encode(signer->algorithm()), signer->sign(tbs).value());
  }

  struct CrlSpec {
    std::string issuer{};
    std::string signed_by{};  // key; empty: the issuer's name
    std::uint64_t number = 1;
    std::vector<std::pair<std::uint64_t, x509::CrlReason>> revoked{};
    std::vector<x509::Extension> extensions{};
    Time this_update = parse_time("2026-06-01").value(), next_update = parse_time("2026-06-08").value();
    bool key_identifier = true;
  };
  CrlPtr crl(const CrlSpec& spec) {
    const std::string issuer_key = spec.signed_by.empty() ? spec.issuer : spec.signed_by;
    const auto signer = signer_of(issuer_key);
    const Buffer issuer = name(spec.issuer);
    x509::CrlFields fields{signer->algorithm(), issuer, spec.this_update, spec.next_update, {}};
    if (spec.key_identifier) fields.extensions.push_back(authority(issuer_key));
    fields.extensions.push_back(
        x509::make_extension(oid::kCrlNumber, false, x509::encode_crl_number(spec.number)));
    fields.extensions.insert(fields.extensions.end(), spec.extensions.begin(), spec.extensions.end());
    Buffer entries;
    for (const auto& [serial, reason] : spec.revoked) {
      const Buffer number = octets(serial);
      x509::append_crl_entry(entries, {number, spec.this_update, reason, std::nullopt});
    }
    const Buffer tail = x509::encode_crl_extensions(fields);
    Buffer tbs = x509::encode_crl_head(fields, entries.size(), tail.size());
    append(tbs, entries);
    append(tbs, tail);
    const Buffer whole =
        x509::encode_certificate(tbs, x509::encode(signer->algorithm()), signer->sign(tbs).value());
    return parse_crl_in_memory(*provider_, whole, "test").value();
  }

  // Unsigned, without leading zeros.
  static Buffer octets(std::uint64_t number) {
    Buffer out;
    for (int shift = 56; shift >= 0; shift -= 8)
      if (const auto octet = static_cast<std::uint8_t>(number >> shift); octet != 0 || !out.empty())
        out.push_back(octet);
    return out;
  }
  static Buffer name(const std::string& common_name) {
    return x509::encode_name(x509::make_name({{oid::kCommonName, common_name}}));
  }
  // A key of another kind for a name, before it is first used.
  void use(const std::string& key_name, std::unique_ptr<crypto::PrivateKey> key) {
    keys_[key_name] = std::move(key);
  }
  const crypto::PrivateKey& key(const std::string& key_name) {
    auto& key = keys_[key_name];
    if (!key) key = provider_->generate({x509::KeyType::p256, 0, false}).value();
    return *key;
  }

 private:
  std::unique_ptr<crypto::Signer> signer_of(const std::string& key_name) {
    const crypto::PrivateKey& with = key(key_name);
    const bool rsa = x509::parse_public_key_info(with.public_key_info())->type == x509::KeyType::rsa;
    return with
        .signer(rsa ? x509::SignatureAlgorithm::rsa_pkcs1_sha256 : x509::SignatureAlgorithm::ecdsa_sha256)
        .value();
  }
  Buffer identifier(const std::string& key_name) {
    return crypto::key_identifier(*provider_, key(key_name).public_key_info()).value();
  }
  x509::Extension authority(const std::string& key_name) {
    return x509::make_extension(oid::kAuthorityKeyIdentifier, false,
                                x509::encode_authority_key_identifier({identifier(key_name), {}, {}}));
  }

  std::vector<x509::Extension> extensions_of(const Spec& spec, Bytes spki, const std::string& issuer_key) {
    std::vector<x509::Extension> out;
    const std::uint16_t usual = spec.ca ? std::uint16_t(x509::key_cert_sign | x509::crl_sign)
                                        : std::uint16_t(x509::digital_signature);
    if (spec.ca)
      out.push_back(x509::make_extension(oid::kBasicConstraints, true,
                                         x509::encode_basic_constraints({true, spec.path_length})));
    if (const auto usage = spec.usage.value_or(usual); usage != 0)
      out.push_back(x509::make_extension(oid::kKeyUsage, true, x509::encode_key_usage(usage)));
    if (!spec.purposes.empty())
      out.push_back(x509::make_extension(oid::kExtendedKeyUsage, false,
                                         x509::encode_extended_key_usage(spec.purposes)));
    if (!spec.names.empty())
      out.push_back(
          x509::make_extension(oid::kSubjectAltName, false, x509::encode_general_names(spec.names)));
    if (spec.key_identifiers) {
      out.push_back(x509::make_extension(
          oid::kSubjectKeyIdentifier, false,
          x509::encode_subject_key_identifier(crypto::key_identifier(*provider_, spki).value())));
      out.push_back(authority(issuer_key));
    }
    out.insert(out.end(), spec.extensions.begin(), spec.extensions.end());
    return out;
  }

  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  std::map<std::string, std::unique_ptr<crypto::PrivateKey>> keys_;
  std::uint64_t serial_ = 100;
};

inline std::shared_ptr<TrustStore> trust(std::vector<CertificatePtr> anchors,
                                         std::vector<CertificatePtr> others = {}) {
  std::vector<TrustAnchor> list;
  for (CertificatePtr& one : anchors) {
    list.emplace_back();
    list.back().certificate = std::move(one);
    list.back().source = "test";
  }
  return std::make_shared<TrustStore>(std::move(list), std::move(others));
}

}  // namespace vouch::validate::test
