#include "ca/chain.hpp"

#include "x509/certificate.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxChain = 16;

std::string name_for_message(Bytes name_der) {
  return x509::to_rfc4514(name_der).value_or("an unreadable name");
}

bool is_self_issued(const x509::CertificateView& certificate) {
  return equal(certificate.issuer, certificate.subject);
}

Status check_signature(const crypto::Provider& provider, const x509::CertificateView& certificate,
                       const x509::CertificateView& issuer) {
  const auto algorithm = TRY(x509::parse_signature_algorithm(certificate.signature_algorithm));
  if (x509::is_weak(algorithm))
    return make_error(Errc::denied, "{} is signed with {}, which is broken",
                      name_for_message(certificate.subject), to_string(algorithm));
  return provider.verify(issuer.public_key_info, algorithm, certificate.tbs, certificate.signature)
      .context("checking the signature of {}", name_for_message(certificate.subject));
}

Status check_may_issue(const x509::CertificateView& issuer) {
  const auto* constraints = issuer.find(x509::oid::kBasicConstraints);
  if (!constraints || !TRY(x509::parse_basic_constraints(constraints->value)).ca)
    return make_error(Errc::denied, "{} is not a CA certificate", name_for_message(issuer.subject));
  if (const auto* usage = issuer.find(x509::oid::kKeyUsage);
      usage && !(TRY(x509::parse_key_usage(usage->value)) & x509::key_cert_sign))
    return make_error(Errc::denied, "{} may not sign certificates (keyCertSign is missing)",
                      name_for_message(issuer.subject));
  return ok();
}

// Two CA certificates may carry one name (a renewed key); the key identifier and then the signature tell them
// apart.
Result<const Buffer*> find_issuer(const crypto::Provider& provider, const x509::CertificateView& certificate,
                                  std::span<const Buffer> candidates) {
  std::optional<Error> why;
  for (const Buffer& candidate : candidates) {
    const auto issuer = x509::parse_certificate(candidate);
    if (!issuer || !equal(issuer->subject, certificate.issuer)) continue;
    Status fits = check_may_issue(*issuer);
    if (fits) fits = check_signature(provider, certificate, *issuer);
    if (fits) return &candidate;
    why = std::move(fits.error());
  }
  if (why) return std::move(*why);
  return make_error(Errc::not_found, "the certificate of the issuer '{}' is missing",
                    name_for_message(certificate.issuer))
      .with_hint("add it with --chain FILE (or --trust FILE for the root)");
}

}  // namespace

Result<std::vector<Buffer>> build_chain(const crypto::Provider& provider, Bytes der,
                                        std::span<const Buffer> candidates) {
  std::vector<Buffer> chain;
  x509::CertificateView certificate = TRY(x509::parse_certificate(der));
  while (!is_self_issued(certificate)) {
    if (chain.size() == kMaxChain)
      return make_error(Errc::limit_exceeded, "the chain is longer than {} certificates", kMaxChain);
    chain.push_back(*TRY(find_issuer(provider, certificate, candidates)));
    certificate = TRY(x509::parse_certificate(chain.back()));
  }
  TRY(check_signature(provider, certificate, certificate).context("checking the root of the chain"));
  return chain;
}

Status check_chain_dates(Bytes der, std::span<const Buffer> chain, Time now) {
  std::vector<Bytes> all{der};
  all.insert(all.end(), chain.begin(), chain.end());
  for (const Bytes& each : all) {
    const auto certificate = TRY(x509::parse_certificate(each));
    if (now < certificate.not_before || now > certificate.not_after)
      return make_error(Errc::denied, "the certificate of {} is valid from {} to {}, not now ({})",
                        name_for_message(certificate.subject), format_time(certificate.not_before),
                        format_time(certificate.not_after), format_time(now))
          .with_hint("check this machine's clock; an expired CA certificate must be renewed");
  }
  return ok();
}

}  // namespace vouch::ca
