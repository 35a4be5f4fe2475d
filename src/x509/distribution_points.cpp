// Where to find CRLs, responders and CA certificates: RFC 5280 4.2.1.13, 4.2.2, 5.2.5.
#include "x509/extension_codec.hpp"
#include "x509/extensions.hpp"

namespace vouch::x509 {

using asn1::context;
using asn1::context_constructed;
using asn1::Reader;
using asn1::Writer;

namespace {

// ReasonFlags ::= BIT STRING { unused (0), keyCompromise (1), … aACompromise (8) }
Result<std::optional<ReasonFlags>> optional_reasons(Reader& reader, std::uint8_t n) {
  const std::size_t at = reader.offset();
  const auto contents = TRY(reader.optional(context(n)));
  if (!contents) return std::optional<ReasonFlags>();
  return std::optional<ReasonFlags>(TRY(parse_flags(TRY(asn1::parse_bit_string(*contents, at)))));
}

// DistributionPointName ::= CHOICE { fullName [0] GeneralNames, nameRelativeToCRLIssuer [1]
// RelativeDistinguishedName } The field is [0], explicit because of the CHOICE.
Result<std::optional<DistributionPointName>> optional_point_name(Reader& reader) {
  auto choice = TRY(reader.optional_constructed(context_constructed(0)));
  if (!choice) return std::optional<DistributionPointName>();
  DistributionPointName name;
  if (const auto full_name = TRY(choice->optional_constructed(context_constructed(0)))) {
    name.full_name = TRY(parse_general_names(*full_name));
  } else {
    name.relative_to_issuer =
        TRY(parse_relative_name(TRY(choice->expect_constructed(context_constructed(1)))));
  }
  TRY(choice->finish());
  return std::optional(std::move(name));
}

void write_point_name(Writer& out, const DistributionPointName& name) {
  out.constructed(context_constructed(0), [&] {
    if (name.relative_to_issuer) {
      out.constructed(context_constructed(1),
                      [&] { encode_relative_name_contents(out, *name.relative_to_issuer); });
    } else {
      out.constructed(context_constructed(0), [&] { encode_general_names_contents(out, name.full_name); });
    }
  });
}

// DistributionPoint ::= SEQUENCE { distributionPoint [0] DistributionPointName OPTIONAL,
//   reasons [1] ReasonFlags OPTIONAL, cRLIssuer [2] GeneralNames OPTIONAL }
Result<DistributionPoint> parse_point(Reader& reader) {
  Reader fields = TRY(reader.expect_sequence());
  DistributionPoint point;
  point.name = TRY(optional_point_name(fields));
  point.reasons = TRY(optional_reasons(fields, 1));
  if (const auto issuer = TRY(fields.optional_constructed(context_constructed(2))))
    point.crl_issuer = TRY(parse_general_names(*issuer));
  TRY(fields.finish());
  return point;
}

void write_point(Writer& out, const DistributionPoint& point) {
  out.sequence([&] {
    if (point.name) write_point_name(out, *point.name);
    if (point.reasons) out.named_bits(*point.reasons, context(1));
    if (!point.crl_issuer.empty())
      out.constructed(context_constructed(2), [&] { encode_general_names_contents(out, point.crl_issuer); });
  });
}

// [n] IMPLICIT BOOLEAN DEFAULT FALSE. An encoded FALSE is read, as everywhere.
Result<bool> optional_flag(Reader& reader, std::uint8_t n) {
  const std::size_t at = reader.offset();
  const auto contents = TRY(reader.optional(context(n)));
  if (!contents) return false;
  if (contents->size() != 1 || (contents->front() != 0x00 && contents->front() != 0xff))
    return make_error(Errc::malformed, "DER at offset {}: BOOLEAN is neither 00 nor FF", at);
  return contents->front() == 0xff;
}

void write_flag(Writer& out, std::uint8_t n, bool flag) {
  constexpr std::uint8_t kTrue = 0xff;
  if (flag) out.primitive(context(n), Bytes(&kTrue, 1));
}

}  // namespace

// CRLDistributionPoints ::= SEQUENCE SIZE (1..MAX) OF DistributionPoint
Result<std::vector<DistributionPoint>> parse_distribution_points(Bytes value) {
  return read_list_extension("CRL distribution points", value, kMaxElements, parse_point);
}

Buffer encode_distribution_points(const std::vector<DistributionPoint>& points) {
  return written([&](Writer& out) {
    out.sequence([&] {
      for (const DistributionPoint& point : points) write_point(out, point);
    });
  });
}

Buffer encode_distribution_point_uris(const std::vector<std::string>& uris) {
  DistributionPointName name;
  for (const std::string& uri : uris) name.full_name.push_back(GeneralName::uri(uri));
  return encode_distribution_points({{std::move(name), {}, {}}});
}

std::vector<std::string> uris_of(const std::vector<DistributionPoint>& points) {
  std::vector<std::string> uris;
  for (const DistributionPoint& point : points) {
    if (!point.name) continue;
    for (const GeneralName& name : point.name->full_name)
      if (name.type == GeneralNameType::uri) uris.emplace_back(as_text(name.value));
  }
  return uris;
}

// IssuingDistributionPoint ::= SEQUENCE { distributionPoint [0] DistributionPointName OPTIONAL,
//   onlyContainsUserCerts [1] BOOLEAN DEFAULT FALSE, onlyContainsCACerts [2] BOOLEAN DEFAULT FALSE,
//   onlySomeReasons [3] ReasonFlags OPTIONAL, indirectCRL [4] BOOLEAN DEFAULT FALSE,
//   onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }                                             5.2.5
Result<IssuingDistributionPoint> parse_issuing_distribution_point(Bytes value) {
  return read_extension("issuing distribution point", value,
                        [](Reader& reader) -> Result<IssuingDistributionPoint> {
                          Reader fields = TRY(reader.expect_sequence());
                          IssuingDistributionPoint point;
                          point.name = TRY(optional_point_name(fields));
                          point.only_user_certs = TRY(optional_flag(fields, 1));
                          point.only_ca_certs = TRY(optional_flag(fields, 2));
                          point.only_some_reasons = TRY(optional_reasons(fields, 3));
                          point.indirect_crl = TRY(optional_flag(fields, 4));
                          point.only_attribute_certs = TRY(optional_flag(fields, 5));
                          TRY(fields.finish());
                          return point;
                        });
}

Buffer encode_issuing_distribution_point(const IssuingDistributionPoint& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      if (value.name) write_point_name(out, *value.name);
      write_flag(out, 1, value.only_user_certs);
      write_flag(out, 2, value.only_ca_certs);
      if (value.only_some_reasons) out.named_bits(*value.only_some_reasons, context(3));
      write_flag(out, 4, value.indirect_crl);
      write_flag(out, 5, value.only_attribute_certs);
    });
  });
}

// AuthorityInfoAccessSyntax, SubjectInfoAccessSyntax ::= SEQUENCE SIZE (1..MAX) OF AccessDescription
// AccessDescription ::= SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }
Result<std::vector<AccessDescription>> parse_info_access(Bytes value) {
  return read_list_extension("information access", value, kMaxElements,
                             [](Reader& reader) -> Result<AccessDescription> {
                               Reader fields = TRY(reader.expect_sequence());
                               AccessDescription access;
                               access.method = TRY(fields.expect_oid());
                               access.location = TRY(parse_general_name(fields));
                               TRY(fields.finish());
                               return access;
                             });
}

Buffer encode_info_access(const std::vector<AccessDescription>& access) {
  return written([&](Writer& out) {
    out.sequence([&] {
      for (const AccessDescription& description : access)
        out.sequence([&] {
          out.oid(description.method);
          encode_general_name(out, description.location);
        });
    });
  });
}

}  // namespace vouch::x509
