#include "cms/signed_data.hpp"

#include "asn1/whole.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag;

Status read_content(Reader& reader, SignedDataView& view) {
  Reader fields = TRY(reader.expect_sequence());
  view.content_type = TRY(fields.expect_oid());
  if (auto wrapper = TRY(fields.optional_constructed(asn1::context_constructed(0)))) {
    if (wrapper->peek() != Tag::octet_string)
      return make_error(
          Errc::unsupported,
          "the content is no OCTET STRING: PKCS #7 1.5 allowed that, CMS does not (RFC 5652 5.2.1)");
    view.content = TRY(wrapper->expect_octet_string());
    TRY(wrapper->finish());
  }
  return fields.finish();
}

// CertificateChoices ::= CHOICE {                                     (10.2.2)
//   certificate Certificate, extendedCertificate [0], v1AttrCert [1], v2AttrCert [2], other [3] }
// RevocationInfoChoice ::= CHOICE { crl CertificateList, other [1] }  (10.2.1)
Status read_choices(Reader& fields, std::uint8_t number, std::uint8_t choices, std::vector<Bytes>& out) {
  auto list = TRY(fields.optional_constructed(asn1::context_constructed(number)));
  if (!list) return ok();
  std::size_t count = 0;
  while (!list->at_end()) {
    if (++count > kMaxCertificates)
      return make_error(Errc::limit_exceeded, "more than {} in one message", kMaxCertificates);
    const asn1::Tlv element = TRY(list->next());
    if (element.tag == Tag::sequence) {
      out.push_back(element.whole);
      continue;
    }
    const auto tag = static_cast<std::uint8_t>(element.tag);
    if ((tag & 0xe0) != 0xa0 || (choices >> (tag & 0x1f) & 1) == 0)
      return make_error(Errc::malformed, "an element with tag 0x{:02x}", tag);
  }
  return ok();
}

Result<SignerInfoView> read_signer(Reader& signers) {
  Reader fields = TRY(signers.expect_sequence());
  SignerInfoView view;
  view.version = TRY(read_version(fields));
  view.signer = TRY(read_identifier(fields).context("reading sid"));
  view.digest_algorithm = TRY(x509::parse_algorithm_identifier(fields).context("reading digestAlgorithm"));
  if (fields.peek() == asn1::context_constructed(0)) {
    Reader at = fields;
    view.signed_attributes_der = TRY(fields.expect_tlv(asn1::context_constructed(0))).whole;
    view.signed_attributes = TRY(read_attributes(TRY(at.expect_constructed(asn1::context_constructed(0))))
                                     .context("reading signedAttrs"));
    if (view.signed_attributes.empty())  // SignedAttributes ::= SET SIZE (1..MAX) OF Attribute
      return make_error(Errc::malformed, "signedAttrs is empty");
  }
  view.signature_algorithm =
      TRY(x509::parse_algorithm_identifier(fields).context("reading signatureAlgorithm"));
  view.signature = TRY(fields.expect_octet_string().context("reading signature"));
  if (auto attributes = TRY(fields.optional_constructed(asn1::context_constructed(1))))
    view.unsigned_attributes = TRY(read_attributes(*attributes).context("reading unsignedAttrs"));
  TRY(fields.finish());
  return view;
}

Status read_signed_data(Bytes der, SignedDataView& view) {
  Reader fields = TRY(asn1::whole_sequence(der));
  view.version = TRY(read_version(fields));
  Reader digests = TRY(fields.expect_constructed(Tag::set).context("reading digestAlgorithms"));
  while (!digests.at_end()) {
    if (view.digest_algorithms.size() == kMaxSigners)
      return make_error(Errc::limit_exceeded, "more than {} digest algorithms", kMaxSigners);
    view.digest_algorithms.push_back(
        TRY(x509::parse_algorithm_identifier(digests).context("reading digestAlgorithms")));
  }
  TRY(read_content(fields, view).context("reading encapContentInfo"));
  TRY(read_choices(fields, 0, 0x0f, view.certificates).context("reading certificates"));
  TRY(read_choices(fields, 1, 0x02, view.crls).context("reading crls"));
  Reader signers = TRY(fields.expect_constructed(Tag::set).context("reading signerInfos"));
  while (!signers.at_end()) {
    if (view.signers.size() == kMaxSigners)
      return make_error(Errc::limit_exceeded, "more than {} signers", kMaxSigners);
    view.signers.push_back(TRY(read_signer(signers).context("reading signer {}", view.signers.size() + 1)));
  }
  return fields.finish();
}

}  // namespace

Result<SignedDataView> parse_signed_data(Bytes der) {
  const ContentInfoView info = TRY(parse_content_info(der).context("reading a signed message"));
  if (info.type != oid::kSignedData)
    return make_error(Errc::not_found, "the message is {}, not SignedData", x509::describe(info.type));
  SignedDataView view;
  TRY(read_signed_data(info.content, view).context("reading a signed message"));
  return view;
}

Result<std::optional<Time>> signing_time_of(const SignerInfoView& signer) {
  const auto value = TRY(single_value(signer.signed_attributes, oid::kSigningTime));
  if (!value) return std::optional<Time>();
  Reader reader(*value);
  return std::optional<Time>(TRY(reader.expect_time().context("reading signing-time")));
}

bool looks_like_content_info(Bytes octets) {
  // SEQUENCE, its length in any form, then the identifier of an OBJECT IDENTIFIER. A certificate goes on with
  // another SEQUENCE.
  if (octets.size() < 3 || octets[0] != 0x30) return false;
  const std::size_t more = octets[1] > 0x80 ? octets[1] & 0x7fu : 0;
  return octets.size() > 2 + more && octets[2 + more] == 0x06;
}

Result<std::vector<Buffer>> certificates_of(Bytes p7b) {
  const Buffer der = TRY(to_der(p7b).context("reading a p7b"));
  const SignedDataView message = TRY(parse_signed_data(der));
  std::vector<Buffer> out;
  for (const Bytes certificate : message.certificates) {
    (void)TRY(
        x509::parse_certificate(certificate).context("reading certificate {} of a p7b", out.size() + 1));
    out.push_back(to_buffer(certificate));
  }
  if (out.empty()) return make_error(Errc::malformed, "the p7b holds no certificate");
  return out;
}

}  // namespace vouch::cms
