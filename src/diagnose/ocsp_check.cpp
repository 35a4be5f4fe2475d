#include "diagnose/ocsp_check.hpp"

#include <algorithm>

#include "x509/ocsp.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::size_t kNonce = 16;  // octets; RFC 9654 wants at least that many taken
constexpr std::string_view kNotAppointed =
    "give the responder a certificate that this key of the CA has signed: vouch serve has one issued and "
    "renewed by itself";
constexpr std::string_view kWhichResponder =
    "does the URL lead to this CA's responder? vouch location list --aia shows it; another may stand behind "
    "the same name";

class OcspCheck {
 public:
  OcspCheck(const crypto::Provider& provider, const Place& place, const OcspQuestion& question,
            const x509::OcspResponseView& answer, Time now)
      : provider_(provider), place_(place), question_(question), answer_(answer), now_(now) {}

  Judged run() {
    if (auto found = check_signature()) return {.judgement = *found};
    if (auto found = check_nonce()) return {.judgement = *found};
    const auto single = std::ranges::find_if(
        answer_.responses, [&](const x509::OcspSingleResponse& r) { return is_about(r.id); });
    if (single == answer_.responses.end())
      return not_matching("it answers about another certificate than it was asked about",
                          std::string(kWhichResponder));
    Judged judged;
    judged.expires = single->next_update;
    judged.judgement = check_times(*single).value_or(check_status(*single).value_or(Judgement{}));
    return judged;
  }

 private:
  using Finding = std::optional<Judgement>;

  Finding mismatch(std::string cause, std::string_view mend) const {
    return Judgement{Verdict::not_matching, std::move(cause), std::string(mend)};
  }

  // Signed by the CA itself, or by whom it appointed.
  Finding check_signature() {
    const auto issuer = x509::parse_certificate(place_.issuers.front().der);
    const auto algorithm = x509::parse_signature_algorithm(answer_.signature_algorithm);
    if (!issuer || !algorithm) return mismatch("its signature algorithm cannot be read", kWhichResponder);
    if (is_responder(*issuer)) return verify(*issuer, *algorithm);
    for (const Bytes der : answer_.certificates) {
      const auto responder = x509::parse_certificate(der);
      if (!responder || !is_responder(*responder)) continue;
      if (auto found = check_responder(*issuer, *responder)) return found;
      return verify(*responder, *algorithm);
    }
    return mismatch("it does not bring the certificate of whoever signed it", kNotAppointed);
  }

  bool is_responder(const x509::CertificateView& certificate) const {
    if (!answer_.responder_name.empty()) return equal(answer_.responder_name, certificate.subject);
    const auto hash = crypto::key_identifier(provider_, certificate.public_key_info);
    return hash && equal(answer_.responder_key_hash, *hash);
  }

  Finding verify(const x509::CertificateView& signer, x509::SignatureAlgorithm algorithm) const {
    if (provider_.verify(signer.public_key_info, algorithm, answer_.tbs, answer_.signature))
      return std::nullopt;
    return mismatch("its signature does not verify", kWhichResponder);
  }

  // RFC 6960 4.2.2.2: issued by the very key that it speaks for, for this purpose, and valid.
  Finding check_responder(const x509::CertificateView& issuer, const x509::CertificateView& responder) const {
    const auto algorithm = x509::parse_signature_algorithm(responder.signature_algorithm);
    if (!equal(responder.issuer, issuer.subject) || !algorithm ||
        !provider_.verify(issuer.public_key_info, *algorithm, responder.tbs, responder.signature))
      return mismatch("whoever signed it has no certificate from this key of the CA", kNotAppointed);
    const auto* purposes = responder.find(x509::oid::kExtendedKeyUsage);
    const auto list = purposes ? x509::parse_extended_key_usage(purposes->value)
                               : Result<std::vector<x509::Oid>>(std::vector<x509::Oid>());
    if (!list || std::ranges::find(*list, x509::oid::kOcspSigning) == list->end())
      return mismatch("the certificate of whoever signed it is not for OCSP signing", kNotAppointed);
    if (responder.not_after < now_ || responder.not_before > now_ + kClockSkew)
      return Judgement{Verdict::expired,
                       fmt::format("the responder's certificate is valid from {} to {}",
                                   format_time(responder.not_before), format_time(responder.not_after)),
                       std::string(kNotAppointed)};
    return std::nullopt;
  }

