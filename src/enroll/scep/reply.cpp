// CertRep (RFC 8894 3.3.2), protected as the request was.

#include <algorithm>
#include <array>

#include "enroll/scep/operation.hpp"

namespace vouch::enroll::scep {
namespace {

// The content of a reply without a certificate. RFC 8894 3.3.2.2 leaves it out, which certmonger cannot read
// ("no content"); this is what NDES sends.
constexpr std::array<std::uint8_t, 1> kNothing = {0x00};

}  // namespace

// With the digest of the request, where this service signs with it: SHA-1 is read, and answered with
// something better.
const crypto::Signer& PkiOperation::reply_signer(const PkiMessage& message) const {
  for (const auto& signer : keys_.signers) {
    const auto digest = cms::digest_of(signer->algorithm());
    if (digest && message.digest == *digest) return *signer;
  }
  return *keys_.signers.front();
}

// RFC 8894 3.1: encrypted for the certificate that signed the request; where its key cannot receive, with the
// challenge password (3.1, RFC 3211).
Result<Buffer> PkiOperation::encode_content(const Reply& reply) const {
  if (reply.status != PkiStatus::success) return to_buffer(kNothing);
  const std::vector<Bytes> certificates(reply.certificates.begin(), reply.certificates.end());
  const std::vector<Bytes> crls(reply.crls.begin(), reply.crls.end());
  const Buffer content = cms::encode_certificates_only(certificates, crls);
  const cms::EnvelopedDataInput input{.content = content, .cipher = envelope_->cipher};
  if (signer_->can_receive()) {
    const cms::RecipientInput recipient{cms::identifier_of(signer_->certificate),
                                        signer_->certificate.public_key_info, envelope_->transport};
    return cms::encode_enveloped_data(surroundings_.provider, input, std::span(&recipient, 1));
  }
  const cms::PasswordInput password{reply_password_, profile_.password_rounds};
  return cms::encode_enveloped_data(surroundings_.provider, input, {}, std::span(&password, 1));
}

Result<Buffer> PkiOperation::encode(const PkiMessage& message, const Reply& reply) const {
  if (keys_.signers.empty()) return make_error(Errc::unavailable, "there is no key to sign replies with");
  PkiMessageInput out;
  MessageAttributes& attributes = out.attributes;
  attributes.type = MessageType::cert_rep;
  attributes.transaction = message.attributes.transaction;
  attributes.sender_nonce.resize(kNonceSize);
  surroundings_.provider.random(attributes.sender_nonce);
  attributes.recipient_nonce = message.attributes.sender_nonce;
  attributes.status = reply.status;
  if (reply.status == PkiStatus::failure) {
    const FailureRow& failure = row(reply.refusal.failure);
    attributes.fail_info = failure.fail_info;
    attributes.fail_info_text = reply.refusal.text_for_device();
    attributes.hresult = failure.hresult;
  }
  const Buffer content = TRY(encode_content(reply));
  out.content = content;
  out.signer = &reply_signer(message);
  out.signer_certificate = keys_.signing_certificate;
  if (reply.status == PkiStatus::success || !profile_.bare_replies)
    out.certificates = {keys_.signing_certificate};
  return encode_pki_message(surroundings_.provider, out).context("encoding a CertRep");
}

void PkiOperation::report(const PkiMessage& message, const Reply& reply) const {
  if (!surroundings_.report) return;
  Event event;
  event.profile = profile_.name;
  event.client = client_;
  event.transaction = transaction_;
  event.type = message.attributes.type;
  event.status = reply.status;
  event.request = reply.request;
  event.legacy = legacy_;
  if (reply.status == PkiStatus::failure) {
    event.code = reply.refusal.name();
    event.detail = reply.refusal.detail;
    event.expected = reply.refusal.expected;
    event.received = reply.refusal.received;
  }
  surroundings_.report(event);
}

}  // namespace vouch::enroll::scep
