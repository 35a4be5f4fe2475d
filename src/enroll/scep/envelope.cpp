#include "enroll/scep/envelope.hpp"

namespace vouch::enroll::scep {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

struct Addressee {
  const DecryptionKey* key = nullptr;
  const cms::RecipientView* recipient = nullptr;
};

Result<Addressee> find_addressee(const cms::EnvelopedDataView& message, std::span<const DecryptionKey> keys) {
  for (const DecryptionKey& key : keys) {
    const x509::CertificateView certificate = TRY(x509::parse_certificate(key.certificate));
    if (const cms::RecipientView* recipient = cms::find_recipient(message, certificate))
      return Addressee{&key, recipient};
  }
  return make_error(Errc::not_found,
                    "the message is encrypted for a certificate that is none of this service's")
      .with_hint("have the device fetch the certificates again (GetCACert)");
}

Result<Bytes> read_name(Reader& fields) {
  const Bytes name = TRY(fields.expect_tlv(Tag::sequence)).whole;
  (void)TRY(x509::parse_name(name));
  return name;
}

}  // namespace

Result<OpenedEnvelope> open_envelope(const crypto::Provider& provider, Bytes enveloped,
                                     std::span<const DecryptionKey> keys, const Floor& floor) {
  // It lies in an OCTET STRING, so that nobody has turned it into DER yet.
  const Buffer der = TRY(cms::to_der(enveloped));
  const cms::EnvelopedDataView message = TRY(cms::parse_enveloped_data(der));
  OpenedEnvelope out;
  out.cipher = TRY(cms::content_cipher_of(message));
  TRY(check_cipher(floor, out.cipher));
  const Addressee addressee = TRY(find_addressee(message, keys));
  out.transport = TRY(cms::key_transport_of(*addressee.recipient));
  // The floor has judged the cipher.
  out.content = TRY(cms::open_enveloped_data(provider, message, *addressee.key->key,
                                             addressee.key->certificate, cms::BrokenCiphers::accept));
  return out;
}

Result<IssuerAndSubject> parse_issuer_and_subject(Bytes der) {
  Reader outer(der);
  Reader fields = TRY(outer.expect_sequence());
  TRY(outer.finish());
  IssuerAndSubject out;
  out.issuer = TRY(read_name(fields).context("reading the issuer"));
  out.subject = TRY(read_name(fields).context("reading the subject"));
  TRY(fields.finish());
  return out;
}

Buffer encode_issuer_and_subject(const IssuerAndSubject& value) {
  Writer out;
  out.sequence([&] {
    out.raw(value.issuer);
    out.raw(value.subject);
  });
  return std::move(out).take();
}

Result<cms::Identifier> parse_issuer_and_serial(Bytes der) {
  Reader reader(der);
  cms::Identifier out = TRY(cms::read_identifier(reader));
  TRY(reader.finish());
  if (!out.key_identifier.empty())
    return make_error(Errc::malformed, "a key identifier in place of issuer and serial");
  return out;
}

Buffer encode_issuer_and_serial(const cms::Identifier& value) {
  Writer out;
  cms::write_identifier(out, value);
  return std::move(out).take();
}

}  // namespace vouch::enroll::scep
