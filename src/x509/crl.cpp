#include "x509/crl.hpp"

#include "asn1/der_cursor.hpp"
#include "asn1/whole.hpp"
#include "x509/form.hpp"

// RFC 5280 5.1:
//
//   CertificateList  ::=  SEQUENCE  {
//        tbsCertList          TBSCertList,
//        signatureAlgorithm   AlgorithmIdentifier,
//        signatureValue       BIT STRING  }
//
//   TBSCertList  ::=  SEQUENCE  {
//        version                 Version OPTIONAL,
//                                     -- if present, MUST be v2
//        signature               AlgorithmIdentifier,
//        issuer                  Name,
//        thisUpdate              Time,
//        nextUpdate              Time OPTIONAL,
//        revokedCertificates     SEQUENCE OF SEQUENCE  {
//             userCertificate         CertificateSerialNumber,
//             revocationDate          Time,
//             crlEntryExtensions      Extensions OPTIONAL
//                                      -- if present, version MUST be v2
//                                  }  OPTIONAL,
//        crlExtensions           [0]  EXPLICIT Extensions OPTIONAL
//                                      -- if present, version MUST be v2
//                                  }

namespace vouch::x509 {
namespace {

using asn1::Reader, asn1::Tag;

Result<unsigned> read_crl_version(Reader& tbs) {
  if (tbs.peek() != Tag::integer) return 1u;
  const std::size_t at = tbs.offset();
  const std::uint64_t version = TRY(tbs.expect_uint64());
  if (version != 1)
    return make_error(Errc::malformed, "DER at offset {}: version {} where only 1 (v2) may stand", at,
                      version);
  return 2u;
}

Result<std::optional<Time>> read_next_update(Reader& tbs) {
  const auto tag = tbs.peek();
  if (tag != Tag::utc_time && tag != Tag::generalized_time) return std::optional<Time>();
  return std::optional<Time>(TRY(tbs.expect_time()));
}

Status read_tbs(Reader& outer, CrlView& view) {
  Reader at = outer;
  view.tbs = TRY(outer.expect_tlv(Tag::sequence)).whole;
  Reader tbs = TRY(at.expect_sequence());
  view.version = TRY(read_crl_version(tbs).context("reading version"));
  view.tbs_signature = TRY(parse_algorithm_identifier(tbs).context("reading signature"));
  view.issuer = TRY(form::read_name(tbs, "issuer"));
  view.this_update = TRY(tbs.expect_time().context("reading thisUpdate"));
  view.next_update = TRY(read_next_update(tbs).context("reading nextUpdate"));
  if (const auto entries = TRY(tbs.optional(Tag::sequence).context("reading revokedCertificates"))) {
    view.entries = *entries;
    view.entries_present = true;
  }
  TRY(form::read_extensions(tbs, 0, view.extensions_der, view.extensions).context("reading crlExtensions"));
  return tbs.finish();
}

Status read_crl(Bytes der, CrlView& view) {
  Reader crl = TRY(asn1::whole_sequence(der));
  view.whole = der;
  TRY(read_tbs(crl, view).context("reading tbsCertList"));
  view.signature_algorithm = TRY(parse_algorithm_identifier(crl).context("reading signatureAlgorithm"));
  view.signature = TRY(form::read_signature(crl));
  return crl.finish();
}

// Octets before the extensions' values of a CRL entry, ready made:
// SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED reason } }
constexpr std::uint8_t kReasonPrefix[] = {0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
constexpr std::size_t kReasonSize = sizeof kReasonPrefix + 1;
// SEQUENCE { OID 2.5.29.24, OCTET STRING { GeneralizedTime } }
constexpr std::uint8_t kInvalidityPrefix[] = {0x30, 0x18, 0x06, 0x03, 0x55, 0x1d, 0x18, 0x04, 0x11};
constexpr std::size_t kInvaliditySize = sizeof kInvalidityPrefix + asn1::kGeneralizedTimeSize;

}  // namespace

Result<CrlView> parse_crl(Bytes der) {
  CrlView view;
  TRY(read_crl(der, view).context("reading a CRL"));
  return view;
}

Result<CrlView> parse_tbs_crl(Bytes tbs) {
  CrlView view;
  Reader input(tbs);
  TRY(read_tbs(input, view).context("reading a tbsCertList"));
  TRY(input.finish());
  return view;
}

Result<CrlEntryView> CrlEntryReader::next() {
  CrlEntryView entry;
  const asn1::Tlv element = TRY(reader_.expect_tlv(Tag::sequence));
  entry.whole = element.whole;
  Reader fields(element.value);
  const auto read = [&]() -> Status {
    entry.serial = TRY(fields.expect_integer());
    entry.revoked_at = TRY(fields.expect_time());
    if (!fields.at_end()) entry.extensions_der = TRY(fields.expect_tlv(Tag::sequence)).whole;
    return fields.finish();
  };
  TRY(read().context("reading the CRL entry that ends at offset {} of revokedCertificates",
                     reader_.offset()));
  return entry;
}

Result<CrlEntryExtensions> parse_crl_entry_extensions(Bytes extensions_der) {
  CrlEntryExtensions out;
  if (extensions_der.empty()) return out;
  for (const ExtensionView& extension : TRY(parse_extensions(extensions_der))) {
    if (extension.id == oid::kReasonCode)
      out.reason = TRY(parse_reason_code(extension.value));
    else if (extension.id == oid::kInvalidityDate)
      out.invalidity_date = TRY(parse_invalidity_date(extension.value));
    else if (extension.id == oid::kCertificateIssuer)
      out.certificate_issuer = TRY(parse_general_names(extension.value));
    else if (extension.critical)
      out.unknown_critical = true;
  }
  return out;
}

void append_crl_entry(Buffer& out, const CrlEntry& entry) {
  const Bytes serial = form::without_leading_zeros(entry.serial);
  std::size_t list = 0;  // contents of crlEntryExtensions
  if (entry.reason != CrlReason::unspecified) list += kReasonSize;
  if (entry.invalidity_date) list += kInvaliditySize;
  const std::size_t length = asn1::unsigned_integer_size(serial) + asn1::time_size(entry.revoked_at) +
                             (list == 0 ? 0 : asn1::header_size(list) + list);

  const std::size_t start = out.size();
  out.resize(start + asn1::header_size(length) + length);
  asn1::Cursor cursor(out.data() + start);
  cursor.header(Tag::sequence, length);
  cursor.unsigned_integer(serial);
  cursor.time(entry.revoked_at);
  if (list == 0) return;
  cursor.header(Tag::sequence, list);
  if (entry.reason != CrlReason::unspecified) {
    cursor.octets(kReasonPrefix);
    cursor.octet(static_cast<std::uint8_t>(entry.reason));
  }
  if (entry.invalidity_date) {
    cursor.octets(kInvalidityPrefix);
    cursor.generalized_time(*entry.invalidity_date);
  }
}

Buffer encode_crl_extensions(const CrlFields& fields) {
  asn1::Writer out;
  if (fields.extensions.empty()) return {};
  out.constructed(asn1::context_constructed(0), [&] {
    out.sequence([&] {
      for (const Extension& extension : fields.extensions) encode_extension(out, extension);
    });
  });
  return std::move(out).take();
}

Buffer encode_crl_head(const CrlFields& fields, std::size_t entries_size, std::size_t extensions_size) {
  asn1::Writer inner;
  inner.integer(1);  // v2
  inner.raw(encode(fields.algorithm));
  inner.raw(fields.issuer);
  inner.time(fields.this_update);
  inner.time(fields.next_update);

  Buffer list;
  // RFC 5280 5.1.2.6: without revoked certificates the list MUST be absent.
  if (entries_size != 0) asn1::append_header(list, Tag::sequence, entries_size);

  Buffer out;
  out.reserve(crl_head_bound(fields));
  asn1::append_header(out, Tag::sequence,
                      inner.bytes().size() + list.size() + entries_size + extensions_size);
  append(out, inner.bytes());
  append(out, list);
  return out;
}

std::size_t crl_head_bound(const CrlFields& fields) {
  constexpr std::size_t kMaxHeader = 10, kVersion = 3, kMaxTime = 17;
  return 2 * kMaxHeader + kVersion + encode(fields.algorithm).size() + fields.issuer.size() + 2 * kMaxTime;
}

}  // namespace vouch::x509