  // An answer that was made ahead has none (RFC 5019 4); another than the one that was sent is a replay.
  Finding check_nonce() const {
    const auto nonce = answer_.nonce();
    if (!nonce || equal(*nonce, question_.nonce)) return std::nullopt;
    return mismatch("it has another nonce than the request: it is the answer to somebody else",
                    "a cache in between must not keep answers to POST");
  }

  bool is_about(const x509::CertId& id) const {
    return equal(id.issuer_name_hash, question_.name_hash) && equal(id.issuer_key_hash, question_.key_hash) &&
           equal(x509::serial_octets(id.serial), question_.serial);
  }

  Finding check_times(const x509::OcspSingleResponse& single) const {
    if (single.next_update && *single.next_update < now_)
      return Judgement{Verdict::expired,
                       fmt::format("its answer was good until {}", format_time(*single.next_update)),
                       "the responder gives out old answers: look into its log"};
    if (single.this_update > now_ + kClockSkew)
      return mismatch(
          fmt::format("its answer is of {}, which has not come yet", format_time(single.this_update)),
          "one of the clocks is wrong");
    return std::nullopt;
  }

  Finding check_status(const x509::OcspSingleResponse& single) const {
    const bool is_revoked = single.status == x509::OcspCertStatus::revoked;
    const std::string serial = to_hex(question_.serial);
    if (single.status == x509::OcspCertStatus::unknown)
      return mismatch(fmt::format("it does not know certificate {}, which this CA has issued", serial),
                      kWhichResponder);
    if (!place_.revoked || *place_.revoked == is_revoked) return std::nullopt;
    return mismatch(fmt::format("it says that certificate {} is {}, and it is {}", serial,
                                is_revoked ? "revoked" : "good", is_revoked ? "good" : "revoked"),
                    "a responder that works from a CRL learns of it with the next one: vouch crl publish");
  }

  const crypto::Provider& provider_;
  const Place& place_;
  const OcspQuestion& question_;
  const x509::OcspResponseView& answer_;
  const Time now_;
};

}  // namespace

Result<OcspQuestion> make_question(const crypto::Provider& provider, const Place& place) {
  const auto issuer = TRY(x509::parse_certificate(place.issuers.front().der));
  const auto key = TRY(x509::parse_public_key_info(issuer.public_key_info));
  const auto certificate = TRY(x509::parse_certificate(place.question));
  OcspQuestion question;
  // SHA-1 is what every responder takes (RFC 5019 2.1.1); nothing rests on it.
  question.name_hash = provider.digest(crypto::DigestAlgorithm::sha1, issuer.subject);
  question.key_hash = provider.digest(crypto::DigestAlgorithm::sha1, key.key_bits);
  question.serial = to_buffer(x509::serial_octets(certificate.serial));
  question.nonce.resize(kNonce);
  provider.random(question.nonce);
  x509::OcspRequestFields fields;
  fields.items.push_back({question.name_hash, question.key_hash, question.serial});
  fields.nonce = question.nonce;
  question.request = x509::encode_ocsp_request(fields);
  return question;
}

Judged judge_ocsp(const crypto::Provider& provider, const Place& place, const OcspQuestion& question,
                  Bytes body, Time now) {
  const auto answer = x509::parse_ocsp_response(body);
  if (!answer)
    return not_matching(fmt::format("what it answers is no OCSP response: {}", answer.error().message()),
                        std::string(kWhichResponder));
  if (answer->status != x509::OcspResponseStatus::successful)
    return not_matching(fmt::format("it answers {}", x509::to_string(answer->status)),
                        answer->status == x509::OcspResponseStatus::unauthorized
                            ? std::string(kWhichResponder)
                            : std::string("look into the responder's log, and at /readyz of vouch serve"));
  return OcspCheck(provider, place, question, *answer, now).run();
}

}  // namespace vouch::diagnose
