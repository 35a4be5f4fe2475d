#include "relying/crl_admission.hpp"

#include <algorithm>

#include "validate/signatures.hpp"

namespace vouch::relying {
namespace {

using validate::CertificatePtr, validate::CrlHead, validate::Finding, validate::FindingId;

// Those of the CRL issuer's name; the one whose key the CRL names first.
std::vector<CertificatePtr> candidates(const CrlHead& head, const CrlTerms& terms) {
  std::vector<CertificatePtr> out;
  for (const CertificatePtr& one : terms.signers)
    if (one->subject_key() == head.issuer_key) out.push_back(one);
  const auto& wanted = head.authority_key_identifier;
  std::ranges::partition(out, [&](const CertificatePtr& one) {
    return wanted && one->subject_key_identifier && equal(*one->subject_key_identifier, *wanted);
  });
  return out;
}

Status verify(const crypto::Provider& provider, const CrlHead& head, const CertificatePtr& signer,
              const CrlTerms& terms) {
  (void)TRY(validate::accepted_algorithm(head.view.signature_algorithm, terms.algorithms));
  const auto& named = head.authority_key_identifier;
  const auto& key = signer->subject_key_identifier;
  if (terms.require_key_identifier && !(named && key && equal(*named, *key)))
    return make_error(Errc::denied, "its authorityKeyIdentifier is not the key identifier of '{}'",
                      signer->subject_text());
  if (validate::check_signature(provider, {&signer, 1}, head) != validate::SignatureVerdict::fits)
    return make_error(Errc::denied, "its signature does not fit the key of '{}'", signer->subject_text());
  return ok();
}

// RFC 5280 6.3.3 f and g, without the path of the signer.
std::optional<Finding> signature_fault(const crypto::Provider& provider, const CrlHead& head,
                                       const CrlTerms& terms) {
  const auto signers = candidates(head, terms);
  std::string reason = "no certificate of the CRL issuer is known";
  for (const CertificatePtr& signer : signers) {
    if (const Status fits = verify(provider, head, signer, terms); !fits) {
      reason = fits.error().summary();
      continue;
    }
    if (signer->allows(x509::crl_sign)) return std::nullopt;
    return finding(FindingId::no_crl_signing, {{"name", signer->subject_text()}});
  }
  const auto expected = signers.empty() ? std::nullopt : signers.front()->subject_key_identifier;
  const auto& found = head.authority_key_identifier;
  return finding(FindingId::crl_signature, {{"expected", expected ? to_hex(*expected) : "-"},
                                            {"found", found ? to_hex(*found) : ""},
                                            {"reason", reason}});
}

}  // namespace

Finding unusable(const CrlHead& head, std::string reason) {
  return finding(FindingId::crl_unusable, {{"issuer", head.issuer_text}, {"reason", std::move(reason)}});
}

std::optional<Finding> fault_of(const crypto::Provider& provider, const CrlHead& head,
                                const CrlTerms& terms) {
  if (auto fault = signature_fault(provider, head, terms)) return fault;
  if (!head.unusable.empty()) return unusable(head, head.unusable);
  if (!head.number) return unusable(head, "it has no CRL number");
  if (head.view.this_update > terms.now)
    return finding(FindingId::crl_not_yet_valid,
                   {{"issuer", head.issuer_text}, {"time", format_time(head.view.this_update)}});
  return terms.objection ? terms.objection(head) : std::nullopt;
}

}  // namespace vouch::relying
