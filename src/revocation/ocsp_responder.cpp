#include "revocation/ocsp_responder.hpp"

#include <algorithm>

#include "x509/certificate.hpp"

namespace vouch::revocation {
namespace {

using x509::OcspCertStatus, x509::OcspResponseStatus;

// A request holds up to 256 certificates of some hundred octets each.
constexpr std::size_t kMaxRequest = 64 << 10;

OcspAnswer failure(OcspResponseStatus status) {
  OcspAnswer answer;
  answer.der = x509::encode_ocsp_error(status);
  answer.status = status;
  return answer;
}

// RFC 6960 2.2: "revoked" for a certificate that was never issued.
CertificateStatus never_issued() {
  return {OcspCertStatus::revoked, Time{}, x509::CrlReason::certificate_hold};
}

// Extensions that a client insists on (4.1.2) and that are not understood here.
bool insists_on_unknown(const std::vector<x509::ExtensionView>& extensions) {
  return std::ranges::any_of(extensions, [](const x509::ExtensionView& extension) {
    return extension.critical && extension.id != x509::oid::kOcspNonce;
  });
}

}  // namespace

OcspAnswer OcspResponder::respond(Bytes request, Error* trouble) const {
  if (request.size() > kMaxRequest) return failure(OcspResponseStatus::malformed_request);
  const auto view = x509::parse_ocsp_request(request);
  if (!view || insists_on_unknown(view->extensions)) return failure(OcspResponseStatus::malformed_request);
  auto given = answer(*view);
  if (given) return std::move(*given);
  if (trouble != nullptr) *trouble = given.error();
  return failure(OcspResponseStatus::try_later);
}

Result<OcspAnswer> OcspResponder::answer(const x509::OcspRequestView& request) const {
  OcspAnswer out;
  // Before the status: a change in between then shows as a newer epoch.
  out.epoch = TRY(source_.epoch());
  out.issuers = source_.issuers();
  const OcspIssuer* issuer = issuer_of(*out.issuers, request);
  if (issuer == nullptr) return failure(OcspResponseStatus::unauthorized);
  const Time now = clock_.now();
  if (!issuer->signer || now >= issuer->until)
    return make_error(Errc::unavailable, "nobody can sign OCSP answers for CA '{}'", issuer->ca)
        .with_hint("the health of the service says what keeps it from having a certificate for that");
  out.validity = TRY(source_.validity(*issuer, now));
  out.validity.next_update = std::min(out.validity.next_update, issuer->until);

  const x509::OcspResponseFields fields = TRY(what_to_say(request, *issuer, now, out));
  const auto ready = this->ready(request, *issuer, out, now);
  if (!ready || !ready->statement.validity.is_fresh(now)) {
    const Status done = sign(*issuer, fields, out);
    if (done) return out;
    if (!ready) return done.error();  // otherwise: the key is out of reach, and this is still valid
  }
  take_ready(*issuer, fields.items.front().cert_id, *ready, out);
  return out;
}

Result<x509::OcspResponseFields> OcspResponder::what_to_say(const x509::OcspRequestView& request,
                                                            const OcspIssuer& issuer, Time now,
                                                            OcspAnswer& out) const {
  x509::OcspResponseFields fields;
  fields.responder_key_hash = issuer.responder_key_hash;
  fields.produced_at = now;
  if (const auto nonce = request.nonce()) fields.nonce = to_buffer(*nonce);
  for (const x509::OcspSingleRequest& single : request.requests) {
    out.serial = to_buffer(x509::serial_octets(single.id.serial));
    out.about = TRY(source_.status(issuer, out.serial));
    CertificateStatus said = out.about;
    if (said.status == OcspCertStatus::unknown && settings_.never_issued == NeverIssued::revoked) {
      said = never_issued();
      fields.extended_revoke = true;
    }
    fields.items.push_back({.cert_id = single.id.whole,
                            .status = said.status,
                            .revoked_at = said.revoked_at,
                            .reason = said.reason,
                            .this_update = out.validity.this_update,
                            .next_update = out.validity.next_update});
  }
  out.status = OcspResponseStatus::successful;
  out.issuer = static_cast<std::size_t>(&issuer - out.issuers->data());
  out.cacheable =
      request.requests.size() == 1 && !fields.nonce && out.about.status != OcspCertStatus::unknown;
  return fields;
}

Status OcspResponder::sign(const OcspIssuer& issuer, const x509::OcspResponseFields& fields,
                           OcspAnswer& out) {
  const Buffer tbs = x509::encode_ocsp_response_data(fields);
  const Buffer signature =
      TRY(issuer.signer->sign(tbs).context("signing an OCSP answer for CA '{}'", issuer.ca));
  out.der = statement_answer(issuer, tbs, signature);
  return ok();
}

std::optional<SignedAhead::Item> OcspResponder::ready(const x509::OcspRequestView& request,
                                                      const OcspIssuer& issuer, const OcspAnswer& out,
                                                      Time now) const {
  if (settings_.ahead == nullptr || !out.cacheable) return std::nullopt;
  auto item = settings_.ahead->find(issuer, out.serial);
  if (!item || item->statement.about != out.about || now >= item->statement.validity.next_update)
    return std::nullopt;
  // What was signed has the CertID in it: it has to be the very one that is asked about.
  if (!equal(lightweight_cert_id(provider_, issuer, out.serial), request.requests.front().id.whole))
    return std::nullopt;
  return item;
}

void OcspResponder::take_ready(const OcspIssuer& issuer, Bytes cert_id, const SignedAhead::Item& ready,
                               OcspAnswer& out) {
  out.validity = ready.statement.validity;
  out.signed_ahead = true;
  out.der = statement_answer(issuer, statement_data(issuer, cert_id, ready.statement), ready.signature);
}

Result<bool> OcspResponder::still_holds(const OcspAnswer& answer) const {
  return TRY(source_.status((*answer.issuers)[answer.issuer], answer.serial)) == answer.about;
}

const OcspIssuer* OcspResponder::issuer_of(const OcspIssuers& issuers,
                                           const x509::OcspRequestView& request) const {
  const auto found = std::ranges::find_if(
      issuers, [&](const OcspIssuer& issuer) { return is_about(issuer, request.requests.front().id); });
  if (found == issuers.end()) return nullptr;
  // One signature covers them all, and a delegated responder speaks for one issuer only (4.2.2.2).
  const bool all = std::ranges::all_of(
      request.requests, [&](const x509::OcspSingleRequest& single) { return is_about(*found, single.id); });
  return all ? &*found : nullptr;
}

bool OcspResponder::is_about(const OcspIssuer& issuer, const x509::CertId& id) const {
  constexpr std::pair<const x509::Oid&, x509::DigestAlgorithm> kDigests[] = {
      {x509::oid::kSha1, x509::DigestAlgorithm::sha1},
      {x509::oid::kSha256, x509::DigestAlgorithm::sha256},
      {x509::oid::kSha384, x509::DigestAlgorithm::sha384},
      {x509::oid::kSha512, x509::DigestAlgorithm::sha512}};
  for (const auto& [oid, digest] : kDigests) {
    if (id.hash_algorithm.algorithm != oid) continue;
    return equal(provider_.digest(digest, issuer.key_bits), id.issuer_key_hash) &&
           equal(provider_.digest(digest, issuer.subject), id.issuer_name_hash);
  }
  return false;
}

}  // namespace vouch::revocation
