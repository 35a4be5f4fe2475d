#include "ca/signed_request.hpp"

#include <algorithm>

#include "cms/cmc.hpp"
#include "cms/signed_data.hpp"

namespace vouch::ca {
namespace {

// AD CS takes CMC in PKCS #7 for agents; more layers than this mean nothing.
constexpr std::size_t kMaxLayers = 4;

// What a message carries: a request, or another message.
Result<Bytes> content_of(const cms::SignedDataView& message) {
  if (message.signers.empty())
    return make_error(Errc::malformed, "the message around the request is signed by nobody");
  if (!message.content)
    return make_error(Errc::malformed, "the message around the request is without its content")
        .with_hint("sign it with the content attached, e.g.: openssl cms -sign -nodetach -binary");
  if (message.content_type == cms::oid::kData) return *message.content;
  if (message.content_type != cms::oid::kPkiData)
    return make_error(Errc::unsupported, "the message carries {}, not a request",
                      x509::describe(message.content_type));
  const cms::PkiDataView data = TRY(cms::parse_pki_data(*message.content));
  if (data.requests.size() != 1 || data.other_requests != 0)
    return make_error(Errc::unsupported, "the CMC message carries {} PKCS #10 and {} other requests",
                      data.requests.size(), data.other_requests)
        .with_hint("send one PKCS #10 in each message");
  return data.requests.front().request;
}

// The certificate that the request says it renews (MS-WCCE 2.2.2.7.3): the value is the certificate itself.
Bytes renewed_certificate(const x509::RequestView& request) {
  const auto* attribute = request.attribute(cms::oid::kMsRenewalCertificate);
  if (attribute == nullptr) return {};
  asn1::Reader values(attribute->values);
  const auto value = values.expect_tlv(asn1::Tag::sequence);
  return value ? value->whole : Bytes();
}

// 311.21.10 says what a certificate may be used for, or the extended key usage where it is missing. With
// both, only what both say: the one must not widen the other (ESC15).
Result<std::vector<x509::Oid>> purposes_of(const x509::CertificateView& certificate) {
  std::vector<x509::Oid> purposes, policies;
  const auto* usage = certificate.find(x509::oid::kExtendedKeyUsage);
  const auto* application = certificate.find(x509::oid::kMsApplicationPolicies);
  if (usage != nullptr) purposes = TRY(x509::parse_extended_key_usage(usage->value));
  if (application == nullptr) return purposes;
  for (const auto& policy : TRY(x509::parse_certificate_policies(application->value)))
    policies.push_back(policy.policy);
  if (usage != nullptr)
    std::erase_if(policies,
                  [&](const x509::Oid& oid) { return std::ranges::find(purposes, oid) == purposes.end(); });
  return policies;
}

class Judge {
 public:
  Judge(const crypto::Provider& provider, const store::Snapshot& snapshot, store::AuthorityId authority,
        Time now)
      : provider_(provider), snapshot_(snapshot), authority_(authority), now_(now) {}

  // Everything about one signer that does not depend on the request.
  Result<policy::AuthorizedSignature> judge(const cms::SignerReport& report) const {
    policy::AuthorizedSignature out;
    if (!report.certificate.empty()) TRY(describe(report.certificate, out));
    if (!report.status) {
      out.fault = std::string(report.status.error().message());
      // No certificate, or an algorithm that is not known, says nothing about the message.
      const Errc code = report.status.error().code();
      out.broken = code != Errc::not_found && code != Errc::unsupported;
    } else if (x509::is_weak(*report.algorithm)) {
      out.fault = fmt::format("signed with {}", x509::to_string(*report.algorithm));
    } else {
      out.fault = TRY(fault_of(report.certificate, out));
    }
    out.valid = out.fault.empty();
    return out;
  }

 private:
  static Status describe(Bytes der, policy::AuthorizedSignature& out) {
    const x509::CertificateView certificate = TRY(x509::parse_certificate(der));
    out.subject = to_buffer(certificate.subject);
    out.serial = to_buffer(x509::serial_octets(certificate.serial));
    out.public_key_info = to_buffer(certificate.public_key_info);
    if (const auto* names = certificate.find(x509::oid::kSubjectAltName))
      out.subject_alt_name = to_buffer(names->value);
    // What cannot be read grants nothing.
    out.application_policies = purposes_of(certificate).value_or(std::vector<x509::Oid>());
    if (const auto* extension = certificate.find(x509::oid::kCertificatePolicies))
      if (const auto policies = x509::parse_certificate_policies(extension->value))
        for (const auto& policy : *policies) out.issuance_policies.push_back(policy.policy);
    return ok();
  }

  // What is wrong with a signer's certificate; empty: nothing.
  Result<std::string> fault_of(Bytes der, policy::AuthorizedSignature& out) const {
    const x509::CertificateView certificate = TRY(x509::parse_certificate(der));
    const auto record = snapshot_.certificate(out.serial);
    if (!record && record.error().code() != Errc::not_found) return record.error();
    // The certificate itself counts, not its serial: a foreign CA can choose the same.
    if (!record || !equal(record->der(), der))
      return std::string("its certificate was not issued by a CA here");
    const auto issuer = TRY(key_generation(record->authority, record->key_index));
    if (!issuer) return std::string("its certificate was not issued by a CA here");
    if (!is_issued_by(*issuer, certificate))
      return std::string("its certificate was not issued by a CA here");
    out.issued_by_this = record->authority == authority_;
    out.template_name = record->template_name;
    if (now_ < certificate.not_before)
      return "its certificate is valid from " + format_time(certificate.not_before);
    if (now_ > certificate.not_after)
      return "its certificate expired on " + format_time(certificate.not_after);
    if (record->revocation)
      return fmt::format("its certificate is revoked ({})", x509::to_string(record->revocation->reason));
    if (const auto* usage = certificate.find(x509::oid::kKeyUsage))
      if (!(TRY(x509::parse_key_usage(usage->value)) & x509::digital_signature))
        return std::string("its certificate is not for signing");
    return chain_fault(*issuer);
  }

