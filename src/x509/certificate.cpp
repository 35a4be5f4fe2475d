#include "x509/certificate.hpp"

#include "asn1/der_cursor.hpp"
#include "asn1/whole.hpp"
#include "x509/form.hpp"

// RFC 5280 4.1:
//
//   Certificate  ::=  SEQUENCE  {
//        tbsCertificate       TBSCertificate,
//        signatureAlgorithm   AlgorithmIdentifier,
//        signatureValue       BIT STRING  }
//
//   TBSCertificate  ::=  SEQUENCE  {
//        version         [0]  EXPLICIT Version DEFAULT v1,
//        serialNumber         CertificateSerialNumber,
//        signature            AlgorithmIdentifier,
//        issuer               Name,
//        validity             Validity,
//        subject              Name,
//        subjectPublicKeyInfo SubjectPublicKeyInfo,
//        issuerUniqueID  [1]  IMPLICIT UniqueIdentifier OPTIONAL,
//                             -- If present, version MUST be v2 or v3
//        subjectUniqueID [2]  IMPLICIT UniqueIdentifier OPTIONAL,
//                             -- If present, version MUST be v2 or v3
//        extensions      [3]  EXPLICIT Extensions OPTIONAL
//                             -- If present, version MUST be v3
//        }
//
//   Version  ::=  INTEGER  {  v1(0), v2(1), v3(2)  }
//   CertificateSerialNumber  ::=  INTEGER
//   Validity ::= SEQUENCE { notBefore Time, notAfter Time }
//   UniqueIdentifier  ::=  BIT STRING

