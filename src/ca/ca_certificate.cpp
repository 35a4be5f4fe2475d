#include "ca/ca_certificate.hpp"

#include <algorithm>

#include "ca/serial.hpp"
#include "lint/lint.hpp"
#include "x509/request.hpp"

namespace vouch::ca {
namespace {

constexpr std::uint16_t kCaKeyUsage = x509::digital_signature | x509::key_cert_sign | x509::crl_sign;

// Decided by the parent's template and settings, or never by a request.
constexpr x509::Oid kNotTaken[] = {x509::oid::kSubjectAltName,
                                   x509::oid::kIssuerAltName,
                                   x509::oid::kBasicConstraints,
                                   x509::oid::kKeyUsage,
                                   x509::oid::kSubjectKeyIdentifier,
                                   x509::oid::kAuthorityKeyIdentifier,
                                   x509::oid::kCrlDistributionPoints,
                                   x509::oid::kFreshestCrl,
                                   x509::oid::kAuthorityInfoAccess,
                                   x509::oid::kMsNtdsCaSecurity,
                                   x509::oid::kMsTemplateName,
                                   x509::oid::kMsCertificateTemplate,
                                   x509::oid::kMsApplicationPolicies,
                                   x509::oid::kOcspNoCheck,
                                   x509::oid::kMsCaVersion,
                                   x509::oid::kMsPreviousCertHash,
                                   x509::oid::kSubjectDirectoryAttributes};

}  // namespace

Result<std::vector<x509::Extension>> own_extensions(const Environment& environment,
                                                    const CaIdentity& identity) {
  using x509::make_extension;
  const CaPolicy* policy = identity.policy;
  const auto further = [&](const x509::Oid& id) {
    return policy && std::ranges::any_of(policy->further, [&](const auto& each) { return each.id == id; });
  };
  const Buffer key_identifier = TRY(crypto::key_identifier(environment.provider, identity.public_key_info));
  x509::BasicConstraints constraints{true, {}};
  if (policy) constraints.path_length = policy->path_length;

  std::vector<x509::Extension> extensions;
  extensions.push_back(
      make_extension(x509::oid::kBasicConstraints, true, x509::encode_basic_constraints(constraints)));
  if (!further(x509::oid::kKeyUsage))
    extensions.push_back(make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(kCaKeyUsage)));
  extensions.push_back(make_extension(x509::oid::kSubjectKeyIdentifier, false,
                                      x509::encode_subject_key_identifier(key_identifier)));
  extensions.push_back(make_extension(
      x509::oid::kMsCaVersion, false,
      x509::encode_ca_version({identity.generation.certificate_index, identity.generation.key_index})));
  if (!identity.previous.empty()) {
    const Buffer hash = environment.provider.digest(crypto::DigestAlgorithm::sha1, identity.previous);
    extensions.push_back(
        make_extension(x509::oid::kMsPreviousCertHash, false, x509::encode_previous_cert_hash(hash)));
  }
  if (!policy) return extensions;
  extensions.insert(extensions.end(), policy->further.begin(), policy->further.end());
  if (identity.kind == store::AuthorityKind::root)
    for (x509::Extension& each : TRY(location_extensions(*policy, identity.variables)))
      extensions.push_back(std::move(each));
  return extensions;
}

Result<Buffer> self_sign(const Environment& environment, const crypto::Signer& signer,
                         const SelfSigned& content) {
  const x509::TbsTemplate encoder(signer.algorithm(), content.subject, content.extensions);
  const Buffer serial =
      make_serial(environment.home.configuration().node, environment.clock, environment.provider);
  const Buffer tbs = encoder.fill(
      {serial, content.not_before, content.not_after, content.subject, signer.public_key_info(), {}});
  for (const lint::Finding& finding : lint::lint_certificate(TRY(x509::parse_tbs_certificate(tbs))))
    if (finding.severity == lint::Severity::error && !(content.weak_key && finding.id == "key.rsa_size"))
      return make_error(Errc::denied, "the root certificate would break a rule: {} ({})", finding.message,
                        finding.source);
  const Buffer signature = TRY(signer.sign(tbs));
  return x509::encode_certificate(tbs, x509::encode(signer.algorithm()), signature);
}

Result<Buffer> make_ca_request(const crypto::Signer& signer, Bytes subject,
                               std::vector<x509::Extension> extensions) {
  extensions.push_back(
      x509::make_extension(x509::oid::kMsTemplateName, false, x509::encode_template_name("SubCA")));
  const Buffer info =
      x509::encode_request_info({subject, signer.public_key_info(), std::move(extensions), {}});
  const Buffer signature = TRY(signer.sign(info));
  return x509::encode_request(info, x509::encode(signer.algorithm()), signature);
}

std::vector<x509::Extension> requested_extensions(const std::vector<x509::ExtensionView>& request) {
  std::vector<x509::Extension> taken;
  for (const x509::ExtensionView& extension : request)
    if (std::ranges::find(kNotTaken, extension.id) == std::end(kNotTaken))
      taken.push_back({extension.id, extension.critical, to_buffer(extension.value)});
  return taken;
}

}  // namespace vouch::ca
