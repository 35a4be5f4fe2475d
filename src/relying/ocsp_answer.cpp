#include "relying/ocsp_answer.hpp"

#include <algorithm>

#include "validate/signatures.hpp"

namespace vouch::relying {
namespace {

using validate::Certificate, validate::CertificatePtr, validate::Finding, validate::FindingId;
namespace oid = x509::oid;

constexpr std::size_t kMaxCertificates = 8;  // of a response that are looked at; one or two are usual
constexpr std::size_t kMaxUrls = 8;

std::optional<x509::DigestAlgorithm> digest_of(const x509::AlgorithmIdentifier& identifier) {
  using x509::DigestAlgorithm;
  if (identifier.algorithm == oid::kSha1) return DigestAlgorithm::sha1;
  if (identifier.algorithm == oid::kSha256) return DigestAlgorithm::sha256;
  if (identifier.algorithm == oid::kSha384) return DigestAlgorithm::sha384;
  if (identifier.algorithm == oid::kSha512) return DigestAlgorithm::sha512;
  return std::nullopt;
}

Buffer hash_of_key(const crypto::Provider& provider, x509::DigestAlgorithm digest, const Certificate& one) {
  const auto key = x509::parse_public_key_info(one.view().public_key_info);
  return key ? provider.digest(digest, key->key_bits) : Buffer();
}

class Reading {
 public:
  Reading(const crypto::Provider& provider, const OcspQuestion& question, const OcspSettings& settings,
          const validate::AlgorithmRules& algorithms, const CheckResponder& check_responder)
      : provider_(provider),
        question_(question),
        settings_(settings),
        algorithms_(algorithms),
        check_responder_(check_responder) {}

  OcspReading run(Bytes der) {
    const auto response = x509::parse_ocsp_response(der);
    if (!response) return unusable(response.error().summary());
    if (response->status != x509::OcspResponseStatus::successful)
      return fault(FindingId::ocsp_refused, {{"status", std::string(x509::to_string(response->status))}});
    if (const Status nonce = check_nonce(*response); !nonce) return unusable(nonce.error().summary());
    const x509::OcspSingleResponse* single = find(*response);
    if (single == nullptr) return unusable("it is about another certificate");
    Time good_until = Time::max();
    if (const Status times = check_times(*single, good_until); !times)
      return unusable(times.error().summary());
    // The dearest comes last: nothing is computed for an answer that is not wanted anyway.
    if (const Status signer = check_signer(*response, good_until); !signer)
      return unusable(signer.error().summary());
    if (single->status == x509::OcspCertStatus::unknown) return fault(FindingId::ocsp_unknown, {});
    OcspReading out;
    out.answer = OcspAnswer{single->status == x509::OcspCertStatus::revoked,
                            single->reason,
                            single->revoked_at,
                            single->this_update,
                            single->next_update,
                            good_until};
    return out;
  }

 private:
  OcspReading fault(FindingId id, std::vector<Finding::Parameter> parameters) const {
    parameters.insert(parameters.begin(), {"uri", question_.url.empty() ? "the peer" : question_.url});
    return {std::nullopt, Finding{id, validate::kWholePath, std::move(parameters)}};
  }
  OcspReading unusable(std::string reason) const {
    return fault(FindingId::ocsp_unusable, {{"reason", std::move(reason)}});
  }

  // RFC 9654: another nonce than the one that was sent is somebody else's answer. None at all comes from
  // responders that sign ahead (RFC 5019 4).
  Status check_nonce(const x509::OcspResponseView& response) const {
    if (!question_.nonce) return ok();
    const auto nonce = response.nonce();
    if (!nonce && settings_.need_nonce) return make_error(Errc::denied, "it has no nonce");
    if (nonce && !equal(*nonce, *question_.nonce)) return make_error(Errc::denied, "its nonce is another");
    return ok();
  }

  const x509::OcspSingleResponse* find(const x509::OcspResponseView& response) const {
    const auto found = std::ranges::find_if(
        response.responses, [&](const x509::OcspSingleResponse& one) { return is_about(one.id); });
    return found == response.responses.end() ? nullptr : &*found;
  }
  bool is_about(const x509::CertId& id) const {
    if (!equal(x509::serial_octets(id.serial), x509::serial_octets(question_.certificate.view().serial)))
      return false;
    const auto digest = digest_of(id.hash_algorithm);
    return digest &&
           equal(id.issuer_name_hash, provider_.digest(*digest, question_.certificate.view().issuer)) &&
           equal(id.issuer_key_hash, hash_of_key(provider_, *digest, *question_.issuer));
  }

  Status check_times(const x509::OcspSingleResponse& single, Time& good_until) const {
    if (single.this_update > question_.now + settings_.skew)
      return make_error(Errc::denied, "it is of {}, which has not come yet", format_time(single.this_update));
    good_until = single.next_update.value_or(single.this_update + settings_.age_without_end);
    if (single.next_update && *single.next_update < single.this_update)
      return make_error(Errc::malformed, "it ends before it begins");
    if (good_until + settings_.skew <= question_.now)
      return make_error(Errc::denied, "it was good until {}", format_time(good_until));
    return ok();
  }

