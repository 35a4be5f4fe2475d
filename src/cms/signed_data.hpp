#pragma once
// SignedData (RFC 5652 5): read, verified, made.
//
//   SignedData ::= SEQUENCE {
//     version CMSVersion,
//     digestAlgorithms DigestAlgorithmIdentifiers,
//     encapContentInfo EncapsulatedContentInfo,
//     certificates [0] IMPLICIT CertificateSet OPTIONAL,
//     crls [1] IMPLICIT RevocationInfoChoices OPTIONAL,
//     signerInfos SignerInfos }
//   EncapsulatedContentInfo ::= SEQUENCE {
//     eContentType ContentType,
//     eContent [0] EXPLICIT OCTET STRING OPTIONAL }
//   SignerInfo ::= SEQUENCE {
//     version CMSVersion,
//     sid SignerIdentifier,
//     digestAlgorithm DigestAlgorithmIdentifier,
//     signedAttrs [0] IMPLICIT SignedAttributes OPTIONAL,
//     signatureAlgorithm SignatureAlgorithmIdentifier,
//     signature SignatureValue,
//     unsignedAttrs [1] IMPLICIT UnsignedAttributes OPTIONAL }

#include "cms/content.hpp"

namespace vouch::cms {

struct SignerInfoView {
  Bytes version;  // INTEGER contents, as sent
  Identifier signer;
  AlgorithmIdentifier digest_algorithm;
  Bytes signed_attributes_der;  // [0], whole TLV as it was sent; empty when absent
  std::vector<AttributeView> signed_attributes;
  AlgorithmIdentifier signature_algorithm;
  Bytes signature;
  std::vector<AttributeView> unsigned_attributes;
};

struct SignedDataView {
  Bytes version;  // INTEGER contents, as sent
  std::vector<AlgorithmIdentifier> digest_algorithms;
  Oid content_type;
  std::optional<Bytes> content;     // contents of the OCTET STRING; absent when detached
  std::vector<Bytes> certificates;  // X.509 ones, whole TLVs, not parsed; other kinds are skipped
  std::vector<Bytes> crls;          // X.509 ones, whole TLVs, not parsed
  std::vector<SignerInfoView> signers;
};
// A ContentInfo with SignedData, or `not_found` for another content type.
Result<SignedDataView> parse_signed_data(Bytes der);

// ---- verification
// --------------------------------------------------------------------------------------------

// What became of one signer.
struct SignerReport {
  const SignerInfoView* signer = nullptr;
  // `ok`: digest, attributes and signature fit. `not_found`: no certificate for this signer; `denied`:
  // something does not fit; `unsupported`, `malformed`. Whether the certificate is trusted, valid or meant
  // for this is NOT asked here.
  Status status = ok();
  Bytes certificate;                            // whole DER; empty when none was found
  std::optional<SignatureAlgorithm> algorithm;  // as verified; x509::is_weak says whether to take it
  std::optional<Time> signing_time;             // the signer's own claim
};

struct VerifyOptions {
  std::optional<Bytes> detached_content;  // for messages without content
  std::span<const Buffer> certificates;   // further candidates for signers' certificates
  Md5 md5 = Md5::refuse;
};
// One report for each signer, in order. No signers: an empty list, which is no success.
std::vector<SignerReport> verify_signers(const crypto::Provider& provider, const SignedDataView& message,
                                         const VerifyOptions& options = {});

// One signer against a key that the caller knows, when there is no certificate: requests are signed by the
// key that they ask a certificate for.
Result<SignatureAlgorithm> verify_signer(const crypto::Provider& provider, const SignerInfoView& signer,
                                         const Oid& content_type, Bytes content, Bytes public_key_info,
                                         Md5 md5 = Md5::refuse);

// The value of signing-time (RFC 5652 11.3), when there is one.
Result<std::optional<Time>> signing_time_of(const SignerInfoView& signer);

// ---- making
// --------------------------------------------------------------------------------------------------

struct SignerInput {
  const crypto::Signer* signer = nullptr;
  Identifier identifier;  // identifier_of(certificate), or key_identifier_of
  std::optional<Time> signing_time;
  std::vector<Attribute> signed_attributes;  // beside contentType, messageDigest and signing-time
  std::vector<Attribute> unsigned_attributes;
};

struct SignedDataInput {
  Oid content_type = oid::kData;
  Bytes content;
  bool detached = false;
  std::vector<Bytes> certificates, crls;  // written in this order: clients take the first for the signer's
};
// The whole ContentInfo. Each signer signs contentType and messageDigest.
Result<Buffer> encode_signed_data(const crypto::Provider& provider, const SignedDataInput& input,
                                  std::span<const SignerInput> signers);

// ---- certificates alone (RFC 5652 5.2: "degenerate", .p7b, .p7c)
// ---------------------------------------------

Buffer encode_certificates_only(const std::vector<Bytes>& certificates, const std::vector<Bytes>& crls = {});
// The certificates of a p7b (BER or DER), each a readable X.509 certificate, in their order. None at all is
// `malformed`.
Result<std::vector<Buffer>> certificates_of(Bytes p7b);
// Whether DER or BER starts like a ContentInfo (SEQUENCE, OBJECT IDENTIFIER) rather than a certificate.
bool looks_like_content_info(Bytes octets);

}  // namespace vouch::cms
