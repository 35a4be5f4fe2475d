#include <algorithm>

#include "cms/signed_data.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

Attribute make_attribute(const Oid& type, Writer value) { return {type, std::move(value).take()}; }

// Contents of SignedAttributes, in DER order.
Buffer signed_attributes_of(const SignerInput& input, const Oid& content_type, Bytes digest) {
  std::vector<Buffer> attributes;
  Writer type, value, time;
  type.oid(content_type);
  attributes.push_back(encode_attribute(make_attribute(oid::kContentType, std::move(type))));
  value.octet_string(digest);
  attributes.push_back(encode_attribute(make_attribute(oid::kMessageDigest, std::move(value))));
  if (input.signing_time) {
    time.time(*input.signing_time);
    attributes.push_back(encode_attribute(make_attribute(oid::kSigningTime, std::move(time))));
  }
  for (const Attribute& attribute : input.signed_attributes)
    attributes.push_back(encode_attribute(attribute));
  return asn1::sorted_set_of(std::move(attributes));
}

// RFC 3370 3.2: RSA with PKCS #1 v1.5 is named rsaEncryption, which every implementation reads; the digest
// stands in digestAlgorithm.
void write_signature_algorithm(Writer& out, SignatureAlgorithm algorithm) {
  const bool pkcs1 = algorithm == SignatureAlgorithm::rsa_pkcs1_sha256 ||
                     algorithm == SignatureAlgorithm::rsa_pkcs1_sha384 ||
                     algorithm == SignatureAlgorithm::rsa_pkcs1_sha1 ||
                     algorithm == SignatureAlgorithm::rsa_pkcs1_sha512;
  if (!pkcs1) {
    out.raw(x509::encode(algorithm));
    return;
  }
  out.sequence([&] {
    out.oid(x509::oid::kRsaEncryption);
    out.null();
  });
}

Result<Buffer> encode_signer(const crypto::Provider& provider, const SignedDataInput& input,
                             const SignerInput& signer) {
  const SignatureAlgorithm algorithm = signer.signer->algorithm();
  const DigestAlgorithm digest = TRY(digest_of(algorithm));
  const Buffer attributes =
      signed_attributes_of(signer, input.content_type, provider.digest(digest, input.content));
  Writer to_be_signed;
  to_be_signed.set([&] { to_be_signed.raw(attributes); });
  const Buffer signature = TRY(signer.signer->sign(to_be_signed.bytes()));

  Writer out;
  out.sequence([&] {
    out.integer(signer.identifier.key_identifier.empty() ? 1 : 3);
    write_identifier(out, signer.identifier);
    write_digest_algorithm(out, digest);
    out.constructed(asn1::context_constructed(0), [&] { out.raw(attributes); });
    write_signature_algorithm(out, algorithm);
    out.octet_string(signature);
    if (signer.unsigned_attributes.empty()) return;
    std::vector<Buffer> more;
    for (const Attribute& attribute : signer.unsigned_attributes) more.push_back(encode_attribute(attribute));
    out.constructed(asn1::context_constructed(1), [&] { out.raw(asn1::sorted_set_of(std::move(more))); });
  });
  return std::move(out).take();
}

void write_choices(Writer& out, std::uint8_t number, const std::vector<Bytes>& elements) {
  if (elements.empty()) return;
  out.constructed(asn1::context_constructed(number), [&] {
    for (const Bytes element : elements) out.raw(element);
  });
}

Result<Buffer> digest_algorithms_of(std::span<const SignerInput> signers) {
  std::vector<Buffer> elements;
  for (const SignerInput& signer : signers) {
    Writer element;
    write_digest_algorithm(element, TRY(digest_of(signer.signer->algorithm())));
    if (std::ranges::find(elements, element.bytes()) == elements.end())
      elements.push_back(std::move(element).take());
  }
  return asn1::sorted_set_of(std::move(elements));
}

// RFC 5652 5.1.
std::uint64_t version_of(const SignedDataInput& input, std::span<const SignerInput> signers) {
  const bool three =
      input.content_type != oid::kData ||
      std::ranges::any_of(signers, [](const SignerInput& s) { return !s.identifier.key_identifier.empty(); });
  return three ? 3 : 1;
}

}  // namespace

Result<Buffer> encode_signed_data(const crypto::Provider& provider, const SignedDataInput& input,
                                  std::span<const SignerInput> signers) {
  const Buffer digests = TRY(digest_algorithms_of(signers));
  std::vector<Buffer> infos;
  for (const SignerInput& signer : signers) infos.push_back(TRY(encode_signer(provider, input, signer)));
  Writer out;
  out.sequence([&] {
    out.integer(version_of(input, signers));
    out.set([&] { out.raw(digests); });
    out.sequence([&] {
      out.oid(input.content_type);
      if (!input.detached)
        out.constructed(asn1::context_constructed(0), [&] { out.octet_string(input.content); });
    });
    write_choices(out, 0, input.certificates);
    write_choices(out, 1, input.crls);
    out.set([&] { out.raw(asn1::sorted_set_of(std::move(infos))); });
  });
  return encode_content_info(oid::kSignedData, out.bytes());
}

Buffer encode_certificates_only(const std::vector<Bytes>& certificates, const std::vector<Bytes>& crls) {
  Writer out;
  out.sequence([&] {
    out.integer(1);
    out.set([] {});
    out.sequence([&] { out.oid(oid::kData); });
    write_choices(out, 0, certificates);
    write_choices(out, 1, crls);
    out.set([] {});
  });
  return encode_content_info(oid::kSignedData, out.bytes());
}

}  // namespace vouch::cms