  bool is_responder(const x509::OcspResponseView& response, const Certificate& one) const {
    if (response.responder_name.empty())
      return equal(response.responder_key_hash, hash_of_key(provider_, x509::DigestAlgorithm::sha1, one));
    const auto name = x509::parse_name(response.responder_name);
    return name && x509::comparison_key(*name) == one.subject_key();
  }

  Status verify(const x509::OcspResponseView& response, const CertificatePtr& signer) const {
    (void)TRY(validate::accepted_algorithm(response.signature_algorithm, algorithms_));
    if (validate::check_signature(provider_, {&signer, 1}, response.signature_algorithm, response.tbs,
                                  response.signature) != validate::SignatureVerdict::fits)
      return make_error(Errc::denied, "its signature does not fit the key of '{}'", signer->subject_text());
    return ok();
  }

  // RFC 6960 4.2.2.2: the CA itself, or whom this very key of it has appointed.
  Status check_signer(const x509::OcspResponseView& response, Time& good_until) const {
    if (is_responder(response, *question_.issuer)) {
      const Status fits = verify(response, question_.issuer);
      if (fits || response.certificates.empty()) return fits;
    }
    Status last = make_error(Errc::denied, "it does not bring the certificate of whoever signed it");
    std::size_t looked_at = 0;
    for (const Bytes der : response.certificates) {
      if (++looked_at > kMaxCertificates) break;
      const auto responder = Certificate::parse(provider_, der);
      if (!responder || !is_responder(response, **responder)) continue;
      last = check_delegate(*responder);
      if (last) last = verify(response, *responder);
      if (!last) continue;
      good_until = std::min(good_until, (*responder)->view().not_after);
      return ok();
    }
    return last;
  }

  Status check_delegate(const CertificatePtr& responder) const {
    const auto& view = responder->view();
    if (responder->issuer_key() != question_.issuer->subject_key())
      return make_error(Errc::denied, "the CA did not issue the responder's certificate");
    (void)TRY(validate::accepted_algorithm(view.signature_algorithm, algorithms_));
    if (validate::check_signature(provider_, {&question_.issuer, 1}, view.signature_algorithm, view.tbs,
                                  view.signature) != validate::SignatureVerdict::fits)
      return make_error(Errc::denied, "the responder's certificate is not signed by the CA's key");
    const auto& purposes = responder->extended_key_usage;
    if (!purposes || std::ranges::find(*purposes, oid::kOcspSigning) == purposes->end())
      return make_error(Errc::denied, "the responder's certificate is not for OCSP signing");
    if (!responder->allows(x509::digital_signature) && !responder->allows(x509::content_commitment))
      return make_error(Errc::denied, "the responder's key is not for signatures");
    if (!responder->unknown_critical.empty())
      return make_error(Errc::unsupported, "the responder's certificate has a critical extension {}",
                        x509::describe(responder->unknown_critical.front()));
    if (question_.now < view.not_before || question_.now > view.not_after)
      return make_error(Errc::denied, "the responder's certificate is valid from {} to {}",
                        format_time(view.not_before), format_time(view.not_after));
    if (view.find(oid::kOcspNoCheck) != nullptr || !check_responder_) return ok();
    return check_responder_(responder);
  }

  const crypto::Provider& provider_;
  const OcspQuestion& question_;
  const OcspSettings& settings_;
  const validate::AlgorithmRules& algorithms_;
  const CheckResponder& check_responder_;
};

}  // namespace

OcspReading read_ocsp_answer(const crypto::Provider& provider, Bytes der, const OcspQuestion& question,
                             const OcspSettings& settings, const validate::AlgorithmRules& algorithms,
                             const CheckResponder& check_responder) {
  return Reading(provider, question, settings, algorithms, check_responder).run(der);
}

Buffer make_ocsp_request(const crypto::Provider& provider, const OcspQuestion& question) {
  const Buffer name = provider.digest(x509::DigestAlgorithm::sha1, question.certificate.view().issuer);
  const Buffer key = hash_of_key(provider, x509::DigestAlgorithm::sha1, *question.issuer);
  x509::OcspRequestFields fields;
  fields.items.push_back({name, key, x509::serial_octets(question.certificate.view().serial)});
  fields.nonce = question.nonce;
  return x509::encode_ocsp_request(fields);
}

std::vector<std::string> ocsp_urls_of(const validate::Certificate& certificate) {
  std::vector<std::string> out;
  const auto* extension = certificate.view().find(oid::kAuthorityInfoAccess);
  if (extension == nullptr) return out;
  const auto access = x509::parse_info_access(extension->value);
  if (!access) return out;
  for (const x509::AccessDescription& one : *access) {
    if (one.method != oid::kAdOcsp || one.location.type != x509::GeneralNameType::uri) continue;
    const std::string_view url = as_text(one.location.value);
    if (out.size() < kMaxUrls && (url.starts_with("http://") || url.starts_with("https://")))
      out.emplace_back(url);
  }
  return out;
}

}  // namespace vouch::relying
