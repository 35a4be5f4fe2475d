#include "cms/signed_data.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag;

Error denied(std::string_view what) { return make_error(Errc::denied, "{}", what); }

// signatureAlgorithm names the whole algorithm, or only the kind of key and the digest stands in
// digestAlgorithm: rsaEncryption (RFC 3370 3.2), and id-ecPublicKey, which some clients write.
Result<SignatureAlgorithm> signature_algorithm_of(const SignerInfoView& signer, DigestAlgorithm digest) {
  const AlgorithmIdentifier& identifier = signer.signature_algorithm;
  const bool rsa = identifier.algorithm == x509::oid::kRsaEncryption;
  if (rsa || identifier.algorithm == x509::oid::kEcPublicKey) {
    switch (digest) {
      case DigestAlgorithm::md5:
        if (!rsa) break;
        return SignatureAlgorithm::rsa_pkcs1_md5;
      case DigestAlgorithm::sha1:
        return rsa ? SignatureAlgorithm::rsa_pkcs1_sha1 : SignatureAlgorithm::ecdsa_sha1;
      case DigestAlgorithm::sha256:
        return rsa ? SignatureAlgorithm::rsa_pkcs1_sha256 : SignatureAlgorithm::ecdsa_sha256;
      case DigestAlgorithm::sha384:
        return rsa ? SignatureAlgorithm::rsa_pkcs1_sha384 : SignatureAlgorithm::ecdsa_sha384;
      case DigestAlgorithm::sha512:
        return rsa ? SignatureAlgorithm::rsa_pkcs1_sha512 : SignatureAlgorithm::ecdsa_sha512;
    }
  }
  const SignatureAlgorithm algorithm = TRY(x509::parse_signature_algorithm(identifier));
  // Otherwise the digest over the content could be weaker than the algorithm that is judged.
  if (TRY(digest_of(algorithm)) != digest)
    return denied(fmt::format("the signature algorithm {} does not go with digest {}",
                              x509::to_string(algorithm), x509::to_string(digest)));
  return algorithm;
}

// RFC 5652 5.3, 11.1, 11.2: with signed attributes, contentType and messageDigest must be there and fit.
Status check_attributes(const crypto::Provider& provider, const SignerInfoView& signer,
                        DigestAlgorithm digest, const Oid& content_type, Bytes content) {
  const auto type = TRY(single_value(signer.signed_attributes, oid::kContentType));
  if (!type) return denied("the signed attributes lack contentType");
  Reader type_reader(*type);
  if (TRY(type_reader.expect_oid()) != content_type)
    return denied("the signed attribute contentType is not the type of the content");
  const auto sent = TRY(single_value(signer.signed_attributes, oid::kMessageDigest));
  if (!sent) return denied("the signed attributes lack messageDigest");
  Reader digest_reader(*sent);
  if (!equal(TRY(digest_reader.expect_octet_string()), provider.digest(digest, content)))
    return denied("the content is not what was signed: its digest differs");
  return ok();
}

// Without signed attributes the signature is over the content itself. That is for id-data only (RFC
// 5652 5.3), and never for content that is itself a SET OF attributes: it could have been signed as such in
// another message.
Status check_plain(const Oid& content_type, Bytes content) {
  if (content_type != oid::kData) return denied("content other than id-data is signed without attributes");
  Reader reader(content);
  const auto set = reader.optional_constructed(Tag::set);
  if (set && *set && reader.at_end() && read_attributes(**set))
    return denied("the content is a set of attributes that could have been signed in another message");
  return ok();
}

// The octets that the signature is over: the attributes as they were sent, under the tag of SET OF
// (RFC 5652 5.4).
Buffer attributes_as_set(Bytes tagged) {
  Buffer out = to_buffer(tagged);
  out[0] = static_cast<std::uint8_t>(Tag::set);
  return out;
}

// The same in the order of DER. RFC 5652 5.4 has that one signed, whatever order is sent; those who sign what
// they send are more.
Result<Buffer> attributes_sorted(const SignerInfoView& signer) {
  Reader outer(signer.signed_attributes_der);
  Reader attributes(TRY(outer.next()).value);
  std::vector<Buffer> elements;
  while (!attributes.at_end()) elements.push_back(to_buffer(TRY(attributes.next()).whole));
  asn1::Writer out;
  out.set([&] { out.raw(asn1::sorted_set_of(std::move(elements))); });
  return std::move(out).take();
}

// The certificate a signer names: first from the message, then from the caller's.
Bytes certificate_of(const Identifier& signer, const SignedDataView& message, std::span<const Buffer> more) {
  const auto fits = [&](Bytes der) {
    const auto certificate = x509::parse_certificate(der);
    return certificate && identifies(signer, *certificate);
  };
  for (const Bytes der : message.certificates)
    if (fits(der)) return der;
  for (const Buffer& der : more)
    if (fits(der)) return der;
  return {};
}

Status verify_one(const crypto::Provider& provider, const SignedDataView& message,
                  const VerifyOptions& options, SignerReport& report) {
  report.certificate = certificate_of(report.signer->signer, message, options.certificates);
  if (report.certificate.empty())
    return make_error(Errc::not_found, "there is no certificate for the signer with {}",
                      report.signer->signer.text());
  const std::optional<Bytes> content = message.content ? message.content : options.detached_content;
  if (!content) return make_error(Errc::not_found, "the message is without its content");
  report.signing_time = TRY(signing_time_of(*report.signer));
  const x509::CertificateView certificate = TRY(x509::parse_certificate(report.certificate));
  report.algorithm = TRY(verify_signer(provider, *report.signer, message.content_type, *content,
                                       certificate.public_key_info, options.md5));
  return ok();
}

}  // namespace

Result<SignatureAlgorithm> verify_signer(const crypto::Provider& provider, const SignerInfoView& signer,
                                         const Oid& content_type, Bytes content, Bytes public_key_info,
                                         Md5 md5) {
  const DigestAlgorithm digest = TRY(parse_digest_algorithm(signer.digest_algorithm, md5));
  const SignatureAlgorithm algorithm = TRY(signature_algorithm_of(signer, digest));
  if (signer.signed_attributes_der.empty()) {
    TRY(check_plain(content_type, content));
    TRY(provider.verify(public_key_info, algorithm, content, signer.signature));
    return algorithm;
  }
  TRY(check_attributes(provider, signer, digest, content_type, content));
  const Buffer attributes = attributes_as_set(signer.signed_attributes_der);
  Status fits = provider.verify(public_key_info, algorithm, attributes, signer.signature);
  if (!fits && fits.error().code() == Errc::denied)
    if (const Buffer sorted = TRY(attributes_sorted(signer)); !equal(sorted, attributes))
      fits = provider.verify(public_key_info, algorithm, sorted, signer.signature);
  TRY(std::move(fits));
  return algorithm;
}

std::vector<SignerReport> verify_signers(const crypto::Provider& provider, const SignedDataView& message,
                                         const VerifyOptions& options) {
  std::vector<SignerReport> reports;
  for (const SignerInfoView& signer : message.signers) {
    SignerReport& report = reports.emplace_back();
    report.signer = &signer;
    report.status = verify_one(provider, message, options, report);
  }
  return reports;
}

}  // namespace vouch::cms