  Result<std::optional<store::KeyGeneration>> key_generation(store::AuthorityId authority,
                                                             std::uint16_t key_index) const {
    // Several generations share a key when a CA is renewed with the same key: the newest certificate counts.
    std::optional<store::KeyGeneration> found;
    for (store::KeyGeneration& generation : TRY(snapshot_.key_generations(authority)))
      if (generation.key_index == key_index && !generation.certificate.empty()) found = std::move(generation);
    return found;
  }

  // Imported certificates are in the database too: the signature says who issued one.
  bool is_issued_by(const store::KeyGeneration& issuer, const x509::CertificateView& certificate) const {
    const auto ca = x509::parse_certificate(issuer.certificate);
    const auto algorithm = x509::parse_signature_algorithm(certificate.signature_algorithm);
    return ca && algorithm &&
           provider_.verify(ca->public_key_info, *algorithm, certificate.tbs, certificate.signature)
               .has_value();
  }

  // Whether the CA that issued a signer's certificate, and its parents, are still good.
  Result<std::string> chain_fault(const store::KeyGeneration& issuer) const {
    std::vector<Bytes> chain{issuer.certificate};
    chain.insert(chain.end(), issuer.chain.begin(), issuer.chain.end());
    for (const Bytes der : chain) {
      const x509::CertificateView certificate = TRY(x509::parse_certificate(der));
      if (now_ < certificate.not_before || now_ > certificate.not_after)
        return fmt::format("the certificate of '{}' is not valid now",
                           x509::to_rfc4514(certificate.subject).value_or("its CA"));
      const auto record = snapshot_.certificate(x509::serial_octets(certificate.serial));
      if (record && record->revocation && equal(record->der(), der))
        return fmt::format("the certificate of '{}' is revoked",
                           x509::to_rfc4514(certificate.subject).value_or("its CA"));
    }
    return std::string();
  }

  const crypto::Provider& provider_;
  const store::Snapshot& snapshot_;
  store::AuthorityId authority_;
  Time now_;
};

// A signer without a certificate who is the request's own key: Windows clients sign CMC so, and name the key
// by its identifier.
bool is_own_signature(const crypto::Provider& provider, const cms::SignerReport& report,
                      const cms::SignedDataView& message, const x509::RequestView& request) {
  if (!report.certificate.empty() || report.signer->signer.key_identifier.empty() || !message.content)
    return false;
  return cms::verify_signer(provider, *report.signer, message.content_type, *message.content,
                            request.public_key_info)
      .has_value();
}

bool same_subject(const policy::AuthorizedSignature& signer, const x509::RequestView& request) {
  const auto a = x509::parse_name(signer.subject), b = x509::parse_name(request.subject);
  return a && b && !a->empty() && x509::names_match(*a, *b);
}

bool renews(const policy::AuthorizedSignature& signer, Bytes certificate, Bytes named,
            std::string_view template_name, const x509::RequestView& request) {
  if (!named.empty()) return equal(named, certificate);
  const bool agent = std::ranges::find(signer.application_policies, x509::oid::kMsCertificateRequestAgent) !=
                     signer.application_policies.end();
  return !agent && !template_name.empty() && signer.template_name == template_name &&
         same_subject(signer, request);
}

}  // namespace

Result<OpenedRequest> open_request(Bytes input) {
  OpenedRequest out;
  Buffer current = to_buffer(input);
  while (cms::looks_like_content_info(current)) {
    if (out.messages.size() == kMaxLayers)
      return make_error(Errc::limit_exceeded, "more than {} messages around the request", kMaxLayers);
    out.messages.push_back(TRY(cms::to_der(current)));
    const auto message = TRY(cms::parse_signed_data(out.messages.back()));
    current = to_buffer(TRY(content_of(message)));
  }
  out.request = std::move(current);
  return out;
}

Result<RequestSigners> judge_signers(const crypto::Provider& provider, const store::Snapshot& snapshot,
                                     store::AuthorityId authority, std::string_view template_name,
                                     const OpenedRequest& opened, const x509::RequestView& request,
                                     Time now) {
  RequestSigners out;
  const Judge judge(provider, snapshot, authority, now);
  const Bytes named = renewed_certificate(request);
  for (const Buffer& der : opened.messages) {
    const cms::SignedDataView message = TRY(cms::parse_signed_data(der));
    for (const cms::SignerReport& report : cms::verify_signers(provider, message)) {
      if (is_own_signature(provider, report, message, request)) continue;
      policy::AuthorizedSignature signer =
          TRY(judge.judge(report).context("judging the signer with {}", report.signer->signer.text()));
      if (!out.renews && !signer.broken && renews(signer, report.certificate, named, template_name, request))
        out.renews = std::move(signer);
      else
        out.signatures.push_back(std::move(signer));
    }
  }
  return out;
}

}  // namespace vouch::ca
