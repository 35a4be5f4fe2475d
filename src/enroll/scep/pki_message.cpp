#include "enroll/scep/pki_message.hpp"

namespace vouch::enroll::scep {

Result<PkiMessage> read_pki_message(Bytes ber) {
  PkiMessage message;
  message.der = TRY(cms::to_der(ber, {.octets = kMaxMessage, .depth = 32}).context("reading a SCEP message"));
  message.signed_data = TRY(cms::parse_signed_data(message.der).context("reading a SCEP message"));
  if (message.signed_data.signers.size() != 1)
    return make_error(Errc::malformed, "a SCEP message has one signer, this one has {}",
                      message.signed_data.signers.size());
  const cms::SignerInfoView& signer = message.signer();
  if (signer.signed_attributes.empty())
    return make_error(Errc::malformed, "a SCEP message without signed attributes (RFC 8894 3.2.1)");
  ReadAttributes read = read_message_attributes(signer.signed_attributes);
  message.attributes = std::move(read.attributes);
  message.attributes_status = std::move(read.status);
  if (auto digest = cms::parse_digest_algorithm(signer.digest_algorithm, cms::Md5::accept))
    message.digest = *digest;
  return message;
}

Result<VerifiedSigner> verify_pki_message(const crypto::Provider& provider, const PkiMessage& message,
                                          std::span<const Buffer> candidates, cms::Md5 md5) {
  cms::VerifyOptions options;
  options.certificates = candidates;
  options.md5 = md5;
  // RFC 8894 3.3.2.2: a reply without a certificate may leave its content out. Its digest is that of nothing.
  options.detached_content = Bytes();
  std::vector<cms::SignerReport> reports = cms::verify_signers(provider, message.signed_data, options);
  cms::SignerReport& report = reports.front();
  TRY(std::move(report.status).context("verifying the signature of a SCEP message"));
  return VerifiedSigner{report.certificate, *report.algorithm};
}

Result<Buffer> encode_pki_message(const crypto::Provider& provider, const PkiMessageInput& input) {
  const x509::CertificateView certificate = TRY(x509::parse_certificate(input.signer_certificate));
  cms::SignerInput signer;
  signer.signer = input.signer;
  signer.identifier = cms::identifier_of(certificate);
  signer.signed_attributes = encode_message_attributes(input.attributes);
  cms::SignedDataInput message;
  message.content = input.content;
  message.certificates = input.certificates;
  return cms::encode_signed_data(provider, message, std::span(&signer, 1));
}

}  // namespace vouch::enroll::scep
