#include "validate/certificate.hpp"

namespace vouch::validate {
namespace {

namespace oid = x509::oid;

// Puts the value of a parser into its place, or says why there is none.
template <class T>
Status keep(Result<T> parsed, std::optional<T>& place) {
  if (!parsed) return std::move(parsed.error());
  place = *std::move(parsed);
  return ok();
}

Result<std::vector<x509::Oid>> policy_oids(Bytes value) {
  std::vector<x509::Oid> out;
  for (const auto& policy : TRY(x509::parse_certificate_policies(value))) out.push_back(policy.policy);
  return out;
}

// Critical ones of these hold nothing that a validator has
// to act on, or are acted on where revocation is checked.
bool needs_no_processing(const x509::Oid& id) {
  return id == oid::kCrlDistributionPoints || id == oid::kIssuerAltName || id == oid::kFreshestCrl ||
         id == oid::kAuthorityInfoAccess || id == oid::kSubjectInfoAccess || id == oid::kOcspNoCheck;
}

std::string text_of(Bytes name) {
  const auto text = x509::to_rfc4514(name);
  return text ? *text : "#" + to_hex(name);
}

}  // namespace

Result<CertificatePtr> Certificate::parse(const crypto::Provider& provider, Bytes der) {
  auto certificate = std::make_shared<Certificate>(to_buffer(der));
  TRY(certificate->read(provider));
  return CertificatePtr(std::move(certificate));
}

Status Certificate::read(const crypto::Provider& provider) {
  view_ = TRY(x509::parse_certificate(der_));
  subject_key_ = x509::comparison_key(TRY(x509::parse_name(view_.subject)));
  issuer_key_ = equal(view_.issuer, view_.subject)
                    ? subject_key_
                    : x509::comparison_key(TRY(x509::parse_name(view_.issuer)));
  fingerprint_ = provider.digest(x509::DigestAlgorithm::sha256, der_);
  for (const x509::ExtensionView& extension : view_.extensions) read_extension(extension);
  return ok();
}

void Certificate::read_extension(const x509::ExtensionView& extension) {
  const x509::Oid& id = extension.id;
  const Bytes value = extension.value;
  Status status = ok();
  if (id == oid::kSubjectKeyIdentifier)
    status = keep(x509::parse_subject_key_identifier(value), subject_key_identifier);
  else if (id == oid::kAuthorityKeyIdentifier)
    status = keep(x509::parse_authority_key_identifier(value), authority_key_identifier);
  else if (id == oid::kBasicConstraints)
    status = keep(x509::parse_basic_constraints(value), basic_constraints);
  else if (id == oid::kKeyUsage)
    status = keep(x509::parse_key_usage(value), key_usage);
  else if (id == oid::kExtendedKeyUsage)
    status = keep(x509::parse_extended_key_usage(value), extended_key_usage);
  else if (id == oid::kSubjectAltName)
    status = keep(x509::parse_general_names(value), alternative_names);
  else if (id == oid::kCertificatePolicies)
    status = keep(policy_oids(value), policies);
  else if (id == oid::kMsApplicationPolicies)
    status = keep(policy_oids(value), application_policies);
  else if (id == oid::kPolicyMappings)
    status = keep(x509::parse_policy_mappings(value), policy_mappings);
  else if (id == oid::kPolicyConstraints)
    status = keep(x509::parse_policy_constraints(value), policy_constraints);
  else if (id == oid::kInhibitAnyPolicy)
    status = keep(x509::parse_inhibit_any_policy(value), inhibit_any_policy);
  else if (id == oid::kNameConstraints)
    status = keep(x509::parse_name_constraints(value), name_constraints);
  else if (id == oid::kMsNtdsCaSecurity)
    status = keep(x509::parse_sid(value), sid);
  else if (extension.critical && !needs_no_processing(id))
    unknown_critical.push_back(id);
  if (!status) malformed.push_back({id, status.error().summary()});
}

std::string Certificate::subject_text() const { return text_of(view_.subject); }
std::string Certificate::issuer_text() const { return text_of(view_.issuer); }

x509::Name Certificate::subject() const {
  return x509::parse_name(view_.subject).value_or(x509::Name());  // read once already
}

Result<const crypto::Verifier*> Certificate::verifier(const crypto::Provider& provider) const {
  std::call_once(imported_, [&] { verifier_ = provider.verifier(view_.public_key_info); });
  if (!*verifier_) return Error(verifier_->error());
  return verifier_->value().get();
}

}  // namespace vouch::validate
