#include "relying/sync/crl_comparison.hpp"

#include "validate/signatures.hpp"

namespace vouch::relying {
namespace {

std::string signature_fault_of(const crypto::Provider& provider, const validate::CrlHead& crl,
                               const validate::Certificate& authority,
                               const validate::AlgorithmRules& rules) {
  const auto& view = crl.view;
  if (!equal(view.tbs_signature.whole, view.signature_algorithm.whole))
    return "the two algorithm identifiers of the CRL differ";
  const auto algorithm = validate::accepted_algorithm(view.signature_algorithm, rules);
  if (!algorithm) return std::string(algorithm.error().message());
  const auto verifier = authority.verifier(provider);
  if (!verifier) return std::string(verifier.error().message());
  const Status verified = (*verifier)->verify(*algorithm, view.tbs, view.signature);
  return verified ? std::string() : std::string(verified.error().message());
}

Value hex_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }

}  // namespace

CrlComparison compare(const crypto::Provider& provider, const validate::CrlHead& crl,
                      const validate::Certificate& authority, const validate::AlgorithmRules& rules) {
  CrlComparison comparison;
  comparison.subject = authority.subject_text();
  comparison.issuer = crl.issuer_text;
  comparison.names_fit = authority.subject_key() == crl.issuer_key;
  if (authority.subject_key_identifier) comparison.expected_key = to_hex(*authority.subject_key_identifier);
  if (crl.authority_key_identifier) comparison.found_key = to_hex(*crl.authority_key_identifier);
  comparison.keys_fit = !comparison.expected_key.empty() && comparison.expected_key == comparison.found_key;
  comparison.may_sign = authority.allows(x509::crl_sign);
  comparison.signature_fault = signature_fault_of(provider, crl, authority, rules);
  return comparison;
}

std::string CrlComparison::fault(bool need_keys) const {
  if (!names_fit) return fmt::format("it is issued by {}, and the CA is {}", issuer, subject);
  const bool absent = expected_key.empty() || found_key.empty();
  if (!keys_fit && (need_keys || !absent))
    return fmt::format("its authorityKeyIdentifier is {}, and the CA's subjectKeyIdentifier {}",
                       found_key.empty() ? "absent" : found_key,
                       expected_key.empty() ? "absent" : expected_key);
  if (!may_sign) return "the CA certificate may not sign CRLs: its key usage lacks cRLSign";
  if (!signature_fault.empty()) return signature_fault;
  return {};
}

Value to_value(const CrlComparison& comparison) {
  const std::string fault = comparison.fault();
  Value out = Value::table();
  out.set("subject", comparison.subject).set("issuer", comparison.issuer);
  out.set("names_fit", comparison.names_fit);
  out.set("subject_key_identifier", hex_or_null(comparison.expected_key));
  out.set("authority_key_identifier", hex_or_null(comparison.found_key));
  out.set("keys_fit", comparison.keys_fit).set("crl_sign", comparison.may_sign);
  out.set("signature", comparison.signature_fault.empty() ? "good" : "bad");
  out.set("problem", fault.empty() ? Value() : Value(fault));
  return out;
}

}  // namespace vouch::relying
