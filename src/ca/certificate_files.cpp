#include "ca/certificate_files.hpp"

#include "base/pem.hpp"
#include "x509/certificate.hpp"

namespace vouch::ca {
namespace {

constexpr x509::Oid kSignedData{1, 2, 840, 113549, 1, 7, 2};
constexpr std::size_t kMaxCertificates = 1000;

// ContentInfo begins with an OBJECT IDENTIFIER, Certificate with a SEQUENCE.
bool is_content_info(Bytes der) {
  auto contents = asn1::Reader(der).expect_sequence();
  return contents && contents->peek() == asn1::Tag::oid;
}

// RFC 5652 3 and 5.1: ContentInfo ::= SEQUENCE { contentType, [0] EXPLICIT SignedData }
//   SignedData ::= SEQUENCE { version, digestAlgorithms SET, encapContentInfo, [0] certificates OPTIONAL, … }
// The signature, if there is one, is not looked at: trust comes from the chain alone.
Status append_p7b(Bytes der, std::vector<Buffer>& out) {
  asn1::Reader whole(der);
  asn1::Reader info = TRY(whole.expect_sequence());
  TRY(whole.finish());
  if (TRY(info.expect_oid()) != kSignedData)
    return make_error(Errc::malformed, "the PKCS #7 file holds no signed data");
  asn1::Reader content = TRY(info.expect_constructed(asn1::context_constructed(0)));
  asn1::Reader data = TRY(content.expect_sequence());
  (void)TRY(data.expect_uint64());
  (void)TRY(data.expect(asn1::Tag::set));
  (void)TRY(data.expect(asn1::Tag::sequence));
  auto certificates = TRY(data.optional_constructed(asn1::context_constructed(0)));
  while (certificates && !certificates->at_end()) {
    const asn1::Tlv each = TRY(certificates->next());
    if (each.tag != asn1::Tag::sequence) continue;  // attribute certificates and other kinds
    if (out.size() == kMaxCertificates)
      return make_error(Errc::limit_exceeded, "there are more than {} certificates", kMaxCertificates);
    out.push_back(to_buffer(each.whole));
  }
  return ok();
}

}  // namespace

Result<std::vector<Buffer>> read_certificates(Bytes input) {
  std::vector<Buffer> certificates;
  for (PemBlock& block : TRY(pem_or_der(input, "CERTIFICATE",
                                        {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7",
                                         "CMS", "PKCS #7 SIGNED DATA", "CERTIFICATE CHAIN"}))) {
    if (is_content_info(block.der))
      TRY(append_p7b(block.der, certificates).context("reading the certificates of a p7b"));
    else
      certificates.push_back(std::move(block.der));
  }
  if (certificates.empty()) return make_error(Errc::malformed, "there is no certificate in the p7b");
  for (std::size_t i = 0; i < certificates.size(); ++i)
    (void)TRY(x509::parse_certificate(certificates[i]).context("reading certificate {}", i + 1));
  return certificates;
}

}  // namespace vouch::ca
