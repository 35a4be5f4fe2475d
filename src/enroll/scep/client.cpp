#include "enroll/scep/client.hpp"

#include <algorithm>

#include "x509/request.hpp"

namespace vouch::enroll::scep {
namespace {

using asn1::Tag, asn1::Writer;

bool has_rsa_key(const x509::CertificateView& certificate) {
  const auto key = x509::parse_public_key_info(certificate.public_key_info);
  return key && key->type == x509::KeyType::rsa;
}

bool may_encrypt(const x509::CertificateView& certificate) {
  if (!has_rsa_key(certificate)) return false;
  const x509::ExtensionView* usage = certificate.find(x509::oid::kKeyUsage);
  return usage == nullptr ||
         (x509::parse_key_usage(usage->value).value_or(std::uint16_t{0}) & x509::key_encipherment) != 0;
}

bool is_ca(const x509::CertificateView& certificate) {
  const x509::ExtensionView* constraints = certificate.find(x509::oid::kBasicConstraints);
  if (constraints == nullptr) return false;
  const auto value = x509::parse_basic_constraints(constraints->value);
  return value && value->ca;
}

Status check_answer(const MessageAttributes& attributes, const Expected& expected) {
  if (attributes.type != MessageType::cert_rep)
    return make_error(Errc::malformed, "the answer is no CertRep");
  if (attributes.transaction != expected.transaction)
    return make_error(Errc::denied, "the answer belongs to another transaction");
  if (!equal(attributes.recipient_nonce, expected.nonce))
    return make_error(Errc::denied,
                      "the answer's recipientNonce is not the nonce that was sent: it may be an old answer");
  if (!attributes.status) return make_error(Errc::malformed, "the answer has no pkiStatus");
  return ok();
}

Result<Buffer> open_answer(const crypto::Provider& provider, const ClientIdentity& identity, Bytes enveloped,
                           std::string_view password) {
  const Buffer der = TRY(cms::to_der(enveloped));
  const cms::EnvelopedDataView envelope = TRY(cms::parse_enveloped_data(der));
  if (identity.decrypter)
    return cms::open_enveloped_data(provider, envelope, *identity.decrypter, identity.certificate,
                                    cms::BrokenCiphers::accept);
  return cms::open_enveloped_data(provider, envelope, password, cms::BrokenCiphers::accept);
}

}  // namespace

Result<Buffer> make_self_signed(const crypto::Provider& provider, const crypto::Signer& signer, Bytes subject,
                                Time now) {
  const x509::TbsTemplate encoder(
      signer.algorithm(), subject,
      {x509::make_extension(x509::oid::kKeyUsage, true,
                            x509::encode_key_usage(x509::digital_signature | x509::key_encipherment))});
  Buffer serial(16);
  provider.random(serial);
  serial.front() = 0x01;
  const Buffer tbs = encoder.fill({serial,
                                   now - std::chrono::hours(1),
                                   now + std::chrono::days(2),
                                   subject,
                                   signer.public_key_info(),
                                   {}});
  return x509::encode_certificate(tbs, x509::encode(signer.algorithm()), TRY(signer.sign(tbs)));
}

TransactionId transaction_id_of(const crypto::Provider& provider, Bytes public_key_info) {
  return {Tag::printable_string, to_hex(provider.digest(crypto::DigestAlgorithm::sha256, public_key_info))};
}

Result<Buffer> make_certification_request(const crypto::Signer& signer,
                                          const CertificationRequestInput& input) {
  x509::RequestFields fields{input.subject, signer.public_key_info(), input.extensions, {}};
  if (!input.challenge.empty()) {
    Writer value;
    value.string(x509::is_printable_string(input.challenge) ? Tag::printable_string : Tag::utf8_string,
                 input.challenge);
    fields.attributes.emplace_back(x509::oid::kChallengePassword, std::move(value).take());
  }
  const Buffer info = x509::encode_request_info(fields);
  return x509::encode_request(info, x509::encode(signer.algorithm()), TRY(signer.sign(info)));
}

Result<MadeRequest> make_request(const crypto::Provider& provider, const ClientIdentity& identity,
                                 const RequestInput& input) {
  const x509::CertificateView recipient = TRY(x509::parse_certificate(input.recipient));
  const cms::RecipientInput to{cms::identifier_of(recipient), recipient.public_key_info, input.transport};
  const Buffer envelope = TRY(cms::encode_enveloped_data(
      provider, {.content = input.content, .cipher = input.cipher}, std::span(&to, 1)));
  MadeRequest out;
  out.nonce.resize(kNonceSize);
  provider.random(out.nonce);
  PkiMessageInput message;
  message.attributes.type = input.type;
  message.attributes.transaction = input.transaction;
  message.attributes.sender_nonce = out.nonce;
  message.content = envelope;
  message.signer = identity.signer.get();
  message.signer_certificate = identity.certificate;
  message.certificates = {identity.certificate};
  out.message = TRY(encode_pki_message(provider, message));
  return out;
}

Result<ServiceCertificates> read_service_certificates(Bytes body) {
  ServiceCertificates out;
  if (cms::looks_like_content_info(body))
    out.all = TRY(cms::certificates_of(body));
  else
    out.all.push_back(to_buffer(body));
  Buffer any;
  for (const Buffer& der : out.all) {
    const x509::CertificateView certificate =
        TRY(x509::parse_certificate(der).context("reading a certificate of GetCACert"));
    if (is_ca(certificate)) {
      if (out.ca.empty()) out.ca = der;
      // RFC 8894 2.1.2 wants keyEncipherment of a CA that is sent messages; micromdm's does without.
      if (any.empty() && has_rsa_key(certificate)) any = der;
    } else if (out.encryption.empty() && may_encrypt(certificate)) {
      out.encryption = der;
    }
  }
  if (out.encryption.empty()) out.encryption = std::move(any);
  if (out.ca.empty()) return make_error(Errc::malformed, "GetCACert gave no CA certificate");
  if (out.encryption.empty())
    return make_error(Errc::unsupported,
                      "GetCACert gave no RSA certificate that messages can be encrypted for");
  return out;
}

Result<CertRep> read_cert_rep(const crypto::Provider& provider, const ClientIdentity& identity, Bytes message,
                              const Expected& expected) {
  PkiMessage reply = TRY(read_pki_message(message));
  TRY(std::move(reply.attributes_status));
  const VerifiedSigner signer = TRY(verify_pki_message(provider, reply, expected.signers));
  if (std::ranges::none_of(expected.signers,
                           [&](const Buffer& one) { return equal(one, signer.certificate); }))
    return make_error(Errc::denied, "the answer is not signed by one of the service's certificates");
  TRY(check_answer(reply.attributes, expected));
  CertRep out;
  out.attributes = std::move(reply.attributes);
  if (out.attributes.status != PkiStatus::success) return out;
  const Buffer content = TRY(open_answer(provider, identity, reply.content(), expected.password));
  const Buffer der = TRY(cms::to_der(content));
  const cms::SignedDataView list = TRY(cms::parse_signed_data(der));
  for (const Bytes certificate : list.certificates) out.certificates.push_back(to_buffer(certificate));
  for (const Bytes crl : list.crls) out.crls.push_back(to_buffer(crl));
  if (out.certificates.empty() && out.crls.empty())
    return make_error(Errc::malformed, "the answer says SUCCESS and holds no certificate and no CRL");
  return out;
}

}  // namespace vouch::enroll::scep
