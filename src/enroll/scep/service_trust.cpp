#include "enroll/scep/service_trust.hpp"

#include <algorithm>

#include "validate/validator.hpp"

namespace vouch::enroll::scep {
namespace {

using validate::Certificate, validate::CertificatePtr;

constexpr std::size_t kSha1 = 20, kSha256 = 32;

Buffer fingerprint_like(const crypto::Provider& provider, Bytes wanted, Bytes certificate) {
  return provider.digest(
      wanted.size() == kSha1 ? crypto::DigestAlgorithm::sha1 : crypto::DigestAlgorithm::sha256, certificate);
}

std::string known(const crypto::Provider& provider, const ServiceCertificates& certificates) {
  std::string out;
  for (const Buffer& der : certificates.all)
    out += fmt::format("{}{}", out.empty() ? "" : ", ",
                       to_hex(provider.digest(crypto::DigestAlgorithm::sha256, der)));
  return out;
}

// Whether trust leads from one of the anchors to a certificate, by way of the others that were sent.
class Judge {
 public:
  Judge(const crypto::Provider& provider, const ServiceCertificates& certificates,
        std::span<const Buffer> anchors, Time now)
      : provider_(std::shared_ptr<void>(), &provider), now_(now) {  // the caller's, who waits for the answer
    std::vector<validate::TrustAnchor> trusted;
    for (const Buffer& der : anchors)
      if (auto parsed = Certificate::parse(provider, der)) {
        validate::TrustAnchor anchor;
        anchor.certificate = std::move(*parsed);
        trusted.push_back(std::move(anchor));
      }
    for (const Buffer& der : certificates.all)
      if (auto parsed = Certificate::parse(provider, der)) sent_.push_back(std::move(*parsed));
    store_ = std::make_shared<validate::TrustStore>(std::move(trusted), std::vector<CertificatePtr>());
    profile_.revocation = validate::RevocationRule::none;
    profile_.accept_anchor_as_target = true;
    // Devices' CAs are old; what counts here is that the pinned one signed it.
    profile_.algorithms.rsa_bits = 1024;
  }
  Status vouches_for(Bytes der) const {
    const auto target = TRY(Certificate::parse(*provider_, der));
    const validate::Validator validator(provider_, store_, nullptr);
    const validate::Decision decision = validator.validate(target, sent_, {now_, profile_});
    if (decision.accepted) return ok();
    const validate::Finding* const reason = validate::decisive(decision);
    return make_error(Errc::denied, "nothing that is trusted vouches for {}: {}", target->subject_text(),
                      reason == nullptr ? "there is no path to it" : validate::message_of(*reason));
  }

 private:
  std::shared_ptr<const crypto::Provider> provider_;
  Time now_;
  std::shared_ptr<const validate::TrustStore> store_;
  std::vector<CertificatePtr> sent_;
  validate::Profile profile_;
};

Result<TrustedService> judge_by(const crypto::Provider& provider, const ServiceCertificates& certificates,
                                std::span<const Buffer> anchors, Time now) {
  const Judge judge(provider, certificates, anchors, now);
  TRY(judge.vouches_for(certificates.encryption));
  TrustedService out{.encryption = certificates.encryption, .ca = {}, .signers = {}, .why = {}};
  for (const Buffer& der : certificates.all) {
    if (!judge.vouches_for(der)) continue;
    out.signers.push_back(der);
    if (der == certificates.ca) out.ca = der;
  }
  return out;
}

TrustedService take_all(const ServiceCertificates& certificates, std::string why) {
  return {certificates.encryption, certificates.ca, certificates.all, std::move(why)};
}

bool is_ca(Bytes der) {
  const auto view = x509::parse_certificate(der);
  const x509::ExtensionView* const found = view ? view->find(x509::oid::kBasicConstraints) : nullptr;
  if (found == nullptr) return false;
  const auto constraints = x509::parse_basic_constraints(found->value);
  return constraints && constraints->ca;
}

Result<TrustedService> judge_pinned(const crypto::Provider& provider, const ServiceCertificates& certificates,
                                    Bytes fingerprint, Time now) {
  const auto pinned = std::ranges::find_if(certificates.all, [&](const Buffer& der) {
    return equal(fingerprint, fingerprint_like(provider, fingerprint, der));
  });
  if (pinned == certificates.all.end())
    return make_error(Errc::denied, "none of the service's certificates has the fingerprint {}",
                      to_hex(fingerprint))
        .with_hint(fmt::format("they have (SHA-256): {}; compare with what the CA's administrator says",
                               known(provider, certificates)));
  if (is_ca(*pinned)) return judge_by(provider, certificates, std::span(&*pinned, 1), now);
  if (*pinned != certificates.encryption)
    return make_error(Errc::denied,
                      "the fingerprint is that of a certificate which messages are not encrypted for")
        .with_hint("give the fingerprint of the CA's certificate");
  return TrustedService{*pinned, {}, {*pinned}, {}};
}

}  // namespace

Result<Buffer> parse_fingerprint(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
      digits += c;
    else if (c > ' ' && c <= '~' && c != ':' && c != '-')
      return make_error(Errc::usage, "'{}' is no fingerprint: '{}' is no hexadecimal digit", text, c);
  if (digits.size() != 2 * kSha1 && digits.size() != 2 * kSha256)
    return make_error(Errc::usage, "a fingerprint has 40 digits (SHA-1) or 64 (SHA-256), not {}",
                      digits.size());
  return from_hex(digits);
}

Result<TrustedService> judge_service(const crypto::Provider& provider,
                                     const ServiceCertificates& certificates, const ServiceTrust& trust,
                                     Time now) {
  if (!trust.fingerprint.empty()) {
    auto out = TRY(judge_pinned(provider, certificates, trust.fingerprint, now));
    out.why = "a certificate with the given fingerprint";
    return out;
  }
  if (!trust.authorities.empty()) {
    auto out = TRY(judge_by(provider, certificates, trust.authorities, now));
    out.why = "the given CA certificates";
    return out;
  }
  return take_all(certificates, trust.channel ? "TLS" : "");
}

}  // namespace vouch::enroll::scep
