// The extensions that Windows certification authorities write: MS-WCCE 2.2.2.7, MS-CRTD.
#include <algorithm>

#include "x509/extension_codec.hpp"
#include "x509/extensions.hpp"

namespace vouch::x509 {

using asn1::context_constructed;
using asn1::Reader;
using asn1::Tag;
using asn1::Writer;

// CA version (szOID_CERTSRV_CA_VERSION): an INTEGER, the key index in its high, the certificate index in its
// low 16 bits.

Result<CaVersion> parse_ca_version(Bytes value) {
  return read_extension("CA version", value, [](Reader& reader) -> Result<CaVersion> {
    const std::uint32_t number = TRY(to_uint32(TRY(reader.expect_uint64())));
    return CaVersion{static_cast<std::uint16_t>(number & 0xffff), static_cast<std::uint16_t>(number >> 16)};
  });
}

Buffer encode_ca_version(CaVersion version) {
  const std::uint64_t number = std::uint64_t{version.key_index} << 16 | version.certificate_index;
  return written([&](Writer& out) { out.integer(number); });
}

// Previous CA certificate hash: OCTET STRING

Result<Bytes> parse_previous_cert_hash(Bytes value) {
  return read_extension("previous CA certificate hash", value,
                        [](Reader& reader) -> Result<Bytes> { return reader.expect_octet_string(); });
}

Buffer encode_previous_cert_hash(Bytes hash) {
  return written([&](Writer& out) { out.octet_string(hash); });
}

// Next CRL publish: Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }

Result<Time> parse_next_publish(Bytes value) {
  return read_extension("next CRL publish", value, [](Reader& reader) -> Result<Time> {
    const bool generalized = reader.peek() == Tag::generalized_time;
    const Time time = TRY(reader.expect_time());
    // RFC 5280 4.1.2.5 and 5.1.2.4: UTCTime through 2049.
    const int year = int(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year());
    if (generalized && year >= 1950 && year < 2050)
      return make_error(Errc::malformed, "GeneralizedTime for the year {}, which UTCTime can hold", year);
    return time;
  });
}

Buffer encode_next_publish(Time time) {
  return written([&](Writer& out) { out.time(time); });
}

// Template name (szOID_ENROLL_CERTTYPE_EXTENSION): a BMPString. MS-WCCE 2.2.2.7.7.1

Result<std::string> parse_template_name(Bytes value) {
  return read_extension("template name", value, [](Reader& reader) -> Result<std::string> {
    const asn1::Tlv name = TRY(reader.next());
    if (name.tag != Tag::bmp_string && name.tag != Tag::printable_string && name.tag != Tag::utf8_string)
      return make_error(Errc::malformed, "tag 0x{:02x} is no BMPString", unsigned(name.tag));
    std::string text = TRY(string_to_utf8(name.tag, name.value));
    // Windows looks templates up by the BMPString; a name that none can hold would turn into another one.
    if (string_to_utf8(Tag::bmp_string, utf8_to_bmp(text)).value_or("") != text)
      return make_error(Errc::malformed, "the name has characters above U+FFFF, which no BMPString holds");
    return text;
  });
}

Buffer encode_template_name(std::string_view name) {
  return written([&](Writer& out) { out.primitive(Tag::bmp_string, utf8_to_bmp(name)); });
}

// MS-WCCE 2.2.2.7.7.2
//   CertificateTemplateOID ::= SEQUENCE { templateID OBJECT IDENTIFIER,
//     templateMajorVersion INTEGER (0..4294967295) OPTIONAL,
//     templateMinorVersion INTEGER (0..4294967295) OPTIONAL }

Result<TemplateInformation> parse_template_information(Bytes value) {
  return read_extension("template information", value, [](Reader& reader) -> Result<TemplateInformation> {
    Reader fields = TRY(reader.expect_sequence());
    TemplateInformation information;
    information.id = TRY(fields.expect_oid());
    if (!fields.at_end()) information.major = TRY(to_uint32(TRY(fields.expect_uint64())));
    if (!fields.at_end()) information.minor = TRY(to_uint32(TRY(fields.expect_uint64())));
    TRY(fields.finish());
    return information;
  });
}

Buffer encode_template_information(const TemplateInformation& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      out.oid(value.id);
      if (!value.major) return;
      out.integer(*value.major);
      if (value.minor) out.integer(*value.minor);
    });
  });
}

// MS-WCCE 2.2.2.7.7.4, szOID_NTDS_CA_SECURITY_EXT: GeneralNames with one otherName of type
// szOID_NTDS_OBJECTSID whose value is an OCTET STRING: the SID as text.

namespace {

// "S-1-5-21-…": revision 1, an authority, 1 to 15 sub-authorities (MS-DTYP 2.4.2), none with leading zeros.
bool is_sid(std::string_view text) {
  if (!text.starts_with("S-1-")) return false;
  text.remove_prefix(4);
  std::size_t numbers = 0;
  while (true) {
    const std::size_t dash = std::min(text.find('-'), text.size());
    const std::string_view number = text.substr(0, dash);
    const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || number.empty() || number.size() > 15 || (number.size() > 1 && number[0] == '0'))
      return false;
    ++numbers;
    if (dash == text.size()) return numbers >= 2 && numbers <= 16;
    text.remove_prefix(dash + 1);
  }
}

}  // namespace

Result<std::string> parse_sid(Bytes value) {
  return read_extension("security identifier", value, [](Reader& reader) -> Result<std::string> {
    const auto names = TRY(parse_general_names(TRY(reader.expect_sequence())));
    // One name only: with two it would be open which account the certificate belongs to.
    if (names.size() != 1 || names[0].type != GeneralNameType::other_name ||
        names[0].other_type != oid::kMsNtdsObjectSid)
      return make_error(Errc::malformed, "expected one otherName of type {}", oid::kMsNtdsObjectSid.dotted());
    Reader inner(names[0].value);
    std::string sid(as_text(TRY(inner.expect_octet_string())));
    TRY(inner.finish());
    if (!is_sid(sid)) return make_error(Errc::malformed, "the octets are not the text of a SID");
    return sid;
  });
}

Buffer encode_sid(std::string_view sid) {
  GeneralName name;
  name.type = GeneralNameType::other_name;
  name.other_type = oid::kMsNtdsObjectSid;
  name.value = written([&](Writer& out) { out.octet_string(as_bytes(sid)); });
  return encode_general_names({name});
}

}  // namespace vouch::x509
