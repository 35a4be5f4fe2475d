#pragma once
// The outer half of a SCEP message (RFC 8894 3.2): SignedData with one signer and SCEP's attributes. What is
// inside it stands in envelope.hpp.

#include "cms/signed_data.hpp"
#include "enroll/scep/attributes.hpp"

namespace vouch::enroll::scep {

// A message as it came. The views point into `der`; it moves, and does not copy.
struct PkiMessage {
  Buffer der;
  cms::SignedDataView signed_data;
  MessageAttributes attributes;
  Status attributes_status = ok();  // what is wrong with the attributes
  std::optional<crypto::DigestAlgorithm> digest;

  PkiMessage() = default;
  PkiMessage(PkiMessage&&) = default;
  PkiMessage& operator=(PkiMessage&&) = default;
  PkiMessage(const PkiMessage&) = delete;
  PkiMessage& operator=(const PkiMessage&) = delete;
  ~PkiMessage() = default;

  const cms::SignerInfoView& signer() const { return signed_data.signers.front(); }
  Bytes content() const { return signed_data.content.value_or(Bytes()); }
};

constexpr std::size_t kMaxMessage = std::size_t{1} << 20;

// BER or DER of a ContentInfo with SignedData and exactly one signer, who signed attributes. Nothing is
// verified. `malformed`, `limit_exceeded`, or `not_found` for another content type.
Result<PkiMessage> read_pki_message(Bytes ber);

struct VerifiedSigner {
  Bytes certificate;  // whole DER, within the message or the candidates
  crypto::SignatureAlgorithm algorithm{};
};
// The signature, by the certificate that the message carries for its signer (self-signed or issued: who is
// trusted is not asked), or by one of `candidates`. `not_found`: there is none; `denied`: something does not
// fit.
Result<VerifiedSigner> verify_pki_message(const crypto::Provider& provider, const PkiMessage& message,
                                          std::span<const Buffer> candidates = {},
                                          cms::Md5 md5 = cms::Md5::refuse);

struct PkiMessageInput {
  MessageAttributes attributes;
  Bytes content;
  const crypto::Signer* signer = nullptr;
  Bytes signer_certificate;
  std::vector<Bytes> certificates;  // that travel with it
};
// SignedData in the form that the oldest clients read: version 1, signer by issuer and serial,
// `rsaEncryption` as the signature algorithm of RSA, the content always there.
Result<Buffer> encode_pki_message(const crypto::Provider& provider, const PkiMessageInput& input);

}  // namespace vouch::enroll::scep
