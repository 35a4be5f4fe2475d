#pragma once
// Requests for the tests of this room: made with our own builder and a signature that nobody checks (whether
// it fits is part of the question), and read again by the parser that real requests go through.

#include <memory>

#include "policy/decision.hpp"

namespace vouch::policy::testing_support {

inline Buffer p256_key() {
  // The base point of P-256 (SEC 2 2.4.2): a point on the curve that everybody knows.
  return x509::encode_ec_public_key_info(
      x509::KeyType::p256, from_hex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
                               .value());
}
inline Buffer rsa_key(std::size_t bits, Bytes exponent = Bytes()) {
  static const Buffer usual{0x01, 0x00, 0x01};
  Buffer modulus(bits / 8, 0xc5);
  return x509::encode_rsa_public_key_info(modulus, exponent.empty() ? Bytes(usual) : exponent);
}

inline x509::Extension san(const std::vector<std::string>& texts) {
  std::vector<x509::GeneralName> names;
  for (const std::string& text : texts) names.push_back(x509::GeneralName::from_text(text).value());
  return x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names));
}
inline x509::Extension purposes(const std::vector<x509::Oid>& list) {
  return x509::make_extension(x509::oid::kExtendedKeyUsage, false, x509::encode_extended_key_usage(list));
}
inline x509::Extension usage(std::uint16_t bits) {
  return x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(bits));
}
inline x509::Extension basic_constraints(bool ca) {
  return x509::make_extension(x509::oid::kBasicConstraints, true, x509::encode_basic_constraints({ca, {}}));
}

// Somebody else who has signed a request, with a certificate that holds.
inline AuthorizedSignature signer(std::string_view subject, std::vector<x509::Oid> application_policies,
                                  std::vector<x509::Oid> issuance_policies = {}) {
  AuthorizedSignature value;
  value.subject = x509::encode_name(x509::name_from_rfc4514(subject).value());
  value.serial = Buffer(as_bytes(subject).begin(), as_bytes(subject).end());
  value.public_key_info = p256_key();
  value.valid = value.issued_by_this = true;
  value.application_policies = std::move(application_policies);
  value.issuance_policies = std::move(issuance_policies);
  return value;
}

inline CertificateTemplate shipped(std::string_view name) {
  for (CertificateTemplate& value : shipped_templates())
    if (value.name == name) return std::move(value);
  std::abort();
}

// A question that is answered with yes, to be changed in one point by each test.
struct Asked {
  x509::Name subject = x509::make_name({{x509::oid::kCommonName, "www.example.com"}});
  Buffer key = p256_key();
  std::vector<x509::Extension> extensions{san({"DNS:www.example.com"})};
  x509::SignatureAlgorithm algorithm = x509::SignatureAlgorithm::ecdsa_sha256;
  Buffer der;  // instead of what the fields above would give
  CertificateTemplate certificate_template = shipped("WebServer");
  Question question;
  std::unique_ptr<x509::RequestView> view;

  Asked() {
    question.template_published = true;
    question.requester = "alice";
    question.authority.name = "Test CA";
    question.authority.automatic_issuance = true;
    question.authority.not_before = parse_time("2026-01-01").value();
    question.authority.not_after = parse_time("2036-01-01").value();
    question.now = parse_time("2026-11-23 10:00").value();
    question.template_name = "WebServer";
    certificate_template.oid = x509::Oid{1, 3, 6, 1, 4, 1, 311, 21, 8, 1, 2, 3};
    question.certificate_template = &certificate_template;
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  void use(std::string_view name) {
    certificate_template = shipped(name);
    question.template_name = name;
  }
  void without_template() {
    question.certificate_template = nullptr;
    question.template_name.clear();
  }
  const x509::RequestView& request() {
    if (der.empty()) {
      const Buffer info = x509::encode_request_info({x509::encode_name(subject), key, extensions, {}});
      static const std::uint8_t signature[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
      static const std::uint8_t sha1_with_rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                   0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00};
      der = x509::encode_request(
          info, x509::is_weak(algorithm) ? Bytes(sha1_with_rsa) : x509::encode(algorithm), signature);
    }
    view = std::make_unique<x509::RequestView>(x509::parse_request(der).value());
    return *view;
  }
  Decision decide() {
    static const Buffer key_identifier(20, 0x5a);
    question.subject_key_identifier = key_identifier;
    question.request = &request();
    return policy::decide(question);
  }
};

inline const x509::Extension* find(const Plan& plan, const x509::Oid& id) {
  for (const auto* list : {&plan.variable, &plan.fixed})
    for (const x509::Extension& extension : *list)
      if (extension.id == id) return &extension;
  return nullptr;
}

}  // namespace vouch::policy::testing_support