namespace vouch::x509 {
namespace {

using asn1::Reader, asn1::Tag;

Result<unsigned> read_version(Reader& tbs) {
  auto wrapper = TRY(tbs.optional_constructed(asn1::context_constructed(0)));
  if (!wrapper) return 1u;
  const std::size_t at = wrapper->offset();
  const std::uint64_t version = TRY(wrapper->expect_uint64());
  TRY(wrapper->finish());
  // X.690 11.5: a default value is not encoded.
  if (version == 0)
    return make_error(Errc::malformed, "DER at offset {}: version v1 is the default, yet encoded", at);
  if (version > 2)
    return make_error(Errc::unsupported, "DER at offset {}: version v{} is not known", at, version + 1);
  return static_cast<unsigned>(version + 1);
}

Result<std::optional<asn1::BitString>> read_unique_id(Reader& tbs, std::uint8_t number) {
  const std::size_t at = tbs.offset();
  const auto contents = TRY(tbs.optional(asn1::context(number)));
  if (!contents) return std::optional<asn1::BitString>();
  return std::optional<asn1::BitString>(TRY(asn1::parse_bit_string(*contents, at)));
}

Status read_validity(Reader& tbs, CertificateView& view) {
  Reader validity = TRY(tbs.expect_sequence());
  view.not_before = TRY(validity.expect_time().context("reading notBefore"));
  view.not_after = TRY(validity.expect_time().context("reading notAfter"));
  return validity.finish();
}

// The fields of tbsCertificate; `outer` stands before it.
Status read_tbs(Reader& outer, CertificateView& view) {
  Reader at = outer;
  view.tbs = TRY(outer.expect_tlv(Tag::sequence)).whole;
  Reader tbs = TRY(at.expect_sequence());
  view.version = TRY(read_version(tbs).context("reading version"));
  view.serial = TRY(tbs.expect_integer().context("reading serialNumber"));
  view.tbs_signature = TRY(parse_algorithm_identifier(tbs).context("reading signature"));
  view.issuer = TRY(form::read_name(tbs, "issuer"));
  TRY(read_validity(tbs, view).context("reading validity"));
  view.subject = TRY(form::read_name(tbs, "subject"));
  view.public_key_info = TRY(form::read_public_key_info(tbs));
  view.issuer_unique_id = TRY(read_unique_id(tbs, 1).context("reading issuerUniqueID"));
  view.subject_unique_id = TRY(read_unique_id(tbs, 2).context("reading subjectUniqueID"));
  TRY(form::read_extensions(tbs, 3, view.extensions_der, view.extensions).context("reading extensions"));
  return tbs.finish();
}

Status read_certificate(Bytes der, CertificateView& view) {
  TRY(form::check_size(der, form::kMaxCertificate, "a certificate"));
  Reader certificate = TRY(asn1::whole_sequence(der));
  view.whole = der;
  TRY(read_tbs(certificate, view));
  view.signature_algorithm =
      TRY(parse_algorithm_identifier(certificate).context("reading signatureAlgorithm"));
  view.signature = TRY(form::read_signature(certificate));
  return certificate.finish();
}

Status read_tbs_alone(Bytes der, CertificateView& view) {
  TRY(form::check_size(der, form::kMaxCertificate, "a tbsCertificate"));
  Reader input(der);
  TRY(read_tbs(input, view));
  return input.finish();
}

}  // namespace

Result<Bytes> read_serial(Bytes certificate) {
  Reader outer = TRY(asn1::whole_sequence(certificate));
  Reader tbs = TRY(outer.expect_sequence());
  (void)TRY(read_version(tbs).context("reading version"));
  return tbs.expect_integer().context("reading serialNumber");
}

Result<CertificateView> parse_certificate(Bytes der) {
  CertificateView view;
  TRY(read_certificate(der, view).context("reading a certificate"));
  return view;
}

Result<CertificateView> parse_tbs_certificate(Bytes tbs) {
  CertificateView view;
  TRY(read_tbs_alone(tbs, view).context("reading a tbsCertificate"));
  return view;
}

Buffer encode_certificate(Bytes tbs, Bytes signature_algorithm, Bytes signature) {
  return form::encode_signed(tbs, signature_algorithm, signature);
}

TbsTemplate::TbsTemplate(SignatureAlgorithm algorithm, Bytes issuer_name,
                         const std::vector<Extension>& fixed_extensions) {
  const Bytes identifier = encode(algorithm);
  algorithm_and_issuer_ = to_buffer(identifier);
  algorithm_size_ = identifier.size();
  append(algorithm_and_issuer_, issuer_name);
  for (const Extension& extension : fixed_extensions) append(fixed_extensions_, encode_extension(extension));
}

Buffer TbsTemplate::fill(const Fields& fields) const {
  constexpr std::uint8_t kVersion3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
  const Bytes serial = form::without_leading_zeros(fields.serial);
  const std::size_t validity = asn1::time_size(fields.not_before) + asn1::time_size(fields.not_after);
  const std::size_t list = fields.extensions.size() + fixed_extensions_.size();  // contents of Extensions
  const std::size_t sequence = asn1::header_size(list) + list;                   // Extensions
  std::size_t length = sizeof kVersion3 + asn1::unsigned_integer_size(serial) + algorithm_and_issuer_.size() +
                       asn1::header_size(validity) + validity + fields.subject.size() +
                       fields.public_key_info.size();
  // Extensions ::= SEQUENCE SIZE (1..MAX): without any, the field is left out.
  if (list != 0) length += asn1::header_size(sequence) + sequence;

  Buffer out(asn1::header_size(length) + length);
  asn1::Cursor cursor(out.data());
  cursor.header(Tag::sequence, length);
  cursor.octets(kVersion3);
  cursor.unsigned_integer(serial);
  cursor.octets(algorithm_and_issuer_);
  cursor.header(Tag::sequence, validity);
  cursor.time(fields.not_before);
  cursor.time(fields.not_after);
  cursor.octets(fields.subject);
  cursor.octets(fields.public_key_info);
  if (list != 0) {
    cursor.header(asn1::context_constructed(3), sequence);
    cursor.header(Tag::sequence, list);
    cursor.octets(fields.extensions);
    cursor.octets(fixed_extensions_);
  }
  return out;
}

std::string serial_to_text(Bytes serial) { return to_hex(serial_octets(serial)); }

Result<Buffer> serial_from_text(std::string_view text) {
  constexpr std::size_t kMaxDigits = 2048;
  std::string digits;
  for (const char c : text) {
    if (c == ':' || c == ' ') continue;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex)
      return make_error(Errc::malformed, "a serial number is written in hexadecimal digits, not with '{}'",
                        c >= 0x20 && c < 0x7f ? std::string_view(&c, 1) : std::string_view("?"));
    digits.push_back(c);
    if (digits.size() > kMaxDigits)
      return make_error(Errc::limit_exceeded, "a serial number of more than {} digits", kMaxDigits);
  }
  if (digits.empty()) return make_error(Errc::malformed, "the serial number is empty");
  if (digits.size() % 2 != 0) digits.insert(digits.begin(), '0');
  const Buffer octets = TRY(from_hex(digits));
  return to_buffer(serial_octets(octets));
}

Bytes serial_octets(Bytes integer_contents) {
  const Bytes octets = form::without_leading_zeros(integer_contents);
  // Zero stays one octet, so that no serial is an empty key.
  return octets.empty() && !integer_contents.empty() ? integer_contents.last(1) : octets;
}

}  // namespace vouch::x509
