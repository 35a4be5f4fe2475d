#pragma once
// A certificate as path validation reads it: parsed once, shared, immutable; whatever was wrong with one of
// its extensions is kept beside it, for the validator to judge.

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "crypto/provider.hpp"
#include "x509/certificate.hpp"

namespace vouch::validate {

class Certificate;
using CertificatePtr = std::shared_ptr<const Certificate>;

class Certificate {
 public:
  // Copies the octets. Fails as x509::parse_certificate does, and for names that cannot be read. An extension
  // whose value is malformed is no failure: see `malformed`.
  static Result<CertificatePtr> parse(const crypto::Provider& provider, Bytes der);

  const x509::CertificateView& view() const { return view_; }
  Bytes der() const { return der_; }
  Bytes fingerprint() const { return fingerprint_; }  // SHA-256 of the whole
  // x509::comparison_key of the two names.
  const std::string& subject_key() const { return subject_key_; }
  const std::string& issuer_key() const { return issuer_key_; }
  // RFC 5280 3.2: the same name as issuer and subject, whoever's key signed it.
  bool self_issued() const { return subject_key_ == issuer_key_; }
  std::string subject_text() const;  // RFC 4514, for messages
  std::string issuer_text() const;

  // Extensions; empty when absent or malformed.
  std::optional<Bytes> subject_key_identifier;
  std::optional<x509::AuthorityKeyIdentifier> authority_key_identifier;
  std::optional<x509::BasicConstraints> basic_constraints;
  std::optional<std::uint16_t> key_usage;
  std::optional<std::vector<x509::Oid>> extended_key_usage;
  std::optional<std::vector<x509::Oid>> application_policies;  // Microsoft's, which narrow the former
  std::optional<std::vector<x509::GeneralName>> alternative_names;
  std::optional<std::vector<x509::Oid>> policies;
  std::optional<std::vector<x509::PolicyMapping>> policy_mappings;
  std::optional<x509::PolicyConstraints> policy_constraints;
  std::optional<std::uint32_t> inhibit_any_policy;
  std::optional<x509::NameConstraints> name_constraints;
  std::optional<std::string> sid;

  struct Malformed {
    x509::Oid extension;
    std::string reason;
  };
  std::vector<Malformed> malformed;
  std::vector<x509::Oid> unknown_critical;

  bool is_ca() const { return basic_constraints && basic_constraints->ca; }
  bool allows(x509::KeyUsage usage) const { return !key_usage || (*key_usage & usage) != 0; }
  x509::Name subject() const;

  // The public key, imported at the first call and kept: a CA's key verifies many signatures. Fails as
  // Provider::verifier does. All callers of one certificate pass the same provider.
  Result<const crypto::Verifier*> verifier(const crypto::Provider& provider) const;

  // Use parse(); public for std::make_shared only.
  explicit Certificate(Buffer der) : der_(std::move(der)) {}
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

 private:
  Status read(const crypto::Provider& provider);
  void read_extension(const x509::ExtensionView& extension);

  Buffer der_;
  x509::CertificateView view_;
  Buffer fingerprint_;
  std::string subject_key_, issuer_key_;
  mutable std::once_flag imported_;
  mutable std::optional<Result<std::unique_ptr<crypto::Verifier>>> verifier_;
};

}  // namespace vouch::validate
